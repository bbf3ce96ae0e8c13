/**
 * Our engines on programs, beside peers in one run: anvil and Hardhat through `eth_call` with the cost of an empty call
 * subtracted (from ours too), and `@ethereumjs/evm` in a process. Steady state, the first run of code that nobody has seen,
 * the first run in a new process, and what compiling alone takes and gives. Losses are listed like gains.
 *
 * Arguments: names of programs (all), `--programs DIR` or a folder (../shared/vectors/bench; our own join them), `--engine NAME`
 * (tiered), `--rounds N` (7), `--nodes anvil,Hardhat` or `none`, `--gas N` at most for a call, `--report DIR` for Markdown and a plot,
 * `--install-peers`, `--without-ethereumjs`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { coldTask } from './evm-calls.ts'
import { WorkerContestant, type CompileResult } from './evm-contestant.ts'
import { evmOptionsOf } from './evm-options.ts'
import { openField, type Field } from './evm-peers.ts'
import type { Program } from './evm-program-files.ts'
import { barsOf, markdownOf, plotOf, type ProgramRow } from './evm-report.ts'
import { ratiosOf, sample, type Sampled, type Series } from './evm-sampling.ts'
import { ANVIL, checksOf, summaryOf } from './evm-summary.ts'
import { reportOf } from './report.ts'
import { spreadOf, type Figure, type Measurements, type Spread, type Suite } from './suite.ts'

/** Who is there for comparison only takes part in a third of the rounds. */
const OTHER_ROUNDS_QUOTIENT = 3
const WARM_UP_MS = 600
const OTHER_WARM_UP_MS = 80
const ETHEREUMJS = '@ethereumjs/evm'
const ETHEREUMJS_VERSION = '10.1.3'

export const suite: Suite = {
  async run(args, progress) {
    const { programs, engine, rounds, nodes, gasMax, report, installPeers, withEthereumJs } =
      evmOptionsOf(args)
    const field = await openField(engine, { install: installPeers, nodes }, progress)
    const ethereumJs = withEthereumJs ? await WorkerContestant.open(ETHEREUMJS, ETHEREUMJS) : undefined
    const rows: ProgramRow[] = []
    const failures: string[] = []
    try {
      for (const [index, program] of programs.entries()) {
        progress(`${index + 1} of ${programs.length}: ${program.name}`)
        try {
          rows.push(await measure(program, engine, field, ethereumJs, rounds))
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
  { ours, tiers, variants, nodes }: Field,
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
      ...[...anvil, ...variants].map((contestant) => ({ contestant, rounds, warmUpMs: OTHER_WARM_UP_MS })),
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
  const names = variants.map(({ name }) => name)
  return rowOf(sampled, names, await inNewProcess(program, engine), await ours.compile(program.code))
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
  variants: readonly string[],
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
    variantRatios: ratiosOfVariants(steady, variants),
    first: spreads(first),
    firstRatios: ratios(first),
    newProcessMs,
    compiled,
  }
}

/** Of each to the first one, who is ours. */
function ratios([ours, ...others]: readonly Series[]): ReadonlyMap<string, Spread> {
  if (ours === undefined) return new Map()
  const known = others.map((series) => [series.name, ratiosOf(ours, series)] as const)
  return new Map(known.flatMap(([name, found]) => (found.length === 0 ? [] : [[name, spreadOf(found)]])))
}

/** Of anvil to each of them. */
function ratiosOfVariants(
  steady: readonly Series[],
  variants: readonly string[],
): ReadonlyMap<string, Spread> {
  const anvil = steady.find(({ name }) => name === ANVIL)
  if (anvil === undefined) return new Map()
  const found = steady
    .filter(({ name }) => variants.includes(name))
    .map((variant) => [variant.name, ratiosOf(variant, anvil)] as const)
  return new Map(found.flatMap(([name, all]) => (all.length === 0 ? [] : [[name, spreadOf(all)]])))
}

function measurementsOf(
  rows: readonly ProgramRow[],
  failures: readonly string[],
  { engine, gasMax, field }: { readonly engine: string; readonly gasMax: number; readonly field: Field },
): Measurements {
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
    checks: checksOf(rows, failures),
    notes: [
      ...field.notes,
      ...failures,
      ...rows.flatMap(untold),
      TEVM_NOTE,
      MEMO_NOTE,
      ...barsOf(rows, ANVIL),
    ],
    summary: summaryOf(rows),
  }
}

/** Who has times of a program but no ratio. */
function untold({ name, steady, steadyRatios }: ProgramRow): string[] {
  return [...steady.keys()]
    .filter((subject) => subject !== 'aevir' && !steadyRatios.has(subject))
    .map((subject) => `${name}: no ratio to ${subject}, whose calls of it take no longer than empty ones`)
}

const GAS_PER_CALL_TEXT = '3,000,000'
const TEVM_NOTE =
  'without tevm: 2.0.0-next.101 installs but does not load, as @ethereumjs/trie in it imports `isHexPrefixed`, which the ' +
  '@ethereumjs/util that it gets does not export; its EVM is @ethereumjs/evm, of which a newer version is measured'
const MEMO_NOTE =
  '"aevir" hashes whatever it is asked to; "aevir with memo" also remembers hashes of 32 and 64 bytes, as nodes do'

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
    ...[...row.variantRatios].map(([name, spread]) => figure(name, 'steady ratio of anvil', '×', spread)),
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

function writeReport(folder: string, measurements: Measurements, rows: readonly ProgramRow[]): void {
  writeFileSync(join(folder, 'evm.svg'), plotOf(rows, ANVIL))
  writeFileSync(join(folder, 'evm.md'), markdownOf(reportOf('evm', measurements), rows, ANVIL))
}
