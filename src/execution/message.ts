/**
 * The one way to run a transaction's worth of execution outside of a block: `eth_call`, gas estimation, access lists,
 * simulation. Implemented in `simulate.ts`; what it takes and gives is stated here.
 */
import type { Address, Hash } from '../primitives/bytes.ts'
import type { AccessListEntry, Authorization } from '../chain/transaction.ts'
import type { Log } from '../chain/receipt.ts'
import type { HaltReason } from '../../runtime/outcome.ts'

/** A transaction without signature. Fees are in wei per gas. */
export interface CallMessage {
  readonly from: Address
  readonly to: Address | null
  readonly gasLimit: bigint
  /** 0 runs free of charge: the base fee is then 0 for BASEFEE-independent accounting, as `eth_call` does. */
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
  readonly value: bigint
  readonly data: Uint8Array
  /** `undefined`: the account's current nonce. */
  readonly nonce: bigint | undefined
  readonly accessList: readonly AccessListEntry[]
  readonly blobVersionedHashes: readonly Hash[]
  readonly maxFeePerBlobGas: bigint
  readonly authorizationList: readonly Authorization[]
}

/** How a transaction ended. A refusal before execution is an `InvalidTransactionError` instead. */
export interface TransactionResult {
  readonly status: 'succeeded' | 'reverted' | 'halted'
  /** Set when `halted`. */
  readonly haltReason: HaltReason | undefined
  /** After refunds and the call data floor. */
  readonly gasUsed: bigint
  /** Gas that had to be there at the peak: `gasUsed` before refunds. */
  readonly gasSpent: bigint
  /** Return or revert data; empty for a creation that succeeded. */
  readonly output: Uint8Array
  readonly logs: readonly Log[]
  /** The contract that a creation made. */
  readonly contractAddress: Address | null
  readonly effectiveGasPrice: bigint
  readonly blobGasUsed: bigint
}
