/** Accounts that a development node signs for, and those it pretends to be. */
import {
  concatBytes,
  bigintToFixedBytes,
  hexToBytes,
  type Address,
  type Hex,
} from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import { keccak256 } from '../../primitives/keccak.ts'
import { sign } from '../../primitives/secp256k1.ts'
import { transactionFromFields, type UnsignedTransactionFields } from '../../chain/transaction-codec.ts'
import { signTransaction } from '../../chain/transaction-signature.ts'
import type { Transaction } from '../../chain/transaction.ts'

export class UnknownAccountError extends AevirError {
  override readonly code = 'UNKNOWN_ACCOUNT'
  readonly address: Address
  constructor(address: Address) {
    super(
      `unknown account ${address}: the node has no key for it; impersonate it, or sign and send the raw transaction`,
    )
    this.address = address
  }
}

/** Accounts that are impersonated at a time. */
const IMPERSONATED_MAX = 10_000

export class ImpersonationLimitError extends AevirError {
  override readonly code = 'IMPERSONATION_LIMIT'
  constructor() {
    super(
      `${IMPERSONATED_MAX} accounts are impersonated already: stop some of them, ` +
        'or impersonate all with anvil_autoImpersonateAccount',
    )
  }
}

export class DevAccounts {
  private readonly keys: ReadonlyMap<Address, Hex>
  private readonly impersonated = new Set<Address>()
  impersonatesAll = false

  constructor(accounts: readonly { readonly address: Address; readonly privateKey: Hex }[]) {
    this.keys = new Map(accounts.map(({ address, privateKey }) => [address, privateKey]))
  }

  addresses(): readonly Address[] {
    return [...this.keys.keys(), ...this.impersonated]
  }

  impersonatedAddresses(): readonly Address[] {
    return [...this.impersonated]
  }

  restoreImpersonated(addresses: readonly Address[]): void {
    this.impersonated.clear()
    for (const address of addresses) this.impersonated.add(address)
  }

  /** @throws ImpersonationLimitError */
  impersonate(address: Address): void {
    if (this.impersonated.size >= IMPERSONATED_MAX && !this.impersonated.has(address)) {
      throw new ImpersonationLimitError()
    }
    this.impersonated.add(address)
  }

  stopImpersonating(address: Address): void {
    this.impersonated.delete(address)
  }

  isImpersonated(address: Address): boolean {
    return this.impersonatesAll || this.impersonated.has(address)
  }

  /** @throws UnknownAccountError */
  signDigest(address: Address, digest: Uint8Array): Uint8Array {
    const { r, s, yParity } = sign(digest, this.key(address))
    return concatBytes(bigintToFixedBytes(r, 32), bigintToFixedBytes(s, 32), Uint8Array.of(27 + yParity))
  }

  /** EIP-191, version 0x45. @throws UnknownAccountError */
  signMessage(address: Address, message: Uint8Array): Uint8Array {
    const prefix = new TextEncoder().encode(`\x19Ethereum Signed Message:\n${message.length}`)
    return this.signDigest(address, keccak256(concatBytes(prefix, message)))
  }

  /** @throws UnknownAccountError */
  signTransaction(address: Address, fields: UnsignedTransactionFields): Transaction {
    return signTransaction(fields, this.key(address))
  }

  /** Signed where there is a key, else marked as the impersonated account's own. @throws UnknownAccountError */
  authorize(address: Address, fields: UnsignedTransactionFields): Transaction {
    if (this.keys.has(address) || !this.isImpersonated(address)) return this.signTransaction(address, fields)
    // No key, no signature: the address in place of one keeps hashes of different senders apart.
    const signature = { yParity: 0, r: BigInt(address), s: IMPERSONATION_MARK } as const
    return transactionFromFields({ ...fields, ...signature })
  }

  private key(address: Address): Uint8Array {
    const key = this.keys.get(address)
    if (key === undefined) throw new UnknownAccountError(address)
    return hexToBytes(key)
  }
}

/** Stands for `s` in the transaction of an impersonated account. */
const IMPERSONATION_MARK = 1n
