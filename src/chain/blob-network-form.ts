/**
 * Blob transactions as nodes and wallets send them, with their blobs. Blocks hold them without; this node executes them
 * there but its own pool refuses them, so that all it needs is to know the form and to say what is wrong with it.
 *
 * 0x03 || rlp([transaction, blobs, commitments, proofs])                      EIP-4844
 * 0x03 || rlp([transaction, wrapperVersion = 1, blobs, commitments, cellProofs])  EIP-7594
 */
import { keccak256Hash } from '../primitives/keccak.ts'
import { decodeRlp, rlpFixedBytes, rlpList, rlpUint, RlpError, type RlpItem } from '../primitives/rlp.ts'
import {
  decodeBlobTransaction,
  decodingTransaction,
  encodeTransaction,
  isBlobNetworkForm,
  TransactionDecodingError,
} from './transaction-codec.ts'
import type { Transaction } from './transaction.ts'

/** Type byte of blob transactions. */
const BLOB_TYPE = 3
/** Bytes of a blob: 4,096 field elements of 32 bytes (EIP-4844). */
const BLOB_SIZE = 131_072
/** Bytes of a KZG commitment or proof: a compressed point of G1. */
const POINT_SIZE = 48
/** Cells of an extended blob, each with a proof (EIP-7594). */
const CELLS_PER_BLOB = 128

/**
 * The transaction inside of the network form, as a block would hold it. Sizes and counts of the sidecar are checked,
 * its commitments and proofs are not.
 * @throws TransactionDecodingError
 */
export function decodeBlobNetworkWrapper(bytes: Uint8Array): Transaction {
  if (bytes[0] !== BLOB_TYPE) {
    throw new TransactionDecodingError('malformed', 'only a transaction of type 0x03 can carry blobs')
  }
  return decodingTransaction(() => {
    const wrapper = decodeRlp(bytes.subarray(1))
    if (!isBlobNetworkForm(wrapper)) throw new RlpError('the blob transaction carries no blobs')
    const fields = decodeBlobTransaction(wrapper[0] as RlpItem)
    checkSidecar(wrapper, fields.blobVersionedHashes.length)
    const inner = encodeTransaction(fields)
    return { fields, bytes: inner, hash: keccak256Hash(inner) }
  })
}

function checkSidecar(wrapper: readonly RlpItem[], blobCount: number): void {
  const hasVersion = wrapper.length === 5
  if (!hasVersion && wrapper.length !== 4) {
    throw new RlpError(`a blob transaction in network form must have 4 or 5 items, not ${wrapper.length}`)
  }
  if (hasVersion) {
    const version = rlpUint(wrapper[1], 1, 'the wrapper version')
    if (version !== 1n) throw new RlpError(`the wrapper version must be 1, not ${version}`)
  }
  const first = hasVersion ? 2 : 1
  checkPieces(wrapper[first], blobCount, BLOB_SIZE, 'blobs')
  checkPieces(wrapper[first + 1], blobCount, POINT_SIZE, 'commitments')
  checkPieces(wrapper[first + 2], hasVersion ? CELLS_PER_BLOB * blobCount : blobCount, POINT_SIZE, 'proofs')
}

function checkPieces(item: RlpItem | undefined, count: number, size: number, what: string): void {
  for (const piece of rlpList(item, what, count)) rlpFixedBytes(piece, size, `each of the ${what}`)
}
