/**
 * Our engines on programs, beside peers in one run: anvil and Hardhat through `eth_call` with the cost of an empty call
 * subtracted (from ours too), and `@ethereumjs/evm` in a process. Steady state, the first run of code that nobody has seen,
 * the first run in a new process, and what compiling alone takes and gives. Losses are listed like gains.
 *
 * Arguments: names of programs (all), `--programs DIR` or a folder (../shared/vectors/bench; our own join them), `--engine NAME` (the last
 * one), `--rounds N` (7), `--nodes anvil,Hardhat`, `--gas N` at most for a call, `--report DIR` for Markdown and a plot,
 * `--install-peers`, `--without-ethereumjs`.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { coldTask } from './evm-calls.ts'
import { WorkerContestant, type CompileResult } from './evm-contestant.ts'
import { openField, OWN_ENGINES, type Field } from './evm-peers.ts'
import { barsOf, markdownOf, plotOf, type ProgramRow } from './evm-report.ts'
import { findPrograms, isOwn, type Program } from './evm-programs.ts'
import { ratiosOf, sample, type Sampled, type Series } from './evm-sampling.ts'
import { reportOf } from './report.ts'
import { spreadOf, type Check, type Figure, type Measurements, type Spread, type Suite } from './suite.ts'

const ROUNDS_DEFAULT = 7
/** Who is there for comparison only takes part in a third of the rounds. */
const OTHER_ROUNDS_QUOTIENT = 3
const WARM_UP_MS = 600
const OTHER_WARM_UP_MS = 80
/** Above what any known program uses. */
const GAS_DEFAULT = 4_000_000_000
const ETHEREUMJS = '@ethereumjs/evm'
const ETHEREUMJS_VERSION = '10.1.3'
const ANVIL = 'anvil'
/** Targets, as ratios of anvil's time to ours. */
const STEADY_GEOMEAN_MIN = 3
const STEADY_WORST_MIN = 0.9
const FIRST_WORST_MIN = 1 / 3
const STEADY_MIN: ReadonlyMap<string, number> = new Map([
  ['snailtracer', 3],
  ['sha1_shifts', 10],
  ['erc20_transfer', 1.3],
])

export const suite: Suite = {
  async run(args, progress) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        programs: { type: 'string' },
        engine: { type: 'string', default: OWN_ENGINES.at(-1) ?? 'tier0' },
        rounds: { type: 'string', default: `${ROUNDS_DEFAULT}` },
        nodes: { type: 'string', default: 'anvil,Hardhat' },
        gas: { type: 'string', default: `${GAS_DEFAULT}` },
        report: { type: 'string' },
        'install-peers': { type: 'boolean', default: false },
        'without-ethereumjs': { type: 'boolean', default: false },
      },
    })
    const { engine, report } = values
    const gasMax = Number(values.gas)
    const folder = positionals.find((text) => existsSync(text) && statSync(text).isDirectory())
    const names = positionals.filter((text) => text !== folder)
    const programs = findPrograms(values.programs ?? folder, names).map((program) => ({
      ...program,
      gas: Math.min(program.gas, gasMax),
    }))
    const options = { install: values['install-peers'], nodes: values.nodes.split(',') }
    const field = await openField(engine, options, progress)
    const ethereumJs = values['without-ethereumjs']
      ? undefined
      : await WorkerContestant.open(ETHEREUMJS, ETHEREUMJS)
    const rows: ProgramRow[] = []
    const failures: string[] = []
    try {
      for (const program of programs) {
        progress(program.name)
        try {
          rows.push(await measure(program, engine, field, ethereumJs, Number(values.rounds)))
        } catch (error) {
          failures.push(`${program.name} was not measured: ${error instanceof Error ? error.message : ''}`)
        }
      }
    } finally {
      await field.close()
      await ethereumJs?.close()
    }
    const measurements = measurementsOf(rows, failures, { engine, gasMax, field })
    if (report !== undefined) writeReport(report, measurements, rows)
    return measurements
  },
}

async function measure(
  program: Program,
  engine: string,
  { ours, tiers, nodes }: Field,
  ethereumJs: WorkerContestant | undefined,
  rounds: number,
): Promise<ProgramRow> {
  // Whom the targets name is measured right after ours.
  const anvil = nodes.filter(({ name }) => name === ANVIL)
  const rest = [...tiers, ...nodes, ...(ethereumJs === undefined ? [] : [ethereumJs])]
  const sampled = await sample(
    program,
    [
      { contestant: ours, rounds, warmUpMs: WARM_UP_MS },
      ...anvil.map((contestant) => ({ contestant, rounds, warmUpMs: OTHER_WARM_UP_MS })),
      ...rest
        .filter(({ name }) => name !== ANVIL)
        .map((contestant) => ({
          contestant,
          rounds: Math.ceil(rounds / OTHER_ROUNDS_QUOTIENT),
          warmUpMs: OTHER_WARM_UP_MS,
        })),
    ],
    { contestants: [ours, ...anvil], rounds: Math.ceil(rounds / 2) },
  )
  return rowOf(sampled, await inNewProcess(program, engine), await ours.compile(program.code))
}

/** Time of a first call in a process that has loaded everything and run nothing. */
async function inNewProcess(program: Program, engine: string): Promise<number> {
  const contestant = await WorkerContestant.open('new process', engine)
  try {
    const { accounts, call } = coldTask(program, 1)
    await contestant.place(accounts)
    return (await contestant.run(call, 1)).time.processorMs
  } finally {
    await contestant.close()
  }
}

function rowOf(
  { program, gasUsed, count, steady, first }: Sampled,
  newProcessMs: number,
  compiled: CompileResult | undefined,
): ProgramRow {
  const spreads = (series: readonly Series[]): ReadonlyMap<string, Spread> =>
    new Map(series.map(({ name, rounds }) => [name, spreadOf(rounds.map(({ processorMs }) => processorMs))]))
  return {
    name: program.name,
    codeSize: (program.code.length - 2) / 2,
    gasUsed,
    count,
    steady: spreads(steady),
    steadyWall: new Map(
      steady.map(({ name, rounds }) => [name, spreadOf(rounds.map(({ wallMs }) => wallMs))]),
    ),
    steadyRatios: ratios(steady),
    first: spreads(first),
    firstRatios: ratios(first),
    newProcessMs,
    compiled,
  }
}

/** Of each to the first one, who is ours. */
function ratios([ours, ...others]: readonly Series[]): ReadonlyMap<string, Spread> {
  if (ours === undefined) return new Map()
  return new Map(others.map((series) => [series.name, spreadOf(ratiosOf(ours, series))]))
}

function measurementsOf(
  rows: readonly ProgramRow[],
  failures: readonly string[],
  { engine, gasMax, field }: { readonly engine: string; readonly gasMax: number; readonly field: Field },
): Measurements {
  const given = rows.filter((row) => !isOwn(row))
  // Where there are none but ours, they stand for them.
  const summary = summaryOf(given.length > 0 ? given : rows)
  return {
    input:
      `${rows.length} programs, ours among them by "own" and not in the summary, with at most ${gasMax} gas; engine ${engine} as "aevir"; those below ${GAS_PER_CALL_TEXT} gas ` +
      'called many times within one call by a contract',
    warmUp: `at least twice ${WARM_UP_MS} ms of the program on ours, until nothing more is compiled, twice ${OTHER_WARM_UP_MS} on others; none for first runs, and none for who takes over half a second for a call`,
    baseline:
      'anvil, Hardhat: eth_call; @ethereumjs/evm: the same in a process; equal output for all, equal gas where it is told',
    sample:
      'processor time of calls less that of calls of an empty contract, 20 ms of them; in turn: ours, anvil, our others, peers. ' +
      'A first run: code with a hash that nobody has seen, in a process that has run others. ' +
      'A ratio: median of those within one round; above 1 ours is faster',
    peers: { ...field.versions, [ETHEREUMJS]: ETHEREUMJS_VERSION },
    figures: rows.flatMap(figuresOf),
    checks: checksOf(rows, summary, failures),
    notes: [...field.notes, ...failures, TEVM_NOTE, NO_MEMO_NOTE, ...barsOf(rows, ANVIL)],
    summary,
  }
}

function summaryOf(rows: readonly ProgramRow[]): Record<string, number> {
  const steady = medians(rows, ({ steadyRatios }) => steadyRatios)
  const first = medians(rows, ({ firstRatios }) => firstRatios)
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

const GAS_PER_CALL_TEXT = '3,000,000'
const TEVM_NOTE =
  'without tevm: 2.0.0-next.101 installs, but loading it fails, as its packages import names that others no longer export'
const NO_MEMO_NOTE = 'no engine of ours remembers hashes of inputs: there is no figure with a memo'

function figuresOf(row: ProgramRow): Figure[] {
  const figure = (subject: string, quantity: string, unit: string, spread: Spread): Figure => ({
    task: row.name,
    subject,
    quantity,
    unit,
    spread,
  })
  const { compiled } = row
  return [
    ...[...row.steady].map(([name, spread]) => figure(name, 'processor time', 'ms', spread)),
    ...named(row.steadyWall).map(([name, spread]) => figure(name, 'time', 'ms', spread)),
    ...named(row.steadyRatios).map(([name, spread]) => figure(name, 'steady ratio', '×', spread)),
    ...[...row.first].map(([name, spread]) => figure(name, 'first run', 'ms', spread)),
    ...named(row.firstRatios).map(([name, spread]) => figure(name, 'first-run ratio', '×', spread)),
    figure('aevir', 'first run, new process', 'ms', spreadOf([row.newProcessMs])),
    ...(compiled === undefined
      ? []
      : [
          figure('aevir', 'compile', 'ms', spreadOf([compiled.emitMs + compiled.moduleMs])),
          figure('aevir', 'compiled size', 'bytes', spreadOf([compiled.byteCount])),
        ]),
  ]
}

/** Those that targets are about; the others' figures would only repeat what is there. */
function named(spreads: ReadonlyMap<string, Spread>): (readonly [string, Spread])[] {
  return [...spreads].filter(([name]) => name === 'aevir' || name === ANVIL)
}

function checksOf(
  rows: readonly ProgramRow[],
  summary: Readonly<Record<string, number>>,
  failures: readonly string[],
): Check[] {
  const atLeast = (claim: string, value: number | undefined, limit: number): Check[] =>
    value === undefined
      ? []
      : [{ claim, measured: `${value.toFixed(2)}×, at least ${limit.toFixed(2)}×`, passed: value >= limit }]
  return [
    ...atLeast('steady, geometric mean beside anvil', summary['steadyGeomeanVsAnvil'], STEADY_GEOMEAN_MIN),
    ...atLeast('steady, worst program beside anvil', summary['worstSteadyVsAnvil'], STEADY_WORST_MIN),
    ...atLeast('first run, worst program beside anvil', summary['worstFirstRunVsAnvil'], FIRST_WORST_MIN),
    ...rows
      .filter(isOwn)
      .flatMap(({ name, steadyRatios }) =>
        atLeast(`steady, ${name} beside anvil`, steadyRatios.get(ANVIL)?.median, STEADY_WORST_MIN),
      ),
    ...rows.flatMap(({ name, steadyRatios }) => {
      const limit = STEADY_MIN.get(name)
      return limit === undefined
        ? []
        : atLeast(`steady, ${name} beside anvil`, steadyRatios.get(ANVIL)?.median, limit)
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

function writeReport(folder: string, measurements: Measurements, rows: readonly ProgramRow[]): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'evm.svg'), plotOf(rows, ANVIL))
  writeFileSync(join(folder, 'evm.md'), markdownOf(reportOf('evm', measurements), rows, ANVIL))
}
