/** What the witness layer sees of the execution layer: this node's own final chain, and what shows to others that it is. */
import type { Hash } from '../../primitives/bytes.ts'
import { present } from '../../primitives/assert.ts'
import type { ConsensusStore } from '../dual-bft/consensus-store.ts'
import type { Certificate, Epoch, Proposal } from '../simplex/types.ts'
import type { Seal } from './seal.ts'

/** Shows that a block of the execution layer is final; the fields are those of a {@link Seal}. */
export interface FinalityProof {
  readonly epoch: Epoch
  /** From a certified one down to the block's own, each the parent of the one before it. */
  readonly proposals: Seal['proposals']
  readonly finalization: Certificate
}

/** The chain that this node executed itself and knows to be final in the execution layer. Genesis belongs to it. */
export interface FinalChain {
  /** Number of the highest final block. */
  finalNumber(): bigint
  /** Hash of a final block; `undefined` above the highest. */
  finalHash(number: bigint): Hash | undefined
  /** Number of a final block; `undefined` for every other. */
  numberOf(hash: Hash): bigint | undefined
  /** The epoch of the execution layer that made a block final; `undefined` above the highest. */
  epochOf(number: bigint): Epoch | undefined
  /** `undefined` when there is none yet: a descendant's certificate may still be on its way to the store. */
  proofOf(number: bigint): FinalityProof | undefined
  /**
   * Checks the signature of a certificate of the execution layer.
   * @returns false when this node does not know yet who serves in that epoch: there is no answer then.
   */
  verifyFinalization(epoch: Epoch, certificate: Certificate, onResult: (isValid: boolean) => void): boolean
}

/** Proposals that one proof may hold: more than leaders can leave open before the window stops them. */
export const PROOF_PROPOSALS_MAX = 512

/** The proof as a store has it. @param number of a block of this epoch, which is the height of its proposal. */
export function finalityProof(
  store: Pick<ConsensusStore, 'execution'>,
  epoch: Epoch,
  number: bigint,
): FinalityProof | undefined {
  const stored = store.execution(epoch).finalizationAtOrAbove(Number(number))
  if (stored === undefined || stored.height - Number(number) >= PROOF_PROPOSALS_MAX) return undefined
  const { certificate: finalization } = stored
  const proposals = proposalsDown(store, epoch, finalization.hash, number)
  return proposals && { epoch, proposals, finalization }
}

/**
 * The proof of a block that has none but that of a block above it: of one that this node refuses, and has not stored.
 * @param above of a block of the same epoch.
 */
export function proofBelow(
  store: Pick<ConsensusStore, 'execution'>,
  above: FinalityProof,
  number: bigint,
): FinalityProof | undefined {
  const lowest = present(above.proposals.at(-1), 'a proof has proposals')
  if (lowest.height - Number(number) + above.proposals.length > PROOF_PROPOSALS_MAX) return undefined
  const proposals = proposalsDown(store, above.epoch, lowest.parentHash, number)
  return proposals && { ...above, proposals: [...above.proposals, ...proposals] }
}

/** Stored proposals from one down to that of a block, each the parent of the one before it. */
function proposalsDown(
  store: Pick<ConsensusStore, 'execution'>,
  epoch: Epoch,
  from: Hash,
  number: bigint,
): readonly Proposal[] | undefined {
  const layer = store.execution(epoch)
  const height = Number(number)
  const proposals: Proposal[] = []
  for (let proposal = layer.proposal(from); proposal !== undefined;) {
    proposals.push(proposal)
    if (proposal.height === height) return proposals
    proposal = proposal.height > height ? layer.proposal(proposal.parentHash) : undefined
  }
  return undefined
}
