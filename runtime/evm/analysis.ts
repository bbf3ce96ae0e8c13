/**
 * What is found out about code once, before its first run: where a jump may land, and the code with zeros behind it,
 * so that running past its end meets STOP and an immediate cut off by the end reads zeros, without a check.
 */
import type { Hash } from '../../src/primitives/bytes.ts'

const JUMPDEST = 0x5b
const PUSH1 = 0x60
const PUSH32 = 0x7f

/** A PUSH32 as the last byte, its immediate, and a STOP. */
const PADDING = 33

/** Code kept for reuse, in bytes. An entry weighs up to some 40 times its code, if it is nothing but PUSH2. */
const CACHED_BYTES_MAX = 4 * 1024 * 1024
const CACHED_ENTRIES_MAX = 4096

export interface Analysis {
  /** The code and {@link PADDING} zeros. */
  readonly code: Uint8Array
  /** 1 where a jump may land. As long as the code itself, without padding. */
  readonly jumpdests: Uint8Array
  /** Values of immediates by their offset, filled when first pushed: a PUSH32 costs 8 ns instead of 200. */
  readonly immediates: Map<number, bigint>
}

/** Marks each JUMPDEST that is an instruction, not part of an immediate. */
export function analyze(code: Uint8Array): Analysis {
  const padded = new Uint8Array(code.length + PADDING)
  padded.set(code)
  const jumpdests = new Uint8Array(code.length)
  for (let i = 0; i < code.length; i++) {
    const opcode = padded[i] as number
    if (opcode === JUMPDEST) jumpdests[i] = 1
    else if (opcode >= PUSH1 && opcode <= PUSH32) i += opcode - PUSH1 + 1
  }
  return { code: padded, jumpdests, immediates: new Map() }
}

/** The `size` bytes behind a PUSH as a word. */
export function immediateAt(analysis: Analysis, offset: number, size: number): bigint {
  const known = analysis.immediates.get(offset)
  if (known !== undefined) return known
  const value = BigInt(`0x${analysis.code.subarray(offset, offset + size).toHex()}`)
  analysis.immediates.set(offset, value)
  return value
}

/** Analyses by code hash; what was not asked for longest goes first. */
export interface AnalysisCache {
  readonly entries: Map<Hash, Analysis>
  /** Sum of the lengths of all code in it. */
  byteCount: number
}

export function createAnalysisCache(): AnalysisCache {
  return { entries: new Map(), byteCount: 0 }
}

/** The analysis of `code`, whose hash is `codeHash`; without a hash it is made anew and not kept. */
export function analysisOf(cache: AnalysisCache, code: Uint8Array, codeHash: Hash | undefined): Analysis {
  if (codeHash === undefined) return analyze(code)
  const { entries } = cache
  const known = entries.get(codeHash)
  if (known !== undefined) {
    // A map iterates in the order of insertion: the newest goes to the end.
    entries.delete(codeHash)
    entries.set(codeHash, known)
    return known
  }
  const analysis = analyze(code)
  entries.set(codeHash, analysis)
  cache.byteCount += code.length
  for (const [hash, oldest] of entries) {
    if (cache.byteCount <= CACHED_BYTES_MAX && entries.size <= CACHED_ENTRIES_MAX) break
    entries.delete(hash)
    cache.byteCount -= oldest.jumpdests.length
  }
  return analysis
}
