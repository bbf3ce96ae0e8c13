/**
 * Bytes, hex and unsigned integers, and the conversions between them.
 *
 * Identifiers that are compared, used as map keys and printed (addresses, hashes) are lower-case hex strings
 * with a brand; payloads (code, call data, encodings) are `Uint8Array`; words of the EVM are `bigint`.
 */
import { assert } from './assert.ts'
import { AevirError } from './errors.ts'
import { KnownHex } from './known-hex.ts'

/** `0x` followed by an even number of lower-case hex digits. */
export type Hex = `0x${string}`
/** 20 bytes as {@link Hex}. */
export type Address = Hex & { readonly brand: 'Address' }
/** 32 bytes as {@link Hex}. */
export type Hash = Hex & { readonly brand: 'Hash' }

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0)
export const ZERO_ADDRESS = `0x${'00'.repeat(20)}` as Address
export const ZERO_HASH = `0x${'00'.repeat(32)}` as Hash
/** 2²⁵⁶ − 1. */
export const WORD_MAX: bigint = (1n << 256n) - 1n
/** 2⁶⁴ − 1. */
export const UINT64_MAX: bigint = (1n << 64n) - 1n

/** The value of each hex digit by its character code; {@link NO_DIGIT} for what is none. */
const NO_DIGIT = 0x80
const DIGIT_VALUES = new Uint8Array(256).fill(NO_DIGIT)
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16)
  DIGIT_VALUES[digit.charCodeAt(0)] = value
  DIGIT_VALUES[digit.toUpperCase().charCodeAt(0)] = value
}
/** Bytes that are decoded digit by digit; more are left to the platform, whose call costs as much as these. */
const SHORT_HEX_SIZE = 64
const WORD_SIZE = 32
const MASK_64 = (1n << 64n) - 1n
/** Where integers become bytes and bytes become integers. */
const scratch = new Uint8Array(WORD_SIZE)
const scratchView = new DataView(scratch.buffer)

export class HexError extends AevirError {
  override readonly code = 'INVALID_HEX'
}

/** Hex of any bytes. */
export function bytesToHex(bytes: Uint8Array): Hex {
  return `0x${bytes.toHex()}`
}

/**
 * Bytes of hex in either case. @throws HexError on a missing prefix, an odd length or a digit that is none.
 * Hot: every address and hash passes here on its way to a key or an encoding. 0.1 µs for 20 bytes; `Uint8Array.fromHex`,
 * which allocates outside of the heap, takes 0.5.
 */
export function hexToBytes(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || !hex.startsWith('0x')) throw invalidHex(hex)
  const bytes = new Uint8Array(hex.length / 2 - 1)
  if (!writeHex(hex, bytes, 0)) throw invalidHex(hex)
  return bytes
}

/**
 * Writes the bytes of `hex`, whose prefix and even length are the caller's to know, at `offset`.
 * @returns whether all of its digits are digits.
 */
export function writeHex(hex: string, out: Uint8Array, offset: number): boolean {
  const size = hex.length / 2 - 1
  if (size > SHORT_HEX_SIZE) return writeLongHex(hex, out.subarray(offset, offset + size))
  let seen = 0
  for (let i = 0, at = 2; i < size; i++, at += 2) {
    const high = DIGIT_VALUES[hex.charCodeAt(at)] ?? NO_DIGIT
    const low = DIGIT_VALUES[hex.charCodeAt(at + 1)] ?? NO_DIGIT
    seen |= high | low
    out[offset + i] = (high << 4) | low
  }
  return seen < NO_DIGIT
}

function writeLongHex(hex: string, out: Uint8Array): boolean {
  try {
    out.setFromHex(hex.slice(2))
    return true
  } catch {
    // What is left to fail is a digit.
    return false
  }
}

function invalidHex(hex: string): HexError {
  return new HexError(`invalid hex: ${abbreviate(hex)}`)
}

/** Those of some 20,000 accounts, and 3 MB. */
const knownAddresses = new KnownHex(20, 2 ** 15)

/** @param bytes exactly 20 bytes. @throws HexError otherwise. */
export function bytesToAddress(bytes: Uint8Array): Address {
  if (bytes.length !== 20) throw new HexError(`an address has 20 bytes, not ${bytes.length}`)
  return knownAddresses.at(bytes, 0) as Address
}

/** @param bytes exactly 32 bytes. @throws HexError otherwise. */
export function bytesToHash(bytes: Uint8Array): Hash {
  if (bytes.length !== 32) throw new HexError(`a hash has 32 bytes, not ${bytes.length}`)
  return bytesToHex(bytes) as Hash
}

/** An address given as hex in either case. @throws HexError when it is not 20 bytes of hex. */
export function toAddress(hex: string): Address {
  return bytesToAddress(hexToBytes(hex))
}

/** A hash given as hex in either case. @throws HexError when it is not 32 bytes of hex. */
export function toHash(hex: string): Hash {
  return bytesToHash(hexToBytes(hex))
}

/** The low 160 bits of a word as an address. */
export function wordToAddress(word: bigint): Address {
  return `0x${BigInt.asUintN(160, word).toString(16).padStart(40, '0')}` as Address
}

/** A word, 0 ≤ word < 2²⁵⁶, as a hash. */
export function wordToHash(word: bigint): Hash {
  return `0x${word.toString(16).padStart(64, '0')}` as Hash
}

/** Big-endian unsigned integer; empty bytes are 0. Hot: decoding has several of them in each transaction. */
export function bytesToBigint(bytes: Uint8Array): bigint {
  const size = bytes.length
  if (size <= 6) return BigInt(bytesToNumber(bytes, 0, size))
  if (size > WORD_SIZE) return BigInt(`0x${bytes.toHex()}`)
  scratch.fill(0, 0, WORD_SIZE - size)
  for (let i = 0; i < size; i++) scratch[WORD_SIZE - size + i] = bytes[i] as number
  return readWord(scratchView, 0, size)
}

/** Big-endian unsigned integer of at most 6 bytes. */
function bytesToNumber(bytes: Uint8Array, start: number, end: number): number {
  let value = 0
  for (let i = start; i < end; i++) value = value * 256 + (bytes[i] as number)
  return value
}

/** The word at `offset`, of which no more than the last `size` bytes are set. 55 ns; through hex it is 150. */
function readWord(view: DataView, offset: number, size: number): bigint {
  const low = view.getBigUint64(offset + 24)
  if (size <= 8) return low
  const lowHalf = (view.getBigUint64(offset + 16) << 64n) | low
  if (size <= 16) return lowHalf
  return (((view.getBigUint64(offset) << 64n) | view.getBigUint64(offset + 8)) << 128n) | lowHalf
}

/** Minimal big-endian bytes of a non-negative integer; 0 is no bytes. */
export function bigintToBytes(value: bigint): Uint8Array {
  if (value === 0n) return EMPTY_BYTES
  if (value > WORD_MAX) return wideBytes(value)
  writeWord(value, scratchView, 0)
  let start = 0
  while (scratch[start] === 0) start++
  const bytes = new Uint8Array(WORD_SIZE - start)
  for (let i = 0; i < bytes.length; i++) bytes[i] = scratch[start + i] as number
  return bytes
}

/** Big-endian bytes of a non-negative integer, left-padded to `size` bytes; the value must fit. */
export function bigintToFixedBytes(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  if (size === WORD_SIZE && value <= WORD_MAX) {
    writeWord(value, new DataView(bytes.buffer), 0)
    return bytes
  }
  const minimal = bigintToBytes(value)
  assert(minimal.length <= size, 'the integer fits its bytes')
  bytes.set(minimal, size - minimal.length)
  return bytes
}

/** Writes a word, 0 ≤ value < 2²⁵⁶, as 32 big-endian bytes. */
export function writeWord(value: bigint, view: DataView, offset: number): void {
  if (value <= MASK_64) {
    view.setBigUint64(offset, 0n)
    view.setBigUint64(offset + 8, 0n)
    view.setBigUint64(offset + 16, 0n)
  } else {
    // What does not fit is cut off by the setter.
    view.setBigUint64(offset, value >> 192n)
    view.setBigUint64(offset + 8, value >> 128n)
    view.setBigUint64(offset + 16, value >> 64n)
  }
  view.setBigUint64(offset + 24, value)
}

/** {@link bigintToBytes} of what no word holds. */
function wideBytes(value: bigint): Uint8Array {
  const digits = value.toString(16)
  return hexToBytes(digits.length % 2 === 0 ? `0x${digits}` : `0x0${digits}`)
}

/**
 * Cuts small arrays out of larger ones: one on its own that is too large for the heap (64 bytes) takes 0.2 µs and more.
 * What is cut lives as long as its neighbours: for values that are made together and forgotten together.
 */
export class ByteSlab {
  private readonly slabSize: number
  private slab = EMPTY_BYTES
  private used = 0

  /** @param slabSize bytes that one array in use may keep alive. */
  constructor(slabSize: number) {
    this.slabSize = slabSize
  }

  /** Zeros. */
  take(size: number): Uint8Array {
    if (size <= HEAP_SIZE_MAX || size > this.slabSize / 2) return new Uint8Array(size)
    if (this.used + size > this.slab.length) {
      this.slab = new Uint8Array(this.slabSize)
      this.used = 0
    }
    this.used += size
    return this.slab.subarray(this.used - size, this.used)
  }
}

/** Bytes of the largest array that the platform keeps on its heap. */
const HEAP_SIZE_MAX = 64

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const part of parts) size += part.length
  const result = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    result.set(part, offset)
    offset += part.length
  }
  return result
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Lexicographic order: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function abbreviate(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`
}
