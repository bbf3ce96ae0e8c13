/**
 * What tiering knows of contracts, by fork and code hash: the gas that the interpreter spent on each, and the compiled
 * code of those that are hot. Compiling is paid for in advance: a contract gets as many bytes and milliseconds as the gas
 * already spent in it is worth, so that no code, whatever it looks like, makes a node compile for longer than it was paid.
 *
 * Everything is bounded; what was used least recently goes first, and has to become hot again.
 */
import { assert } from '../../../src/primitives/assert.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import type { EvmFork } from '../opcodes.ts'
import type { CompileBudget, CompiledCode, CompilePort } from './compile-port.ts'

/**
 * Gas for a byte of compiled code: emitting one takes 0.2 µs once the compiler is warm, V8 takes as long again, and a node
 * that does 100 million gas a second has 0.4 µs for 40 gas.
 */
const GAS_PER_COMPILED_BYTE = 40
/** Gas for a millisecond: half of that speed, since a compiler that just started is slower. */
const GAS_PER_MS = 50_000
/** What the first contract may take at least: it pays for the compiler's own start. */
const MS_MIN = 20
const MS_MAX = 2000
/** Bytes for one contract; the rest of it stays interpreted. */
const COMPILED_BYTES_MAX = 2 * 1024 * 1024
/** Code becomes hot at so much gas for each of its bytes: common contracts become 50 times larger. */
const HOT_GAS_PER_BYTE = 50 * GAS_PER_COMPILED_BYTE
const HOT_GAS_MIN = 200_000
/** When the budget was too small for all of it: the next try after so many times the gas. All tries together cost 4/3. */
const RETRY_FACTOR = 4

/** Contracts that are known; of more, the half that was not used for longer is forgotten. */
const KNOWN_MAX = 4096
/** Bytes of all compiled code together. V8 holds about as much again for what has run. */
const CACHED_BYTES_MAX = 64 * 1024 * 1024

export interface TieringLimits {
  readonly hotGasPerByte: number
  readonly hotGasMin: number
  /** What any contract may have, whatever was paid. */
  readonly compiledBytesMin: number
  readonly knownMax: number
  readonly cachedBytesMax: number
}

/** Everything is compiled, all of it, before it first runs: for tests. */
export const EAGER_LIMITS: Partial<TieringLimits> = {
  hotGasPerByte: 0,
  hotGasMin: 0,
  compiledBytesMin: COMPILED_BYTES_MAX,
}

const LIMITS: TieringLimits = {
  hotGasPerByte: HOT_GAS_PER_BYTE,
  hotGasMin: HOT_GAS_MIN,
  compiledBytesMin: 0,
  knownMax: KNOWN_MAX,
  cachedBytesMax: CACHED_BYTES_MAX,
}

/** A contract's code. */
export interface KnownCode {
  readonly fork: EvmFork
  readonly hash: Hash
  readonly code: Uint8Array
  /** Spent by the interpreter. */
  gas: number
  /** At so much gas it is compiled; infinite while it is, and when there is nothing more to be gained. */
  hotGas: number
  compiled: CompiledCode | undefined
  /** What the engine made of {@link compiled}; it drops it with the memory that it works on. */
  enter: (() => number) | undefined
  /** Counts up with every use of any code. */
  usedAt: number
}

/** A contract that was hot, as a node remembers it beyond its own life. */
export interface HotCode {
  readonly fork: EvmFork
  readonly hash: Hash
  /** Spent on it before it was compiled. */
  readonly gas: number
}

export interface CompileStatistics {
  /** Contracts with compiled code, and its bytes. */
  readonly cachedContracts: number
  readonly cachedBytes: number
  /** Since the start: compilations, those that failed, bytes that came out, and processor time. */
  readonly compilations: number
  readonly failures: number
  readonly bytes: number
  readonly ms: number
}

export class HotCodes {
  readonly #port: CompilePort
  readonly #limits: TieringLimits
  readonly #known: Readonly<Record<EvmFork, Map<Hash, KnownCode>>> = {
    cancun: new Map(),
    prague: new Map(),
    osaka: new Map(),
  }
  #knownCount = 0
  #uses = 0
  #last: KnownCode | undefined
  readonly #counts = { cachedContracts: 0, cachedBytes: 0, compilations: 0, failures: 0, bytes: 0, ms: 0 }
  /** Something was compiled. */
  onCompiled: (() => void) | undefined

  constructor(port: CompilePort, limits: Partial<TieringLimits> = {}) {
    this.#port = port
    this.#limits = { ...LIMITS, ...limits }
  }

  get statistics(): CompileStatistics {
    return { ...this.#counts }
  }

  // Hot: twice a frame.
  of(fork: EvmFork, hash: Hash, code: Uint8Array): KnownCode {
    const last = this.#last
    const known =
      last !== undefined && last.hash === hash && last.fork === fork
        ? last
        : (this.#known[fork].get(hash) ?? this.#add(fork, hash, code))
    this.#uses += 1
    known.usedAt = this.#uses
    this.#last = known
    return known
  }

  /** The interpreter spent gas on it. */
  heat(known: KnownCode, gas: number): void {
    known.gas += gas
    if (known.gas >= known.hotGas) this.#compile(known)
  }

  /** Code that was hot when the node last ran. A profile may say what it likes: the caps hold. */
  warm(fork: EvmFork, hash: Hash, code: Uint8Array, gas: number): void {
    const known = this.of(fork, hash, code)
    this.heat(known, Math.min(gas, COMPILED_BYTES_MAX * GAS_PER_COMPILED_BYTE))
  }

  /** Contracts with compiled code, those first that were used last. */
  hottest(countMax: number): readonly HotCode[] {
    return this.#compiled()
      .sort((a, b) => b.usedAt - a.usedAt)
      .slice(0, countMax)
      .map(({ fork, hash, gas }) => ({ fork, hash, gas }))
  }

  /** The memory is gone over which code was entered. */
  dropEntries(): void {
    for (const known of this.#compiled()) known.enter = undefined
  }

  /** Gives the answers that the port has. */
  poll(): void {
    this.#port.poll()
  }

  /** It cannot be run: it stays interpreted for good. */
  giveUp(known: KnownCode): void {
    this.#counts.failures += 1
    this.#drop(known)
    known.hotGas = Infinity
  }

  #add(fork: EvmFork, hash: Hash, code: Uint8Array): KnownCode {
    if (this.#knownCount >= this.#limits.knownMax) this.#forget()
    const known: KnownCode = {
      fork,
      hash,
      code,
      gas: 0,
      hotGas: Math.max(this.#limits.hotGasMin, this.#limits.hotGasPerByte * code.length),
      compiled: undefined,
      enter: undefined,
      usedAt: 0,
    }
    this.#known[fork].set(hash, known)
    this.#knownCount += 1
    // In tests only: whoever has hot limits of 0.
    if (known.hotGas === 0) this.#compile(known)
    return known
  }

  #compile(known: KnownCode): void {
    const { code, fork } = known
    const hotGas = known.hotGas
    known.hotGas = Infinity
    const budget = budgetOf(known.gas, this.#limits.compiledBytesMin)
    const isTaken = this.#port.request({ code, fork, budget }, (compiled) => {
      this.#counts.compilations += 1
      if (compiled === undefined) this.giveUp(known)
      else this.#put(known, compiled, budget)
    })
    // Later again: it pays for that as well.
    if (!isTaken) known.hotGas = 2 * Math.max(hotGas, known.gas)
  }

  #put(known: KnownCode, compiled: CompiledCode, budget: CompileBudget): void {
    this.#counts.bytes += compiled.byteCount
    this.#counts.ms += compiled.ms
    // It was forgotten meanwhile.
    if (this.#known[known.fork].get(known.hash) !== known) return
    this.#drop(known)
    known.compiled = compiled
    this.#counts.cachedContracts += 1
    this.#counts.cachedBytes += compiled.byteCount
    const canGainMore = compiled.isPartial && budget.bytesMax < COMPILED_BYTES_MAX
    if (canGainMore) known.hotGas = RETRY_FACTOR * known.gas
    this.#trim(known)
    this.onCompiled?.()
  }

  #drop(known: KnownCode): void {
    if (known.compiled === undefined) return
    this.#counts.cachedContracts -= 1
    this.#counts.cachedBytes -= known.compiled.byteCount
    known.compiled = undefined
    known.enter = undefined
  }

  /** Makes room in the cache; code that lost its place becomes hot anew. */
  #trim(kept: KnownCode): void {
    if (this.#counts.cachedBytes <= this.#limits.cachedBytesMax) return
    for (const known of this.#compiled().sort((a, b) => a.usedAt - b.usedAt)) {
      if (this.#counts.cachedBytes <= this.#limits.cachedBytesMax) return
      if (known === kept) continue
      this.#drop(known)
      known.hotGas = known.gas + Math.max(this.#limits.hotGasMin, known.gas)
    }
  }

  #forget(): void {
    const all = Object.values(this.#known).flatMap((codes) => [...codes.values()])
    all.sort((a, b) => a.usedAt - b.usedAt)
    for (const known of all.slice(0, Math.ceil(all.length / 2))) {
      this.#drop(known)
      this.#known[known.fork].delete(known.hash)
      this.#knownCount -= 1
    }
    this.#last = undefined
    assert(this.#knownCount < this.#limits.knownMax, 'half of it was forgotten')
  }

  #compiled(): KnownCode[] {
    return Object.values(this.#known).flatMap((codes) =>
      [...codes.values()].filter(({ compiled }) => compiled !== undefined),
    )
  }
}

function budgetOf(gas: number, bytesMin: number): CompileBudget {
  const bytesMax = Math.min(COMPILED_BYTES_MAX, Math.floor(gas / GAS_PER_COMPILED_BYTE))
  return {
    bytesMax: Math.max(bytesMin, bytesMax),
    msMax: Math.min(MS_MAX, Math.max(MS_MIN, gas / GAS_PER_MS)),
  }
}
