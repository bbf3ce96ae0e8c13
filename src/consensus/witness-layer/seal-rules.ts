/**
 * When a seal is right in its place: what can be said from the seal, the proposal that holds it, and its parent. That its
 * signatures hold and that this node's own chain has these blocks, `judgements.ts` finds out.
 */
import { cycleOfEpoch } from '../committees/committee.ts'
import type { Seats } from '../committees/schedule.ts'
import type { Certificate, Proposal } from '../simplex/types.ts'
import { lastOf, type Seal } from './seal.ts'

/** What the rules of one cycle compare with. */
export interface SealBounds {
  readonly cycle: number
  /** The boundary of the cycle. */
  readonly lastNumber: bigint
  readonly rangeBlocks: number
}

/** Which rule a seal breaks. */
export type SealFault = 'first' | 'range' | 'payload' | 'epoch' | 'proposals' | 'finalization' | 'handover'

/**
 * @param parentNumber the last block that is sealed up to the parent.
 * @param payloadHash of the proposal that holds the seal.
 */
export function faultOf(
  seal: Seal,
  parentNumber: bigint,
  { payloadHash }: Pick<Proposal, 'payloadHash'>,
  { cycle, lastNumber, rangeBlocks }: SealBounds,
): SealFault | undefined {
  const last = lastOf(seal)
  if (seal.first !== parentNumber + 1n) return 'first'
  if (seal.blocks.length > rangeBlocks || last > lastNumber) return 'range'
  if (seal.blocks.at(-1) !== payloadHash) return 'payload'
  if (cycleOfEpoch(seal.executionEpoch) !== cycle) return 'epoch'
  if (!isLinkedDownTo(seal.proposals, payloadHash)) return 'proposals'
  // Heights of the execution layer are block numbers: the last block is the one that it is said to be.
  if (BigInt(seal.proposals.at(-1)?.height ?? 0) !== last) return 'proposals'
  if (!isFinalizationOf(seal.finalization, seal.proposals[0])) return 'finalization'
  if ((seal.handover !== undefined) !== (last === lastNumber)) return 'handover'
  return undefined
}

/** Whether two name the same members in the same order. */
export function isSameSeats(a: Seats, b: Seats): boolean {
  return isSameList(a.executors, b.executors) && isSameList(a.witnesses, b.witnesses)
}

/** Whether each proposal is the parent of the one before it, and the last is that of the block. */
export function isLinkedDownTo(
  proposals: readonly Proposal[],
  payloadHash: Proposal['payloadHash'],
): boolean {
  const isLinked = proposals.every(({ hash }, index) => {
    const child = proposals[index - 1]
    return child === undefined || child.parentHash === hash
  })
  return isLinked && proposals.at(-1)?.payloadHash === payloadHash
}

/** Whether a certificate is of the kind, the view and the hash of a proposal. */
export function isFinalizationOf({ kind, view, hash }: Certificate, proposal: Proposal | undefined): boolean {
  return kind === 'finalize' && view === proposal?.view && hash === proposal.hash
}

/** Whether two lists name the same, in the same order. */
export function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index])
}
