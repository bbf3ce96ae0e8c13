/**
 * Bytes of transactions: the EIP-2718 envelope and the five payloads in it. Decoding is strict: each transaction has
 * exactly one accepted encoding, and what comes out has the field sizes that the types promise. Whether a transaction
 * may be executed (nonce, fees, gas, chain id, blob count) is decided by execution, not here.
 *
 * Legacy       rlp([nonce, gasPrice, gasLimit, to, value, data, v, r, s])                      EIP-155
 * 0x01 || rlp([chainId, nonce, gasPrice, gasLimit, to, value, data, accessList, yParity, r, s])  EIP-2930
 * 0x02 || rlp([chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gasLimit, to, value, data, accessList, …])  EIP-1559
 * 0x03 || rlp([… as 0x02 up to accessList, maxFeePerBlobGas, blobVersionedHashes, …])          EIP-4844
 * 0x04 || rlp([… as 0x02 up to accessList, authorizationList, …])                              EIP-7702
 */
import { unreachable } from '../primitives/assert.ts'
import {
  bytesToAddress,
  bytesToHash,
  EMPTY_BYTES,
  hexToBytes,
  type Address,
  type Hash,
} from '../primitives/bytes.ts'
import { AevirError } from '../primitives/errors.ts'
import { keccak256Hash } from '../primitives/keccak.ts'
import {
  decodeRlp,
  encodeRlp,
  rlpBytes,
  RlpError,
  rlpFixedBytes,
  rlpFromUint,
  rlpList,
  rlpUint,
  type RlpItem,
} from '../primitives/rlp.ts'
import type {
  AccessListEntry,
  Authorization,
  BlobTransaction,
  DynamicFeeTransaction,
  LegacyTransaction,
  SetCodeTransaction,
  Transaction,
  TransactionFields,
} from './transaction.ts'

/** What is wrong with the bytes of a transaction. `networkForm`: see `decodeBlobNetworkWrapper`. */
export type TransactionDecodingReason = 'malformed' | 'unknownType' | 'networkForm'

export class TransactionDecodingError extends AevirError {
  override readonly code = 'INVALID_TRANSACTION'
  readonly reason: TransactionDecodingReason

  constructor(reason: TransactionDecodingReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

type WithoutSignature<T> = T extends unknown ? Omit<T, 'yParity' | 'r' | 's'> : never
/** A transaction that is not signed yet. */
export type UnsignedTransactionFields = WithoutSignature<TransactionFields>

/** The lowest first byte of a list, which only a legacy transaction begins with. */
const LIST_OFFSET = 0xc0
const UINT64_SIZE = 8
const WORD_SIZE = 32

/**
 * Decodes the one transaction that fills `bytes`, in the form that blocks hold and `eth_sendRawTransaction` takes.
 * The result keeps views into `bytes`, which must not change afterwards.
 * @throws TransactionDecodingError
 */
export function decodeTransaction(bytes: Uint8Array): Transaction {
  const fields = decodingTransaction(() => decodeEnvelope(bytes))
  return { fields, bytes, hash: keccak256Hash(bytes) }
}

/** The canonical bytes of a signed transaction. Every integer must fit its field (see the types). */
export function encodeTransaction(fields: TransactionFields): Uint8Array {
  const parity = fields.type === 0 ? legacyV(fields.chainId, fields.yParity) : BigInt(fields.yParity)
  const signature = [rlpFromUint(parity), rlpFromUint(fields.r), rlpFromUint(fields.s)]
  return encodeEnvelope(fields.type, [...unsignedItems(fields), ...signature])
}

/** A transaction with its bytes and hash, from its fields. */
export function transactionFromFields(fields: TransactionFields): Transaction {
  const bytes = encodeTransaction(fields)
  return { fields, bytes, hash: keccak256Hash(bytes) }
}

/** The `v` of a legacy signature: 27 + parity, or 35 + 2·chainId + parity with replay protection (EIP-155). */
export function legacyV(chainId: bigint | null, yParity: 0 | 1): bigint {
  return BigInt(yParity) + (chainId === null ? 27n : 35n + 2n * chainId)
}

/** The bytes of a list in an envelope: a plain list for type 0, else the type byte before it. */
export function encodeEnvelope(type: TransactionFields['type'], items: readonly RlpItem[]): Uint8Array {
  const payload = encodeRlp(items)
  if (type === 0) return payload
  const bytes = new Uint8Array(1 + payload.length)
  bytes[0] = type
  bytes.set(payload, 1)
  return bytes
}

/** Everything that stands before the signature, in its order. */
export function unsignedItems(fields: UnsignedTransactionFields): RlpItem[] {
  switch (fields.type) {
    case 0:
      return [rlpFromUint(fields.nonce), rlpFromUint(fields.gasPrice), ...callItems(fields)]
    case 1:
      return [
        rlpFromUint(fields.chainId),
        rlpFromUint(fields.nonce),
        rlpFromUint(fields.gasPrice),
        ...callItems(fields),
        accessListItem(fields.accessList),
      ]
    case 2:
      return dynamicFeeItems(fields)
    case 3:
      return [
        ...dynamicFeeItems(fields),
        rlpFromUint(fields.maxFeePerBlobGas),
        fields.blobVersionedHashes.map(hexToBytes),
      ]
    case 4:
      return [...dynamicFeeItems(fields), fields.authorizationList.map(authorizationItem)]
    default:
      return unreachable(fields)
  }
}

function callItems(fields: UnsignedTransactionFields): RlpItem[] {
  return [
    rlpFromUint(fields.gasLimit),
    fields.to === null ? EMPTY_BYTES : hexToBytes(fields.to),
    rlpFromUint(fields.value),
    fields.data,
  ]
}

function dynamicFeeItems(
  fields: WithoutSignature<DynamicFeeTransaction | BlobTransaction | SetCodeTransaction>,
): RlpItem[] {
  return [
    rlpFromUint(fields.chainId),
    rlpFromUint(fields.nonce),
    rlpFromUint(fields.maxPriorityFeePerGas),
    rlpFromUint(fields.maxFeePerGas),
    ...callItems(fields),
    accessListItem(fields.accessList),
  ]
}

function accessListItem(accessList: readonly AccessListEntry[]): RlpItem {
  return accessList.map((entry) => [hexToBytes(entry.address), entry.storageKeys.map(hexToBytes)])
}

function authorizationItem(authorization: Authorization): RlpItem {
  return [
    rlpFromUint(authorization.chainId),
    hexToBytes(authorization.address),
    rlpFromUint(authorization.nonce),
    rlpFromUint(authorization.yParity),
    rlpFromUint(authorization.r),
    rlpFromUint(authorization.s),
  ]
}

/** Runs `decode`, reporting what it says about RLP as what is wrong with the transaction. */
export function decodingTransaction<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof RlpError)) throw error
    throw new TransactionDecodingError('malformed', `malformed transaction: ${error.message}`, {
      cause: error,
    })
  }
}

function decodeEnvelope(bytes: Uint8Array): TransactionFields {
  const type = bytes[0]
  if (type === undefined) throw new TransactionDecodingError('malformed', 'malformed transaction: no bytes')
  if (type >= LIST_OFFSET) return decodeLegacy(decodeRlp(bytes))
  if (type < 1 || type > 4) {
    throw new TransactionDecodingError(
      'unknownType',
      `transaction type not valid: 0x${type.toString(16).padStart(2, '0')}, expected a legacy list or 0x01 to 0x04`,
    )
  }
  const item = decodeRlp(bytes.subarray(1))
  switch (type) {
    case 1:
      return decodeAccessListTransaction(item)
    case 2:
      return decodeDynamicFeeTransaction(item)
    case 3:
      return decodeBlobTransaction(item)
    default:
      return decodeSetCodeTransaction(item)
  }
}

function decodeLegacy(item: RlpItem): LegacyTransaction {
  const items = rlpList(item, 'a legacy transaction', 9)
  return {
    type: 0,
    nonce: rlpUint(items[0], UINT64_SIZE, 'nonce'),
    gasPrice: rlpUint(items[1], WORD_SIZE, 'gasPrice'),
    ...decodeCall(items, 2),
    ...decodeLegacyV(rlpUint(items[6], WORD_SIZE, 'v')),
    ...decodeSignatureScalars(items, 7),
  }
}

function decodeLegacyV(v: bigint): { chainId: bigint | null; yParity: 0 | 1 } {
  if (v === 27n || v === 28n) return { chainId: null, yParity: v === 27n ? 0 : 1 }
  if (v >= 35n) return { chainId: (v - 35n) / 2n, yParity: v % 2n === 1n ? 0 : 1 }
  const cure = v === 0n ? 'the transaction is not signed' : 'expected 27, 28 or 35 and above'
  throw new RlpError(`v is ${v}: ${cure}`)
}

function decodeAccessListTransaction(item: RlpItem): TransactionFields {
  const items = rlpList(item, 'an access list transaction', 11)
  return {
    type: 1,
    chainId: rlpUint(items[0], WORD_SIZE, 'chainId'),
    nonce: rlpUint(items[1], UINT64_SIZE, 'nonce'),
    gasPrice: rlpUint(items[2], WORD_SIZE, 'gasPrice'),
    ...decodeCall(items, 3),
    accessList: decodeAccessList(items[7]),
    ...decodeSignature(items, 8),
  }
}

function decodeDynamicFeeTransaction(item: RlpItem): DynamicFeeTransaction {
  const items = rlpList(item, 'a dynamic fee transaction', 12)
  return { type: 2, ...decodeDynamicFeeFields(items), ...decodeSignature(items, 9) }
}

/** Decodes the list of a blob transaction as blocks hold it, without blobs. @throws RlpError, TransactionDecodingError */
export function decodeBlobTransaction(item: RlpItem): BlobTransaction {
  if (isBlobNetworkForm(item)) {
    throw new TransactionDecodingError(
      'networkForm',
      'blob transaction in network form (with its blobs): here it must stand without them',
    )
  }
  const items = rlpList(item, 'a blob transaction', 14)
  const fields = decodeDynamicFeeFields(items)
  const hashes = rlpList(items[10], 'blobVersionedHashes')
  return {
    type: 3,
    ...fields,
    to: recipient(fields.to, 'blob'),
    maxFeePerBlobGas: rlpUint(items[9], WORD_SIZE, 'maxFeePerBlobGas'),
    blobVersionedHashes: hashes.map((hash) => decodeHash(hash, 'a blob versioned hash')),
    ...decodeSignature(items, 11),
  }
}

/** Whether the payload of a type 3 envelope is the one that carries blobs: its first item is the transaction's list. */
export function isBlobNetworkForm(item: RlpItem): item is readonly RlpItem[] {
  return !(item instanceof Uint8Array) && item[0] !== undefined && !(item[0] instanceof Uint8Array)
}

function decodeSetCodeTransaction(item: RlpItem): SetCodeTransaction {
  const items = rlpList(item, 'a set code transaction', 13)
  const fields = decodeDynamicFeeFields(items)
  return {
    type: 4,
    ...fields,
    to: recipient(fields.to, 'set code'),
    authorizationList: rlpList(items[9], 'authorizationList').map(decodeAuthorization),
    ...decodeSignature(items, 10),
  }
}

type DynamicFeeItems = Omit<DynamicFeeTransaction, 'type' | 'yParity' | 'r' | 's'>

function decodeDynamicFeeFields(items: readonly RlpItem[]): DynamicFeeItems {
  return {
    chainId: rlpUint(items[0], WORD_SIZE, 'chainId'),
    nonce: rlpUint(items[1], UINT64_SIZE, 'nonce'),
    maxPriorityFeePerGas: rlpUint(items[2], WORD_SIZE, 'maxPriorityFeePerGas'),
    maxFeePerGas: rlpUint(items[3], WORD_SIZE, 'maxFeePerGas'),
    ...decodeCall(items, 4),
    accessList: decodeAccessList(items[8]),
  }
}

/** The four fields that say what is called, in the same order in every type. */
function decodeCall(
  items: readonly RlpItem[],
  first: number,
): Pick<DynamicFeeTransaction, 'gasLimit' | 'to' | 'value' | 'data'> {
  const to = rlpBytes(items[first + 1], 'to')
  if (to.length !== 0 && to.length !== 20) throw new RlpError(`to must have 0 or 20 bytes, not ${to.length}`)
  return {
    gasLimit: rlpUint(items[first], UINT64_SIZE, 'gasLimit'),
    to: to.length === 0 ? null : bytesToAddress(to),
    value: rlpUint(items[first + 2], WORD_SIZE, 'value'),
    data: rlpBytes(items[first + 3], 'data'),
  }
}

function recipient(to: Address | null, kind: string): Address {
  if (to === null) throw new RlpError(`a ${kind} transaction cannot create a contract: to must have 20 bytes`)
  return to
}

function decodeSignature(items: readonly RlpItem[], first: number): { yParity: 0 | 1; r: bigint; s: bigint } {
  const yParity = rlpUint(items[first], 1, 'yParity')
  if (yParity > 1n) throw new RlpError(`yParity must be 0 or 1, not ${yParity}`)
  return { yParity: yParity === 0n ? 0 : 1, ...decodeSignatureScalars(items, first + 1) }
}

function decodeSignatureScalars(items: readonly RlpItem[], first: number): { r: bigint; s: bigint } {
  return { r: rlpUint(items[first], WORD_SIZE, 'r'), s: rlpUint(items[first + 1], WORD_SIZE, 's') }
}

function decodeAccessList(item: RlpItem | undefined): AccessListEntry[] {
  return rlpList(item, 'accessList').map((entry) => {
    const [address, storageKeys] = rlpList(entry, 'an access list entry', 2)
    return {
      address: bytesToAddress(rlpFixedBytes(address, 20, 'an access list address')),
      storageKeys: rlpList(storageKeys, 'storageKeys').map((key) => decodeHash(key, 'a storage key')),
    }
  })
}

function decodeAuthorization(item: RlpItem): Authorization {
  const items = rlpList(item, 'an authorization', 6)
  return {
    chainId: rlpUint(items[0], WORD_SIZE, 'authorization chainId'),
    address: bytesToAddress(rlpFixedBytes(items[1], 20, 'authorization address')),
    nonce: rlpUint(items[2], UINT64_SIZE, 'authorization nonce'),
    yParity: rlpUint(items[3], 1, 'authorization yParity'),
    r: rlpUint(items[4], WORD_SIZE, 'authorization r'),
    s: rlpUint(items[5], WORD_SIZE, 'authorization s'),
  }
}

function decodeHash(item: RlpItem, what: string): Hash {
  return bytesToHash(rlpFixedBytes(item, 32, what))
}
