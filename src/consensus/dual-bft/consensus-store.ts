/**
 * What a node remembers of consensus beyond blocks, votes and logs: which proposals became final in either layer, their
 * certificates, the seals and the committees. From this and the ledger it serves others, answers users and starts anew.
 *
 * One store holds both layers and all epochs. Reads see all that was added, durable or not.
 */
import type { Hash } from '../../primitives/bytes.ts'
import type { Seats } from '../committees/schedule.ts'
import type { FinalityStore, FinalProposals } from '../execution-layer/finality-store.ts'
import type { Certificate, Epoch, Layer, Proposal, Tip } from '../simplex/types.ts'
import type { Seal } from '../witness-layer/seal.ts'

/** Where an epoch of a layer begins, and who serves in it. */
export interface EpochStart {
  readonly layer: Layer
  readonly epoch: Epoch
  readonly members: Seats['executors']
  /** The block that its first proposal builds on. */
  readonly root: Omit<Tip, 'view'>
}

/** A final proposal of the execution layer as users ask for it. */
export interface BlockCertificates {
  readonly epoch: Epoch
  readonly proposal: Proposal
  /** What pre-confirmed it; `undefined` where this node learned of the block by its finality. */
  readonly notarization: Certificate | undefined
  /** `undefined` when a descendant made it final. */
  readonly finalization: Certificate | undefined
}

export interface StoredSeal {
  readonly epoch: Epoch
  readonly proposal: Proposal
  readonly seal: Seal
  /** `undefined` when a later seal made it final. */
  readonly finalization: Certificate | undefined
  /** The chain of randomness after this seal. */
  readonly randomness: Hash
}

/** What became final, together with what is to be remembered of it. */
export interface SealRecord {
  readonly proposal: Proposal
  readonly body: Uint8Array
  readonly finalization: Certificate | undefined
  /** `undefined` for a proposal that seals nothing. */
  readonly sealed: { readonly seal: Seal; readonly randomness: Hash } | undefined
}

/** Final proposals of one epoch of the witness layer, with their bodies. */
export interface SealStore extends FinalProposals, Pick<FinalityStore, 'prove'> {
  body(proposal: Hash): Uint8Array | undefined
  /** The proposal that follows `latest`; resolves once it is durable. */
  add(record: SealRecord): Promise<void>
}

export interface ConsensusStore {
  /** Epochs in order, from 0 on. */
  epochs(layer: Layer): readonly EpochStart[]
  /**
   * Follows the last one of its layer, or of its cycle: later ones, which began on what is void now, are forgotten then.
   * With another committee in a cycle of the execution layer go the proposals above its root, with one of the witnesses
   * the seals, but not the proposals that hold them. Resolves once it is durable.
   */
  addEpoch(start: EpochStart): Promise<void>
  execution(epoch: Epoch): FinalityStore
  witness(epoch: Epoch): SealStore
  /** The proposal of a final block, by the block's number. */
  certificatesOf(number: bigint): BlockCertificates | undefined
  latestSeal(): StoredSeal | undefined
  /** The seal that covers a block. */
  sealOf(number: bigint): StoredSeal | undefined
  /** The seal whose last block this is. */
  sealEndingWith(block: Hash): StoredSeal | undefined
}
