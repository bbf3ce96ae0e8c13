/**
 * An ordered store of byte strings in named tables: all that the ledger asks of a database. LMDB implements it for
 * disks (`lmdb-store.ts`) and a sorted list in memory for tests and throw-away chains (`memory-store.ts`).
 *
 * Everything is synchronous: execution reads state in the middle of an instruction and must not be interrupted there.
 * Keys have 1 to {@link KEY_SIZE_MAX} bytes and are ordered lexicographically; values may be empty.
 */
import type { TableName } from './tables.ts'

/** LMDB's limit for pages of 4 KiB is 1,978 bytes; the longest key of the schema has 63. */
export const KEY_SIZE_MAX = 511

export interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Which entries to visit, in ascending order unless `reverse`. */
export interface KeyRange {
  /** First key in the range, inclusive. */
  readonly from?: Uint8Array | undefined
  /** End of the range, exclusive. */
  readonly to?: Uint8Array | undefined
  readonly reverse?: boolean
  /** Most entries to visit. */
  readonly limit?: number
}

export interface KeyValueReader {
  /** A copy that the caller owns. */
  get(table: TableName, key: Uint8Array): Uint8Array | undefined
  /** Visits entries lazily. The table must not be written before the visit ends: collect first, then write. */
  entries(table: TableName, range?: KeyRange): Iterable<Entry>
}

export interface WriteTransaction extends KeyValueReader {
  put(table: TableName, key: Uint8Array, value: Uint8Array): void
  /** Does nothing when there is no such key. */
  delete(table: TableName, key: Uint8Array): void
}

export interface TableStatistics {
  readonly entries: number
  /** Bytes taken, with the overhead of pages where there are any. */
  readonly bytes: number
}

export interface StoreStatistics {
  readonly tables: Readonly<Record<TableName, TableStatistics>>
  /** Bytes on disk; 0 in memory. */
  readonly fileBytes: number
}

/**
 * When what was written survives a power failure: when {@link KeyValueStore.write} returns, or at the latest when the next
 * write with `now` does; until then a failure takes it back as a whole. A killed process loses neither.
 */
export type Durability = 'now' | 'soon'

export interface KeyValueStore extends KeyValueReader {
  /**
   * Runs `work` and keeps all it wrote, or nothing when it throws; when this returns, what was written survives the
   * process. `work` reads its own writes. Transactions do not nest, and `work` must not be asynchronous.
   * @param durability `now` by default.
   * @throws DatabaseError when it cannot be written
   */
  write<T>(work: (transaction: WriteTransaction) => T, durability?: Durability): T
  /**
   * Runs `work`, which only writes, within the next {@link write}, or when the store is closed: for what belongs to a write
   * that follows at once, and is not read from the store until then. A killed process loses it.
   */
  defer(work: (transaction: WriteTransaction) => void): void
  statistics(): StoreStatistics
  /** Nothing may be called afterwards. */
  close(): Promise<void>
}
