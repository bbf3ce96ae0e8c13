/** The EVM benchmark for readers: a table in Markdown, a plot as SVG, and bars of text for a terminal. */
import type { CompileResult } from './evm-contestant.ts'
import type { Report } from './report.ts'
import type { Spread } from './suite.ts'

/** What is known of one program; spreads by contestant, times in milliseconds of processor time unless said otherwise. */
export interface ProgramRow {
  readonly name: string
  /** In bytes. */
  readonly codeSize: number
  readonly gasUsed: number
  /** Runs of the program within one call of the steady state. */
  readonly count: number
  readonly steady: ReadonlyMap<string, Spread>
  readonly steadyWall: ReadonlyMap<string, Spread>
  /** A contestant's time over ours. */
  readonly steadyRatios: ReadonlyMap<string, Spread>
  /** The peer's time over that of one of our engine's variants. */
  readonly variantRatios: ReadonlyMap<string, Spread>
  readonly first: ReadonlyMap<string, Spread>
  readonly firstRatios: ReadonlyMap<string, Spread>
  readonly newProcessMs: number
  readonly compiled: CompileResult | undefined
}

const OURS = 'aevir'

// ---- Text -------------------------------------------------------------------------------------------------------------

/** Characters for a factor of ten. */
const BAR_SCALE = 16

/** A bar to the right for each program that is faster than the peer's, to the left for each that is slower. */
export function barsOf(rows: readonly ProgramRow[], peer: string): string[] {
  const known = byRatio(rows, peer)
  if (known.length === 0) return []
  const width = Math.max(...known.map(({ name }) => name.length))
  const lines = known.map(({ name, steady, first }) => {
    const bar = (ratio: number): string => {
      const size = Math.round(Math.log10(ratio) * BAR_SCALE)
      return (
        (size < 0 ? '◂'.repeat(-size).padStart(BAR_SCALE) : ''.padStart(BAR_SCALE)) +
        '|' +
        '▸'.repeat(Math.max(0, size))
      )
    }
    return `${name.padEnd(width)} ${fixed(steady).padStart(7)}× first ${fixed(first).padStart(6)}× ${bar(steady)}`
  })
  return [`ratios beside ${peer}, steady state as bars (logarithmic, | = equal):\n${lines.join('\n')}`]
}

interface Ratio {
  readonly name: string
  readonly steady: number
  readonly first: number
}

/** Best first. */
function byRatio(rows: readonly ProgramRow[], peer: string): Ratio[] {
  return rows
    .flatMap(({ name, steadyRatios, firstRatios }) => {
      const [steady, first] = [steadyRatios.get(peer)?.median, firstRatios.get(peer)?.median]
      return steady === undefined || first === undefined ? [] : [{ name, steady, first }]
    })
    .toSorted((a, b) => b.steady - a.steady)
}

// ---- Markdown ---------------------------------------------------------------------------------------------------------

export function markdownOf(report: Report, rows: readonly ProgramRow[], peer: string): string {
  const { machine, versions, input, warmUp, baseline, sample, checks, notes, summary = {} } = report
  const variants = [...new Set(rows.flatMap(({ variantRatios }) => [...variantRatios.keys()]))]
  const others = [...new Set(rows.flatMap(({ steadyRatios }) => [...steadyRatios.keys()]))].filter(
    (name) => name !== peer && !variants.includes(name),
  )
  const header = [
    'program',
    'gas',
    'aevir, ms',
    `${peer}, ms`,
    `${peer} ÷ aevir (p10–p90)`,
    ...variants.map((name) => `${peer} ÷ ${name}`),
    ...others.map((name) => `${name} ÷ aevir`),
    'first run: aevir, ms',
    `${peer}, ms`,
    'ratio',
    'new process, ms',
    'compile, ms',
    'code, KB → KB',
  ]
  const lines = rows.map((row) => {
    const ratio = row.steadyRatios.get(peer)
    const { compiled } = row
    return [
      row.name,
      row.gasUsed.toLocaleString('en'),
      fixed(row.steady.get(OURS)?.median),
      fixed(row.steady.get(peer)?.median),
      ratio === undefined ? '' : `**${fixed(ratio.median)}** (${fixed(ratio.p10)}–${fixed(ratio.p90)})`,
      ...variants.map((name) => fixed(row.variantRatios.get(name)?.median)),
      ...others.map((name) => fixed(row.steadyRatios.get(name)?.median)),
      fixed(row.first.get(OURS)?.median),
      fixed(row.first.get(peer)?.median),
      fixed(row.firstRatios.get(peer)?.median),
      fixed(row.newProcessMs),
      compiled === undefined ? '' : fixed(compiled.emitMs + compiled.moduleMs),
      compiled === undefined
        ? fixed(row.codeSize / 1e3)
        : `${fixed(row.codeSize / 1e3)} → ${fixed(compiled.byteCount / 1e3)}`,
    ]
  })
  const table = [header, header.map((_, i) => (i === 0 ? '---' : '---:')), ...lines]
  return [
    `# EVM programs, ${report.takenAt}`,
    `${machine.processor}, ${machine.cores} cores, ${machine.system}; ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    `Input: ${input}. Warm-up: ${warmUp}. Beside: ${baseline}. Sample: ${sample}.`,
    '![ratios](evm.svg)',
    table.map((cells) => `| ${cells.join(' | ')} |`).join('\n'),
    Object.entries(summary)
      .map(([name, value]) => `- ${name}: ${fixed(value)}`)
      .join('\n'),
    checks
      .map(({ claim, measured, passed }) => `- ${passed ? 'ok' : '**missed**'}: ${claim}: ${measured}`)
      .join('\n'),
    notes
      .filter((note) => !note.includes('\n'))
      .map((note) => `- ${note}`)
      .join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n')
}

/** Three digits that count; nothing for nothing. */
function fixed(value: number | undefined): string {
  if (value === undefined) return ''
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4)
}

// ---- SVG --------------------------------------------------------------------------------------------------------------

const ROW_HEIGHT = 24
const LEFT = 200
const PLOT_WIDTH = 620
/** For the figures behind the bars. */
const RIGHT = 110
const TOP = 62
const BOTTOM = 12
const STEADY_COLOUR = '#2563eb'
const FIRST_COLOUR = '#d97706'
const LOSS_COLOUR = '#b91c1c'

/**
 * Two bars for each program on a logarithmic axis, from the line where both take the same time: to the right ours is
 * faster; to the left, on a shaded ground and with its figure in red, slower.
 */
export function plotOf(rows: readonly ProgramRow[], peer: string): string {
  const known = byRatio(rows, peer)
  const ratios = known.flatMap(({ steady, first }) => [steady, first])
  const [low, high] = [
    Math.floor(Math.log10(Math.min(0.1, ...ratios))),
    Math.ceil(Math.log10(Math.max(10, ...ratios))),
  ]
  const x = (ratio: number): number => LEFT + ((Math.log10(ratio) - low) / (high - low)) * PLOT_WIDTH
  const bottom = TOP + known.length * ROW_HEIGHT
  const [width, height] = [LEFT + PLOT_WIDTH + RIGHT, bottom + BOTTOM]
  const peerName = escapedText(peer)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<title>Time of ${peerName} divided by time of aevir, program by program</title>`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<rect x="${LEFT}" y="${TOP}" width="${(x(1) - LEFT).toFixed(1)}" height="${bottom - TOP}" fill="#fef2f2"/>`,
    `<text x="8" y="18" font-size="14">time of ${peerName} ÷ time of aevir</text>`,
    `<text x="${LEFT + 90}" y="18" fill="${STEADY_COLOUR}">■ steady state</text>`,
    `<text x="${LEFT + 190}" y="18" fill="${FIRST_COLOUR}">■ first run</text>`,
    `<text x="${(x(1) - 6).toFixed(1)}" y="36" text-anchor="end" fill="${LOSS_COLOUR}">◂ aevir is slower</text>`,
    `<text x="${(x(1) + 6).toFixed(1)}" y="36">aevir is faster ▸</text>`,
    ...Array.from({ length: high - low + 1 }, (_, index) => tickAt(10 ** (low + index), x, bottom)),
    ...known.flatMap((ratio, index) => barsAt(ratio, TOP + index * ROW_HEIGHT, x)),
    '</svg>',
    '',
  ].join('\n')
}

function tickAt(tick: number, x: (ratio: number) => number, bottom: number): string {
  const at = x(tick).toFixed(1)
  const colour = tick === 1 ? '#111' : '#ccc'
  return (
    `<line x1="${at}" y1="${TOP - 6}" x2="${at}" y2="${bottom}" stroke="${colour}"/>` +
    `<text x="${at}" y="${TOP - 10}" text-anchor="middle" fill="#555">${tick.toLocaleString('en', { maximumFractionDigits: 6 })}×</text>`
  )
}

/** A program's name, its bars one above the other, and a figure behind each. */
function barsAt({ name, steady, first }: Ratio, top: number, x: (ratio: number) => number): string[] {
  const bar = (ratio: number, y: number, colour: string): string => {
    const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))]
    // Nothing at all would look like no figure.
    const width = Math.max(1, to - from).toFixed(1)
    const ink = ratio < 1 ? `fill="${LOSS_COLOUR}" font-weight="bold"` : 'fill="#333"'
    return (
      `<rect x="${from.toFixed(1)}" y="${y}" width="${width}" height="8" fill="${colour}"/>` +
      `<text x="${(to + 4).toFixed(1)}" y="${y + 8}" font-size="10" ${ink}>${fixed(ratio)}</text>`
    )
  }
  return [
    `<text x="${LEFT - 8}" y="${top + 16}" text-anchor="end">${escapedText(name)}</text>`,
    bar(steady, top + 2, STEADY_COLOUR),
    bar(first, top + 12, FIRST_COLOUR),
  ]
}

function escapedText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
