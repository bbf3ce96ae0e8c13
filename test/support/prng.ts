/**
 * Pseudo-random choices from a seed: the same seed gives the same choices everywhere and for ever. The generator is
 * xoshiro128** (Blackman, Vigna 2018), seeded through keccak-256. For tests; nothing here is secret.
 */
import { bytesToBigint } from '../../src/primitives/bytes.ts'
import { keccak256 } from '../../src/primitives/keccak.ts'

export class Prng {
  readonly #state: Uint32Array

  /** Seeds that differ, differ in everything that follows. */
  constructor(seed: string) {
    const hash = keccak256(new TextEncoder().encode(seed))
    this.#state = new Uint32Array(hash.buffer.slice(hash.byteOffset, hash.byteOffset + 16))
  }

  /** 32 random bits. */
  uint32(): number {
    const state = this.#state
    const [a = 0, b = 0, c = 0, d = 0] = state
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    state[2] = c ^ a
    state[3] = d ^ b
    state[1] = b ^ (state[2] ?? 0)
    state[0] = a ^ (state[3] ?? 0)
    state[2] = (state[2] ?? 0) ^ (b << 9)
    state[3] = rotate(state[3] ?? 0, 11)
    return result
  }

  /** 0 ≤ result < `bound`, which is at most 2³². The bias of the largest bounds does not matter here. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * bound)
  }

  /** `first` ≤ result ≤ `last`. */
  between(first: number, last: number): number {
    return first + this.below(last - first + 1)
  }

  /** True in `share` of all cases. */
  chance(share: number): boolean {
    return this.uint32() < share * 0x1_0000_0000
  }

  pick<T>(choices: readonly T[]): T {
    // A choice from nothing is a mistake of the caller; the index is in range otherwise.
    return choices[this.below(choices.length)] as T
  }

  /** One of the choices, each as often as its weight says. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    let rest = this.below(choices.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, choice] of choices) {
      if (rest < weight) return choice
      rest -= weight
    }
    return this.pick(choices)[1]
  }

  bytes(size: number): Uint8Array {
    return Uint8Array.from({ length: size }, () => this.below(256))
  }

  /** `size` random bytes as an integer. */
  integer(size: number): bigint {
    return bytesToBigint(this.bytes(size))
  }

  /** As many values as asked for. */
  times<T>(count: number, of: () => T): T[] {
    return Array.from({ length: count }, of)
  }
}

function rotate(value: number, bits: number): number {
  return ((value << bits) | (value >>> (32 - bits))) >>> 0
}
