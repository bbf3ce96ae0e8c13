/**
 * Former values of state, so that it can be read as it was after an older block and taken back to it.
 *
 * Every value of state carries the number of the block that wrote it. When another block replaces the value, it records
 * the former one, with that number, under its own number and the key. So the versions of a key form a list from the
 * newest back: a reader at block N starts with the value at the head and follows the numbers until one is not above N.
 * A value that is gone from the head leaves its key in the table `removed`, where the list then starts.
 *
 *   record   kind (1), number of the block that wrote the former value, or removed it (LEB128), then by kind
 *            0 nothing: there was no value
 *            1 the value
 *            2 how it differs from the value that replaced it (`delta.ts`)
 *            + 0x80 when the block did not replace the value but remove it
 *
 * Records are in the order of blocks, not of keys: a block adds its records at the end of the table and the oldest
 * ones leave at its start, few pages either way. (With the key first, each record lies on a page of its own: four
 * times the pages written, and twice the bytes.) The price is paid by readers of old blocks: a step for each change
 * of the key since, some 2 µs.
 *
 * Accounts, slots and the nodes of both kinds of trie are kept alike, which makes proofs at old blocks a plain read.
 */
import { bytesToHex, compareBytes, equalBytes, EMPTY_BYTES } from '../primitives/bytes.ts'
import { CorruptDatabaseError } from './database-errors.ts'
import { applyDelta, encodeDelta } from './delta.ts'
import type { KeyValueReader, WriteTransaction } from './key-value-store.ts'
import {
  endOfPrefix,
  historicKey,
  historicPart,
  historyKey,
  numberKey,
  parseHistoricKey,
  readNumber,
  readStamp,
  sizeOfUint,
  stamp,
  values,
  withoutStamp,
  writeUint,
} from './schema.ts'
import type { HistoricTable } from './tables.ts'

const ABSENT = 0
const WHOLE = 1
const DELTA = 2
const KIND_MASK = 0x7f
const IS_REMOVAL = 0x80

/** One version of a key. */
export interface Version {
  /** The block that wrote the value, or removed it; 0 when there never was one that history knows of. */
  readonly block: number
  readonly value: Uint8Array | undefined
}

const NEVER: Version = { block: 0, value: undefined }

/** Replaces values of state on behalf of one block, and records what they were. */
export class ChangeRecorder {
  private readonly transaction: WriteTransaction
  private readonly block: number
  private readonly records: { readonly key: Uint8Array; readonly record: Uint8Array }[] = []

  constructor(transaction: WriteTransaction, number: bigint) {
    this.transaction = transaction
    this.block = Number(number)
  }

  /** Keys changed. */
  get count(): number {
    return this.records.length
  }

  /**
   * Gives a key a new value, `null` to delete it; each key at most once a block.
   * Hot: two writes and a read for every value that a block changes.
   */
  change(table: HistoricTable, key: Uint8Array, value: Uint8Array | null): void {
    const { transaction, block } = this
    const historic = historicKey(table, key)
    const former = newestVersion(transaction, table, key, historic)
    if (value === null) {
      if (former.value === undefined) return
      transaction.delete(table, key)
      transaction.put('removed', historic, stamp(block, EMPTY_BYTES))
    } else {
      if (former.value !== undefined && equalBytes(former.value, value)) return
      transaction.put(table, key, stamp(block, value))
      if (former.value === undefined && former !== NEVER) transaction.delete('removed', historic)
    }
    this.records.push({ key: historyKey(block, historic), record: encodeRecord(former, value) })
  }

  /** Deletes all keys with a prefix, except those that the block gives a value of its own. */
  clear(table: HistoricTable, prefix: Uint8Array, isKept: (key: Uint8Array) => boolean): void {
    const keys: Uint8Array[] = []
    for (const { key } of this.transaction.entries(table, { from: prefix, to: endOfPrefix(prefix) }))
      keys.push(key)
    for (const key of keys) if (!isKept(key)) this.change(table, key, null)
  }

  /** Writes the records. In their order, which fills pages to the brim. Nothing may be changed afterwards. */
  finish(): void {
    const sorted = this.records.sort((a, b) => compareBytes(a.key, b.key))
    for (const { key, record } of sorted) this.transaction.put('history', key, record)
  }
}

/** The value that a key had after block `number`, at which state must still be kept. */
export function readAt(
  reader: KeyValueReader,
  number: bigint,
  table: HistoricTable,
  key: Uint8Array,
): Uint8Array | undefined {
  const target = Number(number)
  for (const { block, value } of versions(reader, table, key)) if (block <= target) return value
  throw new CorruptDatabaseError(`the history of ${bytesToHex(key)} ends before block ${number}`)
}

/** The versions of a key from the newest back. Must be left before those that are not kept any more. */
export function* versions(
  reader: KeyValueReader,
  table: HistoricTable,
  key: Uint8Array,
): Generator<Version, void, undefined> {
  const historic = historicKey(table, key)
  let version = newestVersion(reader, table, key, historic)
  for (;;) {
    yield version
    if (version.block === 0) return
    version = formerVersion(reader, version, historic)
  }
}

/**
 * Gives every key that block `number`, the newest, changed its former value back.
 * @param oldestKept block whose records, like those of all before it, are dropped or will be next.
 */
export function unwindChanges(transaction: WriteTransaction, number: bigint, oldestKept: bigint): void {
  for (const { key: recordKey, value: record } of recordsOf(transaction, number)) {
    const historic = historicPart(recordKey)
    const { table, key } = parseHistoricKey(historic)
    const current = transaction.get(table, key)
    const former = decodeRecord(record, current && withoutStamp(current))
    if (former.value === undefined) transaction.delete(table, key)
    else transaction.put(table, key, stamp(former.block, former.value))
    // A removal before all that is kept would stay for ever: nothing prunes it any more.
    if (former.value === undefined && former.block > Number(oldestKept)) {
      transaction.put('removed', historic, stamp(former.block, EMPTY_BYTES))
    } else if (isRemoval(record)) {
      transaction.delete('removed', historic)
    }
    transaction.delete('history', recordKey)
  }
}

/**
 * Drops records of blocks up to `number`, the oldest first, and stops after `countMax` of them: when less history is to
 * be kept than before, the rest goes with the next blocks. Nobody reads at blocks below the oldest one that is kept, so
 * that the records of one block may go bit by bit.
 */
export function pruneChanges(transaction: WriteTransaction, number: bigint, countMax: number): void {
  const old = [...transaction.entries('history', { to: numberKey(number + 1n), limit: countMax })]
  for (const { key, value: record } of old) {
    transaction.delete('history', key)
    if (!isRemoval(record)) continue
    const historic = historicPart(key)
    const removed = transaction.get('removed', historic)
    const isNewest = removed !== undefined && readStamp(removed).block === Number(readNumber(key))
    if (isNewest) transaction.delete('removed', historic)
  }
}

/** The block that wrote the former value in a record, or removed it. @throws CorruptDatabaseError */
export function formerBlock(record: Uint8Array): number {
  return readStamp(record.subarray(1)).block
}

/** Keys of a table that blocks from `first` to `last` changed, each once. */
export function changedKeys(
  reader: KeyValueReader,
  table: HistoricTable,
  first: bigint,
  last: bigint,
): Iterable<Uint8Array> {
  const keys = new Map<string, Uint8Array>()
  for (let number = first; number <= last; number++) {
    const from = historyKey(Number(number), historicKey(table, EMPTY_BYTES))
    for (const { key } of reader.entries('history', { from, to: endOfPrefix(from) })) {
      const changed = historicPart(key).subarray(1)
      keys.set(changed.toHex(), changed)
    }
  }
  return keys.values()
}

function newestVersion(
  reader: KeyValueReader,
  table: HistoricTable,
  key: Uint8Array,
  historic: Uint8Array,
): Version {
  const stored = reader.get(table, key)
  if (stored !== undefined) return readStamp(stored)
  const removed = reader.get('removed', historic)
  return removed === undefined ? NEVER : { block: readStamp(removed).block, value: undefined }
}

function formerVersion(reader: KeyValueReader, { block, value }: Version, historic: Uint8Array): Version {
  const record = reader.get('history', historyKey(block, historic))
  if (record === undefined) throw new CorruptDatabaseError(`a value that block ${block} replaced is missing`)
  const former = decodeRecord(record, value)
  if (former.block >= block) throw new CorruptDatabaseError(`a value that block ${block} replaced is newer`)
  return former
}

function recordsOf(reader: KeyValueReader, number: bigint): { key: Uint8Array; value: Uint8Array }[] {
  return [...reader.entries('history', { from: numberKey(number), to: numberKey(number + 1n) })]
}

function encodeRecord(former: Version, next: Uint8Array | null): Uint8Array {
  const delta = former.value && next ? encodeDelta(former.value, next) : undefined
  const payload = delta ?? former.value ?? EMPTY_BYTES
  const record = values.take(1 + sizeOfUint(former.block) + payload.length)
  const kind = former.value === undefined ? ABSENT : delta === undefined ? WHOLE : DELTA
  record[0] = kind + (next === null ? IS_REMOVAL : 0)
  record.set(payload, writeUint(former.block, record, 1))
  return record
}

/** @param next the value that replaced the one in the record; `undefined` when it was removed. */
function decodeRecord(record: Uint8Array, next: Uint8Array | undefined): Version {
  const { block, value: payload } = readStamp(record.subarray(1))
  const kind = (record[0] as number) & KIND_MASK
  if (kind === ABSENT) return { block, value: undefined }
  if (kind === WHOLE) return { block, value: payload }
  if (kind !== DELTA || next === undefined) throw new CorruptDatabaseError('a former value cannot be read')
  return { block, value: applyDelta(payload, next) }
}

function isRemoval(record: Uint8Array): boolean {
  return (record[0] as number) >= IS_REMOVAL
}
