/** Compiled contracts by code hash, each compiled on the spot when it first runs; bounded, what came first goes first. */
import type { Hash } from '../../../src/primitives/bytes.ts'
import type { EvmFork } from '../opcodes.ts'
import type { CodeImports } from '../tier1/interpreter-machine.ts'
import type { WasmFrame } from '../wasm/frame.ts'
import { compile, ENTER } from './compile.ts'
import type { RegionLimits } from './region-graph.ts'

/** Code known at the same time. */
const ENTRIES_MAX = 4096
/** Bytes of code of all entries together. */
const CACHED_BYTES_MAX = 64 * 1024 * 1024

/**
 * Bytes of function bodies for one contract: common contracts need a fourth of it, and at the worst it is 0.3 s of
 * compiling. Larger ones are compiled in part, from their beginning on.
 */
const BYTES_MAX = 2 * 1024 * 1024

/** What is compiled of a contract. */
export interface CompilerLimits extends RegionLimits {
  /** Bytes of function bodies. */
  readonly bytesMax?: number
}

/** Goes on with the frame whose record is in place. @returns a status of `layout.ts`. */
type Enter = () => number

/** The module of some code, and its function over the memory that it was entered over last. */
export class CachedCode {
  readonly #module: WebAssembly.Module
  #enter: Enter | undefined
  #imports: CodeImports | undefined

  constructor(code: Uint8Array, fork: EvmFork, limits: CompilerLimits) {
    const { bytes } = compile(code, fork, { limits, bytesMax: limits.bytesMax ?? BYTES_MAX })
    this.#module = new WebAssembly.Module(bytes)
  }

  enterOver(imports: CodeImports): Enter {
    if (this.#enter === undefined || this.#imports !== imports) {
      const { exports } = new WebAssembly.Instance(this.#module, { ...imports })
      // The compiler exports it with this type.
      this.#enter = exports[ENTER] as Enter
      this.#imports = imports
    }
    return this.#enter
  }
}

export class CodeCache {
  readonly #limits: CompilerLimits
  readonly #entries: Readonly<
    Record<EvmFork, Map<Hash, { readonly size: number; readonly code: CachedCode }>>
  > = {
    cancun: new Map(),
    prague: new Map(),
    osaka: new Map(),
  }
  #entryCount = 0
  #byteCount = 0

  constructor(limits: CompilerLimits) {
    this.#limits = limits
  }

  /** A frame's code, compiled; `undefined` for code that has no hash. */
  of({ message, rules }: WasmFrame): CachedCode | undefined {
    const { codeHash, code } = message
    if (codeHash === undefined) return undefined
    const entries = this.#entries[rules.evm]
    const known = entries.get(codeHash)
    if (known !== undefined) return known.code
    const compiled = new CachedCode(code, rules.evm, this.#limits)
    entries.set(codeHash, { size: code.length, code: compiled })
    this.#entryCount += 1
    this.#byteCount += code.length
    for (const [hash, { size }] of entries) {
      if (this.#entryCount <= ENTRIES_MAX && this.#byteCount <= CACHED_BYTES_MAX) break
      entries.delete(hash)
      this.#entryCount -= 1
      this.#byteCount -= size
    }
    return compiled
  }
}
