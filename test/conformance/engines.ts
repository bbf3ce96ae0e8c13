/** The engines that `--engine` can name. */
import { tier0 } from '../../runtime/evm/engine.ts'
import type { Engine } from '../../runtime/host.ts'
import { nativeExecutor, type BlockExecutor } from '../../src/execution/executor.ts'
import { SkippedCase } from './suite.ts'

/** @throws SkippedCase for executors of whole blocks, which cannot run a transaction alone. */
export function engineNamed(name: string): Engine {
  if (name === tier0.name) return tier0
  throw new SkippedCase(`the engine ${name} does not run single transactions`)
}

export function executorNamed(name: string): BlockExecutor {
  return nativeExecutor(engineNamed(name))
}
