/** The engines a node can execute blocks with, by the name that `--engine` takes. */
import { AevirError } from '../primitives/errors.ts'
import { tier0 } from '../../runtime/evm/engine.ts'
import { nativeExecutor, type BlockExecutor } from './executor.ts'

export const ENGINE_NAMES = ['tier0', 'reference'] as const
export type EngineName = (typeof ENGINE_NAMES)[number]

export class UnknownEngineError extends AevirError {
  override readonly code = 'UNKNOWN_ENGINE'
  constructor(name: string) {
    super(`unknown engine ${name}: choose one of ${ENGINE_NAMES.join(', ')}`)
  }
}

/** @throws UnknownEngineError */
export async function createExecutor(name: string): Promise<BlockExecutor> {
  if (name === 'tier0') return nativeExecutor(tier0)
  throw new UnknownEngineError(name)
}
