/** Draft of the signatures; the behaviour follows. */
import type { Hash } from '../../primitives/bytes.ts'
import type { Seats } from '../committees/schedule.ts'
import type { SealStore } from '../dual-bft/consensus-store.ts'
import type { Application, Clock } from '../plugin.ts'
import type { Signer } from '../signature-scheme.ts'
import type { CommitteeShape, Config } from '../simplex/config.ts'
import type { DriverPorts, Observer } from '../simplex/driver.ts'
import type { Peer } from '../simplex/events.ts'
import type { Origin } from '../simplex/machine.ts'
import type { Message } from '../simplex/messages.ts'
import type { Core, SignStatement } from '../simplex/state.ts'
import type { Certificate, Proposal } from '../simplex/types.ts'
import type { FinalChain } from './final-chain.ts'
import type { SealingPoint } from './randomness-of-seals.ts'
import type { Seal } from './seal.ts'

/** A seal became final, and this node's own chain agrees with it. */
export interface SealedEvent {
  readonly seal: Seal
  /** The chain of randomness after it. */
  readonly randomness: Hash
  readonly proposal: Proposal
  /** `undefined` when a later proposal made it final. */
  readonly finalization: Certificate | undefined
}

export interface WitnessObserver extends Observer {
  /**
   * A quorum of executors made a block final that differs from this node's: either of the two lies, or a quorum
   * contradicted itself.
   */
  conflict(number: bigint, seal: Seal): void
}

export interface WitnessOptions {
  readonly config: Config
  readonly sign: SignStatement
  /** The root is the last seal before this epoch; what is final beyond it the store tells. */
  readonly origin: Omit<Origin, 'applied'>
  readonly ports: Pick<DriverPorts, 'transport' | 'log' | 'verify'>
  readonly observer: WitnessObserver
  /** Of this epoch. */
  readonly store: SealStore
  readonly chain: FinalChain
  /** How far the chain is sealed when this life begins: `sealingPointOf`. */
  readonly start: SealingPoint
  readonly cycle: number
  /** The boundary of the cycle: its seal is the last one of this layer. */
  readonly lastNumber: bigint
  readonly rangeBlocks: number
  /** Of the cycle's execution committee. */
  readonly executionShape: CommitteeShape
  /** Signs reveals; `undefined` for a node that follows. */
  readonly signer: Signer | undefined
  /** Whether a reveal is the signature of a witness. @param message of `revealMessage`. */
  verifyReveal(member: number, message: Uint8Array, reveal: Uint8Array): boolean
  /** Who serves in the next cycle; `undefined` while this node cannot know. Asked for at the boundary. */
  handover(): Seats | undefined
  /** After the ledger and the store have the seal. In order; the next one waits for what this returns. */
  onSealed(event: SealedEvent): void | Promise<void>
  /** The node cannot go on: it must stop, and may be started again. */
  onError(error: unknown): void
}

export class WitnessLayer {
  constructor(_application: Pick<Application, 'advance'>, _clock: Clock, _options: WitnessOptions) {
    throw new Error('draft')
  }

  /** For status and metrics: to read only. */
  get core(): Core {
    throw new Error('draft')
  }

  /** Whether views rest because there is nothing to seal. */
  get isPaused(): boolean {
    throw new Error('draft')
  }

  /** Whether the seal of the cycle's boundary is final and applied: this layer builds nothing any more, but answers. */
  get isOver(): boolean {
    throw new Error('draft')
  }

  /** Number of the last block that is sealed, durably. */
  get sealedNumber(): bigint {
    throw new Error('draft')
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  /** A message from another member, or from a guest, that was decoded already. */
  receive(_from: Peer, _message: Message): void {}

  /** The own execution chain got final blocks, and the {@link FinalChain} answers for them. */
  onFinal(): void {}

  /** Resolves when no seal is being applied. */
  async settled(): Promise<void> {}
}
