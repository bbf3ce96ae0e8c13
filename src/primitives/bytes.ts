/**
 * Bytes, hex and unsigned integers, and the conversions between them.
 *
 * Identifiers that are compared, used as map keys and printed (addresses, hashes) are lower-case hex strings
 * with a brand; payloads (code, call data, encodings) are `Uint8Array`; words of the EVM are `bigint`.
 */
import { assert } from './assert.ts'
import { AevirError } from './errors.ts'

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

const HEX_PATTERN = /^0x(?:[0-9a-fA-F]{2})*$/

export class HexError extends AevirError {
  override readonly code = 'INVALID_HEX'
}

/** Hex of any bytes. */
export function bytesToHex(bytes: Uint8Array): Hex {
  return `0x${bytes.toHex()}`
}

/** Bytes of hex in either case. @throws HexError on a missing prefix, an odd length or a digit that is none. */
export function hexToBytes(hex: string): Uint8Array {
  if (!HEX_PATTERN.test(hex)) throw new HexError(`invalid hex: ${abbreviate(hex)}`)
  return Uint8Array.fromHex(hex.slice(2))
}

/** @param bytes exactly 20 bytes. @throws HexError otherwise. */
export function bytesToAddress(bytes: Uint8Array): Address {
  if (bytes.length !== 20) throw new HexError(`an address has 20 bytes, not ${bytes.length}`)
  return bytesToHex(bytes) as Address
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

/** Big-endian unsigned integer; empty bytes are 0. */
export function bytesToBigint(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toHex()}`)
}

/** Minimal big-endian bytes of a non-negative integer; 0 is no bytes. */
export function bigintToBytes(value: bigint): Uint8Array {
  if (value === 0n) return EMPTY_BYTES
  const digits = value.toString(16)
  return Uint8Array.fromHex(digits.length % 2 === 0 ? digits : `0${digits}`)
}

/** Big-endian bytes of a non-negative integer, left-padded to `size` bytes; the value must fit. */
export function bigintToFixedBytes(value: bigint, size: number): Uint8Array {
  const digits = value.toString(16).padStart(2 * size, '0')
  assert(digits.length === 2 * size, 'the integer fits its bytes')
  return Uint8Array.fromHex(digits)
}

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
