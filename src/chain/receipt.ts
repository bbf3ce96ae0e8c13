/** Receipts and logs: the types only; `receipt-codec.ts` holds their bytes. */
import type { Address, Hash } from '../primitives/bytes.ts'

export interface Log {
  readonly address: Address
  /** 0 to 4. */
  readonly topics: readonly Hash[]
  readonly data: Uint8Array
}

/** What a transaction left behind (EIP-658, EIP-2718), with what its hash does not cover but readers need. */
export interface Receipt {
  readonly type: 0 | 1 | 2 | 3 | 4
  readonly succeeded: boolean
  readonly cumulativeGasUsed: bigint
  /** 256 bytes. */
  readonly logsBloom: Uint8Array
  readonly logs: readonly Log[]

  /** Not part of the encoding: this transaction's own gas, after refunds. */
  readonly gasUsed: bigint
  /** Not part of the encoding: the price paid per gas, in wei. */
  readonly effectiveGasPrice: bigint
  /** Not part of the encoding: the contract a creation made; `null` for a call. */
  readonly contractAddress: Address | null
}
