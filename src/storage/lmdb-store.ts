/**
 * A {@link KeyValueStore} on disk: LMDB, a B+ tree of pages that are never changed in place (lmdb 3.5, the only file
 * that knows it).
 *
 * Durability. A write returns when its pages were flushed to the disk and the new root after them. So neither a killed
 * process nor a power failure loses a block that was acknowledged, and no failure can leave half of one: the former
 * root stays valid until the new one is in place. The package's own default would acknowledge first and flush in the
 * background; on the disk this was measured on, flushing costs 0.5 ms a block, which is not worth the difference.
 *
 * Space. The file grows as needed and its map with it; only the disk ends it. Pages that a write frees are used again.
 */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { open, type Database, type RangeOptions, type RootDatabase } from 'lmdb'
import { assert } from '../primitives/assert.ts'
import { ByteSlab } from '../primitives/bytes.ts'
import { explainError } from './file-errors.ts'
import {
  KEY_SIZE_MAX,
  type Durability,
  type Entry,
  type KeyRange,
  type KeyValueStore,
  type StoreStatistics,
  type TableStatistics,
  type WriteTransaction,
} from './key-value-store.ts'
import { checkFreeSpace, checkLmdbFile, DATA_FILE_NAME } from './lmdb-file.ts'
import { lockDirectory } from './lock-file.ts'
import { TABLES, type TableName } from './tables.ts'

type Table = Database<Uint8Array, Uint8Array>

/**
 * Bytes of address space for the file, of which only what is in use takes memory. The package would start small and map
 * the file anew whenever it has grown, but keeps the former maps: their pages count as resident once more each time.
 */
const MAP_SIZE = 2 ** 36

/**
 * Free bytes below which nothing is written: more than a block's pages. LMDB survives a disk that is full, but the
 * package's native part was seen to corrupt its heap when a write of several pages failed half way; so it does not come
 * to that. Asking costs 3 µs of a write's 500.
 */
const WRITE_RESERVE = 16 * 1024 * 1024

/**
 * Of LMDB and the package: abortable, and synchronous. `soon` is MDB_NOMETASYNC as well: pages are flushed, the new root
 * follows with the next flush. Until then a power failure brings back the root before it, whose pages are all there. It is
 * one flush of a disk instead of two.
 */
const TRANSACTION_FLAGS: Readonly<Record<Durability, number>> = { now: 0x3, soon: 0x4_0003 }

/** Bytes that are copied one by one: a view of them costs as much. */
const SHORT_VALUE_SIZE = 128

const BINARY = { keyEncoding: 'binary', encoding: 'binary' } as const

/** @throws DatabaseError when the directory cannot be used or another process uses it. */
export function openLmdbStore(directory: string): KeyValueStore {
  return explaining(directory, () => {
    mkdirSync(directory, { recursive: true })
    const release = lockDirectory(directory)
    try {
      checkLmdbFile(directory)
      return new LmdbStore(directory, release)
    } catch (error) {
      release()
      throw error
    }
  })
}

class LmdbStore implements KeyValueStore {
  private readonly directory: string
  private readonly release: () => void
  private readonly root: RootDatabase<Uint8Array, Uint8Array>
  private readonly tables: Readonly<Record<TableName, Table>>
  /** Values that are kept are nodes of tries: a few that are read together. */
  private readonly values = new ByteSlab(2048)
  private isWriting = false
  private deferred: ((transaction: WriteTransaction) => void)[] = []
  private readonly transaction: WriteTransaction = {
    get: (table, key) => this.get(table, key),
    entries: (table, range) => this.entries(table, range),
    put: (table, key, value) => this.put(table, key, value),
    delete: (table, key) => this.remove(table, key),
  }

  constructor(directory: string, release: () => void) {
    this.directory = directory
    this.release = release
    this.root = open<Uint8Array, Uint8Array>(directory, {
      ...BINARY,
      // Else a directory whose name has a dot would be taken for a file.
      noSubdir: false,
      maxDbs: TABLES.length,
      // See durability above.
      overlappingSync: false,
      ...(process.platform === 'win32' ? {} : { mapSize: MAP_SIZE }),
    })
    // The cast holds because TABLES lists every TableName.
    this.tables = Object.fromEntries(
      TABLES.map((name) => [name, this.root.openDB<Uint8Array, Uint8Array>(name, BINARY)]),
    ) as Record<TableName, Table>
  }

  // Hot: state is read through it. The package's own `getBinary` takes twice as long for the same copy.
  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    const shared = this.find(table, key)
    if (shared === undefined) return undefined
    // The length of the shared buffer is a property set anew by each call; its memory is overwritten by the next one.
    const { length } = shared
    const value = this.values.take(length)
    if (length > SHORT_VALUE_SIZE) value.set(new Uint8Array(shared.buffer, shared.byteOffset, length))
    else for (let i = 0; i < length; i++) value[i] = shared[i] as number
    return value
  }

  *entries(table: TableName, range: KeyRange = {}): Generator<Entry, void, undefined> {
    const found = explaining(this.directory, () =>
      this.tables[table].getRange(rangeOptions(range))[Symbol.iterator](),
    )
    try {
      for (;;) {
        const next = explaining(this.directory, () => found.next())
        if (next.done === true) return
        yield { key: plain(next.value.key), value: plain(next.value.value) }
      }
    } finally {
      found.return?.()
    }
  }

  private find(table: TableName, key: Uint8Array): ReturnType<Table['getBinaryFast']> {
    try {
      return this.tables[table].getBinaryFast(key)
    } catch (error) {
      throw explainError(error, this.directory)
    }
  }

  write<T>(work: (transaction: WriteTransaction) => T, durability: Durability = 'now'): T {
    assert(!this.isWriting, 'write transactions do not nest')
    this.isWriting = true
    const { deferred } = this
    try {
      const result = explaining(this.directory, () => {
        checkFreeSpace(this.directory, WRITE_RESERVE)
        return this.root.transactionSync(() => {
          for (const first of deferred) first(this.transaction)
          return work(this.transaction)
        }, TRANSACTION_FLAGS[durability])
      })
      this.deferred = []
      return result
    } finally {
      this.isWriting = false
    }
  }

  defer(work: (transaction: WriteTransaction) => void): void {
    this.deferred.push(work)
  }

  statistics(): StoreStatistics {
    const tables = explaining(this.directory, () =>
      Object.fromEntries(TABLES.map((name) => [name, measure(this.tables[name])])),
    )
    return {
      tables: tables as Record<TableName, TableStatistics>,
      fileBytes: statSync(join(this.directory, DATA_FILE_NAME)).size,
    }
  }

  async close(): Promise<void> {
    try {
      if (this.deferred.length > 0) this.write(() => undefined)
      await this.root.close()
    } finally {
      this.release()
    }
  }

  private put(table: TableName, key: Uint8Array, value: Uint8Array): void {
    assert(this.isWriting, 'a transaction ends with its function')
    assert(key.length > 0 && key.length <= KEY_SIZE_MAX, `a key of ${key.length} bytes`)
    this.tables[table].putSync(key, value)
  }

  private remove(table: TableName, key: Uint8Array): void {
    assert(this.isWriting, 'a transaction ends with its function')
    this.tables[table].removeSync(key)
  }
}

/** No key is below. The package ends before it when it goes backwards and is not told where to end. */
const FIRST_KEY: Uint8Array = Uint8Array.of(0)

/** Going backwards, LMDB starts at the end of the range and stops at its beginning. */
function rangeOptions({ from, to, reverse = false, limit }: KeyRange): RangeOptions {
  const count = limit === undefined ? {} : { limit }
  return reverse
    ? {
        reverse,
        ...count,
        ...(to !== undefined && { start: to, exclusiveStart: true }),
        end: from ?? FIRST_KEY,
        inclusiveEnd: true,
      }
    : { ...count, ...(from !== undefined && { start: from }), ...(to !== undefined && { end: to }) }
}

/** What LMDB knows of a table; the package does not say so in its types. */
interface TreeStatistics {
  readonly pageSize: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly entryCount: number
}

function measure(table: Table): TableStatistics {
  const stats = table.getStats() as TreeStatistics
  const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
  return { entries: stats.entryCount, bytes: pages * stats.pageSize }
}

/** The same bytes as a plain array: the methods and the equality of a Buffer are other ones. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

function explaining<T>(directory: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw explainError(error, directory)
  }
}
