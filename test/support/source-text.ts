/**
 * Reads TypeScript as text, as far as the tidy rules need it: which modules a file imports, and what is left of it
 * without comments and string contents, so that a word in prose is not taken for code.
 */

/** One import or re-export of a module. */
export interface ImportStatement {
  readonly specifier: string
  /** `export … from`, which hands on another module's names. */
  readonly isReexport: boolean
  /** `import type`, which is gone when the program runs. */
  readonly isTypeOnly: boolean
}

export interface SourceText {
  /** The file with comments blanked; strings stand. */
  readonly withoutComments: string
  /** The file with comments and the insides of strings and regular expressions blanked. */
  readonly code: string
}

const CLAUSE = String.raw`(?<type>type\s+)?(?:\{[^}]*\}|\*(?:\s*as\s+[\w$]+)?|[\w$]+(?:\s*,\s*(?:\{[^}]*\}|\*\s*as\s+[\w$]+))?)`
const SPECIFIER = String.raw`['"](?<specifier>[^'"]+)['"]`
const STATIC_IMPORT = new RegExp(
  String.raw`^\s*(?<keyword>import|export)\s*${CLAUSE}\s*from\s*${SPECIFIER}`,
  'gm',
)
const BARE_IMPORT = new RegExp(String.raw`^\s*(?<keyword>import)\s*${SPECIFIER}`, 'gm')
const DYNAMIC_IMPORT = new RegExp(String.raw`\b(?<keyword>import)\s*\(\s*${SPECIFIER}`, 'g')

/** Every module the text imports, type imports and literal dynamic ones included. */
export function importsOf(text: string): ImportStatement[] {
  const { withoutComments, code } = scan(text)
  return [STATIC_IMPORT, BARE_IMPORT, DYNAMIC_IMPORT].flatMap((pattern) =>
    [...withoutComments.matchAll(pattern)]
      // An import that is quoted in a string is none: its keyword is blank in the code.
      .filter((match) =>
        code.startsWith(match.groups?.['keyword'] ?? '', match.index + match[0].search(/\S/)),
      )
      .map(({ groups }) => ({
        specifier: groups?.['specifier'] ?? '',
        isReexport: groups?.['keyword'] === 'export',
        isTypeOnly: groups?.['type'] !== undefined,
      })),
  )
}

/** What may precede a `/` that begins a regular expression rather than divides. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|throw|new))\s*$/
/** How far back to look for it: the longest keyword above and some blanks. */
const LOOKBEHIND_SIZE = 24

/** Lengths and line breaks are kept, so that offsets and line numbers stay true. */
export function scan(text: string): SourceText {
  let withoutComments = ''
  let code = ''
  let position = 0
  /** Open braces inside each `${` that the position is in. */
  const templates: number[] = []
  const take = (end: number, kind: 'code' | 'string' | 'comment'): void => {
    const piece = text.slice(position, end)
    withoutComments += kind === 'comment' ? blank(piece) : piece
    code += kind === 'code' ? piece : blank(piece)
    position = end
  }
  while (position < text.length) {
    const character = text[position]
    if (text.startsWith('//', position)) take(endOf(text, '\n', position), 'comment')
    else if (text.startsWith('/*', position)) take(endOf(text, '*/', position) + 2, 'comment')
    else if (character === "'" || character === '"') take(endOfQuoted(text, position, character), 'string')
    else if (character === '`') takeTemplate(1)
    else if (character === '/' && BEFORE_REGEX.test(code.slice(-LOOKBEHIND_SIZE))) {
      take(endOfRegex(text, position), 'string')
    } else if (character === '}' && templates.at(-1) === 0) {
      templates.pop()
      takeTemplate(1)
    } else {
      const depth = templates.length - 1
      if (depth >= 0 && character === '{') templates[depth] = (templates[depth] ?? 0) + 1
      if (depth >= 0 && character === '}') templates[depth] = (templates[depth] ?? 0) - 1
      take(position + 1, 'code')
    }
  }
  return { withoutComments, code }

  /** Takes a template's text up to its end or its next `${`, after `skip` characters that open it. */
  function takeTemplate(skip: number): void {
    let end = position + skip
    while (end < text.length && text[end] !== '`' && !text.startsWith('${', end))
      end += text[end] === '\\' ? 2 : 1
    if (text.startsWith('${', end)) {
      templates.push(0)
      take(end + 2, 'string')
    } else {
      take(end + 1, 'string')
    }
  }
}

function blank(piece: string): string {
  return piece.replaceAll(/[^\n]/g, ' ')
}

function endOf(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from)
  return end < 0 ? text.length : end
}

function endOfQuoted(text: string, start: number, quote: string): number {
  let end = start + 1
  while (end < text.length && text[end] !== quote && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1
  return end + 1
}

function endOfRegex(text: string, start: number): number {
  let end = start + 1
  let isClass = false
  while (end < text.length && text[end] !== '\n' && (isClass || text[end] !== '/')) {
    if (text[end] === '[') isClass = true
    else if (text[end] === ']') isClass = false
    end += text[end] === '\\' ? 2 : 1
  }
  return end + 1
}
