/** The engines that `--engine` can name, as the suites need them. */
import { tier0 } from '../../runtime/evm/engine.ts'
import type { Engine } from '../../runtime/host.ts'
import { ENGINE_NAMES, UnknownEngineError, type EngineName } from '../../src/execution/engines.ts'
import { SkippedCase } from './suite.ts'

/** @throws UnknownEngineError */
export function engineNameOf(name: string): EngineName {
  const found = ENGINE_NAMES.find((known) => known === name)
  if (found === undefined) throw new UnknownEngineError(name)
  return found
}

/** @throws SkippedCase for the reference, which runs whole blocks only. */
export function transactionEngine(name: string): Engine {
  if (engineNameOf(name) === 'tier0') return tier0
  throw new SkippedCase(`the engine ${name} runs whole blocks, not single transactions`)
}
