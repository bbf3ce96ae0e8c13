/**
 * What the witness layer agrees on: seals. A seal covers a contiguous range of execution-final blocks, ends with the range
 * and shows that a quorum of executors made its last block final. The payload hash of the witness layer's proposal is the
 * hash of that last block; the body is the encoding of a {@link Seal}.
 *
 * A proposal with an empty body repeats its parent's payload: it seals nothing, and lets its parent become final. A third
 * kind of body refuses the next block instead (`reject.ts`).
 */
import type { Hash } from '../../primitives/bytes.ts'
import type { Seats } from '../committees/schedule.ts'
import type { Certificate, Epoch, Proposal } from '../simplex/types.ts'

export interface Seal {
  /** Number of the first block of the range. */
  readonly first: bigint
  /** Hashes of the blocks, ascending; 1 to `rangeBlocks`, all of one cycle. */
  readonly blocks: readonly Hash[]
  /** The epoch of the execution layer that {@link finalization} is of. */
  readonly executionEpoch: Epoch
  /**
   * Proposals of the execution layer, each the parent of the one before it: from the one that {@link finalization} is of
   * down to that of the last block. One, unless a descendant made the last block final.
   */
  readonly proposals: readonly Proposal[]
  readonly finalization: Certificate
  /** ρ of the Committer for this cycle and slot (`election/randomness.ts`), 96 bytes. */
  readonly reveal: Uint8Array
  /** Who serves in the next cycle; there exactly when the range ends at the boundary of its cycle. */
  readonly handover: Seats | undefined
}

export function lastOf({ first, blocks }: Pick<Seal, 'first' | 'blocks'>): bigint {
  return first + BigInt(blocks.length) - 1n
}
