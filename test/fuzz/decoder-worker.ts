/**
 * The thread that decodes: round after round, a slice of each target. It says in shared memory which case it is at before
 * it begins it, so that whoever watches can name the case that never ended or took the thread with it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { runSlice } from './engine.ts'
import { TARGETS } from './targets/all.ts'
import { selectTargets, type DecoderTask, type SliceReport, type WorkerNote } from './decoders.ts'

const { seed, names, durationMs, sliceMs, firstCase, casesMax, place } = workerData as DecoderTask
const targets = selectTargets(TARGETS, names)
const endMs = performance.now() + durationMs

function tell(note: WorkerNote): void {
  parentPort?.postMessage(note)
}

process.on('unhandledRejection', (error) => {
  tell({ kind: 'stray', error: String(error instanceof Error ? error.stack : error) })
})

const inputs = targets.map((target) => target.inputs(seed))
const next = targets.map(() => firstCase)
/** Targets that failed have their turn no more: one bug would be reported again and again. */
const failed = new Set<string>()
for (let round = 0; round === 0 || performance.now() < endMs; round++) {
  for (const [index, target] of targets.entries()) {
    if (failed.has(target.name)) continue
    Atomics.store(place, 0, TARGETS.indexOf(target))
    // Indexes of the list of targets, all three.
    const of = inputs[index] as (caseNumber: number) => Uint8Array
    const first = next[index] as number
    const limits = { firstCase: first, casesMax: casesMax ?? Infinity, durationMs: sliceMs }
    const slice = await runSlice(target, seed, of, limits, {
      onCase: (caseNumber) => Atomics.store(place, 1, caseNumber),
    })
    next[index] = first + slice.cases
    if (slice.failures.length > 0) failed.add(target.name)
    const report: SliceReport = { target: target.name, ...slice }
    tell({ kind: 'slice', report })
  }
  if (casesMax !== undefined || failed.size === targets.length) break
}
for (const target of targets) await target.close()
tell({ kind: 'done' })
