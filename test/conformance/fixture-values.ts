/**
 * Numbers and bytes of fixtures. Fillers of different years disagree on their form: hex with or without `0x`, padded or
 * not, decimal, and numbers beyond 256 bits behind a marker of their own. What is given as none is none.
 */
import {
  bigintToFixedBytes,
  bytesToAddress,
  bytesToHash,
  hexToBytes,
  type Address,
  type Hash,
} from '../../src/primitives/bytes.ts'

/** Stands before a number that fits no word (ethereum/tests). */
const BIG_MARKER = '0x:bigint '

/** An unsigned integer: hex behind `0x`, else decimal. `0x` and nothing are 0. @throws Error */
export function integerOf(value: string | number): bigint {
  const text = String(value).trim().replace(BIG_MARKER, '')
  if (text === '' || text === '0x') return 0n
  const isNumber = /^(?:0x[0-9a-fA-F]+|\d+)$/.test(text)
  if (!isNumber) throw new Error(`${JSON.stringify(value)} is no number`)
  return BigInt(text)
}

/** Bytes in hex, the prefix optional. @throws HexError */
export function bytesOf(text: string): Uint8Array {
  return hexToBytes(text.startsWith('0x') || text.startsWith('0X') ? `0x${text.slice(2)}` : `0x${text}`)
}

/** @throws HexError unless there are 20 bytes. */
export function addressOf(text: string): Address {
  return bytesToAddress(bytesOf(text))
}

/** @throws HexError unless there are 32 bytes. */
export function hashOf(text: string): Hash {
  return bytesToHash(bytesOf(text))
}

/** A word as a hash, whether it was padded or not. @throws AssertionFailure when it does not fit. */
export function wordOf(text: string): Hash {
  const word = integerOf(text.startsWith('0x') ? text : `0x${text}`)
  return bytesToHash(bigintToFixedBytes(word, 32))
}
