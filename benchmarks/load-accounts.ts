/** Accounts that a load sends from: keys made from a number, nonces counted here, transactions signed in this process. */
import { bytesToHex, type Address, type Hash, type Hex } from '../src/primitives/bytes.ts'
import { keccak256 } from '../src/primitives/keccak.ts'
import { privateKeyToAddress } from '../src/primitives/secp256k1.ts'
import { DEV_CHAIN_ID } from '../src/chain/dev-genesis.ts'
import { signTransaction } from '../src/chain/transaction-signature.ts'

/** Far above any base fee that a load drives a block to. */
const MAX_FEE_PER_GAS = 10n ** 13n
const TIP_PER_GAS = 10n ** 9n

export interface Call {
  /** `null` creates a contract. */
  readonly to: Address | null
  readonly value?: bigint
  readonly data?: Uint8Array
  readonly gasLimit: bigint
}

export interface SignedTransaction {
  readonly raw: Hex
  readonly hash: Hash
}

export class LoadAccount {
  readonly address: Address
  private readonly privateKey: Uint8Array
  /** Of the next transaction. */
  private nonce: bigint

  constructor(privateKey: Uint8Array, nonce = 0n) {
    this.privateKey = privateKey
    this.address = privateKeyToAddress(privateKey)
    this.nonce = nonce
  }

  /** The same account for the same number, on every machine. */
  static numbered(index: number): LoadAccount {
    return new LoadAccount(keccak256(new TextEncoder().encode(`load account ${index}`)))
  }

  sign({ to, value = 0n, data = new Uint8Array(0), gasLimit }: Call): SignedTransaction {
    const nonce = this.nonce++
    const fees = { maxFeePerGas: MAX_FEE_PER_GAS, maxPriorityFeePerGas: TIP_PER_GAS }
    const fields = {
      type: 2,
      chainId: DEV_CHAIN_ID,
      nonce,
      to,
      value,
      data,
      gasLimit,
      accessList: [],
      ...fees,
    } as const
    const { bytes, hash } = signTransaction(fields, this.privateKey)
    return { raw: bytesToHex(bytes), hash }
  }
}
