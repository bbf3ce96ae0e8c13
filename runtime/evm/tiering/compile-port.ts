/**
 * Where tiering has contracts compiled: on the spot in tests, in a thread in a node. Whoever asks has a frame to run and
 * goes on in the interpreter until the answer is there.
 */
import type { EvmFork } from '../opcodes.ts'

/** What may be spent on it was paid with gas. */
export interface CompileBudget {
  /** Of function bodies. */
  readonly bytesMax: number
  /** Of processor time. */
  readonly msMax: number
}

export interface CompileJob {
  readonly code: Uint8Array
  readonly fork: EvmFork
  readonly budget: CompileBudget
}

export interface CompiledCode {
  /** Exports `enter`, see `../tier2/compile.ts`. */
  readonly module: WebAssembly.Module
  /** Of the module. */
  readonly byteCount: number
  /** Processor time that it took. */
  readonly ms: number
  /** The budget ended before the code did: the rest is left to the interpreter. */
  readonly isPartial: boolean
}

export interface CompilePort {
  /**
   * Compiles, and answers once, at once or later: with nothing when it cannot be done. Never throws.
   * @returns `false` when too much waits already; there is no answer then.
   */
  request(job: CompileJob, onDone: (compiled: CompiledCode | undefined) => void): boolean
  /** Gives the answers that are there: a frame may run for long before the event loop has a turn. */
  poll(): void
}
