/** What the size of a committee and its quorum promise. */
import type { CommitteeShape } from '../../src/consensus/simplex/config.ts'

/** Two quorums share more members than this many: as long as no more lie, one of the shared is honest. */
export function safetyBound({ size, quorum }: CommitteeShape): number {
  return 2 * quorum - size - 1
}

/** As long as no more are silent, the others are a quorum. */
export function livenessBound({ size, quorum }: CommitteeShape): number {
  return size - quorum
}

/** Members that may do whatever they like: the chain stays one, and grows. */
export function toleranceOf(committee: CommitteeShape): number {
  return Math.max(0, Math.min(safetyBound(committee), livenessBound(committee)))
}
