/**
 * Blocks in the tables: header, body, senders, receipts, and the indexes by hash.
 *
 * A body is what follows the header in the block's RLP, without the prefix of the whole list: header and body together
 * are the block as it went over the wire, stored once. Headers, bodies and receipts are packed (`zero-packing.ts`).
 */
import { bytesToHash, concatBytes, hexToBytes, type Address, type Hash } from '../primitives/bytes.ts'
import { decodeBlock, decodeHeader, encodeBlock, encodeHeader } from '../chain/block-codec.ts'
import type { Block, Header } from '../chain/block.ts'
import type { Receipt } from '../chain/receipt.ts'
import type { ExecutedBlock, TransactionLocation } from '../execution/ledger.ts'
import { AevirError } from '../primitives/errors.ts'
import { CorruptDatabaseError } from './database-errors.ts'
import type { KeyValueReader, WriteTransaction } from './key-value-store.ts'
import { decodeReceipts, encodeReceipts } from './receipt-record.ts'
import {
  decodeAddresses,
  decodeLocation,
  encodeAddresses,
  encodeLocation,
  expectSize,
  HASH_SIZE,
  NUMBER_SIZE,
  numberKey,
  readNumber,
} from './schema.ts'
import { packZeros, unpackZeros } from './zero-packing.ts'

/** Prefix of an RLP list with more than 55 bytes: this plus the size of the length that follows. */
const LONG_LIST_OFFSET = 0xf7

export function writeBlock(transaction: WriteTransaction, executed: ExecutedBlock): void {
  const { block, receipts, senders } = executed
  const key = numberKey(block.header.number)
  const hash = hexToBytes(block.hash)
  const header = encodeHeader(block.header)
  transaction.put('headers', key, concatBytes(hash, packZeros(header)))
  transaction.put('bodies', key, packZeros(bodyOf(encodeBlock(block), header.length)))
  transaction.put('senders', key, encodeAddresses(senders))
  transaction.put('receipts', key, packZeros(encodeReceipts(receipts)))
  transaction.put('blockNumbers', hash, key)
  for (const [index, { hash: transactionHash }] of block.transactions.entries()) {
    const location = encodeLocation({ blockNumber: block.header.number, index })
    transaction.put('transactions', hexToBytes(transactionHash), location)
  }
}

/** Takes a block and its indexes out. */
export function deleteBlock(transaction: WriteTransaction, block: Block): void {
  const key = numberKey(block.header.number)
  for (const table of ['headers', 'bodies', 'senders', 'receipts'] as const) transaction.delete(table, key)
  transaction.delete('blockNumbers', hexToBytes(block.hash))
  for (const { hash } of block.transactions) transaction.delete('transactions', hexToBytes(hash))
}

export function readHash(reader: KeyValueReader, number: bigint): Hash | undefined {
  const record = reader.get('headers', numberKey(number))
  return record && hashInRecord(record)
}

export function readHeader(
  reader: KeyValueReader,
  number: bigint,
): { readonly header: Header; readonly hash: Hash } | undefined {
  const record = reader.get('headers', numberKey(number))
  return (
    record && {
      header: decoding('header', () => decodeHeader(unpackZeros(record.subarray(HASH_SIZE)))),
      hash: hashInRecord(record),
    }
  )
}

/** The block as its codec reads it: header and body are put together again. */
export function readBlock(reader: KeyValueReader, number: bigint): Block | undefined {
  const key = numberKey(number)
  const header = reader.get('headers', key)
  if (header === undefined) return undefined
  const body = reader.get('bodies', key)
  if (body === undefined) throw new CorruptDatabaseError(`block ${number} has no body`)
  return decoding(`block ${number}`, () =>
    decodeBlock(joinBlock(unpackZeros(header.subarray(HASH_SIZE)), unpackZeros(body))),
  )
}

export function readSenders(reader: KeyValueReader, number: bigint): Address[] | undefined {
  const record = reader.get('senders', numberKey(number))
  return record && decodeAddresses(record)
}

export function readReceipts(reader: KeyValueReader, number: bigint): Receipt[] | undefined {
  const record = reader.get('receipts', numberKey(number))
  return record && decodeReceipts(unpackZeros(record))
}

export function readNumberOf(reader: KeyValueReader, hash: Hash): bigint | undefined {
  const record = reader.get('blockNumbers', hexToBytes(hash))
  if (record === undefined) return undefined
  expectSize(record, NUMBER_SIZE, 'block number')
  return readNumber(record)
}

export function readLocation(reader: KeyValueReader, hash: Hash): TransactionLocation | undefined {
  const record = reader.get('transactions', hexToBytes(hash))
  return record && decodeLocation(record)
}

function hashInRecord(record: Uint8Array): Hash {
  if (record.length < HASH_SIZE) throw new CorruptDatabaseError('a header is cut off')
  return bytesToHash(record.subarray(0, HASH_SIZE))
}

/** What follows the header in the RLP of a block. */
function bodyOf(block: Uint8Array, headerSize: number): Uint8Array {
  // A header has more than 55 bytes, and so has the block.
  const lengthSize = (block[0] as number) - LONG_LIST_OFFSET
  return block.subarray(1 + lengthSize + headerSize)
}

/** The RLP of a block from that of its header and the rest. */
function joinBlock(header: Uint8Array, body: Uint8Array): Uint8Array {
  const length = (header.length + body.length).toString(16)
  const lengthBytes = Uint8Array.fromHex(length.length % 2 === 0 ? length : `0${length}`)
  return concatBytes(Uint8Array.of(LONG_LIST_OFFSET + lengthBytes.length), lengthBytes, header, body)
}

/** What the codecs refuse was written by us, and so has been damaged. */
function decoding<T>(what: string, decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    if (!(cause instanceof AevirError)) throw cause
    throw new CorruptDatabaseError(`${what} cannot be read: ${cause.message}`, { cause })
  }
}
