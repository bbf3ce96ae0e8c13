/**
 * The contract between any engine and the rest of the node. An engine runs one frame at a time over a {@link Host};
 * a driver (`src/execution/driver.ts`) owns the stack of frames, snapshots and value transfers. State access is
 * synchronous, so a Wasm engine can call it through an import.
 */
import type { Address, Hash } from '../src/primitives/bytes.ts'
import type { ForkRules } from '../src/chain/forks.ts'
import type { PackedLogs } from '../src/chain/packed-logs.ts'
import type { CallRequest, FinalOutcome, HaltReason, Outcome } from './outcome.ts'

/** What block instructions read. */
export interface BlockContext {
  readonly number: bigint
  readonly timestamp: bigint
  readonly beneficiary: Address
  readonly gasLimit: bigint
  readonly prevRandao: Hash
  readonly baseFeePerGas: bigint
  /** In wei per blob gas. */
  readonly blobBaseFee: bigint
  readonly chainId: bigint
}

/** What transaction instructions read. */
export interface TransactionContext {
  readonly origin: Address
  /** Effective price, in wei per gas. */
  readonly gasPrice: bigint
  readonly blobVersionedHashes: readonly Hash[]
}

/**
 * State as a frame sees it. Reads do not warm anything: the `access…` methods do, and say whether the first touch
 * was cold (EIP-2929); an engine charges before it reads.
 */
export interface Host {
  readonly block: BlockContext
  readonly transaction: TransactionContext
  /** Marks the account warm; `true` when it was cold. */
  accessAccount(address: Address): boolean
  /** Marks the slot warm; `true` when it was cold. */
  accessStorage(address: Address, slot: bigint): boolean
  /** Whether the account is dead in the sense of EIP-161: absent, or no nonce, balance and code. */
  isEmptyAccount(address: Address): boolean
  balance(address: Address): bigint
  /** Code of the account, empty when it has none. A delegation (EIP-7702) is returned as its designator. */
  code(address: Address): Uint8Array
  /** Hash of {@link code}; zero for a dead account (EIP-1052). */
  codeHash(address: Address): Hash
  storage(address: Address, slot: bigint): bigint
  /** The slot's value when the transaction began (EIP-2200). */
  originalStorage(address: Address, slot: bigint): bigint
  /** {@link accessStorage}, {@link storage} and {@link originalStorage} in one: to find the slot is most of each. */
  accessSlot(address: Address, slot: bigint): SlotAccess
  setStorage(address: Address, slot: bigint, value: bigint): void
  transientStorage(address: Address, slot: bigint): bigint
  setTransientStorage(address: Address, slot: bigint, value: bigint): void
  /** Adds to the refund counter; may be negative (EIP-3529). */
  addRefund(gas: number): void
  /** The refund counter of the transaction so far: only a traced run asks. */
  refund(): bigint
  log(address: Address, topics: readonly Hash[], data: Uint8Array): void
  /** Several logs, in their order. */
  packedLogs(logs: PackedLogs): void
  /** Moves the balance and, when created in this transaction, marks for deletion (EIP-6780). */
  selfDestruct(address: Address, beneficiary: Address): void
  /** Hash of one of the 256 blocks before the current one; zero outside of them. */
  blockHash(number: bigint): Hash
}

/** What access to a slot finds. */
export interface SlotAccess {
  /** Whether it was cold: it is warm from now on. */
  readonly isCold: boolean
  readonly value: bigint
  /** When the transaction began. */
  readonly original: bigint
  /** {@link Host.setStorage} without looking for the slot, as long as the transaction lasts. */
  write(value: bigint): void
}

/** One frame's fixed input. */
export interface Message {
  readonly depth: number
  readonly isStatic: boolean
  /** Read before the frame begins. */
  readonly gas: bigint
  /** ADDRESS. */
  readonly address: Address
  /** CALLER. */
  readonly caller: Address
  /** CALLVALUE, in wei. */
  readonly value: bigint
  /** CALLDATA. Of a call by a frame it is a view, to be asked for each time: see {@link CallRequest.input}. */
  readonly input: Uint8Array
  readonly code: Uint8Array
  /** Key for analyses and compiled code; `undefined` for initcode, which is not worth keeping. */
  readonly codeHash: Hash | undefined
  /** The frame's call that the message is made of, if one is: an engine knows its own. */
  readonly request?: CallRequest
}

/** A frame that started: runs until it is over or needs a call. */
export interface Frame {
  readonly message: Message
  run(): Outcome
  /**
   * Continues after `call` or `create`.
   * @param ended how the callee ended. One that was refused, before it began, reverted with its gas and no output.
   * @param created the new contract after a creation that succeeded. Its code is not the caller's return data.
   */
  resume(ended: FinalOutcome, created?: Address): Outcome
}

/** An execution engine for EVM bytecode. Engines differ in speed only; results are equal to the bit. */
export interface Engine {
  readonly name: string
  start(message: Message, host: Host, rules: ForkRules, tracer?: StepTracer): Frame
}

/** A frame's insides, valid only during {@link StepTracer.step}. */
export interface StepView {
  readonly pc: number
  readonly opcode: number
  /** Gas left before the instruction. */
  readonly gas: bigint
  readonly depth: number
  readonly address: Address
  /** Words from the bottom; `stackSize` of them are valid. */
  readonly stack: readonly bigint[]
  readonly stackSize: number
  /** The first `memorySize` bytes are valid. */
  readonly memory: Uint8Array
  readonly memorySize: number
  readonly returnData: Uint8Array
  readonly refund: bigint
}

/** Sees every instruction of a traced run. Absent, it costs nothing: an untraced loop has no hook in it. */
export interface StepTracer {
  /** Before an instruction, its stack checks included. */
  step(view: StepView): void
  /**
   * The instruction at the last {@link step} of this depth stopped the frame exceptionally.
   * @param gasCharged what it had charged by then; more than there was when it ran out of gas.
   */
  fault?(reason: HaltReason, gasCharged: bigint): void
}
