/**
 * A process that executes calls for a benchmark on one engine, so that engines do not spoil each other's optimised code
 * and a first run can be had at any time. Argument: the engine's name. Requests and answers: `evm-contestant.ts`.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { openEngine } from './evm-engines.ts'
import { createEthereumJsRunner } from './evm-ethereumjs.ts'
import type { WatchResult, WorkerRequest } from './evm-contestant.ts'
import { compileAlone, createEngineRunner, processorMs, type Runner } from './evm-runner.ts'

const [, , engine = ''] = process.argv
const own = await openEngine(engine)
const runner: Runner = own === undefined ? createEthereumJsRunner() : createEngineRunner(own)

process.on('message', (request: WorkerRequest) => {
  answer(request)
    .catch((error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : '' }))
    .then((message) => process.send?.(message))
    .catch(() => process.exit(1))
})
process.on('disconnect', () => process.exit(0))
process.send?.({})

async function answer(request: WorkerRequest): Promise<{ readonly result: unknown }> {
  switch (request.kind) {
    case 'place':
      await runner.place(request.accounts)
      return { result: null }
    case 'run':
      return { result: await runner.run(request.call, request.count) }
    case 'compile':
      return { result: await compileAlone(engine, request.code) }
    case 'settle':
      return { result: await runner.settle() }
    case 'watch':
      return { result: await watch(request.milliseconds) }
  }
}

/** Turns the event loop without work of our own: what takes processor time then is the engine's. */
async function watch(milliseconds: number): Promise<WatchResult> {
  const end = performance.now() + milliseconds
  let longestTurnMs = 0
  while (performance.now() < end) {
    const before = processorMs()
    await delay(1)
    longestTurnMs = Math.max(longestTurnMs, processorMs() - before)
  }
  return {
    longestTurnMs,
    residentMb: process.memoryUsage.rss() / 1e6,
    // In kibibytes.
    peakResidentMb: (process.resourceUsage().maxRSS * 1024) / 1e6,
  }
}
