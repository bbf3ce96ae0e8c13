/**
 * The engine of a process, with what surrounds it in a node: the thread that compiles, and the profile of what was hot,
 * which outlives the process. All nodes of a process share one.
 */
import { closeSync, mkdirSync, openSync, readSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { TieredEngine } from '../../runtime/evm/tiering/engine.ts'
import { createExecution, engineNameOf } from '../execution/engines.ts'
import type { BlockExecutor } from '../execution/executor.ts'
import { present } from '../primitives/assert.ts'
import type { StateReader } from '../state/state-reader.ts'
import { CorruptDatabaseError } from '../storage/database-errors.ts'
import type { BackgroundCompiler } from './background-compiler.ts'

/** Of the profile, beside the database. */
export const PROFILE_FILE_NAME = 'hot-contracts.txt'
/** More than {@link PROFILE_MAX} lines have. */
const PROFILE_BYTES_MAX = 64 * 1024
/** What becomes hot within this time is written together. */
const WRITE_DELAY_MS = 10_000
/** Behind the start, so that the first answers do not wait for what only contracts need. */
const PREPARE_DELAY_MS = 200

export interface NodeEngineOptions {
  /** Where the profile is kept; `undefined` for nowhere. */
  readonly profile: string | undefined
  /** Something failed that no caller waits for. */
  onError(error: unknown): void
}

export interface NodeEngine {
  readonly executor: BlockExecutor
  /** Has compiled what was hot when the process ended that wrote the profile, and soon makes what all contracts run on. */
  warmUp(state: StateReader): Promise<void>
  close(): Promise<void>
}

/**
 * @param engine by name, or the executor of another node in this process, which closes what belongs to it.
 * @throws UnknownEngineError
 */
export async function openNodeEngine(
  engine: string | BlockExecutor,
  options: NodeEngineOptions,
): Promise<NodeEngine> {
  if (typeof engine !== 'string') return withoutCompiler(engine)
  if (engineNameOf(engine) !== 'tiered') return withoutCompiler((await createExecution(engine)).executor)
  const { BackgroundCompiler } = await import('./background-compiler.ts')
  const port = new BackgroundCompiler((error) => options.onError(error))
  // A hash that is remembered takes 16 ns, one that is not 7 more than without: worth it once 4 of 100 come again, as do
  // the keys of a transaction that is estimated, proposed and verified.
  const { executor, tiered } = await createExecution(engine, { port, remembersHashes: true })
  return new TieredNodeEngine(executor, present(tiered, 'the tiered engine'), port, options)
}

function withoutCompiler(executor: BlockExecutor): NodeEngine {
  return { executor, warmUp: async () => undefined, close: async () => undefined }
}

class TieredNodeEngine implements NodeEngine {
  readonly executor: BlockExecutor
  readonly #tiered: TieredEngine
  readonly #compiler: BackgroundCompiler
  readonly #options: NodeEngineOptions
  #writing: NodeJS.Timeout | undefined
  #preparing: NodeJS.Timeout | undefined

  constructor(
    executor: BlockExecutor,
    tiered: TieredEngine,
    compiler: BackgroundCompiler,
    options: NodeEngineOptions,
  ) {
    this.executor = executor
    this.#tiered = tiered
    this.#compiler = compiler
    this.#options = options
    if (options.profile !== undefined) tiered.codes.onCompiled = () => this.#writeLater()
  }

  async warmUp(state: StateReader): Promise<void> {
    this.#preparing ??= setTimeout(() => this.#prepare(), PREPARE_DELAY_MS).unref()
    const text = readProfile(this.#options.profile)
    if (text === undefined) return
    const { parseProfile } = await import('../../runtime/evm/tiering/hot-profile.ts')
    for (const { fork, hash, gas } of parseProfile(text)) {
      const code = codeOf(state, hash)
      if (code !== undefined && code.length > 0) this.#tiered.codes.warm(fork, hash, code, gas)
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#preparing)
    if (this.#writing !== undefined) {
      clearTimeout(this.#writing)
      await this.#write()
    }
    this.#tiered.codes.onCompiled = undefined
    await this.#compiler.close()
  }

  #prepare(): void {
    try {
      this.#tiered.prepare()
    } catch (error) {
      // The machine has no memory left: blocks will say so.
      this.#options.onError(error)
    }
  }

  #writeLater(): void {
    this.#writing ??= setTimeout(() => void this.#write(), WRITE_DELAY_MS).unref()
  }

  /** Whole or not at all. */
  async #write(): Promise<void> {
    this.#writing = undefined
    const { profile } = this.#options
    if (profile === undefined) return
    const { formatProfile, PROFILE_MAX } = await import('../../runtime/evm/tiering/hot-profile.ts')
    const text = formatProfile(this.#tiered.codes.hottest(PROFILE_MAX))
    try {
      mkdirSync(dirname(profile), { recursive: true })
      writeFileSync(`${profile}.new`, text)
      renameSync(`${profile}.new`, profile)
    } catch (error) {
      // A full disk, a read-only one: the node starts slower the next time.
      this.#options.onError(error)
    }
  }
}

function readProfile(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  const bytes = new Uint8Array(PROFILE_BYTES_MAX)
  try {
    const file = openSync(path, 'r')
    try {
      const size = readSync(file, bytes, 0, bytes.length, 0)
      return new TextDecoder('latin1').decode(bytes.subarray(0, size))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    // There is none, or it is a directory: then nothing was hot.
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}

/** The profile may be older than the chain, or that of another one: not every code it names is there. */
function codeOf(state: StateReader, hash: Parameters<StateReader['code']>[0]): Uint8Array | undefined {
  try {
    return state.code(hash)
  } catch (error) {
    if (error instanceof CorruptDatabaseError) return undefined
    throw error
  }
}
