/**
 * What the RPC server needs of consensus, and all it knows of it. A node that takes part in a network implements it; a
 * chain of one node has none.
 */
import type { Committee } from '../consensus/committees/committee.ts'
import type { ConsensusParameters } from '../consensus/committees/parameters.ts'
import type { ConsensusStatus } from '../consensus/dual-bft/dual-bft.ts'
import type { BlockCertificates, StoredSeal } from '../consensus/dual-bft/consensus-store.ts'
import type { NodeId } from '../consensus/election/election.ts'
import type { Certificate } from '../consensus/simplex/types.ts'
import type { Hash } from '../primitives/bytes.ts'
import type { FaultControl } from './fault-control.ts'

/** A quorum's word about a block or a seal, or about one that builds on it. */
export interface Finality {
  readonly certificate: Certificate
  /** Height of the proposal that the certificate is of: at or above the one that was asked about. */
  readonly height: number
}

/** Of a block that is execution-final. */
export interface ExecutionCertificates extends Omit<BlockCertificates, 'epoch' | 'finalization'> {
  readonly committee: Committee
  readonly finality: Finality | undefined
}

export interface SealCertificates extends Omit<StoredSeal, 'epoch' | 'finalization'> {
  readonly committee: Committee
  /** Whose turn it was to seal. */
  readonly committer: NodeId
  readonly finality: Finality | undefined
}

export interface CommitteeMember {
  readonly id: NodeId
  /** In wei; `undefined` when the registry has no such node. */
  readonly stake: bigint | undefined
  /** IntelliPoints. */
  readonly points: bigint | undefined
}

export interface CommitteeView {
  readonly committee: Committee
  /** In the order of {@link Committee.members}: executors by stake, witnesses by slot. */
  readonly members: readonly CommitteeMember[]
}

/** Who serves in a cycle, and what elected them. */
export interface CycleView {
  readonly cycle: number
  readonly first: bigint
  /** The boundary. */
  readonly last: bigint
  /** The block as of which they were elected. */
  readonly snapshot: bigint
  /** The link of the chain of randomness as of the snapshot, and the seed from it; `undefined` if not known here. */
  readonly randomness: Hash | undefined
  readonly seed: Hash | undefined
  /** One, unless a reset replaced it; in order. */
  readonly executors: readonly CommitteeView[]
  readonly witnesses: readonly CommitteeView[]
}

export interface ConsensusView {
  readonly parameters: ConsensusParameters
  /** This node's id; `undefined` for one without a key, that only follows. */
  readonly self: NodeId | undefined
  /** `undefined` until the layers run. */
  status(): ConsensusStatus | undefined
  /** Why consensus stopped on this node for good; `undefined` while it did not. */
  halted(): string | undefined
  /** Connected nodes. */
  peerCount(): number
  /** From where this node is catching up, and how far at least; `undefined` when it is not behind. */
  syncing(): { readonly startingBlock: bigint; readonly highestBlock: bigint } | undefined
  /** `undefined` for a block that is not final, or whose certificates this node does not have. */
  executionOf(number: bigint): ExecutionCertificates | undefined
  /** `undefined` for a block that is not sealed. */
  sealOf(number: bigint): SealCertificates | undefined
  /** The newest cycle whose committees are known. */
  latestCycle(): number
  cycle(cycle: number): CycleView | undefined
  /** Present in development networks only. */
  readonly faults: FaultControl | undefined
}
