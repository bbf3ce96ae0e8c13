/** Runs the decoders' fuzzer on a thread of its own and watches over it: no case may hang, or take the thread with it. */
import { Worker } from 'node:worker_threads'
import type { Failure, Slice } from './engine.ts'
import type { Target } from './target.ts'

export interface DecoderTask {
  readonly seed: string
  /** Of targets, or beginnings of them; none for all. */
  readonly names: readonly string[]
  readonly durationMs: number
  /** Time for one target before it is the next one's turn. */
  readonly sliceMs: number
  readonly firstCase: number
  /** Cases of each target; `undefined` for as many as time allows. */
  readonly casesMax: number | undefined
  /** Index of the target, number of the case. */
  readonly place: Int32Array
}

export type SliceReport = Slice & { readonly target: string }

export type WorkerNote =
  | { readonly kind: 'slice'; readonly report: SliceReport }
  /** A rejection that nobody waited for. */
  | { readonly kind: 'stray'; readonly error: string }
  | { readonly kind: 'done' }

export interface Tally {
  cases: number
  accepted: number
  slowestMs: number
}

export interface DecoderOutcome {
  readonly tallies: ReadonlyMap<string, Tally>
  readonly failures: readonly Failure[]
}

/** A case that takes so long never ends. */
const HANG_MS = 60_000
/** Of the thread: far more than any input may take, far less than the machine has. */
const HEAP_MB_MAX = 768

/** Targets by name or beginning of a name. */
export function selectTargets(targets: readonly Target[], names: readonly string[]): readonly Target[] {
  if (names.length === 0) return targets
  return targets.filter((target) => names.some((name) => target.name.startsWith(name)))
}

/** @param onSlice hears of each slice when it is over. */
export async function fuzzDecoders(
  targets: readonly Target[],
  task: Omit<DecoderTask, 'place'>,
  onSlice: (report: SliceReport) => void,
): Promise<DecoderOutcome> {
  const place = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(new URL('./decoder-worker.ts', import.meta.url), {
    workerData: { ...task, place } satisfies DecoderTask,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  })
  const tallies = new Map<string, Tally>()
  const failures: Failure[] = []
  const fail = (problem: string): void => {
    const [index, caseNumber] = [Atomics.load(place, 0), Atomics.load(place, 1)]
    const name = targets[index]?.name ?? 'none'
    failures.push({ target: name, seed: task.seed, caseNumber, problem, input: '(see the case)' })
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  const watch = watchPlace(place, () => {
    fail(`the case did not end within ${HANG_MS} ms`)
    resolve()
  })
  worker.on('message', (note: WorkerNote) => {
    if (note.kind === 'slice') {
      count(tallies, note.report)
      failures.push(...note.report.failures)
      onSlice(note.report)
    } else if (note.kind === 'stray') fail(`a rejection that nobody waited for: ${note.error}`)
    else resolve()
  })
  worker.on('error', (error) => {
    fail(`the thread ended: ${error instanceof Error ? error.stack : String(error)}`)
    resolve()
  })
  worker.on('exit', () => resolve())
  await promise
  clearInterval(watch)
  await worker.terminate()
  return { tallies, failures }
}

function watchPlace(place: Int32Array, onHang: () => void): NodeJS.Timeout {
  let last = ''
  let sinceMs = performance.now()
  return setInterval(() => {
    const now = `${Atomics.load(place, 0)} ${Atomics.load(place, 1)}`
    if (now !== last) [last, sinceMs] = [now, performance.now()]
    else if (performance.now() - sinceMs > HANG_MS) onHang()
  }, 500)
}

function count(tallies: Map<string, Tally>, { target, cases, accepted, slowestMs }: SliceReport): void {
  const tally = tallies.get(target) ?? { cases: 0, accepted: 0, slowestMs: 0 }
  tally.cases += cases
  tally.accepted += accepted
  tally.slowestMs = Math.max(tally.slowestMs, slowestMs)
  tallies.set(target, tally)
}
