/**
 * Signatures of transactions and of EIP-7702 authorizations: what is signed, who signed it, and signing.
 * Only low-s signatures count (EIP-2): otherwise each would have a twin with another transaction hash.
 */
import { concatBytes, hexToBytes, type Address } from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import { encodeRlp, rlpFromUint } from '../primitives/rlp.ts'
import { recoverAddress, SECP256K1_ORDER, sign } from '../primitives/secp256k1.ts'
import {
  encodeEnvelope,
  transactionFromFields,
  unsignedItems,
  type UnsignedTransactionFields,
} from './transaction-codec.ts'
import type { Authorization, Transaction } from './transaction.ts'

/** The largest `s` (EIP-2). */
const S_MAX = SECP256K1_ORDER / 2n
/** Domain of authorization hashes (EIP-7702). */
const AUTHORIZATION_MAGIC = Uint8Array.of(0x05)

/** What is signed of an authorization (EIP-7702). */
export type UnsignedAuthorization = Pick<Authorization, 'chainId' | 'address' | 'nonce'>

/** The 32 bytes that the sender signs. */
export function signingHash(fields: UnsignedTransactionFields): Uint8Array {
  const items = unsignedItems(fields)
  if (fields.type === 0 && fields.chainId !== null) {
    // EIP-155: the chain id stands where v will be, with empty r and s.
    items.push(rlpFromUint(fields.chainId), rlpFromUint(0n), rlpFromUint(0n))
  }
  return keccak256(encodeEnvelope(fields.type, items))
}

/** The account that signed the transaction; `undefined` when the signature is none or is not low-s. */
export function recoverSender(transaction: Pick<Transaction, 'fields'>): Address | undefined {
  const { fields } = transaction
  return recover(signingHash(fields), fields)
}

/** Signs a transaction. @param privateKey 32 bytes. */
export function signTransaction(fields: UnsignedTransactionFields, privateKey: Uint8Array): Transaction {
  return transactionFromFields({ ...fields, ...sign(signingHash(fields), privateKey) })
}

/** The 32 bytes that an authority signs: keccak256(0x05 || rlp([chainId, address, nonce])) (EIP-7702). */
export function authorizationSigningHash(authorization: UnsignedAuthorization): Uint8Array {
  const items = [
    rlpFromUint(authorization.chainId),
    hexToBytes(authorization.address),
    rlpFromUint(authorization.nonce),
  ]
  return keccak256(concatBytes(AUTHORIZATION_MAGIC, encodeRlp(items)))
}

/** The account that signed the authorization; `undefined` when the signature is none or is not low-s. */
export function recoverAuthority(authorization: Authorization): Address | undefined {
  return recover(authorizationSigningHash(authorization), authorization)
}

/** Signs an authorization. @param privateKey 32 bytes. */
export function signAuthorization(
  authorization: UnsignedAuthorization,
  privateKey: Uint8Array,
): Authorization {
  const { chainId, address, nonce } = authorization
  const { yParity, r, s } = sign(authorizationSigningHash(authorization), privateKey)
  return { chainId, address, nonce, yParity: BigInt(yParity), r, s }
}

interface Signature {
  readonly yParity: 0 | 1 | bigint
  readonly r: bigint
  readonly s: bigint
}

function recover(hash: Uint8Array, { yParity, r, s }: Signature): Address | undefined {
  if (s > S_MAX) return undefined
  const parity = Number(yParity)
  if (parity !== 0 && parity !== 1) return undefined
  return recoverAddress(hash, r, s, parity)
}
