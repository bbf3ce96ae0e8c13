/** Runs jobs on worker threads, one job a thread at a time. A thread that dies costs its job, not the run. */
import { Worker } from 'node:worker_threads'
import type { WorkerMessage, WorkerOptions } from './conformance-worker.ts'
import type { CaseResult } from './report.ts'
import type { Job } from './suite.ts'

const WORKER_URL = new URL('conformance-worker.ts', import.meta.url)

/** Resolves when every job has run. @param threadCount at least 1. */
export async function runJobs(
  jobs: readonly Job[],
  threadCount: number,
  options: WorkerOptions,
  add: (results: readonly CaseResult[]) => void,
): Promise<void> {
  const queue = [...jobs]
  const threads = Math.min(threadCount, queue.length)
  await Promise.all(Array.from({ length: threads }, () => runThread(queue, options, add)))
}

/** Takes jobs off the queue until it is empty, on one thread after another. */
async function runThread(
  queue: Job[],
  options: WorkerOptions,
  add: (results: readonly CaseResult[]) => void,
): Promise<void> {
  while (queue.length > 0) {
    const lost = await runUntilDeath(queue, options, add)
    if (lost === undefined) return
    const id = lost.job.files.map(({ label }) => label).join(', ')
    add([
      {
        suite: lost.job.suite,
        id,
        status: 'failed',
        reason: `the worker thread died: ${lost.error.message}`,
      },
    ])
  }
}

/** `undefined` when the queue is done, or the job that killed the thread. */
function runUntilDeath(
  queue: Job[],
  options: WorkerOptions,
  add: (results: readonly CaseResult[]) => void,
): Promise<{ job: Job; error: Error } | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<{ job: Job; error: Error } | undefined>()
  const worker = new Worker(WORKER_URL, { workerData: options })
  let current: Job | undefined
  worker.on('message', (message: WorkerMessage) => {
    if (message.kind === 'results') {
      add(message.results)
      return
    }
    current = queue.shift()
    if (current !== undefined) worker.postMessage(current)
    else void worker.terminate().then(() => resolve(undefined))
  })
  worker.on('error', (error: Error) => {
    if (current === undefined) reject(error)
    else resolve({ job: current, error })
  })
  return promise
}
