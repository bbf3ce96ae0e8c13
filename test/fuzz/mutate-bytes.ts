/**
 * Changes to bytes as line noise, broken disks and attackers make them: bits, bytes, whole ranges, and above all the
 * integers that a decoder trusts. All choices come from the generator that is passed in.
 */
import { concatBytes, EMPTY_BYTES } from '../../src/primitives/bytes.ts'
import type { Prng } from '../support/prng.ts'

/** Where counts and lengths go wrong: around zero, powers of two, and what a double or an int32 can hold. */
export const EXTREMES: readonly bigint[] = [
  0n,
  1n,
  2n,
  0x37n,
  0x38n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0xffffn,
  0x1_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  (1n << 53n) - 1n,
  1n << 53n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
]

/** Longest range that is copied, repeated or filled at once. */
const RANGE_MAX = 256
const WIDTHS: readonly number[] = [1, 2, 4, 8]

type Mutation = (prng: Prng, bytes: Uint8Array, other: Uint8Array) => Uint8Array

const MUTATIONS: readonly (readonly [weight: number, Mutation])[] = [
  [6, flipBit],
  [6, setByte],
  [6, setInteger],
  [6, editLength],
  [3, splice],
  [2, truncate],
  [2, extend],
  [3, removeRange],
  [3, repeatRange],
  [2, swapRanges],
]

/** A changed copy. @param other another input, to take parts from. */
export function mutateBytes(prng: Prng, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  return prng.weighted(MUTATIONS)(prng, bytes, other)
}

function flipBit(prng: Prng, bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice()
  const at = prng.below(bytes.length)
  if (at < changed.length) changed[at] = (changed[at] as number) ^ (1 << prng.below(8))
  return changed
}

function setByte(prng: Prng, bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice()
  const at = prng.below(bytes.length)
  if (at < changed.length)
    changed[at] = prng.chance(0.5) ? prng.below(256) : prng.pick([0, 1, 0x7f, 0x80, 0xff])
  return changed
}

function setInteger(prng: Prng, bytes: Uint8Array): Uint8Array {
  const width = prng.pick(WIDTHS)
  return overwrite(bytes, prng.below(bytes.length), width, prng.pick(EXTREMES))
}

/** Finds what could be a length, that is an integer not above what follows it, and makes it a lie. */
function editLength(prng: Prng, bytes: Uint8Array): Uint8Array {
  const width = prng.pick([1, 2, 4])
  const start = prng.below(bytes.length)
  for (let tried = 0; tried < bytes.length && tried < RANGE_MAX; tried++) {
    const at = (start + tried) % bytes.length
    const rest = bytes.length - at - width
    const value = readInteger(bytes, at, width)
    if (value === undefined || value === 0 || value > rest) continue
    const lies = [
      value - 1,
      value + 1,
      value * 2,
      0,
      rest,
      rest + 1,
      2 ** (8 * width) - 1,
      2 ** (8 * width - 1),
    ]
    return overwrite(bytes, at, width, BigInt(prng.pick(lies)))
  }
  return setInteger(prng, bytes)
}

function splice(prng: Prng, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const head = bytes.subarray(0, prng.below(bytes.length + 1))
  return concatBytes(head, other.subarray(prng.below(other.length + 1)))
}

function truncate(prng: Prng, bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, prng.below(bytes.length + 1))
}

function extend(prng: Prng, bytes: Uint8Array): Uint8Array {
  return concatBytes(bytes, filler(prng))
}

function removeRange(prng: Prng, bytes: Uint8Array): Uint8Array {
  const [start, end] = range(prng, bytes)
  return concatBytes(bytes.subarray(0, start), bytes.subarray(end))
}

function repeatRange(prng: Prng, bytes: Uint8Array): Uint8Array {
  const [start, end] = range(prng, bytes)
  const part = bytes.subarray(start, end)
  const parts = prng.times(prng.between(1, 4), () => part)
  return concatBytes(bytes.subarray(0, end), ...parts, bytes.subarray(end))
}

function swapRanges(prng: Prng, bytes: Uint8Array): Uint8Array {
  const [start, end] = range(prng, bytes)
  const [from, to] = [end, Math.min(bytes.length, 2 * end - start)]
  return concatBytes(
    bytes.subarray(0, start),
    bytes.subarray(from, to),
    bytes.subarray(start, end),
    bytes.subarray(to),
  )
}

/** Repeats a part until the input has from 4 KiB to a MiB. */
export function inflate(prng: Prng, bytes: Uint8Array): Uint8Array {
  const [start, end] = range(prng, bytes)
  const part = bytes.subarray(start, end)
  if (part.length === 0) return bytes
  const inflated = new Uint8Array(2 ** prng.between(12, 20))
  for (let at = 0; at < inflated.length; at += part.length) {
    inflated.set(part.subarray(0, inflated.length - at), at)
  }
  return concatBytes(bytes.subarray(0, start), inflated, bytes.subarray(end))
}

function range(prng: Prng, bytes: Uint8Array): [start: number, end: number] {
  const start = prng.below(bytes.length + 1)
  return [start, Math.min(bytes.length, start + 1 + prng.below(RANGE_MAX))]
}

/** Noise or one byte again and again. */
export function filler(prng: Prng): Uint8Array {
  const size = prng.below(RANGE_MAX)
  if (size === 0) return EMPTY_BYTES
  return prng.chance(0.5) ? prng.bytes(size) : new Uint8Array(size).fill(prng.below(256))
}

function readInteger(bytes: Uint8Array, at: number, width: number): number | undefined {
  if (at + width > bytes.length) return undefined
  let value = 0
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] as number)
  return value
}

function overwrite(bytes: Uint8Array, at: number, width: number, value: bigint): Uint8Array {
  const changed = bytes.slice()
  for (let i = 0; i < width && at + i < bytes.length; i++) {
    changed[at + i] = Number((value >> BigInt(8 * (width - 1 - i))) & 0xffn)
  }
  return changed
}
