/**
 * The bloom filters of logs (yellow paper, 4.3.1): 2,048 bits, of which each address and topic sets three. They let a
 * reader skip blocks and receipts without a log it looks for; a match proves nothing.
 */
import { hexToBytes } from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import type { Log } from './receipt.ts'

/** Bytes of a filter. */
export const BLOOM_SIZE = 256
const BIT_COUNT = 8 * BLOOM_SIZE
const BITS_PER_VALUE = 3

/** The filter of everything that `logs` can be found by. */
export function bloomOfLogs(logs: readonly Log[]): Uint8Array {
  const bloom = new Uint8Array(BLOOM_SIZE)
  for (const log of logs) {
    addToBloom(bloom, hexToBytes(log.address))
    for (const topic of log.topics) addToBloom(bloom, hexToBytes(topic))
  }
  return bloom
}

/** The filter that matches what any of `blooms` does, such as a block's from those of its receipts. */
export function mergeBlooms(blooms: Iterable<Uint8Array>): Uint8Array {
  const merged = new Uint8Array(BLOOM_SIZE)
  for (const bloom of blooms) {
    for (let i = 0; i < BLOOM_SIZE; i++) merged[i] = (merged[i] as number) | (bloom[i] as number)
  }
  return merged
}

/** Whether a log with this address or topic may be behind the filter; `false` is certain. */
export function bloomMayContain(bloom: Uint8Array, value: Uint8Array): boolean {
  return bloomProbe(value)(bloom)
}

/** {@link bloomMayContain} for one value and many filters: hashes the value once. */
export function bloomProbe(value: Uint8Array): (bloom: Uint8Array) => boolean {
  const bits = bitsOf(value)
  return (bloom) => bits.every((bit) => ((bloom[byteOf(bit)] as number) & maskOf(bit)) !== 0)
}

function addToBloom(bloom: Uint8Array, value: Uint8Array): void {
  for (const bit of bitsOf(value)) bloom[byteOf(bit)] = (bloom[byteOf(bit)] as number) | maskOf(bit)
}

/** The low 11 bits of each of the first three pairs of bytes of the value's hash. */
function bitsOf(value: Uint8Array): number[] {
  const hash = keccak256(value)
  const bits: number[] = []
  for (let i = 0; i < BITS_PER_VALUE; i++) {
    bits.push((((hash[2 * i] as number) << 8) | (hash[2 * i + 1] as number)) % BIT_COUNT)
  }
  return bits
}

/** Bit 0 is the lowest bit of the last byte. */
function byteOf(bit: number): number {
  return BLOOM_SIZE - 1 - (bit >> 3)
}

function maskOf(bit: number): number {
  return 1 << (bit & 7)
}
