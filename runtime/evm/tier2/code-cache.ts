/**
 * Compiled contracts by code hash, and when to compile one: once the interpreter has spent so much gas on it that
 * compiling is cheap against that. Whoever provides a {@link CompileService} decides where the work is done; until the
 * module is there, the interpreter goes on.
 */
import type { Hash } from '../../../src/primitives/bytes.ts'
import type { EvmFork } from '../opcodes.ts'
import type { CodeImports } from '../tier1/interpreter-machine.ts'
import type { WasmFrame } from '../wasm/frame.ts'
import { compile, ENTER, REGION_LIMITS } from './compile.ts'
import type { RegionLimits } from './region-graph.ts'

/**
 * Compiles, now or later, and hands the module to `done`, or nothing when it failed or was refused. Must not throw.
 * What takes long is to be done elsewhere: whoever calls this has a frame to run.
 */
export type CompileService = (
  code: Uint8Array,
  fork: EvmFork,
  done: (module: WebAssembly.Module | undefined) => void,
) => void

/** Code known at the same time; what came first goes first. */
const ENTRIES_MAX = 4096
/** Bytes of code, in EVM and in Wasm, of all entries together. */
const CACHED_BYTES_MAX = 64 * 1024 * 1024

/**
 * Bytes of function bodies for one contract: some 60 times the code of common contracts, and at the worst 0.3 s of
 * compiling. Larger ones are compiled in part, from their beginning on.
 */
const BYTES_MAX = 2 * 1024 * 1024

/** The bytes of a module for `code`. */
export function compileCode(
  code: Uint8Array,
  fork: EvmFork,
  limits: RegionLimits = REGION_LIMITS,
): Uint8Array<ArrayBuffer> {
  return compile(code, fork, { limits, bytesMax: BYTES_MAX }).bytes
}

/** Compiles on the spot. */
export function compileNow(limits: RegionLimits = REGION_LIMITS): CompileService {
  return (code, fork, done) => done(new WebAssembly.Module(compileCode(code, fork, limits)))
}

/** Goes on with the frame whose record is in place. @returns a status of `layout.ts`. */
export type Enter = () => number

/** Some code. */
export interface CachedCode {
  readonly size: number
  /** Spent on it by the interpreter. */
  gas: number
  /** Asked for once only. */
  isRequested: boolean
  module: WebAssembly.Module | undefined
  /** The module's function over the memory of {@link imports}. */
  enter: Enter | undefined
  imports: CodeImports | undefined
}

export class CodeCache {
  readonly #compile: CompileService
  readonly #hotGasPerByte: number
  readonly #entries: Readonly<Record<EvmFork, Map<Hash, CachedCode>>> = {
    cancun: new Map(),
    prague: new Map(),
    osaka: new Map(),
  }
  #entryCount = 0
  #byteCount = 0

  /** @param hotGasPerByte gas for each byte of code after which it is compiled; 0 for at once. */
  constructor(compile: CompileService, hotGasPerByte: number) {
    this.#compile = compile
    this.#hotGasPerByte = hotGasPerByte
  }

  /** The entry of a frame's code; `undefined` for code that has no hash. */
  of({ message, rules }: WasmFrame): CachedCode | undefined {
    const { codeHash, code } = message
    if (codeHash === undefined) return undefined
    const entries = this.#entries[rules.evm]
    const known = entries.get(codeHash)
    if (known !== undefined) return known
    const entry = emptyEntry(code.length)
    entries.set(codeHash, entry)
    this.#entryCount += 1
    this.#byteCount += code.length
    this.#trim(entries)
    if (this.#hotGasPerByte === 0) this.#request(entry, code, rules.evm)
    return entry
  }

  /** Notes that the interpreter spent gas on the code of `frame`. */
  heat(entry: CachedCode, { message, rules }: WasmFrame, gas: number): void {
    if (entry.isRequested) return
    entry.gas += gas
    if (entry.gas >= this.#hotGasPerByte * entry.size) this.#request(entry, message.code, rules.evm)
  }

  #request(entry: CachedCode, code: Uint8Array, fork: EvmFork): void {
    entry.isRequested = true
    this.#compile(code, fork, (module) => {
      entry.module = module
    })
  }

  #trim(entries: Map<Hash, CachedCode>): void {
    for (const [hash, { size }] of entries) {
      if (this.#entryCount <= ENTRIES_MAX && this.#byteCount <= CACHED_BYTES_MAX) break
      entries.delete(hash)
      this.#entryCount -= 1
      this.#byteCount -= size
    }
  }
}

/** An entry of code that nothing is known of. */
export function emptyEntry(size: number): CachedCode {
  return { size, gas: 0, isRequested: false, module: undefined, enter: undefined, imports: undefined }
}

/** The way into the code over the memory of `imports`; `undefined` while there is no module. */
export function enterOf(entry: CachedCode, imports: CodeImports): Enter | undefined {
  if (entry.imports === imports) return entry.enter
  if (entry.module === undefined) return undefined
  const { exports } = new WebAssembly.Instance(entry.module, { ...imports })
  entry.imports = imports
  // The compiler exports it with this type.
  entry.enter = exports[ENTER] as Enter
  return entry.enter
}
