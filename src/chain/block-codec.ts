/**
 * Bytes and hashes of headers, withdrawals and blocks (yellow paper, 4.3). Decoding is strict: one accepted encoding,
 * field sizes as the types promise, the number of header fields one that some fork has. Whether a block is valid is
 * decided by execution, not here.
 *
 * Header      rlp([parentHash, …, nonce, baseFeePerGas?, withdrawalsRoot?, blobGasUsed?, …]), see {@link Header}
 * Withdrawal  rlp([index, validatorIndex, address, amount])                                     EIP-4895
 * Block       rlp([header, transactions, ommers, withdrawals?]), typed transactions as byte strings  EIP-2718
 */
import { assert, present } from '../primitives/assert.ts'
import { bytesToAddress, bytesToHash, hexToBytes, toHash, type Hash } from '../primitives/bytes.ts'
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
import type { Block, Header, Withdrawal } from './block.ts'
import { BLOOM_SIZE } from './bloom.ts'
import { orderedTrieRoot } from './ordered-trie.ts'
import { decodeTransaction, TransactionDecodingError } from './transaction-codec.ts'
import type { Transaction } from './transaction.ts'

export class BlockDecodingError extends AevirError {
  override readonly code = 'INVALID_BLOCK'
}

/** keccak256(rlp([])): the hash of no ommers, the only one since proof of work ended. */
export const EMPTY_OMMERS_HASH: Hash = keccak256Hash(encodeRlp([]))
/** sha256 of nothing: the commitment to no requests (EIP-7685). */
export const EMPTY_REQUESTS_HASH: Hash = toHash(
  '0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
)

const UINT64_SIZE = 8
const WORD_SIZE = 32
const NONCE_SIZE = 8
/** Numbers of header fields: Frontier, London, Shanghai, Cancun, Prague. */
const HEADER_COUNTS: readonly number[] = [15, 16, 17, 20, 21]

export function encodeHeader(header: Header): Uint8Array {
  return encodeRlp(headerItems(header))
}

/** Decodes the one header that fills `bytes`; the result keeps views into them. @throws BlockDecodingError */
export function decodeHeader(bytes: Uint8Array): Header {
  return decodingBlock('header', () => decodeHeaderItem(decodeRlp(bytes)))
}

/** The hash that names a block. */
export function headerHash(header: Header): Hash {
  return keccak256Hash(encodeHeader(header))
}

/** A block from its parts; the header's roots are taken as they are. */
export function blockFromParts(
  header: Header,
  transactions: readonly Transaction[],
  withdrawals?: readonly Withdrawal[],
  ommers: readonly Header[] = [],
): Block {
  const block = { header, hash: headerHash(header), transactions, ommers }
  return withdrawals === undefined ? block : { ...block, withdrawals }
}

export function encodeBlock(block: Block): Uint8Array {
  const items = [
    headerItems(block.header),
    block.transactions.map(transactionItem),
    block.ommers.map(headerItems),
  ]
  return encodeRlp(
    block.withdrawals === undefined ? items : [...items, block.withdrawals.map(withdrawalItem)],
  )
}

/** Decodes the one block that fills `bytes`; the result keeps views into them. @throws BlockDecodingError */
export function decodeBlock(bytes: Uint8Array): Block {
  return decodingBlock('block', () => {
    const items = rlpList(decodeRlp(bytes), 'a block')
    const header = decodeHeaderItem(items[0])
    const count = header.withdrawalsRoot === undefined ? 3 : 4
    if (items.length !== count)
      throw new RlpError(`a block of this fork must have ${count} items, not ${items.length}`)
    const transactions = rlpList(items[1], 'transactions').map(decodeTransactionItem)
    const ommers = rlpList(items[2], 'ommers').map(decodeHeaderItem)
    const withdrawals = count === 4 ? rlpList(items[3], 'withdrawals').map(decodeWithdrawal) : undefined
    return blockFromParts(header, transactions, withdrawals, ommers)
  })
}

export function transactionsRoot(transactions: readonly Transaction[]): Hash {
  return orderedTrieRoot(transactions.map((transaction) => transaction.bytes))
}

export function withdrawalsRoot(withdrawals: readonly Withdrawal[]): Hash {
  return orderedTrieRoot(withdrawals.map((withdrawal) => encodeRlp(withdrawalItem(withdrawal))))
}

function decodingBlock<T>(what: 'header' | 'block', decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof RlpError) && !(error instanceof TransactionDecodingError)) throw error
    throw new BlockDecodingError(`malformed ${what}: ${error.message}`, { cause: error })
  }
}

function headerItems(header: Header): RlpItem[] {
  const items: RlpItem[] = [
    hexToBytes(header.parentHash),
    hexToBytes(header.ommersHash),
    hexToBytes(header.beneficiary),
    hexToBytes(header.stateRoot),
    hexToBytes(header.transactionsRoot),
    hexToBytes(header.receiptsRoot),
    header.logsBloom,
    rlpFromUint(header.difficulty),
    rlpFromUint(header.number),
    rlpFromUint(header.gasLimit),
    rlpFromUint(header.gasUsed),
    rlpFromUint(header.timestamp),
    header.extraData,
    hexToBytes(header.prevRandao),
    header.nonce,
  ]
  const optional = [
    optionalUint(header.baseFeePerGas),
    optionalHash(header.withdrawalsRoot),
    optionalUint(header.blobGasUsed),
    optionalUint(header.excessBlobGas),
    optionalHash(header.parentBeaconBlockRoot),
    optionalHash(header.requestsHash),
  ]
  const count = optional.filter((item) => item !== undefined).length
  assert(
    HEADER_COUNTS.includes(items.length + count),
    `no fork has headers of ${items.length + count} fields`,
  )
  // The count alone says which fields there are: none may be absent before one that is present.
  for (const item of optional.slice(0, count)) items.push(present(item, 'header field of an earlier fork'))
  return items
}

function optionalUint(value: bigint | undefined): Uint8Array | undefined {
  return value === undefined ? undefined : rlpFromUint(value)
}

function optionalHash(hash: Hash | undefined): Uint8Array | undefined {
  return hash === undefined ? undefined : hexToBytes(hash)
}

function decodeHeaderItem(item: RlpItem | undefined): Header {
  const items = rlpList(item, 'a header')
  const count = items.length
  if (!HEADER_COUNTS.includes(count)) {
    throw new RlpError(`a header must have ${HEADER_COUNTS.join(', ')} fields, not ${count}`)
  }
  return {
    parentHash: decodeHash(items[0], 'parentHash'),
    ommersHash: decodeHash(items[1], 'ommersHash'),
    beneficiary: bytesToAddress(rlpFixedBytes(items[2], 20, 'beneficiary')),
    stateRoot: decodeHash(items[3], 'stateRoot'),
    transactionsRoot: decodeHash(items[4], 'transactionsRoot'),
    receiptsRoot: decodeHash(items[5], 'receiptsRoot'),
    logsBloom: rlpFixedBytes(items[6], BLOOM_SIZE, 'logsBloom'),
    difficulty: rlpUint(items[7], WORD_SIZE, 'difficulty'),
    number: rlpUint(items[8], UINT64_SIZE, 'number'),
    gasLimit: rlpUint(items[9], UINT64_SIZE, 'gasLimit'),
    gasUsed: rlpUint(items[10], UINT64_SIZE, 'gasUsed'),
    timestamp: rlpUint(items[11], UINT64_SIZE, 'timestamp'),
    extraData: rlpBytes(items[12], 'extraData'),
    prevRandao: decodeHash(items[13], 'prevRandao'),
    nonce: rlpFixedBytes(items[14], NONCE_SIZE, 'nonce'),
    ...(count > 15 && { baseFeePerGas: rlpUint(items[15], WORD_SIZE, 'baseFeePerGas') }),
    ...(count > 16 && { withdrawalsRoot: decodeHash(items[16], 'withdrawalsRoot') }),
    ...(count > 17 && {
      blobGasUsed: rlpUint(items[17], UINT64_SIZE, 'blobGasUsed'),
      excessBlobGas: rlpUint(items[18], UINT64_SIZE, 'excessBlobGas'),
      parentBeaconBlockRoot: decodeHash(items[19], 'parentBeaconBlockRoot'),
    }),
    ...(count > 20 && { requestsHash: decodeHash(items[20], 'requestsHash') }),
  }
}

/** A list is a legacy transaction, a byte string the envelope of a typed one. */
function transactionItem(transaction: Transaction): RlpItem {
  return transaction.fields.type === 0 ? decodeRlp(transaction.bytes) : transaction.bytes
}

function decodeTransactionItem(item: RlpItem): Transaction {
  if (!(item instanceof Uint8Array)) return decodeTransaction(encodeRlp(item))
  const transaction = decodeTransaction(item)
  if (transaction.fields.type === 0) throw new RlpError('a legacy transaction stands as a list in a block')
  return transaction
}

function withdrawalItem(withdrawal: Withdrawal): RlpItem {
  return [
    rlpFromUint(withdrawal.index),
    rlpFromUint(withdrawal.validatorIndex),
    hexToBytes(withdrawal.address),
    rlpFromUint(withdrawal.amount),
  ]
}

function decodeWithdrawal(item: RlpItem): Withdrawal {
  const [index, validatorIndex, address, amount] = rlpList(item, 'a withdrawal', 4)
  return {
    index: rlpUint(index, UINT64_SIZE, 'withdrawal index'),
    validatorIndex: rlpUint(validatorIndex, UINT64_SIZE, 'withdrawal validatorIndex'),
    address: bytesToAddress(rlpFixedBytes(address, 20, 'withdrawal address')),
    amount: rlpUint(amount, UINT64_SIZE, 'withdrawal amount'),
  }
}

function decodeHash(item: RlpItem | undefined, what: string): Hash {
  return bytesToHash(rlpFixedBytes(item, 32, what))
}
