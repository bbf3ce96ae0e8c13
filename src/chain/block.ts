/** Blocks: the types only; `block-codec.ts` holds their bytes and hashes. Quantities are bigint, amounts in wei. */
import type { Address, Hash } from '../primitives/bytes.ts'
import type { Transaction } from './transaction.ts'

/** A block header. Optional fields are present exactly from the fork on that introduced them. */
export interface Header {
  readonly parentHash: Hash
  readonly ommersHash: Hash
  readonly beneficiary: Address
  readonly stateRoot: Hash
  readonly transactionsRoot: Hash
  readonly receiptsRoot: Hash
  /** 256 bytes. */
  readonly logsBloom: Uint8Array
  readonly difficulty: bigint
  readonly number: bigint
  readonly gasLimit: bigint
  readonly gasUsed: bigint
  /** Seconds since 1970. */
  readonly timestamp: bigint
  /** At most 32 bytes. */
  readonly extraData: Uint8Array
  readonly prevRandao: Hash
  /** 8 bytes. */
  readonly nonce: Uint8Array
  /** London, EIP-1559. */
  readonly baseFeePerGas?: bigint
  /** Shanghai, EIP-4895. */
  readonly withdrawalsRoot?: Hash
  /** Cancun, EIP-4844. */
  readonly blobGasUsed?: bigint
  readonly excessBlobGas?: bigint
  /** Cancun, EIP-4788. */
  readonly parentBeaconBlockRoot?: Hash
  /** Prague, EIP-7685. */
  readonly requestsHash?: Hash
}

/** A validator's withdrawal (EIP-4895). */
export interface Withdrawal {
  readonly index: bigint
  readonly validatorIndex: bigint
  readonly address: Address
  /** In gwei. */
  readonly amount: bigint
}

export interface Block {
  readonly header: Header
  readonly hash: Hash
  readonly transactions: readonly Transaction[]
  readonly ommers: readonly Header[]
  /** Present from Shanghai on. */
  readonly withdrawals?: readonly Withdrawal[]
}
