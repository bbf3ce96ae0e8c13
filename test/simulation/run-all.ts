/** Many worlds, here or on threads, told of in the order of their seeds. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { runSeed, type SeedOptions, type SeedResult } from './run-seed.ts'

/** @param onResult in the order of `all`, whichever thread was faster. */
export async function runAll(
  all: readonly SeedOptions[],
  jobs: number,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  if (jobs === 1) {
    for (const options of all) onResult(await runSeed(options))
    return
  }
  const early = new Map<number, SeedResult>()
  let nextToTell = 0
  let nextToRun = 0
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL('worker.ts', import.meta.url))
    for (let index = nextToRun++; index < all.length; index = nextToRun++) {
      worker.postMessage(all[index])
      // `once` throws what the thread threw. The message is what worker.ts posts.
      const [result] = (await once(worker, 'message')) as [SeedResult]
      early.set(index, result)
      for (let due = early.get(nextToTell); due !== undefined; due = early.get(nextToTell)) {
        early.delete(nextToTell)
        nextToTell += 1
        onResult(due)
      }
    }
    await worker.terminate()
  }
  await Promise.all(Array.from({ length: Math.min(jobs, all.length) }, work))
}
