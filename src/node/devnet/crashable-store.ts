/**
 * Storage that a node within this process can lose as if its process had been killed: from {@link CrashableStore.cut} on,
 * nothing that the node does reaches it. What is left of the node still runs for a moment, and neither notices nor is
 * able to save anything; the next life begins with what was there at the cut.
 */
import type { InstanceLog, InstanceLogs } from '../bft/instance-logs.ts'
import type { WireContext } from '../../consensus/simplex/wire.ts'
import { assert } from '../../primitives/assert.ts'
import type {
  Entry,
  KeyRange,
  KeyValueStore,
  StoreStatistics,
  WriteTransaction,
} from '../../storage/key-value-store.ts'
import type { TableName } from '../../storage/tables.ts'

/** Thrown within a transaction of a store that was cut off, so that the store forgets it. */
const FORGET = Symbol('forget')

/** A life of a store: closing it closes what lies below only when `closeInner` says so. */
export class CrashableStore implements KeyValueStore {
  readonly #inner: KeyValueStore
  readonly #closeInner: () => Promise<void>
  #isCut = false

  constructor(inner: KeyValueStore, closeInner: () => Promise<void>) {
    this.#inner = inner
    this.#closeInner = closeInner
  }

  cut(): void {
    this.#isCut = true
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return this.#inner.get(table, key)
  }

  entries(table: TableName, range?: KeyRange): Iterable<Entry> {
    return this.#inner.entries(table, range)
  }

  write<T>(work: (transaction: WriteTransaction) => T): T {
    return this.#isCut ? this.#pretend(work) : this.#inner.write(work)
  }

  /** At once: what waits would outlive the cut. */
  defer(work: (transaction: WriteTransaction) => void): void {
    this.write(work)
  }

  statistics(): StoreStatistics {
    return this.#inner.statistics()
  }

  close(): Promise<void> {
    return this.#closeInner()
  }

  /** Runs `work`, and keeps nothing of it. */
  #pretend<T>(work: (transaction: WriteTransaction) => T): T {
    const done: { value?: { readonly result: T } } = {}
    try {
      this.#inner.write((transaction) => {
        done.value = { result: work(transaction) }
        throw FORGET
      })
    } catch (error) {
      if (error !== FORGET) throw error
    }
    assert(done.value !== undefined, 'work that did not throw has a result')
    return done.value.result
  }
}

/** Logs of a life of a node. What is appended after the cut is never confirmed, so that nothing more is said. */
export class CrashableLogs implements InstanceLogs {
  readonly #inner: InstanceLogs
  #isCut = false

  constructor(inner: InstanceLogs) {
    this.#inner = inner
  }

  cut(): void {
    this.#isCut = true
  }

  async open(context: WireContext, onFailure: (error: unknown) => void): Promise<InstanceLog> {
    const opened = await this.#inner.open(context, onFailure)
    const { log } = opened
    return {
      records: opened.records,
      abstainThrough: opened.abstainThrough,
      log: {
        append: (records, onDone) => {
          if (!this.#isCut) log.append(records, onDone)
        },
        replace: (records, onDone) => {
          if (!this.#isCut) log.replace(records, onDone)
        },
      },
      remove: () => (this.#isCut ? opened.close() : opened.remove()),
      close: () => opened.close(),
    }
  }
}
