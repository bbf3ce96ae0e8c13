/**
 * Transactions: legacy (EIP-155), access list (EIP-2930), dynamic fee (EIP-1559), blob (EIP-4844), set code (EIP-7702).
 * The types only; `transaction-codec.ts` holds their bytes, hashes and signatures.
 * Amounts are in wei; every integer is unsigned.
 */
import type { Address, Hash } from '../primitives/bytes.ts'

export interface AccessListEntry {
  readonly address: Address
  readonly storageKeys: readonly Hash[]
}

/** A signed permission to run an account with the code of `address` (EIP-7702). Validity is decided on execution. */
export interface Authorization {
  readonly chainId: bigint
  readonly address: Address
  readonly nonce: bigint
  readonly yParity: bigint
  readonly r: bigint
  readonly s: bigint
}

interface CommonFields {
  readonly nonce: bigint
  readonly gasLimit: bigint
  /** `null` creates a contract. */
  readonly to: Address | null
  readonly value: bigint
  readonly data: Uint8Array
  readonly yParity: 0 | 1
  readonly r: bigint
  readonly s: bigint
}

export interface LegacyTransaction extends CommonFields {
  readonly type: 0
  readonly gasPrice: bigint
  /** `null` when signed without replay protection (before EIP-155). */
  readonly chainId: bigint | null
}

export interface AccessListTransaction extends CommonFields {
  readonly type: 1
  readonly chainId: bigint
  readonly gasPrice: bigint
  readonly accessList: readonly AccessListEntry[]
}

interface DynamicFeeFields extends CommonFields {
  readonly chainId: bigint
  readonly maxPriorityFeePerGas: bigint
  readonly maxFeePerGas: bigint
  readonly accessList: readonly AccessListEntry[]
}

export interface DynamicFeeTransaction extends DynamicFeeFields {
  readonly type: 2
}

export interface BlobTransaction extends DynamicFeeFields {
  readonly type: 3
  readonly to: Address
  readonly maxFeePerBlobGas: bigint
  readonly blobVersionedHashes: readonly Hash[]
}

export interface SetCodeTransaction extends DynamicFeeFields {
  readonly type: 4
  readonly to: Address
  readonly authorizationList: readonly Authorization[]
}

export type TransactionFields =
  | LegacyTransaction
  | AccessListTransaction
  | DynamicFeeTransaction
  | BlobTransaction
  | SetCodeTransaction

/** A decoded transaction with its canonical bytes (EIP-2718 envelope; a plain RLP list when legacy) and their hash. */
export interface Transaction {
  readonly fields: TransactionFields
  readonly bytes: Uint8Array
  readonly hash: Hash
}
