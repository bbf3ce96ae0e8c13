/**
 * The execution engines that a node can be started with, by name. Each is loaded when it is asked for: a node that runs
 * another one pays nothing for it.
 */
import { AevirError } from '../primitives/errors.ts'
import type { TieredEngine, TieringOptions } from '../../runtime/evm/tiering/engine.ts'
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
export interface Execution {
  readonly executor: BlockExecutor
  readonly openSession: OpenSession
  /** Of `tiered`. */
  readonly tiered?: TieredEngine
}

const LOADERS: Readonly<Record<EngineName, (tiering?: TieringOptions) => Promise<Execution>>> = {
  tier0: async () => {
    const { tier0 } = await import('../../runtime/evm/engine.ts')
    return native(tier0)
  },
  tier1: async () => {
    const { tier1 } = await import('../../runtime/evm/tier1/engine.ts')
    return native(tier1)
  },
  tier2: async () => {
    const { tier2 } = await import('../../runtime/evm/tier2/engine.ts')
    return native(tier2)
  },
  tiered: async (tiering) => {
    const { createTieredEngine } = await import('../../runtime/evm/tiering/engine.ts')
    const tiered = createTieredEngine(tiering ?? (await compilingHere()))
    return { ...native(tiered), tiered }
  },
  reference: async () => {
    const { referenceExecutor } = await import('./reference/reference-executor.ts')
    const { openReferenceSession } = await import('./reference/reference-session.ts')
    return { executor: referenceExecutor, openSession: openReferenceSession }
  },
}

/** @throws UnknownEngineError */
export function engineNameOf(name: string): EngineName {
  const known = ENGINE_NAMES.find((engine) => engine === name)
  if (known === undefined) throw new UnknownEngineError(name)
  return known
}

/**
 * @param tiering of the engine `tiered`; without it, what is hot is compiled on the spot.
 * @throws UnknownEngineError
 */
export async function createExecution(name: string, tiering?: TieringOptions): Promise<Execution> {
  return LOADERS[engineNameOf(name)](tiering)
}

/**
 * The executor of blocks that runs on the named engine.
 * @throws UnknownEngineError
 */
export async function createExecutor(name: string): Promise<BlockExecutor> {
  return (await createExecution(name)).executor
}

/**
 * Runs single transactions on the named engine.
 * @throws UnknownEngineError
 */
export async function createSessions(name: string): Promise<OpenSession> {
  return (await createExecution(name)).openSession
}

function native(engine: Engine): Execution {
  return { executor: nativeExecutor(engine), openSession: nativeSessions(engine) }
}

async function compilingHere(): Promise<TieringOptions> {
  const { immediatePort } = await import('../../runtime/evm/tiering/compile-job.ts')
  return { port: immediatePort() }
}
