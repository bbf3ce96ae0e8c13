/**
 * The bloom filters of logs (yellow paper, 4.3.1): 2,048 bits, of which each address and topic sets three. They let a
 * reader skip blocks and receipts without a log it looks for; a match proves nothing.
 */
import { ByteSlab, hexToBytes, type Hex } from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import { emptyPlaces } from '../primitives/known-hex.ts'
import type { Log } from './receipt.ts'

/** Bytes of a filter. */
export const BLOOM_SIZE = 256
const BIT_COUNT = 8 * BLOOM_SIZE
const BITS_PER_VALUE = 3

/** Of values whose bits are remembered: some 20,000 accounts and events. A power of 2. */
const REMEMBERED_MAX = 2 ** 15
/** Digits at the end of a value that choose its place: those in which addresses and numbers differ. */
const PLACE_DIGITS = 8

/** The filter that nothing is behind. Shared: filters do not change once they are made. */
export const EMPTY_BLOOM: Uint8Array = new Uint8Array(BLOOM_SIZE)

/** Filters of a block's receipts are made one after the other and kept together. */
const slab = new ByteSlab(32 * BLOOM_SIZE)

/** The filter of everything that `logs` can be found by. */
export function bloomOfLogs(logs: readonly Log[]): Uint8Array {
  if (logs.length === 0) return EMPTY_BLOOM
  const bloom = slab.take(BLOOM_SIZE)
  for (const log of logs) {
    addToBloom(bloom, log.address)
    for (const topic of log.topics) addToBloom(bloom, topic)
  }
  return bloom
}

/** The filter that matches what any of `blooms` does, such as a block's from those of its receipts. */
export function mergeBlooms(blooms: Iterable<Uint8Array>): Uint8Array {
  const merged = new Uint8Array(BLOOM_SIZE)
  for (const bloom of blooms) {
    if (bloom === EMPTY_BLOOM) continue
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

/**
 * Hot: four values a token transfer. Contracts, events and accounts come again and again, so that their bits are kept:
 * three numbers each, at a place that the last digits choose; of two values with one place the later is kept. A Map would
 * do, but strings that were made a moment ago, as topics are, cost 0.3 µs more as its keys than to be compared once.
 */
const knownValues: (Hex | undefined)[] = emptyPlaces(REMEMBERED_MAX)
const knownBits = new Uint16Array(BITS_PER_VALUE * REMEMBERED_MAX)

function addToBloom(bloom: Uint8Array, value: Hex): void {
  const place = placeOf(value)
  const first = BITS_PER_VALUE * place
  if (knownValues[place] !== value) {
    knownBits.set(bitsOf(hexToBytes(value)), first)
    knownValues[place] = value
  }
  for (let i = first; i < first + BITS_PER_VALUE; i++) {
    const bit = knownBits[i] as number
    const at = byteOf(bit)
    bloom[at] = (bloom[at] as number) | maskOf(bit)
  }
}

function placeOf(value: Hex): number {
  let mixed = 0
  for (let i = value.length - PLACE_DIGITS; i < value.length; i++)
    mixed = (mixed * 31 + value.charCodeAt(i)) | 0
  return (mixed ^ (mixed >>> 16)) & (REMEMBERED_MAX - 1)
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
