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
  const others = [...new Set(rows.flatMap(({ steadyRatios }) => [...steadyRatios.keys()]))].filter(
    (name) => name !== peer,
  )
  const header = [
    'program',
    'gas',
    'aevir, ms',
    `${peer}, ms`,
    `${peer} ÷ aevir (p10–p90)`,
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

const ROW_HEIGHT = 22
const LEFT = 190
const PLOT_WIDTH = 620
const TOP = 46
const STEADY_COLOUR = '#2563eb'
const FIRST_COLOUR = '#f59e0b'

/** Two bars for each program on a logarithmic axis, from the line where both take the same time. */
export function plotOf(rows: readonly ProgramRow[], peer: string): string {
  const known = byRatio(rows, peer)
  const ratios = known.flatMap(({ steady, first }) => [steady, first])
  const [low, high] = [
    Math.floor(Math.log10(Math.min(0.1, ...ratios))),
    Math.ceil(Math.log10(Math.max(10, ...ratios))),
  ]
  const x = (ratio: number): number => LEFT + ((Math.log10(ratio) - low) / (high - low)) * PLOT_WIDTH
  const height = TOP + known.length * ROW_HEIGHT + 10
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i))
  const bar = (ratio: number, top: number, colour: string): string => {
    const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))]
    return `<rect x="${from.toFixed(1)}" y="${top}" width="${(to - from).toFixed(1)}" height="7" fill="${colour}"/>`
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${LEFT + PLOT_WIDTH + 60}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="8" y="16">time of ${peer} ÷ time of aevir: to the right of 1 aevir is faster</text>`,
    `<text x="${LEFT}" y="34" fill="${STEADY_COLOUR}">steady state</text>`,
    `<text x="${LEFT + 90}" y="34" fill="${FIRST_COLOUR}">first run</text>`,
    ...ticks.map(
      (tick) =>
        `<line x1="${x(tick).toFixed(1)}" y1="${TOP - 6}" x2="${x(tick).toFixed(1)}" y2="${height - 6}" stroke="${tick === 1 ? '#111' : '#ccc'}"/>` +
        `<text x="${x(tick).toFixed(1)}" y="${TOP - 8}" text-anchor="middle" fill="#555">${tick}</text>`,
    ),
    ...known.map(({ name, steady, first }, index) => {
      const top = TOP + index * ROW_HEIGHT
      return (
        `<text x="${LEFT - 8}" y="${top + 13}" text-anchor="end">${name}</text>` +
        bar(steady, top + 2, STEADY_COLOUR) +
        bar(first, top + 10, FIRST_COLOUR) +
        `<text x="${(Math.max(x(steady), x(first), x(1)) + 4).toFixed(1)}" y="${top + 13}" fill="#333">${fixed(steady)}</text>`
      )
    }),
    '</svg>',
    '',
  ].join('\n')
}
