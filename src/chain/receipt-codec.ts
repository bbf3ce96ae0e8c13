/**
 * Bytes of receipts: rlp([succeeded, cumulativeGasUsed, logsBloom, logs]) with the transaction's type byte before it
 * unless that is legacy (EIP-658, EIP-2718). Decoding is strict, like that of transactions.
 */
import {
  ByteSlab,
  bytesToAddress,
  bytesToHash,
  hexToBytes,
  writeHex,
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
  rlpPrefixSize,
  rlpStringSize,
  rlpUint,
  writeRlpListPrefix,
  writeRlpString,
  writeRlpStringPrefix,
  type RlpItem,
} from '../primitives/rlp.ts'
import { BLOOM_SIZE } from './bloom.ts'
import { orderedTrieRoot } from './ordered-trie.ts'
import type { Log, Receipt } from './receipt.ts'

/** The part of a receipt that its bytes hold. */
export type EncodedReceipt = Omit<Receipt, 'gasUsed' | 'effectiveGasPrice' | 'contractAddress'>

export class ReceiptDecodingError extends AevirError {
  override readonly code = 'INVALID_RECEIPT'
}

/** Most topics of a log: LOG0 to LOG4. */
const TOPICS_MAX = 4
const TYPE_MAX = 4
const LIST_OFFSET = 0xc0
const EMPTY_STRING = 0x80
/** An address and a topic with their prefixes. */
const ADDRESS_ITEM_SIZE = 21
const TOPIC_ITEM_SIZE = 33

export function encodeReceipt(receipt: EncodedReceipt): Uint8Array {
  return encodeInto(receipt, (size) => new Uint8Array(size))
}

/** Hot: each receipt of a block once, for its root. Sizes first, then one pass of writing. */
function encodeInto(receipt: EncodedReceipt, take: (size: number) => Uint8Array): Uint8Array {
  const { type, succeeded, cumulativeGasUsed, logsBloom, logs } = receipt
  const gas = rlpFromUint(cumulativeGasUsed)
  let logsSize = 0
  for (const log of logs) logsSize += listSize(logPayload(log))
  const payload = 1 + rlpStringSize(gas) + rlpStringSize(logsBloom) + listSize(logsSize)
  const start = type === 0 ? 0 : 1
  const out = take(start + listSize(payload))
  out[0] = type
  let at = writeRlpListPrefix(payload, out, start)
  out[at++] = succeeded ? 1 : EMPTY_STRING
  at = writeRlpString(gas, out, at)
  at = writeRlpString(logsBloom, out, at)
  at = writeRlpListPrefix(logsSize, out, at)
  for (const log of logs) at = writeLog(log, out, at)
  return out
}

function listSize(payload: number): number {
  return rlpPrefixSize(payload) + payload
}

function logPayload({ topics, data }: Log): number {
  return ADDRESS_ITEM_SIZE + listSize(TOPIC_ITEM_SIZE * topics.length) + rlpStringSize(data)
}

function writeLog(log: Log, out: Uint8Array, offset: number): number {
  let at = writeRlpListPrefix(logPayload(log), out, offset)
  at = writeIdentifier(log.address, ADDRESS_ITEM_SIZE, out, at)
  at = writeRlpListPrefix(TOPIC_ITEM_SIZE * log.topics.length, out, at)
  for (const topic of log.topics) at = writeIdentifier(topic, TOPIC_ITEM_SIZE, out, at)
  return writeRlpString(log.data, out, at)
}

/** An address or hash, which with its prefix takes `size` bytes. */
function writeIdentifier(value: Address | Hash, size: number, out: Uint8Array, at: number): number {
  writeRlpStringPrefix(size - 1, out, at)
  writeHex(value, out, at + 1)
  return at + size
}

/** Decodes the one receipt that fills `bytes`; the result keeps views into them. @throws ReceiptDecodingError */
export function decodeReceipt(bytes: Uint8Array): EncodedReceipt {
  const type = receiptType(bytes)
  try {
    const items = rlpList(decodeRlp(type === 0 ? bytes : bytes.subarray(1)), 'a receipt', 4)
    const succeeded = rlpUint(items[0], 1, 'status')
    if (succeeded > 1n) throw new RlpError(`status must be 0 or 1, not ${succeeded}`)
    return {
      type,
      succeeded: succeeded === 1n,
      cumulativeGasUsed: rlpUint(items[1], 8, 'cumulativeGasUsed'),
      logsBloom: rlpFixedBytes(items[2], BLOOM_SIZE, 'logsBloom'),
      logs: rlpList(items[3], 'logs').map(decodeLog),
    }
  } catch (error) {
    if (!(error instanceof RlpError)) throw error
    throw new ReceiptDecodingError(`malformed receipt: ${error.message}`, { cause: error })
  }
}

/** For receipts that are encoded for their root only. */
const SLAB_SIZE = 64 * 1024

/** The root that a header commits to its receipts with. */
export function receiptsRoot(receipts: readonly EncodedReceipt[]): Hash {
  const slab = new ByteSlab(SLAB_SIZE)
  return orderedTrieRoot(receipts.map((receipt) => encodeInto(receipt, (size) => slab.take(size))))
}

/** keccak256(rlp(logs)): how test suites pin down the logs of a transaction. */
export function logsHash(logs: readonly Log[]): Hash {
  return keccak256Hash(encodeRlp(logs.map(logItem)))
}

function receiptType(bytes: Uint8Array): Receipt['type'] {
  const type = bytes[0]
  if (type === undefined) throw new ReceiptDecodingError('malformed receipt: no bytes')
  if (type >= LIST_OFFSET) return 0
  if (type < 1 || type > TYPE_MAX) {
    throw new ReceiptDecodingError(`receipt type not valid: 0x${type.toString(16).padStart(2, '0')}`)
  }
  // The range was just checked.
  return type as Receipt['type']
}

function logItem(log: Log): RlpItem {
  return [hexToBytes(log.address), log.topics.map(hexToBytes), log.data]
}

function decodeLog(item: RlpItem): Log {
  const [address, topics, data] = rlpList(item, 'a log', 3)
  const topicItems = rlpList(topics, 'topics')
  if (topicItems.length > TOPICS_MAX)
    throw new RlpError(`a log has ${topicItems.length} topics, at most ${TOPICS_MAX}`)
  return {
    address: bytesToAddress(rlpFixedBytes(address, 20, 'a log address')),
    topics: topicItems.map((topic) => bytesToHash(rlpFixedBytes(topic, 32, 'a topic'))),
    data: rlpBytes(data, 'log data'),
  }
}
