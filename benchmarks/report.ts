/** Prints what a suite measured, and gives it the JSON form that scripts may rely on (`FORMAT` names its version). */
import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem, type } from 'node:os'
import { VERSION } from '../src/node/version.ts'
import type { Figure, Measurements } from './suite.ts'

/** Goes up when a member of the JSON form changes its meaning or goes away. */
const FORMAT = 1
/** The subject that others are compared with. */
const OURS = 'aevir'

export interface Report extends Measurements {
  readonly format: number
  readonly suite: string
  /** ISO 8601. */
  readonly takenAt: string
  readonly machine: {
    readonly processor: string
    readonly cores: number
    readonly memoryBytes: number
    readonly system: string
  }
  readonly versions: Readonly<Record<string, string>>
}

export function reportOf(suite: string, measurements: Measurements): Report {
  const processors = cpus()
  return {
    format: FORMAT,
    suite,
    takenAt: new Date().toISOString(),
    machine: {
      processor: processors[0]?.model ?? 'unknown',
      cores: processors.length,
      memoryBytes: totalmem(),
      system: `${type()} ${release()} ${process.arch}`,
    },
    versions: { aevir: `${VERSION} ${commit()}`.trim(), node: process.versions.node, ...measurements.peers },
    ...measurements,
  }
}

/** The checked-out commit, where there is a repository. */
function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return ''
  }
}

/** The report as lines for a terminal. */
export function linesOf(report: Report): string[] {
  const { machine, versions } = report
  const gib = (machine.memoryBytes / 2 ** 30).toFixed(0)
  const checks = report.checks.map(
    ({ claim, measured, passed }) => `${passed ? '  ok  ' : ' MISS '} ${claim}: ${measured}`,
  )
  return [
    '',
    `suite     ${report.suite}, ${report.takenAt}`,
    `machine   ${machine.processor}, ${machine.cores} cores, ${gib} GiB, ${machine.system}`,
    `versions  ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    `input     ${report.input}`,
    `warm-up   ${report.warmUp}`,
    `baseline  ${report.baseline}`,
    `sample    ${report.sample}`,
    '',
    ...tableOf(report.figures),
    ...(checks.length === 0 ? [] : ['', ...checks]),
    ...summaryOf(report),
    ...(report.notes.length === 0 ? [] : ['', ...report.notes.map((note) => `* ${note}`)]),
  ]
}

function summaryOf({ summary = {} }: Report): string[] {
  const lines = Object.entries(summary).map(([name, value]) => `${name}: ${rounded(value)}`)
  return lines.length === 0 ? [] : ['', ...lines]
}

const COLUMNS = ['task', 'subject', 'quantity', 'median', '', 'p10 – p90', 'min – max', 'samples', '÷ aevir']
const LEFT_ALIGNED = new Set([0, 1, 2, 4])

function tableOf(figures: readonly Figure[]): string[] {
  const rows = figures.map((figure) => rowOf(figure, figures))
  const widths = COLUMNS.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  return [COLUMNS, ...rows].map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return LEFT_ALIGNED.has(column) ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
      .trimEnd(),
  )
}

function rowOf(figure: Figure, figures: readonly Figure[]): string[] {
  const { task, subject, quantity, unit, spread } = figure
  const range = (low: number, high: number): string =>
    spread.count === 1 ? '' : `${rounded(low)} – ${rounded(high)}`
  return [
    task,
    subject,
    quantity,
    rounded(spread.median),
    unit,
    range(spread.p10, spread.p90),
    range(spread.min, spread.max),
    `${spread.count}`,
    ratioOf(figure, figures),
  ]
}

/** How many times ours a peer's figure is; empty for ours. */
function ratioOf({ task, subject, quantity, spread }: Figure, figures: readonly Figure[]): string {
  if (subject === OURS) return ''
  const ours = figures.find(
    (other) => other.subject === OURS && other.task === task && other.quantity === quantity,
  )
  return ours === undefined || ours.spread.median === 0
    ? ''
    : `${(spread.median / ours.spread.median).toFixed(2)}×`
}

/** Three to four digits that count. */
function rounded(value: number): string {
  const size = Math.abs(value)
  if (size >= 1000 || Number.isInteger(value)) return value.toLocaleString('en', { maximumFractionDigits: 0 })
  return value.toFixed(size >= 100 ? 1 : size >= 1 ? 2 : 4)
}
