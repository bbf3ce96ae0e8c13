/** Consensus of two layers, as a plugin: what it is given and what it tells. How it works stands in `composition.ts`. */
import type { Address, Hash } from '../../primitives/bytes.ts'
import type { Committee } from '../committees/committee.ts'
import type { ConsensusParameters } from '../committees/parameters.ts'
import type { NodeRegistry } from '../committees/registry.ts'
import type { Application, BlockReference, Clock, ConsensusPlugin } from '../plugin.ts'
import type { SignatureScheme, Signer } from '../signature-scheme.ts'
import type { Timing } from '../simplex/config.ts'
import type { HaltReason } from '../simplex/events.ts'
import type { Evidence } from '../simplex/evidence.ts'
import type { Layer, View } from '../simplex/types.ts'
import { Composition } from './composition.ts'
import type { ConsensusStore } from './consensus-store.ts'
import type { InstanceHost } from './instances.ts'

/** Something that the operator, metrics or users should hear of. */
export type ConsensusEvent =
  | { readonly kind: 'epoch'; readonly committee: Committee }
  | { readonly kind: 'sealed'; readonly first: bigint; readonly last: bigint }
  /** A quorum of executors made a block final that differs from the one that is final here. */
  | { readonly kind: 'conflict'; readonly number: bigint }
  /** A quorum of executors made a block final that this node finds invalid. It waits for what the witnesses say. */
  | { readonly kind: 'refused'; readonly number: bigint; readonly hash: Hash }
  /**
   * The witnesses rejected a block that executors made final, and replaced those. If it was final here as well, this node
   * has executed it like them: it is as broken as they are.
   */
  | {
      readonly kind: 'rejected'
      readonly number: bigint
      readonly hash: Hash
      readonly wasFinal: boolean
    }
  /** Nothing was sealed for too long: the witnesses of this cycle were drawn anew, for the so-manieth time. */
  | { readonly kind: 'reset'; readonly cycle: number; readonly attempt: number }
  | { readonly kind: 'evidence'; readonly committee: Committee; readonly evidence: Evidence }
  | {
      readonly kind: 'halted'
      readonly layer: Layer
      readonly reason: HaltReason | { readonly kind: 'logFailed' }
    }

/** How often blocks and seals are made at most, in milliseconds. Local to a node, like its time-outs. */
export interface Pacing {
  /** Between the beginnings of two blocks. */
  readonly blockIntervalMs: number
  /** From a certified seal to the next proposal. */
  readonly sealIntervalMs: number
}

export interface DualBftOptions {
  readonly chainId: bigint
  readonly genesis: BlockReference
  readonly parameters: ConsensusParameters
  readonly registry: NodeRegistry
  readonly scheme: SignatureScheme
  /** `undefined` for a node that only follows. */
  readonly signer: Signer | undefined
  readonly timing: Timing
  /** As fast as messages travel by default. */
  readonly pacing?: Pacing
  readonly store: ConsensusStore
  readonly host: InstanceHost
  /** Receives the fees of blocks that this node makes. */
  readonly beneficiary: Address
  /** Listeners must not throw. */
  onEvent(event: ConsensusEvent): void
  /** The node cannot go on: it must stop, and may be started again. */
  onError(error: unknown): void
}

/** For status pages and metrics. */
export interface LayerStatus {
  readonly committee: Committee
  /** This node's seat. */
  readonly self: number | undefined
  readonly view: View
  readonly isPaused: boolean
}

export interface ConsensusStatus {
  readonly execution: LayerStatus
  readonly witness: LayerStatus
  /** False while this node knows that it is behind. */
  readonly isSynced: boolean
}

export type DualBftFactory = (application: Application, clock: Clock, options: DualBftOptions) => DualBft

export interface DualBft extends ConsensusPlugin {
  readonly name: 'dual-bft'
  status(): ConsensusStatus
  /**
   * Bytes from a peer that no running instance takes: a question about an epoch that is over is answered from the store.
   * @returns the answer, or `undefined` when there is none and the bytes are of no use.
   */
  answerFromArchive(bytes: Uint8Array): Uint8Array | undefined
}

export function createDualBft(application: Application, clock: Clock, options: DualBftOptions): DualBft {
  return new Composition(application, clock, options)
}
