/**
 * Who takes over when a quorum of executors made a block final that the witnesses refuse. The signers of that certificate
 * are out; members who did not sign stay, and whoever comes next by stake fills up.
 *
 * Who was out before stays out until the cycle ends, although nothing here remembers them: at every replacement a quorum
 * leaves, so that the committee reaches further down the ranking than the one before it. Whoever ranks above its last
 * member and does not sit in it has therefore been put out.
 */
import { electExecutors, type NodeId } from '../election/election.ts'
import type { RegisteredNode } from './registry.ts'

/**
 * @param nodes as of the snapshot of the cycle, as for the committee that is replaced.
 * @param members of that committee.
 * @param signers their indexes.
 * @throws ElectionError when too few are left.
 */
export function replaceExecutors(
  nodes: readonly RegisteredNode[],
  members: readonly NodeId[],
  signers: readonly number[],
): readonly NodeId[] {
  const staked = nodes.filter(({ isJailed, stake }) => !isJailed && stake > 0n)
  const ranking = electExecutors(staked, staked.length)
  const last = ranking.findLastIndex(({ id }) => members.includes(id))
  const loyal = new Set(members.filter((_, index) => !signers.includes(index)))
  const candidates = ranking.filter(({ id }, rank) => rank > last || loyal.has(id))
  return electExecutors(candidates, members.length).map(({ id }) => id)
}
