/**
 * What a tracer of a whole transaction can see. Every method is optional and absent tracers cost nothing: the driver
 * tests once a frame, the engine has a loop of its own for traced runs.
 */
import type { Address } from '../primitives/bytes.ts'
import type { Log } from '../chain/receipt.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { StepTracer } from '../../runtime/host.ts'
import type { CallKind, HaltReason } from '../../runtime/outcome.ts'
import type { BlockEnvironment } from './environment.ts'

export type FrameKind = CallKind | 'create' | 'create2' | 'selfdestruct'

/** Why a frame failed, when it did. */
export type FrameFailure =
  | { readonly kind: 'revert' }
  | { readonly kind: 'halt'; readonly reason: HaltReason }
  /** Refused before any code ran: the caller goes on with its gas back. */
  | { readonly kind: 'refused'; readonly reason: 'depth' | 'balance' | 'nonce' }

export interface FrameEntry {
  readonly kind: FrameKind
  /** 0 for the transaction itself. */
  readonly depth: number
  readonly from: Address
  /** The account called, the contract to be, or the beneficiary of a self-destruct. */
  readonly to: Address
  /** Account whose code runs: differs from `to` for delegated accounts, callcode and delegatecall. */
  readonly codeAddress: Address
  readonly gas: bigint
  /** In wei; for a delegatecall what CALLVALUE yields. */
  readonly value: bigint
  /** Call data or initcode; valid only during {@link ExecutionTracer.enter}. */
  readonly input: Uint8Array
  readonly isPrecompile: boolean
}

export interface FrameExit {
  readonly depth: number
  readonly gasUsed: bigint
  /** Return or revert data; deployed code for a creation that succeeded. */
  readonly output: Uint8Array
  readonly failure: FrameFailure | undefined
}

export interface TransactionStart {
  readonly environment: BlockEnvironment
  readonly sender: Address
  readonly to: Address | null
  readonly gasLimit: bigint
  /** Gas charged before the first instruction. */
  readonly intrinsicGas: bigint
  /** Live state of the journal, before anything was bought or moved. Values read from it now are the pre-state. */
  readonly state: StateReader
  /** Accounts touched by validation itself: EIP-7702 authorities and their delegation targets. */
  readonly authorities: readonly Address[]
}

export interface ExecutionTracer extends Partial<StepTracer> {
  /** Before the sender pays. */
  start?(start: TransactionStart): void
  enter?(entry: FrameEntry): void
  /** Ends the frame that {@link enter} opened last; self-destructs have an exit too. */
  exit?(exit: FrameExit): void
  /** A log was emitted in the current frame (it may still be reverted). */
  log?(log: Log, depth: number): void
  /** After refunds and fees; `state` is the post-state of the transaction. */
  end?(end: {
    readonly gasUsed: bigint
    readonly state: StateReader
    readonly deleted: readonly Address[]
  }): void
}
