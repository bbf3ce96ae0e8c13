/**
 * How the witnesses refuse a block that a quorum of executors made final. A *reject* is the third kind of body that the
 * witness layer agrees on, besides a seal and a repeat. It holds the proof that the block is final, and who replaces those
 * executors; the payload of its proposal is its parent's, for it seals nothing. Once it is final, all nodes take the chain
 * back to the last sealed block and go on from there with the new executors, in an epoch of their own.
 *
 * # Why that is safe
 *
 * 1. A reject names the block right above the last sealed one of its parent. Proposals of the witness layer form one chain,
 *    so that each block number is followed there by a seal of it or by a reject, whichever is first: nothing that is sealed
 *    is ever taken back, and all nodes see the same rejects between the same seals.
 * 2. A witness votes for a reject only if its own execution found that very block invalid, and for a seal only if its own
 *    execution found all its blocks valid. Two quorums share an honest witness, whose execution says one thing: as long
 *    as fewer witnesses lie than the layer bears, not both can ever become final, in whichever order.
 * 3. The new executors follow from the registry, the old committee and the signers of the certificate in the reject: all
 *    honest witnesses vote for the same ones. Another certificate of the same block may have other signers; the first
 *    reject of an epoch that is final counts, and those after it reject nothing.
 * 4. The new committee signs in a domain of its own, since its epoch is another. What the old one signed, or goes on to
 *    sign, can neither be taken for its votes nor be held against a member that serves in both. For the same reason the
 *    cycle that follows begins with a new attempt (`epochAfterCycle`): nodes that followed the bad chain may already
 *    have begun it with attempt 0.
 * 5. After the reject, a seal must name the new epoch as the one that made its blocks final.
 *
 * A quorum of executors that makes nothing final at all cannot be rejected: there is nothing to judge.
 */
import type { Hash } from '../../primitives/bytes.ts'
import type { NodeId } from '../election/election.ts'
import { cycleOfEpoch } from '../committees/committee.ts'
import { present } from '../../primitives/assert.ts'
import type { Epoch } from '../simplex/types.ts'
import type { FinalityProof } from './final-chain.ts'
import { isFinalizationOf, isLinkedDownTo, type SealBounds } from './seal-rules.ts'

export interface Reject {
  /** Shows that the refused block, the last of the proposals, is final. */
  readonly proof: FinalityProof
  /** Who replaces the committee that made it final, in the order of leaders. */
  readonly executors: readonly NodeId[]
}

/** What this node's own execution has to say about rejects. */
export interface Refusals {
  /** The reject of what this node found invalid; `undefined` when there is nothing, or nobody who could take over. */
  own(): Reject | undefined
  /**
   * What a reject of an epoch has to agree with: the one that is final, or else this node's own. After a final one others
   * may still come that were proposed before it was, and must not depend on when they are looked at.
   */
  decisiveFor(epoch: Epoch): Reject | undefined
  /** Who replaces the committee of a proof; `undefined` when nobody can, or this node does not know the epoch. */
  replacementFor(proof: FinalityProof): readonly NodeId[] | undefined
}

/** Which rule a reject breaks. */
export type RejectFault = 'payload' | 'number' | 'epoch' | 'proposals' | 'finalization' | 'executors'

/** The refused block: its number, and the hash by which the executors proposed it. */
export function refusedBlock({ proposals }: FinalityProof): { readonly number: bigint; readonly hash: Hash } {
  const { height, payloadHash } = present(proposals.at(-1), 'a proof has proposals')
  return { number: BigInt(height), hash: payloadHash }
}

/**
 * What can be said from the reject itself, its proposal and its parent.
 * @param parentNumber the last block that is sealed up to the parent.
 */
export function rejectFaultOf(
  { proof, executors }: Reject,
  parentNumber: bigint,
  parentPayload: Hash,
  payloadHash: Hash,
  { cycle, lastNumber }: Pick<SealBounds, 'cycle' | 'lastNumber'>,
): RejectFault | undefined {
  const { number, hash } = refusedBlock(proof)
  if (payloadHash !== parentPayload) return 'payload'
  if (number !== parentNumber + 1n || number > lastNumber) return 'number'
  if (cycleOfEpoch(proof.epoch) !== cycle) return 'epoch'
  if (!isLinkedDownTo(proof.proposals, hash)) return 'proposals'
  if (!isFinalizationOf(proof.finalization, proof.proposals[0])) return 'finalization'
  return new Set(executors).size === executors.length ? undefined : 'executors'
}
