/**
 * Logs as engines in linear memory write them down, records one after the other, made readable when somebody reads them:
 * what a call without a transaction logs is thrown away unread, and what one takes back is, too.
 */
import type { Address, Hash } from '../primitives/bytes.ts'
import { KnownHex } from '../primitives/known-hex.ts'
import type { Log } from './receipt.ts'

/**
 * A record: its header, the topics as they are (32 bytes each), the data, filled up to a multiple of
 * {@link LOG_ALIGNMENT}. Numbers have 32 bits and are little-endian.
 */
export const LOG_RECORD = {
  /** In bytes. */
  dataSize: 0,
  topicCount: 4,
  topics: 16,
} as const
export const LOG_ALIGNMENT = 16
const TOPIC_SIZE = 32

/** Logs of one account. */
export class PackedLogs {
  private readonly address: Address
  /** `undefined` once they are read. */
  private bytes: Uint8Array | undefined
  private logs: readonly Log[] = []

  /** @param bytes whole records; nobody else changes them. */
  constructor(address: Address, bytes: Uint8Array) {
    this.address = address
    this.bytes = bytes
  }

  read(): readonly Log[] {
    if (this.bytes === undefined) return this.logs
    this.logs = unpack(this.address, this.bytes)
    this.bytes = undefined
    return this.logs
  }
}

/** Logs that were recorded one by one or packed, in their order. */
export function readLogs(recorded: readonly (Log | PackedLogs)[]): readonly Log[] {
  const logs: Log[] = []
  for (const entry of recorded) {
    if (!(entry instanceof PackedLogs)) logs.push(entry)
    // One by one: there may be more than fit the stack as arguments.
    else for (const log of entry.read()) logs.push(log)
  }
  return logs
}

function unpack(address: Address, bytes: Uint8Array): Log[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const logs: Log[] = []
  for (let at = 0; at < bytes.length;) {
    const topicCount = view.getUint32(at + LOG_RECORD.topicCount, true)
    const dataAt = at + LOG_RECORD.topics + TOPIC_SIZE * topicCount
    const dataEnd = dataAt + view.getUint32(at + LOG_RECORD.dataSize, true)
    const topics = topicsAt(bytes, at + LOG_RECORD.topics, topicCount)
    logs.push({ address, topics, data: bytes.slice(dataAt, dataEnd) })
    at = (dataEnd + LOG_ALIGNMENT - 1) & -LOG_ALIGNMENT
  }
  return logs
}

/** Events come again in every transaction, and so do the accounts in their topics. */
const knownTopics = new KnownHex(TOPIC_SIZE, 2 ** 15)

/** Hot: in each log of a block. */
function topicsAt(bytes: Uint8Array, at: number, count: number): Hash[] {
  const topics: Hash[] = []
  for (let i = 0; i < count; i++) topics.push(knownTopics.at(bytes, at + TOPIC_SIZE * i) as Hash)
  return topics
}
