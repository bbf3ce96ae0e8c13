/**
 * The house rules that a machine can check: the layer table, what deterministic code may touch, who owns which
 * package, the form of a file. Each rule is a function from modules to complaints, so that `tidy.test.ts` can run it
 * on the repository and on small wrong examples alike. The prose is in ARCHITECTURE.md and CONTRIBUTING.md.
 */
import { posix } from 'node:path'
import { importsOf, scan } from './source-text.ts'

/** A TypeScript file; `path` is relative to the repository's root, with forward slashes. */
export interface Module {
  readonly path: string
  readonly text: string
}

/** A rule's findings: one line each, the path first. */
export type Rule = (modules: readonly Module[]) => string[]

/** What a folder may import besides itself. A folder that is missing here may not exist. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = layers()

function layers(): Record<string, readonly string[]> {
  const chain = ['src/primitives', 'src/chain']
  const execution = [...chain, 'src/state', 'runtime', 'src/execution']
  const consensus = [...execution, 'src/pool', 'src/consensus']
  const node = [...consensus, 'src/storage', 'src/network', 'src/rpc', 'src/tasks', 'src/node']
  const cli = [...node, 'src/cli']
  return {
    'src/primitives': [],
    'src/chain': ['src/primitives'],
    'src/state': chain,
    runtime: chain,
    'src/execution': [...chain, 'src/state', 'runtime'],
    'src/pool': execution,
    'src/consensus': [...execution, 'src/pool'],
    'src/storage': consensus,
    'src/network': consensus,
    'src/rpc': consensus,
    'src/tasks': consensus,
    'src/node': node,
    'src/cli': node,
    // The explorer speaks JSON-RPC only.
    'src/explorer': [],
    contracts: ['src/primitives'],
    benchmarks: [...cli, 'contracts', 'test'],
    test: [...cli, 'src/explorer', 'contracts', 'benchmarks'],
  }
}

/** Functions of (state, input): nothing in here may depend on where, when or how often it runs. */
const DETERMINISTIC = [
  'src/primitives',
  'src/chain',
  'src/state',
  'src/execution',
  'src/pool',
  'src/consensus',
  'runtime',
]

/** Globals that reach for time, chance, the machine or its locale. */
const FORBIDDEN_GLOBALS = [
  'process|console|performance|navigator|globalThis|global|require|Buffer',
  'Date|Intl|setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|queueMicrotask',
  'fetch|WebSocket|XMLHttpRequest|Worker|BroadcastChannel|localStorage|crypto',
].join('|')
const FORBIDDEN_GLOBAL = new RegExp(
  String.raw`(?<![.\w$#]|function |interface |type )(?:${FORBIDDEN_GLOBALS})\b(?!\s*\??:)`,
  'g',
)
const FORBIDDEN_MEMBER =
  /\bMath\.random\b|\.toLocale\w+|\.localeCompare\b|\bAtomics\.wait\b|\bimport\.meta\b/g

/** Packages with an owner: no other folder imports them. Type-only imports count. */
const PACKAGE_OWNERS: readonly { readonly packages: RegExp; readonly owners: readonly string[] }[] = [
  { packages: /^(?:libp2p|@libp2p\/.*|@multiformats\/.*)$/, owners: ['src/network', 'test/network'] },
  { packages: /^lmdb$/, owners: ['src/storage'] },
  { packages: /^@chainsafe\/blst$/, owners: ['src/consensus'] },
  { packages: /^ws$/, owners: ['src/rpc', 'test', 'benchmarks'] },
  { packages: /^commander$/, owners: ['src/cli'] },
  { packages: /^(?:pino|prom-client|smol-toml)$/, owners: ['src/node', 'test'] },
  { packages: /^solc$/, owners: ['contracts/build', 'test'] },
  { packages: /^(?:viem|ethers)(?:\/.*)?$/, owners: ['contracts', 'test', 'benchmarks'] },
  { packages: /^(?:fast-check|mitata)$/, owners: ['test', 'benchmarks'] },
]

const LINES_MAX = 500
/** Tables may be longer than {@link LINES_MAX}; each needs a reason. */
const LONG_TABLES: ReadonlyMap<string, string> = new Map()

const FILE_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|bench|d))?\.ts$/

/** A longest-match lookup: `src/state/trie/x.ts` belongs to `src/state`. */
function folderOf(path: string): string | undefined {
  const parts = path.split('/')
  const second = parts.slice(0, 2).join('/')
  if (second in MAY_IMPORT) return second
  return parts[0] !== undefined && parts[0] in MAY_IMPORT ? parts[0] : undefined
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`)
}

/** The path that a relative specifier of `importer` means; `undefined` for a package or a built-in. */
function resolveImport(importer: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(importer), specifier) : undefined
}

export const layersAreKept: Rule = (modules) =>
  modules.flatMap(({ path, text }) => {
    const folder = folderOf(path)
    if (folder === undefined) return [`${path}: its folder is not in the layer table`]
    const allowed = new Set([folder, ...(MAY_IMPORT[folder] ?? [])])
    return importsOf(text).flatMap(({ specifier }) => {
      const target = resolveImport(path, specifier)
      if (target === undefined) return []
      const targetFolder = folderOf(target)
      if (targetFolder !== undefined && allowed.has(targetFolder)) return []
      return [`${path}: ${folder} may not import ${target}`]
    })
  })

export const deterministicCodeIsPure: Rule = (modules) =>
  modules
    .filter(({ path }) => DETERMINISTIC.some((folder) => isInside(path, folder)))
    .flatMap(({ path, text }) => {
      const { code } = scan(text)
      const builtIns = importsOf(text).filter(({ specifier }) => specifier.startsWith('node:'))
      const uses = [...code.matchAll(FORBIDDEN_GLOBAL), ...code.matchAll(FORBIDDEN_MEMBER)]
      return [
        ...builtIns.map(({ specifier }) => `${path}: deterministic code imports ${specifier}`),
        ...uses
          .filter((use) => !isMethodDefinition(code, use))
          .map((use) => `${path}:${lineAt(code, use.index)}: deterministic code uses ${use[0]}`),
      ]
    })

/** Whether a line begins with this name, parameters and a type or body: a method of our own, not a call. */
function isMethodDefinition(code: string, { index, 0: name }: RegExpExecArray): boolean {
  const lineStart = code.lastIndexOf('\n', index) + 1
  return (
    code.slice(lineStart, index).trim() === '' && /^\([^()]*\)\s*[:{]/.test(code.slice(index + name.length))
  )
}

export const packagesStayWithTheirOwners: Rule = (modules) =>
  modules.flatMap(({ path, text }) =>
    importsOf(text).flatMap(({ specifier }) =>
      PACKAGE_OWNERS.filter(({ packages }) => packages.test(specifier))
        .filter(({ owners }) => !owners.some((owner) => isInside(path, owner)))
        .map(({ owners }) => `${path}: ${specifier} belongs to ${owners.join(', ')}`),
    ),
  )

export const importsAreExplicit: Rule = (modules) =>
  modules.flatMap(({ path, text }) =>
    importsOf(text).flatMap(({ specifier, isReexport }) => {
      if (isReexport) return [`${path}: hands on ${specifier}; import it where it is used`]
      if (specifier.startsWith('.') && !/\.(?:ts|json)$/.test(specifier)) {
        return [`${path}: the import of ${specifier} must end in .ts`]
      }
      return []
    }),
  )

/** Type imports do not count: they are gone when the program runs, and a file may name the types of its caller. */
export const importsHaveNoCycles: Rule = (modules) => {
  const graph = new Map(
    modules.map(({ path, text }) => [
      path,
      importsOf(text)
        .filter(({ isTypeOnly }) => !isTypeOnly)
        .flatMap(({ specifier }) => resolveImport(path, specifier) ?? []),
    ]),
  )
  const found: string[] = []
  const finished = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      found.push(`import cycle: ${[...trail.slice(start), path].join(' → ')}`)
      return
    }
    if (finished.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    finished.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return found
}

export const filesHaveTheHouseForm: Rule = (modules) =>
  modules.flatMap(({ path, text }) => {
    const lineCount = text.split('\n').length - 1
    const complaints: [boolean, string][] = [
      [!FILE_NAME.test(posix.basename(path)), 'a file name is kebab-case'],
      [posix.basename(path) === 'index.ts', 'no barrels: name the file by what it does'],
      [!/^(?:#![^\n]*\n)?\/[/*]/.test(text), 'a file opens with a comment: what it does and why'],
      [lineCount > LINES_MAX && !LONG_TABLES.has(path), `${lineCount} lines; the limit is ${LINES_MAX}`],
      [!path.endsWith('.d.ts') && /^\s*export\s+default\b/m.test(scan(text).code), 'no default exports'],
      [/^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\b/m.test(scan(text).code), 'no enums'],
    ]
    return complaints.filter(([isBroken]) => isBroken).map(([, complaint]) => `${path}: ${complaint}`)
  })

export const nothingIsLeftOver: Rule = (modules) =>
  modules.flatMap(({ path, text }) => {
    const { code } = scan(text)
    const marks = [...text.matchAll(/\b(?:TO[D]O|FIX[M]E|X[X]X)\b/g)]
    const tests = [...code.matchAll(/\b(?:test|it|describe|suite)\.(?:skip|only|todo)\b|\bonly: true\b/g)]
    return [...marks, ...tests].map((hit) => `${path}:${lineAt(text, hit.index)}: left over: ${hit[0]}`)
  })

/**
 * For every text file, not only for modules: nothing may tell on which machine, with which registry or by whom the
 * text was made. The patterns are put together from pieces, so that this file does not contain what it forbids.
 */
export const textTellsNothingOfItsMakers: Rule = (files) => {
  const folders = ['tmp', 'work', 'root', 'home', 'Users'].join('|')
  const words = ['sub-?agent', 'col(?:league)', 'this ses(?:sion)', 'other ses(?:sion)'].join('|')
  const patterns: [string, RegExp][] = [
    ['a path of a machine', new RegExp(String.raw`(?:^|[^a-zA-Z0-9_])/(?:${folders})/`)],
    ['a registry host', new RegExp(String.raw`\bregistry[\w.-]*\.(?:org|com|io|net|dev|internal)\b`, 'i')],
    ['a word about how it was made', new RegExp(String.raw`\b(?:${words})s?\b`, 'i')],
  ]
  return files.flatMap(({ path, text }) =>
    patterns.flatMap(([what, pattern]) => {
      const hit = pattern.exec(text)
      return hit === null ? [] : [`${path}:${lineAt(text, hit.index)}: ${what}: ${hit[0]}`]
    }),
  )
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
