/**
 * Signatures of transactions and of EIP-7702 authorizations: what is signed, who signed it, and signing.
 * Only low-s signatures count (EIP-2): otherwise each would have a twin with another transaction hash.
 */
import { concatBytes, EMPTY_BYTES, hexToBytes, type Address } from '../primitives/bytes.ts'
import { HASH_SPACE, HASH_SPACE_SIZE, hashInPlace, hashMemory, keccak256 } from '../primitives/keccak.ts'
import { encodeRlp, rlpFromUint } from '../primitives/rlp.ts'
import { recoverAddress, SECP256K1_ORDER, sign } from '../primitives/secp256k1.ts'
import {
  encodeEnvelope,
  legacyV,
  transactionFromFields,
  unsignedItems,
  type UnsignedTransactionFields,
} from './transaction-codec.ts'
import type { Authorization, Transaction } from './transaction.ts'

/** The largest `s` (EIP-2). */
const S_MAX = SECP256K1_ORDER / 2n
/** RLP: from here on bytes begin a list; lists of as many bytes and more have their size beside it. */
const LIST_OFFSET = 0xc0
const LONG_LIST_SIZE = 56
const LEAST_OF_32_BYTES = 1n << 248n
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

/** Bytes that {@link writeRecovery} writes: the signed hash, r and s of 32 bytes each, and the parity. */
export const RECOVERY_SIZE = 97
const [R_OFFSET, S_OFFSET, PARITY_OFFSET] = [32, 64, 96]

/**
 * Writes what a sender is recovered from, for a thread that does it or for bindings that take bytes.
 *
 * Hot: a node does this with every transaction that it takes. The items that are signed stand in the transaction's own
 * bytes as they are hashed, so nothing is encoded again: 1 µs, {@link signingHash} takes 5.
 * @param out has room for {@link RECOVERY_SIZE} bytes at `offset`.
 * @returns whether anybody can have signed it; {@link recoverSender} says no otherwise.
 */
export function writeRecovery({ fields, bytes }: Transaction, out: Uint8Array, offset: number): boolean {
  const { type, r, s, yParity } = fields
  if (r <= 0n || r >= SECP256K1_ORDER || s <= 0n || s > S_MAX) return false
  const parity = type === 0 ? legacyV(fields.chainId, yParity) : BigInt(yParity)
  const suffix = type === 0 && fields.chainId !== null ? replayProtection(fields.chainId) : EMPTY_BYTES
  const start = payloadStart(bytes, type === 0 ? 0 : 1)
  const [rSize, sSize] = [uintItemSize(r), uintItemSize(s)]
  const end = bytes.length - uintItemSize(parity) - rSize - sSize
  const size = end - start + suffix.length
  if (size > HASH_SPACE_SIZE - FRAME_SIZE_MAX) out.set(signingHash(fields), offset)
  else {
    const payload = HASH_SPACE + FRAME_SIZE_MAX
    hashMemory.set(bytes.subarray(start, end), payload)
    hashMemory.set(suffix, payload + end - start)
    hashInPlace(writeFrame(type, size, payload), payload + size, HASH_SPACE)
    out.set(hashMemory.subarray(HASH_SPACE, HASH_SPACE + R_OFFSET), offset)
  }
  copyUint(bytes, bytes.length - sSize, rSize, out, offset + R_OFFSET)
  copyUint(bytes, bytes.length, sSize, out, offset + S_OFFSET)
  out[offset + PARITY_OFFSET] = yParity
  return true
}

/** EIP-155: the chain id stands where v will be, with empty r and s. */
function replayProtection(chainId: bigint): Uint8Array {
  return concatBytes(encodeRlp(rlpFromUint(chainId)), Uint8Array.of(0x80, 0x80))
}

/** Of a type, and of a list's header. */
const FRAME_SIZE_MAX = 1 + 4

/** Writes them right before the payload in the memory of hashes. @returns where they begin. */
function writeFrame(type: number, payloadSize: number, payload: number): number {
  let start = payload
  if (payloadSize < LONG_LIST_SIZE) hashMemory[--start] = LIST_OFFSET + payloadSize
  else {
    for (let rest = payloadSize; rest > 0; rest >>>= 8) hashMemory[--start] = rest & 0xff
    const sizeSize = payload - start
    hashMemory[--start] = LIST_OFFSET + LONG_LIST_SIZE - 1 + sizeSize
  }
  if (type !== 0) hashMemory[--start] = type
  return start
}

/** Where the items begin of a list that begins at `start`. */
function payloadStart(bytes: Uint8Array, start: number): number {
  const head = bytes[start] as number
  return start + 1 + Math.max(0, head - (LIST_OFFSET + LONG_LIST_SIZE - 1))
}

/** Bytes of an integer's RLP item. */
function uintItemSize(value: bigint): number {
  if (value < 0x80n) return 1
  if (value >= LEAST_OF_32_BYTES) return 33
  return 1 + rlpFromUint(value).length
}

/** Writes the integer of an item that ends before `end`, as 32 bytes. */
function copyUint(bytes: Uint8Array, end: number, itemSize: number, out: Uint8Array, offset: number): void {
  // An item of one byte has no header.
  const size = Math.max(1, itemSize - 1)
  for (let i = 0; i < 32 - size; i++) out[offset + i] = 0
  for (let i = 32 - size; i < 32; i++) out[offset + i] = bytes[end - 32 + i] as number
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
