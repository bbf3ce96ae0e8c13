/**
 * How the receipts of a block are stored. Smaller than their consensus encoding, because what follows from the rest is
 * left out (blooms, cumulative gas) and addresses and topics that were seen before in the block are named by number:
 * a token transfer takes about 90 bytes instead of 420.
 *
 *   receipts  number of receipts, receipts
 *   receipt   flags (1: type, 0x08 succeeded, 0x10 created a contract), gas used, gas price, [contract's address],
 *             number of logs, logs
 *   log       address, number of topics, topics, size of the data, data
 *   address   0 and the 20 bytes, or n: as the n-th address of the block that was spelled out
 *   topic     0, its size without leading zeros (1) and the bytes, or n: as the n-th topic that was spelled out
 *
 * Counts, sizes and gas are LEB128: 7 bits a byte, the lowest first, the high bit on all but the last.
 */
import { assert } from '../primitives/assert.ts'
import { writeHex, type Address, type Hash, type Hex } from '../primitives/bytes.ts'
import { bloomOfLogs } from '../chain/bloom.ts'
import type { Log, Receipt } from '../chain/receipt.ts'
import { CorruptDatabaseError } from './database-errors.ts'
import { ADDRESS_SIZE, HASH_SIZE, writeUint } from './schema.ts'

const TYPE_MASK = 0x07
const SUCCEEDED = 0x08
const CREATED = 0x10
const TYPE_MAX = 4
const TOPICS_MAX = 4
/** Bytes of the longest LEB128 accepted: 256 bits. */
const UINT_SIZE_MAX = 37

export function encodeReceipts(receipts: readonly Receipt[]): Uint8Array {
  const writer = new Writer()
  writer.uint(receipts.length)
  let cumulative = 0n
  for (const receipt of receipts) {
    cumulative += receipt.gasUsed
    assert(
      receipt.cumulativeGasUsed === cumulative,
      'cumulative gas is the sum of what each transaction used',
    )
    const isCreated = receipt.contractAddress !== null
    writer.byte(receipt.type + (receipt.succeeded ? SUCCEEDED : 0) + (isCreated ? CREATED : 0))
    writer.uint(receipt.gasUsed)
    writer.uint(receipt.effectiveGasPrice)
    if (receipt.contractAddress !== null) writer.address(receipt.contractAddress)
    writer.uint(receipt.logs.length)
    for (const log of receipt.logs) writeLog(writer, log)
  }
  return writer.finish()
}

function writeLog(writer: Writer, log: Log): void {
  writer.address(log.address)
  writer.uint(log.topics.length)
  for (const topic of log.topics) writer.topic(topic)
  writer.uint(log.data.length)
  writer.bytes(log.data)
}

/** @throws CorruptDatabaseError */
export function decodeReceipts(bytes: Uint8Array): Receipt[] {
  const reader = new Reader(bytes)
  const count = reader.count()
  const receipts: Receipt[] = []
  let cumulativeGasUsed = 0n
  for (let i = 0; i < count; i++) {
    const flags = reader.byte()
    const type = flags & TYPE_MASK
    if (type > TYPE_MAX || flags >= 2 * CREATED) throw damaged()
    const gasUsed = reader.uint()
    const effectiveGasPrice = reader.uint()
    const contractAddress = (flags & CREATED) === 0 ? null : reader.address()
    const logs = Array.from({ length: reader.count() }, () => readLog(reader))
    cumulativeGasUsed += gasUsed
    receipts.push({
      // The range was just checked.
      type: type as Receipt['type'],
      succeeded: (flags & SUCCEEDED) !== 0,
      cumulativeGasUsed,
      logsBloom: bloomOfLogs(logs),
      logs,
      gasUsed,
      effectiveGasPrice,
      contractAddress,
    })
  }
  reader.finish()
  return receipts
}

function readLog(reader: Reader): Log {
  const address = reader.address()
  const topicCount = reader.count()
  if (topicCount > TOPICS_MAX) throw damaged()
  const topics = Array.from({ length: topicCount }, () => reader.topic())
  return { address, topics, data: reader.bytes(reader.count()) }
}

class Writer {
  private buffer = new Uint8Array(1024)
  private size = 0
  private readonly addresses = new Map<Address, number>()
  private readonly topics = new Map<Hash, number>()

  byte(value: number): void {
    this.reserve(1)
    this.buffer[this.size++] = value
  }

  uint(value: number | bigint): void {
    if (value <= Number.MAX_SAFE_INTEGER) {
      this.reserve(UINT_SIZE_MAX)
      this.size = writeUint(Number(value), this.buffer, this.size)
      return
    }
    let rest = BigInt(value)
    for (; rest >= 0x80n; rest >>= 7n) this.byte(Number(rest & 0x7fn) + 0x80)
    this.byte(Number(rest))
  }

  bytes(value: Uint8Array): void {
    this.reserve(value.length)
    this.buffer.set(value, this.size)
    this.size += value.length
  }

  address(address: Address): void {
    if (this.isKnown(this.addresses, address)) return
    this.hex(address, ADDRESS_SIZE)
  }

  topic(topic: Hash): void {
    if (this.isKnown(this.topics, topic)) return
    let zeros = 0
    while (zeros < HASH_SIZE && topic.startsWith('00', 2 + 2 * zeros)) zeros++
    this.byte(HASH_SIZE - zeros)
    this.hex(`0x${topic.slice(2 + 2 * zeros)}`, HASH_SIZE - zeros)
  }

  private hex(digits: Hex, size: number): void {
    this.reserve(size)
    writeHex(digits, this.buffer, this.size)
    this.size += size
  }

  finish(): Uint8Array {
    return this.buffer.slice(0, this.size)
  }

  /** Writes the number of a value that was spelled out before; else 0, and remembers it as spelled out. */
  private isKnown<T>(known: Map<T, number>, value: T): boolean {
    const number = known.get(value)
    this.uint(number ?? 0)
    if (number !== undefined) return true
    known.set(value, known.size + 1)
    return false
  }

  private reserve(count: number): void {
    if (this.size + count <= this.buffer.length) return
    const larger = new Uint8Array(Math.max(2 * this.buffer.length, this.size + count))
    larger.set(this.buffer)
    this.buffer = larger
  }
}

class Reader {
  private readonly source: Uint8Array
  private offset = 0
  private readonly addresses: Address[] = []
  private readonly topics: Hash[] = []

  constructor(source: Uint8Array) {
    this.source = source
  }

  byte(): number {
    const byte = this.source[this.offset++]
    if (byte === undefined) throw damaged()
    return byte
  }

  uint(): bigint {
    let value = 0n
    for (let i = 0; i < UINT_SIZE_MAX; i++) {
      const byte = this.byte()
      value += BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte < 0x80) return value
    }
    throw damaged()
  }

  /** A count or size, never more than the bytes that remain: each item takes at least one. */
  count(): number {
    const value = this.uint()
    if (value > BigInt(this.source.length - this.offset)) throw damaged()
    return Number(value)
  }

  /** A copy: views would keep the receipts of the whole block in memory. */
  bytes(size: number): Uint8Array {
    if (size > this.source.length - this.offset) throw damaged()
    this.offset += size
    return this.source.slice(this.offset - size, this.offset)
  }

  address(): Address {
    // 20 bytes as hex are an address.
    return this.knownOr(this.addresses, () => `0x${this.bytes(ADDRESS_SIZE).toHex()}` as Address)
  }

  topic(): Hash {
    return this.knownOr(this.topics, () => {
      const size = this.byte()
      if (size > HASH_SIZE) throw damaged()
      // Padded to 32 bytes of hex it is a hash.
      return `0x${this.bytes(size)
        .toHex()
        .padStart(2 * HASH_SIZE, '0')}` as Hash
    })
  }

  finish(): void {
    if (this.offset !== this.source.length) throw damaged()
  }

  private knownOr<T>(known: T[], spelled: () => T): T {
    const number = this.uint()
    if (number === 0n) {
      const value = spelled()
      known.push(value)
      return value
    }
    const value = known[Number(number) - 1]
    if (value === undefined) throw damaged()
    return value
  }
}

function damaged(): CorruptDatabaseError {
  return new CorruptDatabaseError('receipts of a block cannot be read')
}
