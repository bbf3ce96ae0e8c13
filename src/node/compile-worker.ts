/** The thread behind {@link BackgroundCompiler}: code in, modules out, one at a time. */
import { workerData, type MessagePort } from 'node:worker_threads'
import { runCompileJob } from '../../runtime/evm/tiering/compile-job.ts'
import type { CompiledCode, CompileJob } from '../../runtime/evm/tiering/compile-port.ts'
import type { CompileAnswer } from './background-compiler.ts'

// Cast: what the main thread starts this one with.
const port = workerData as MessagePort

port.on('message', (job: CompileJob) => {
  const answer: CompileAnswer = attempt(job)
  port.postMessage(answer)
})

function attempt(job: CompileJob): CompileAnswer {
  try {
    const compiled: CompiledCode = runCompileJob(job, processorMs)
    return { compiled }
  } catch (error) {
    return {
      compiled: undefined,
      reason: error instanceof Error ? (error.stack ?? error.message) : 'unknown',
    }
  }
}

/** Of this thread. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
