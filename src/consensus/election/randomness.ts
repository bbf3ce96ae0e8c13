/**
 * The chain of randomness that elects witnesses, and draws from it.
 *
 * Every sealed block's Committer reveals ρ, its BLS signature over a message that was fixed beforehand: unique, so there
 * is nothing to choose but to stay silent. The reveals are hashed into a chain; a slot whose Committer stayed silent
 * contributes a constant. The seed of a cycle is taken from the chain some blocks before the cycle begins.
 * An aggregate signature would not do: whoever packages it picks the signers, and could try until the draw suits.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { assert } from '../../primitives/assert.ts'
import {
  bigintToFixedBytes,
  bytesToBigint,
  bytesToHash,
  concatBytes,
  hexToBytes,
  type Hash,
} from '../../primitives/bytes.ts'

const VRF_TAG = new TextEncoder().encode('aevir-vrf')
const CHAIN_TAG = new TextEncoder().encode('aevir-randomness')
const SEED_TAG = new TextEncoder().encode('aevir-seed')
/** Size of a reveal, a compressed point of G2, in bytes. */
export const REVEAL_SIZE = 96
/** What a slot without a sealed block contributes. */
const SILENCE = new Uint8Array(REVEAL_SIZE)
/** Values that a draw is made of: 256 bits. */
const DRAW_RANGE = 1n << 256n

/** What the Committer of a slot signs to reveal ρ. */
export function revealMessage(cycle: bigint, slot: bigint): Uint8Array {
  return concatBytes(VRF_TAG, bigintToFixedBytes(cycle, 8), bigintToFixedBytes(slot, 8))
}

/** The first link, from the genesis block of a chain. */
export function firstRandomness(genesisHash: Hash): Hash {
  return bytesToHash(sha256(concatBytes(CHAIN_TAG, hexToBytes(genesisHash))))
}

/** The next link. @param reveal verified, {@link REVEAL_SIZE} bytes; `undefined` for a skipped slot. */
export function nextRandomness(previous: Hash, reveal: Uint8Array | undefined): Hash {
  const contribution = reveal ?? SILENCE
  assert(contribution.length === REVEAL_SIZE, 'a reveal is a compressed point of G2')
  return bytesToHash(sha256(concatBytes(hexToBytes(previous), contribution)))
}

/** The seed of a cycle, from the link at its snapshot block. */
export function seedOf(link: Hash, cycle: bigint): Hash {
  return bytesToHash(sha256(concatBytes(SEED_TAG, hexToBytes(link), bigintToFixedBytes(cycle, 8))))
}

/** The seed by which the witnesses of a cycle are drawn anew. @param attempt from 1 on. */
export function seedOfAttempt(link: Hash, cycle: bigint, attempt: number): Hash {
  const seed = hexToBytes(seedOf(link, cycle))
  return bytesToHash(sha256(concatBytes(SEED_TAG, seed, bigintToFixedBytes(BigInt(attempt), 8))))
}

/** An endless, reproducible sequence of unbiased draws. */
export class Draws {
  private readonly seed: Uint8Array
  private counter = 0n

  constructor(seed: Hash) {
    this.seed = hexToBytes(seed)
  }

  /** Uniform in [0, total). Values past the largest multiple of `total` are drawn again, so that none is likelier. */
  below(total: bigint): bigint {
    assert(total > 0n && total <= DRAW_RANGE, 'a draw is from 1 to 2²⁵⁶ values')
    const limit = DRAW_RANGE - (DRAW_RANGE % total)
    for (;;) {
      const value = bytesToBigint(sha256(concatBytes(this.seed, bigintToFixedBytes(this.counter, 8))))
      this.counter += 1n
      if (value < limit) return value % total
    }
  }
}
