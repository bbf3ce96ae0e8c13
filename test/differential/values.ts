/** Numbers and addresses that programs are made of: edges and near misses, rather than noise. */
import { WORD_MAX, wordToAddress, type Address } from '../../src/primitives/bytes.ts'
import { pushOf } from '../support/assembler.ts'
import type { Prng } from '../support/prng.ts'

/** Any word, mostly one near an edge. */
export function randomWord(prng: Prng): bigint {
  const power = 1n << BigInt(prng.below(256))
  return prng.weighted([
    [8, BigInt(prng.below(5))],
    [5, BigInt(prng.below(300))],
    [3, power],
    [3, power - 1n],
    [2, power + 1n],
    [4, WORD_MAX - BigInt(prng.below(4))],
    [2, 1n << 255n],
    [2, (1n << 255n) - 1n],
    [3, prng.integer(32)],
    [2, prng.integer(prng.between(1, 31))],
    [1, WORD_MAX ^ power],
  ])
}

/** Pushes a number, now and then in more bytes than it takes: every PUSH has its turn. */
export function push(prng: Prng, value: bigint): string {
  if (prng.chance(0.7)) return pushOf(value)
  const size = Math.ceil(value.toString(16).length / 2)
  return `PUSH${prng.between(size, 32)} 0x${value.toString(16)}`
}

/** A slot out of few: programs meet again in the same ones. */
export function randomSlot(prng: Prng): bigint {
  return prng.chance(0.95) ? BigInt(prng.below(6)) : randomWord(prng)
}

/** An offset into memory or data; sometimes beyond all gas. */
export function randomOffset(prng: Prng): bigint {
  return prng.weighted([
    [600, BigInt(prng.below(0x200))],
    [200, BigInt(32 * prng.below(16))],
    [40, BigInt(prng.below(0x4000))],
    [1, prng.integer(4)],
    [2, randomWord(prng)],
  ])
}

/** How many bytes; mostly few. */
export function randomSize(prng: Prng): bigint {
  return prng.weighted([
    [100, 0n],
    [500, BigInt(prng.below(0x80))],
    [200, BigInt(32 * prng.below(5))],
    [20, BigInt(prng.below(0x1000))],
    [1, randomWord(prng)],
  ])
}

/** Pushes an address, sometimes with bytes above it that do not count. */
export function pushAddress(prng: Prng, address: Address): string {
  const word = BigInt(address)
  return push(prng, prng.chance(0.05) ? word | (prng.integer(12) << 160n) : word)
}

/** An address that nobody has. */
export function strangeAddress(prng: Prng): Address {
  return wordToAddress(prng.integer(20))
}
