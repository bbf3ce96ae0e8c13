/**
 * Former values of state, so that it can be read as it was after an older block and taken back to it.
 *
 * When a block replaces the value of a key, the value it replaces is recorded under the key and the number of the
 * block. So the value of a key after block N stands in its first record with a block above N; when there is none, the
 * value has not changed since. An empty record says that there was no value. A second table lists the keys that each
 * block changed: to unwind the block, and to drop its records when it is old.
 *
 * Accounts, slots and the nodes of both kinds of trie are kept alike, which makes proofs at old blocks a plain read.
 */
import { EMPTY_BYTES } from '../primitives/bytes.ts'
import { CorruptDatabaseError } from './database-errors.ts'
import type { KeyValueReader, WriteTransaction } from './key-value-store.ts'
import {
  changesKey,
  endOfPrefix,
  historicKey,
  historyKey,
  numberKey,
  parseHistoricKey,
  readNumber,
} from './schema.ts'
import type { HistoricTable } from './tables.ts'

/** Two chunks fill a page of LMDB; larger ones would need runs of free pages, which are hard to find again. */
const CHUNK_SIZE_MAX = 1900

/** Replaces values of state on behalf of one block, and records what they were. */
export class ChangeRecorder {
  private readonly transaction: WriteTransaction
  private readonly number: bigint
  private readonly chunk = new Uint8Array(CHUNK_SIZE_MAX)
  private chunkSize = 0
  private chunkIndex = 0
  /** Keys changed. */
  count = 0

  constructor(transaction: WriteTransaction, number: bigint) {
    this.transaction = transaction
    this.number = number
  }

  /**
   * Gives a key a new value, `null` to delete it; each key at most once a block.
   * Hot: two writes and a read for every value that a block changes.
   */
  change(table: HistoricTable, key: Uint8Array, value: Uint8Array | null): void {
    const previous = this.transaction.get(table, key)
    const historic = historicKey(table, key)
    this.transaction.put('history', historyKey(historic, this.number), previous ?? EMPTY_BYTES)
    if (value !== null) this.transaction.put(table, key, value)
    else if (previous !== undefined) this.transaction.delete(table, key)
    this.list(historic)
  }

  /** Deletes all keys with a prefix, except those that the block gives a value of its own. */
  clear(table: HistoricTable, prefix: Uint8Array, isKept: (key: Uint8Array) => boolean): void {
    const keys: Uint8Array[] = []
    for (const { key } of this.transaction.entries(table, { from: prefix, to: endOfPrefix(prefix) }))
      keys.push(key)
    for (const key of keys) if (!isKept(key)) this.change(table, key, null)
  }

  /** Writes what is still held back. Nothing may be changed afterwards. */
  finish(): void {
    if (this.chunkSize === 0) return
    const key = changesKey(this.number, this.chunkIndex)
    this.transaction.put('changes', key, this.chunk.subarray(0, this.chunkSize))
    this.chunkIndex += 1
    this.chunkSize = 0
  }

  private list(historic: Uint8Array): void {
    if (this.chunkSize + historic.length > CHUNK_SIZE_MAX) this.finish()
    this.chunk.set(historic, this.chunkSize)
    this.chunkSize += historic.length
    this.count += 1
  }
}

/** The value that a key had after block `number`, which must be older than the newest block and not yet pruned. */
export function readAt(
  reader: KeyValueReader,
  number: bigint,
  table: HistoricTable,
  key: Uint8Array,
): Uint8Array | undefined {
  const historic = historicKey(table, key)
  const range = { from: historyKey(historic, number + 1n), to: endOfPrefix(historic), limit: 1 }
  for (const { value } of reader.entries('history', range)) return value.length === 0 ? undefined : value
  return reader.get(table, key)
}

/** Gives every key that block `number`, the newest, changed its former value back. */
export function unwindChanges(transaction: WriteTransaction, number: bigint): void {
  for (const { chunkKey, keys } of collectChunks(transaction, number)) {
    for (const historic of keys) {
      const recordKey = historyKey(historic, number)
      const previous = transaction.get('history', recordKey)
      const { table, key } = parseHistoricKey(historic)
      if (previous === undefined)
        throw new CorruptDatabaseError(`a change of block ${number} was not recorded`)
      if (previous.length === 0) transaction.delete(table, key)
      else transaction.put(table, key, previous)
      transaction.delete('history', recordKey)
    }
    transaction.delete('changes', chunkKey)
  }
}

/**
 * Drops records of blocks up to `number`, the oldest first, and stops after about `countMax` of them: when less
 * history is to be kept than before, the rest goes with the next blocks. Records of one block may go bit by bit, since
 * nobody reads at blocks below the oldest one that is kept.
 */
export function pruneChanges(transaction: WriteTransaction, number: bigint, countMax: number): void {
  let count = 0
  while (count < countMax) {
    const [oldest] = transaction.entries('changes', { to: numberKey(number + 1n), limit: 1 })
    if (oldest === undefined) return
    const block = readNumber(oldest.key)
    for (const historic of splitChunk(oldest.value)) {
      transaction.delete('history', historyKey(historic, block))
      count += 1
    }
    transaction.delete('changes', oldest.key)
  }
}

/** The historic keys listed in a chunk. @throws CorruptDatabaseError */
export function* splitChunk(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let offset = 0; offset < chunk.length;) {
    const end = offset + 2 + (chunk[offset + 1] ?? 0)
    if (end > chunk.length) throw new CorruptDatabaseError('a list of changes is cut off')
    yield chunk.subarray(offset, end)
    offset = end
  }
}

function collectChunks(
  reader: KeyValueReader,
  number: bigint,
): { readonly chunkKey: Uint8Array; readonly keys: readonly Uint8Array[] }[] {
  const range = { from: numberKey(number), to: numberKey(number + 1n) }
  return Array.from(reader.entries('changes', range), ({ key, value }) => ({
    chunkKey: key,
    keys: [...splitChunk(value)],
  }))
}
