/**
 * What running a frame comes to. Results of guest code are values, never exceptions; a call or a creation is a result
 * too: the frame is suspended, the driver runs the callee and resumes it. No engine recurses across EVM calls, so the
 * depth limit of 1,024 holds on every engine alike.
 */
import type { Address } from '../src/primitives/bytes.ts'

/** Why a frame stopped exceptionally. All gas of the frame is gone. */
export type HaltReason =
  | 'outOfGas'
  | 'stackUnderflow'
  | 'stackOverflow'
  | 'invalidJump'
  | 'invalidOpcode'
  | 'staticViolation'
  | 'returnDataOutOfBounds'
  | 'invalidInitcodeSize'
  | 'invalidCode'
  | 'codeSizeExceeded'
  | 'nonceOverflow'
  | 'addressCollision'
  | 'precompileFailed'

export type CallKind = 'call' | 'callcode' | 'delegatecall' | 'staticcall'

/** A call that a frame asks for. All costs of the calling instruction are already charged, `gas` included. */
export interface CallRequest {
  readonly kind: CallKind
  /** Gas for the callee, stipend included. Read before the callee begins, if at all. */
  readonly gas: bigint
  /** Account whose storage and balance the callee works on. */
  readonly to: Address
  /** Account whose code runs, after resolving an EIP-7702 delegation. */
  readonly codeAddress: Address
  /** `true` when {@link codeAddress} came from a delegation: a precompile is then not run, its code is empty. */
  readonly isDelegated: boolean
  /** What CALLER yields in the callee. */
  readonly caller: Address
  /** What CALLVALUE yields in the callee, in wei. */
  readonly value: bigint
  /** Whether `value` moves from `caller` to `to`. */
  readonly transfersValue: boolean
  readonly isStatic: boolean
  /**
   * Call data: a view of the caller's memory as it is now, and nothing is copied for it, as a call of any size costs 100
   * gas once the memory is there. It is asked for again after anything else ran, and not after the caller was resumed.
   */
  readonly input: Uint8Array
}

/** A creation that a frame asks for. All costs of the instruction are already charged, `gas` included. */
export interface CreateRequest {
  readonly gas: bigint
  readonly creator: Address
  /** In wei. */
  readonly value: bigint
  readonly initcode: Uint8Array
  /** `undefined` for CREATE, the salt for CREATE2 (EIP-1014). */
  readonly salt: bigint | undefined
}

/**
 * A frame that is over. What it leaves to its caller is read before that is resumed, if at all: a frame whose caller is on
 * the same engine need not make numbers and arrays of it. The outermost frame's outcome, and code, can be kept.
 */
export type FinalOutcome =
  | { readonly kind: 'return'; readonly gasLeft: bigint; readonly output: Uint8Array }
  | { readonly kind: 'revert'; readonly gasLeft: bigint; readonly output: Uint8Array }
  | { readonly kind: 'halt'; readonly reason: HaltReason }

export type Outcome =
  | FinalOutcome
  | { readonly kind: 'call'; readonly request: CallRequest }
  | { readonly kind: 'create'; readonly request: CreateRequest }
