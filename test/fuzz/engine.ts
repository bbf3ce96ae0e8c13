/**
 * Runs cases of one target for a while, and judges each: within its time, within memory in proportion to its size, and
 * with no outcome but those that the target declares.
 */
import { getHeapStatistics } from 'node:v8'
import { inspect } from 'node:util'
import { FuzzFailure, type Target } from './target.ts'

export interface Failure {
  readonly target: string
  readonly seed: string
  readonly caseNumber: number
  readonly problem: string
  /** The input in hex, its beginning only when it is long. */
  readonly input: string
}

/** Where a run is, for whoever watches over it from another thread. */
export interface Progress {
  onCase(caseNumber: number): void
}

export interface Slice {
  readonly cases: number
  readonly accepted: number
  readonly failures: readonly Failure[]
  /** Longest time of a case. */
  readonly slowestMs: number
}

/** Memory that a case may take: objects cost more than the bytes that they are read from, RLP most of all. */
const MEMORY_MAX = 16 << 20
const MEMORY_PER_BYTE = 512
/** Time that an input may take for its length: a MiB takes half a second at most. */
const MS_PER_BYTE = 0.5e-3
/** A slow case is repeated: what comes from other processes on the machine does not come twice. */
const RETRIES = 4
const INPUT_SHOWN = 2048
/** Failures of one slice; with more, something is wrong in general. */
const FAILURES_MAX = 3

/** Runs cases from `firstCase` until `durationMs` have passed, or `casesMax` cases. */
export async function runSlice(
  target: Target,
  seed: string,
  inputs: (caseNumber: number) => Uint8Array,
  limits: { readonly firstCase: number; readonly casesMax: number; readonly durationMs: number },
  progress: Progress,
): Promise<Slice> {
  const endMs = performance.now() + limits.durationMs
  const failures: Failure[] = []
  let [cases, accepted, slowestMs] = [0, 0, 0]
  while (cases < limits.casesMax && failures.length < FAILURES_MAX && performance.now() < endMs) {
    const caseNumber = limits.firstCase + cases
    progress.onCase(caseNumber)
    const input = inputs(caseNumber)
    const outcome = await runCase(target, input)
    cases += 1
    slowestMs = Math.max(slowestMs, outcome.timeMs)
    if (outcome.isAccepted) accepted += 1
    if (outcome.problem === undefined) continue
    failures.push({ target: target.name, seed, caseNumber, problem: outcome.problem, input: shown(input) })
  }
  return { cases, accepted, failures, slowestMs }
}

interface Outcome {
  readonly isAccepted: boolean
  readonly timeMs: number
  readonly problem: string | undefined
}

async function runCase(target: Target, input: Uint8Array): Promise<Outcome> {
  const copy = input.slice()
  const timeMsMax = target.timeMsMax + MS_PER_BYTE * input.length
  let outcome = await attempt(target, copy)
  for (let retry = 0; retry < RETRIES && outcome.timeMs > timeMsMax; retry++) {
    const again = await attempt(target, copy)
    if (again.timeMs < outcome.timeMs) outcome = again
  }
  if (outcome.problem !== undefined) return outcome
  if (Buffer.compare(copy, input) !== 0) return { ...outcome, problem: 'the decoder changed its input' }
  const { timeMs } = outcome
  if (timeMs <= timeMsMax) return outcome
  return { ...outcome, problem: `took ${timeMs.toFixed(0)} ms; ${timeMsMax.toFixed(0)} are allowed` }
}

async function attempt(target: Target, input: Uint8Array): Promise<Outcome> {
  const before = memoryInUse()
  const startMs = performance.now()
  const cpu = process.threadCpuUsage()
  let isAccepted = false
  let problem: string | undefined
  try {
    const result = target.run(input)
    // Most targets are done at once; awaiting them would cost more than they do.
    isAccepted = typeof result === 'boolean' ? result : await result
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error
    problem = inspect(error, { depth: 3 }).slice(0, 4000)
  }
  const { user, system } = process.threadCpuUsage(cpu)
  // Of the two the shorter: what this thread waited for a processor is not the decoder's time.
  const timeMs = Math.min(performance.now() - startMs, (user + system) / 1000)
  const taken = memoryInUse() - before
  const allowed = MEMORY_MAX + MEMORY_PER_BYTE * input.length
  if (taken > allowed)
    problem ??= `took ${taken} bytes of memory for an input of ${input.length}; ${allowed} are allowed`
  return { isAccepted, timeMs, problem }
}

/** Of V8's heap and of buffers outside of it. Less than nothing may be taken, when garbage was collected meanwhile. */
function memoryInUse(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}

function shown(input: Uint8Array): string {
  const hex = Buffer.from(input.subarray(0, INPUT_SHOWN)).toString('hex')
  return input.length > INPUT_SHOWN ? `${hex}… (${input.length} bytes)` : hex
}
