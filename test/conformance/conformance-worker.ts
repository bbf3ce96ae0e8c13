/** A worker thread of the conformance runner: takes jobs, runs their cases, sends back results in batches. */
import { parentPort, workerData } from 'node:worker_threads'
import { present } from '../../src/primitives/assert.ts'
import type { CaseResult } from './report.ts'
import { SkippedCase, type Case, type Job, type RunOptions } from './suite.ts'
import { loadSuite } from './suite-table.ts'

/** What every job has in common. */
export interface WorkerOptions extends RunOptions {
  /** Only cases whose id contains this run; the others are not even counted. */
  readonly filter: string
}

export type WorkerMessage =
  | { readonly kind: 'results'; readonly results: readonly CaseResult[] }
  /** The worker waits for the next job. */
  | { readonly kind: 'ready' }

const BATCH_SIZE = 64

const port = present(parentPort, 'parent port: this file is a worker thread')
// The runner passes these options when it starts the thread.
const options = workerData as WorkerOptions

const send = (message: WorkerMessage): void => port.postMessage(message)

async function runJob(job: Job): Promise<void> {
  let results: CaseResult[] = []
  const add = (result: CaseResult): void => {
    results.push(result)
    if (results.length < BATCH_SIZE) return
    send({ kind: 'results', results })
    results = []
  }
  try {
    const suite = await loadSuite(job.suite)
    for await (const one of suite.cases(job, options)) {
      if (one.id.includes(options.filter)) add(await runCase(job, one))
    }
  } catch (error) {
    // The files themselves could not be read: a failure of its own, so that no file is lost silently.
    const id = job.files.map(({ label }) => label).join(', ')
    add({ suite: job.suite, id, status: 'failed', reason: describe(error) })
  }
  send({ kind: 'results', results })
}

async function runCase({ suite }: Job, one: Case): Promise<CaseResult> {
  try {
    await one.run()
    return { suite, id: one.id, status: 'passed', reason: '' }
  } catch (error) {
    if (error instanceof SkippedCase) return { suite, id: one.id, status: 'skipped', reason: error.message }
    return { suite, id: one.id, status: 'failed', reason: describe(error) }
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const place = error.stack?.split('\n').find((line) => line.startsWith('    at ')) ?? ''
  return `${error.name}: ${error.message}\n${place.trim()}`
}

port.on('message', (job: Job) => {
  void runJob(job).then(() => send({ kind: 'ready' }))
})
send({ kind: 'ready' })
