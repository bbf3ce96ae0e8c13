/**
 * Takes samples of one program from everybody in turn, so that ratios are of one moment: ours, a peer, ours, a peer. A
 * sample is the processor time of a call less that of an empty one, over the number of times that the program ran in it.
 */
import { present } from '../src/primitives/assert.ts'
import { AevirError } from '../src/primitives/errors.ts'
import { coldTask, steadyTask, type EvmTask } from './evm-calls.ts'
import type { CallTime, Contestant } from './evm-contestant.ts'
import type { Program } from './evm-program-files.ts'

/** Gas that one call should use: some milliseconds on a native interpreter, far above what the call itself costs. */
const GAS_PER_CALL = 3_000_000
const COUNT_MAX = 1_000
const COLD_COUNT_MAX = 128
/** A program that runs so often in a call is short: what it takes is a small difference of two calls, and has more rounds. */
const COLD_SHORT_COUNT_MIN = 32
const COLD_SHORT_ROUNDS_FACTOR = 4
/** What one sample should take, so that clocks and interruptions do not matter. */
const SAMPLE_MS = 20
/** A run of a program takes at least this much: differences of calls tell no less. */
const CLOCK_MS = 1e-4
const CALLS_PER_SAMPLE_MAX = 50
/** Processor time for all samples of one contestant: who is slow takes part in fewer rounds, at least one. */
const SAMPLES_MS_MAX = 1_000
const EMPTY_CALLS_MAX = 10
const WARM_UP_TURNS_MAX = 6
const WARM_UP_QUIET_TURNS = 2
/** The only sample of a contestant that takes longer for a call is its first one. */
const SLOW_MS = 500

/** Two contestants do not agree on what a program does. */
export class DisagreementError extends AevirError {
  override readonly code = 'DISAGREEMENT'
}

export interface Sampled {
  readonly program: Program
  /** Of one run, without what the call costs. */
  readonly gasUsed: number
  /** Times that the program ran in one call. */
  readonly count: number
  readonly steady: readonly Series[]
  readonly first: readonly Series[]
}

/** Of one contestant: a sample for each round, of as many as it took part in. */
export interface Series {
  readonly name: string
  readonly rounds: readonly CallTime[]
}

/** How one takes part. */
export interface Entry {
  readonly contestant: Contestant
  readonly rounds: number
  readonly warmUpMs: number
}

/** One in a program's rounds. */
interface Entrant {
  readonly contestant: Contestant
  readonly callsPerSample: number
  readonly rounds: number
  readonly samples: CallTime[]
}

/**
 * @param entries the first one is ours: the others have to agree with its gas and output.
 * @param first those whose first run of code is measured too.
 */
export async function sample(
  program: Program,
  entries: readonly Entry[],
  first: { readonly contestants: readonly Contestant[]; readonly rounds: number },
): Promise<Sampled> {
  const ours = present(entries[0], 'ours').contestant
  const { gasUsed } = await runOnce(ours, steadyTask(program, 1))
  const count = Math.min(COUNT_MAX, Math.max(1, Math.round(GAS_PER_CALL / Math.max(1, gasUsed))))
  const task = steadyTask(program, count)
  const expected = await runOnce(ours, task)
  const { expectedOutput } = program
  if (expectedOutput !== undefined && expected.output !== expectedOutput.toLowerCase()) {
    throw new DisagreementError(
      `ours returns ${shown(expected.output)}, the program's file says ${shown(expectedOutput)}`,
    )
  }
  const entrants: Entrant[] = []
  for (const entry of entries) entrants.push(await enter(entry, task, expected))
  for (let round = 0; round < Math.max(...entrants.map(({ rounds }) => rounds)); round++) {
    for (const { contestant, callsPerSample, samples, rounds } of entrants) {
      if (round < rounds) samples.push(await difference(contestant, task, callsPerSample))
    }
  }
  return {
    program,
    gasUsed,
    count,
    steady: entrants.map(({ contestant, samples }) => ({ name: contestant.name, rounds: samples })),
    first: await sampleFirst(program, first.contestants, Math.min(count, COLD_COUNT_MAX), first.rounds),
  }
}

async function sampleFirst(
  program: Program,
  contestants: readonly Contestant[],
  count: number,
  rounds: number,
): Promise<Series[]> {
  const series = contestants.map(({ name }) => ({ name, rounds: [] as CallTime[] }))
  const turns = count >= COLD_SHORT_COUNT_MIN ? COLD_SHORT_ROUNDS_FACTOR * rounds : rounds
  for (let turn = 0; turn < turns; turn++) {
    const task = coldTask(program, count)
    for (const [index, contestant] of contestants.entries()) {
      await contestant.place(task.accounts)
      series[index]?.rounds.push(await difference(contestant, task, 1))
    }
  }
  return series
}

interface Expected {
  readonly gasUsed: number
  readonly output: string
}

/** @throws DisagreementError when the program fails: engines are not measured at failing. */
async function runOnce(contestant: Contestant, task: EvmTask): Promise<Expected> {
  await contestant.place(task.accounts)
  const { output, gasUsed = 0 } = await contestant.run(task.call, 1)
  if (output === undefined) throw new DisagreementError(`${contestant.name}: the call fails`)
  return { gasUsed, output }
}

async function enter(
  { contestant, rounds, warmUpMs }: Entry,
  task: EvmTask,
  expected: Expected,
): Promise<Entrant> {
  await contestant.place(task.accounts)
  const { name } = contestant
  const { output, gasUsed, time } = await contestant.run(task.call, 1)
  if (output !== expected.output) {
    throw new DisagreementError(`${name} returns ${shown(output)}, ours ${shown(expected.output)}`)
  }
  if (gasUsed !== undefined && gasUsed !== expected.gasUsed) {
    throw new DisagreementError(`${name} uses ${gasUsed} gas, ours ${expected.gasUsed}`)
  }
  let { wallMs, processorMs } = time
  if (processorMs > SLOW_MS) {
    const sample = { wallMs: wallMs / task.count, processorMs: processorMs / task.count }
    return { contestant, callsPerSample: 1, rounds: 0, samples: [sample] }
  }
  // What becomes hot is compiled in the background, in part at first: steady is what asks for nothing twice in a row.
  for (let turn = 0, quiet = 0; turn < WARM_UP_TURNS_MAX && quiet < WARM_UP_QUIET_TURNS; turn++) {
    const end = performance.now() + warmUpMs
    do ({ wallMs, processorMs } = (await contestant.run(task.call, callsIn(processorMs))).time)
    while (performance.now() < end)
    quiet = (await contestant.settle()) === 0 ? quiet + 1 : 0
  }
  const callsPerSample = callsIn(processorMs)
  await contestant.run(task.empty, Math.min(callsPerSample, EMPTY_CALLS_MAX))
  const roundsMax = Math.max(1, Math.floor(SAMPLES_MS_MAX / (callsPerSample * processorMs)))
  return { contestant, callsPerSample, rounds: Math.min(rounds, roundsMax), samples: [] }
}

function shown(output: string | undefined): string {
  return output === undefined ? 'nothing, as the call fails' : output.slice(0, 80)
}

function callsIn(processorMs: number): number {
  return Math.min(CALLS_PER_SAMPLE_MAX, Math.max(1, Math.ceil(SAMPLE_MS / Math.max(processorMs, CLOCK_MS))))
}

/** One sample: the mean of so many calls, less that of as many empty ones, for each run of the program. */
export async function difference(contestant: Contestant, task: EvmTask, calls: number): Promise<CallTime> {
  const empty = (await contestant.run(task.empty, calls)).time
  const full = (await contestant.run(task.call, calls)).time
  return {
    wallMs: (full.wallMs - empty.wallMs) / task.count,
    processorMs: (full.processorMs - empty.processorMs) / task.count,
  }
}

/**
 * How many times ours a peer's time is, round by round; below 1 the peer is faster. Left out are rounds without both, and
 * those in which the peer's calls took no longer than its empty ones: a quotient would be of noise. Ours counts as the
 * least that can be told.
 */
export function ratiosOf(ours: Series, peer: Series): number[] {
  return peer.rounds.flatMap((theirs, round) => {
    const own = ours.rounds[round]
    if (own === undefined || theirs.processorMs < CLOCK_MS) return []
    return [theirs.processorMs / Math.max(own.processorMs, CLOCK_MS)]
  })
}
