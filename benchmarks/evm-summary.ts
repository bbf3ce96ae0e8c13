/** What the `evm` suite comes to: a few numbers beside anvil, and the targets that they meet or miss. */
import { isOwn } from './evm-programs.ts'
import type { ProgramRow } from './evm-report.ts'
import { spreadOf, type Check, type Spread } from './suite.ts'

/** The peer that targets are about. */
export const ANVIL = 'anvil'
/** Targets, as ratios of anvil's time to ours. */
const STEADY_GEOMEAN_MIN = 3
const STEADY_WORST_MIN = 0.9
const FIRST_WORST_MIN = 1 / 3
const STEADY_MIN: ReadonlyMap<string, number> = new Map([
  ['snailtracer', 3],
  ['sha1_shifts', 10],
  ['erc20_transfer', 1.3],
])

/**
 * Ratios of anvil's time to ours: above 1 ours is faster. Our own programs, which we chose, count only where there are
 * no others. Empty without anvil.
 */
export function summaryOf(rows: readonly ProgramRow[]): Readonly<Record<string, number>> {
  const given = rows.filter((row) => !isOwn(row))
  const counted = given.length > 0 ? given : rows
  const steady = medians(counted, ({ steadyRatios }) => steadyRatios)
  const first = medians(counted, ({ firstRatios }) => firstRatios)
  if (steady.length === 0 || first.length === 0) return {}
  return {
    steadyGeomeanVsAnvil: geometricMean(steady),
    steadyMedianVsAnvil: spreadOf(steady).median,
    worstSteadyVsAnvil: Math.min(...steady),
    firstRunGeomeanVsAnvil: geometricMean(first),
    worstFirstRunVsAnvil: Math.min(...first),
  }
}

/** Of each program's ratios to anvil. */
function medians(
  rows: readonly ProgramRow[],
  ratios: (row: ProgramRow) => ReadonlyMap<string, Spread>,
): number[] {
  return rows.flatMap((row) => ratios(row).get(ANVIL)?.median ?? [])
}

/** @param failures why programs were not measured. */
export function checksOf(rows: readonly ProgramRow[], failures: readonly string[]): Check[] {
  const summary = summaryOf(rows)
  const atLeast = (claim: string, value: number | undefined, limit: number): Check[] =>
    value === undefined
      ? []
      : [{ claim, measured: `${value.toFixed(2)}×, at least ${limit.toFixed(2)}×`, passed: value >= limit }]
  const steady = (row: ProgramRow, limit: number): Check[] =>
    atLeast(`steady, ${row.name} beside anvil`, row.steadyRatios.get(ANVIL)?.median, limit)
  return [
    ...atLeast('steady, geometric mean beside anvil', summary['steadyGeomeanVsAnvil'], STEADY_GEOMEAN_MIN),
    ...atLeast('steady, worst program beside anvil', summary['worstSteadyVsAnvil'], STEADY_WORST_MIN),
    ...atLeast('first run, worst program beside anvil', summary['worstFirstRunVsAnvil'], FIRST_WORST_MIN),
    ...rows.filter(isOwn).flatMap((row) => steady(row, STEADY_WORST_MIN)),
    ...rows.flatMap((row) => {
      const limit = STEADY_MIN.get(row.name)
      return limit === undefined ? [] : steady(row, limit)
    }),
    {
      claim: 'every program was measured',
      measured: `${failures.length} were not`,
      passed: failures.length === 0,
    },
  ]
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}
