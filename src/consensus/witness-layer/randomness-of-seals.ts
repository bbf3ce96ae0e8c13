/**
 * How seals extend the chain of randomness (`election/randomness.ts`): one link a view. The views between two seals, in
 * which nobody sealed anything, contribute the constant of silence; so do those that only repeated.
 */
import type { Hash } from '../../primitives/bytes.ts'
import { firstRandomness, nextRandomness } from '../election/randomness.ts'
import type { StoredSeal } from '../dual-bft/consensus-store.ts'
import { GENESIS_VIEW, type Epoch, type View } from '../simplex/types.ts'
import { lastOf } from './seal.ts'

/** How far the chain is sealed, and what the next seal adds its reveal to. */
export interface SealingPoint {
  /** Of the last sealed block; 0 when none is. */
  readonly number: bigint
  /** The chain of randomness up to there. */
  readonly randomness: Hash
  /** View of the last seal in this epoch; {@link GENESIS_VIEW} before the first, for views begin anew. */
  readonly view: View
}

/**
 * Views between two seals, each of which costs a hash: a year of them. Whoever reads seals that no quorum vouched for, from
 * others or from a disk, must not go beyond: a view may be any number.
 */
export const SKIPPED_VIEWS_MAX = 2 ** 24

/** @param latest the newest seal that a node has, of this epoch or an earlier one. */
export function sealingPointOf(
  latest: StoredSeal | undefined,
  epoch: Epoch,
  genesisHash: Hash,
): SealingPoint {
  if (latest === undefined) {
    return { number: 0n, randomness: firstRandomness(genesisHash), view: GENESIS_VIEW }
  }
  const { proposal, seal, randomness } = latest
  return { number: lastOf(seal), randomness, view: latest.epoch === epoch ? proposal.view : GENESIS_VIEW }
}

/** The link after a seal. @param view the seal's, after that of the point. */
export function randomnessAfter(point: SealingPoint, view: View, reveal: Uint8Array): Hash {
  let { randomness } = point
  for (let skipped = point.view + 1; skipped < view; skipped++) {
    randomness = nextRandomness(randomness, undefined)
  }
  return nextRandomness(randomness, reveal)
}
