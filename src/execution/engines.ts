/**
 * The execution engines that a node can be started with, by name. The reference and the compiler are loaded when they
 * are asked for: a node that runs another engine pays nothing for them.
 */
import { AevirError } from '../primitives/errors.ts'
import { tier0 } from '../../runtime/evm/engine.ts'
import { tier1 } from '../../runtime/evm/tier1/engine.ts'
import type { CompileService } from '../../runtime/evm/tier2/code-cache.ts'
import type { Engine } from '../../runtime/host.ts'
import { nativeExecutor, type BlockExecutor } from './executor.ts'
import { nativeSessions, type OpenSession } from './transaction-session.ts'

export const ENGINE_NAMES = ['tier0', 'tier1', 'tier2', 'tiered', 'reference'] as const
export type EngineName = (typeof ENGINE_NAMES)[number]

/** A name that is none of {@link ENGINE_NAMES}. */
export class UnknownEngineError extends AevirError {
  override readonly code = 'UNKNOWN_ENGINE'
  readonly engine: string
  constructor(engine: string) {
    super(`unknown engine "${engine}"; known engines: ${ENGINE_NAMES.join(', ')}`)
    this.engine = engine
  }
}

/** One way to execute: whole blocks, or transactions alone. Both give equal results for equal input. */
interface Execution {
  readonly executor: BlockExecutor
  readonly openSession: OpenSession
}

const LOADERS: Readonly<Record<EngineName, (compile?: CompileService) => Promise<Execution>>> = {
  tier0: async () => native(tier0),
  tier1: async () => native(tier1),
  tier2: async () => {
    const { tier2 } = await import('../../runtime/evm/tier2/engine.ts')
    return native(tier2)
  },
  tiered: async (compile) => {
    const { createTieredEngine } = await import('../../runtime/evm/tier2/engine.ts')
    return native(createTieredEngine(compile))
  },
  reference: async () => {
    const { referenceExecutor } = await import('./reference/reference-executor.ts')
    const { openReferenceSession } = await import('./reference/reference-session.ts')
    return { executor: referenceExecutor, openSession: openReferenceSession }
  },
}

/**
 * The executor of blocks that runs on the named engine.
 * @param compile who compiles what becomes hot; without one it is done on the spot.
 * @throws UnknownEngineError
 */
export async function createExecutor(name: string, compile?: CompileService): Promise<BlockExecutor> {
  return (await load(name, compile)).executor
}

/**
 * Runs single transactions on the named engine.
 * @throws UnknownEngineError
 */
export async function createSessions(name: string): Promise<OpenSession> {
  return (await load(name)).openSession
}

function native(engine: Engine): Execution {
  return { executor: nativeExecutor(engine), openSession: nativeSessions(engine) }
}

async function load(name: string, compile?: CompileService): Promise<Execution> {
  const known = ENGINE_NAMES.find((engine) => engine === name)
  if (known === undefined) throw new UnknownEngineError(name)
  return LOADERS[known](compile)
}
