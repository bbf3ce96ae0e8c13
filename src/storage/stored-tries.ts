/**
 * The tries of a ledger. The flat values of state are written with every block; the nodes of tries, which are most of what a
 * block changes and which the next block changes again, only every now and then: with at most {@link TRIE_BLOCKS_DEFAULT} blocks
 * or when many wait. In between they wait in memory.
 *
 * Nothing is lost with them. The stored tries are those of the block that wrote their root. History knows which flat values
 * changed since, and so the tries of the newest block are made again when the ledger is opened, after a crash like after a
 * normal end: the result must have its state root. The tries of an older block are made in the same way, backwards from the
 * next block whose tries were written.
 */
import { AssertionFailure } from '../primitives/assert.ts'
import { bytesToAddress, bytesToBigint, EMPTY_BYTES, type Address, type Hash } from '../primitives/bytes.ts'
import type { Account, StateDiff, TrieDiff } from '../state/state-reader.ts'
import { WordMap } from '../state/word-map.ts'
import { commitState, type StateCommit } from '../state/state-tree.ts'
import { readHeader } from './block-records.ts'
import { CorruptDatabaseError } from './database-errors.ts'
import { changedKeys, readAt, versions } from './history.ts'
import type { KeyValueReader } from './key-value-store.ts'
import { nodeCount, PendingTries } from './pending-tries.ts'
import { ADDRESS_SIZE, decodeAccountValue, decodeSlotValue, nodeKey, withoutStamp } from './schema.ts'

/** Blocks whose changes of tries may wait: what is made again when a ledger is opened, or an old block is proven. */
export const TRIE_BLOCKS_DEFAULT = 32
/** Nodes that may wait: some 2 MB, and 50 ms of writing. */
const TRIE_NODES_MAX = 4096
/** Tries of old blocks that are kept for the next question about them. */
const FORMER_TRIES_MAX = 4

/** A block and the root of the state after it. */
export interface TriePoint {
  readonly number: bigint
  readonly stateRoot: Hash
}

type ReadNode = (owner: Address | null, path: string) => Uint8Array | undefined

export class StoredTries {
  private readonly reader: KeyValueReader
  private readonly pending = new PendingTries()
  private readonly former = new Map<bigint, ReadNode>()
  private readonly genesisNumber: bigint
  private readonly trieBlocks: bigint
  private head: TriePoint
  /** The block whose tries are stored, or an earlier one with the same. */
  private storedNumber: bigint

  /**
   * @param genesisNumber of the first block.
   * @param trieBlocks most blocks whose changes may wait.
   * @throws CorruptDatabaseError when the tries of the head cannot be made
   */
  constructor(reader: KeyValueReader, head: TriePoint, genesisNumber: bigint, trieBlocks: bigint) {
    this.reader = reader
    this.trieBlocks = trieBlocks
    this.genesisNumber = genesisNumber
    this.head = head
    this.storedNumber = head.number
    this.reset(head)
  }

  /** A node of the newest block's tries. */
  node(owner: Address | null, path: string): Uint8Array | undefined {
    const waiting = this.pending.get(owner, path)
    if (waiting !== undefined) return waiting ?? undefined
    return storedNode(this.reader, owner, path)
  }

  /** A node of the tries of a block whose state is kept. */
  nodeAt(point: TriePoint, owner: Address | null, path: string): Uint8Array | undefined {
    let read = this.former.get(point.number)
    if (read === undefined) {
      read = this.readerAt(point)
      this.former.set(point.number, read)
      const [oldest] = this.former.keys()
      if (this.former.size > FORMER_TRIES_MAX && oldest !== undefined) this.former.delete(oldest)
    }
    return read(owner, path)
  }

  /** What is to be written with block `number`, which changes `diff`: all that waits and this, or nothing yet. */
  due(number: bigint, diff: TrieDiff): TrieDiff | undefined {
    const isLate = number - this.storedNumber >= this.trieBlocks
    const isDue = isLate || this.pending.size + nodeCount(diff) >= TRIE_NODES_MAX
    return isDue ? this.pending.joined(diff) : undefined
  }

  /** A block follows the head. @param isWritten whether what was due has been written with it. */
  append(head: TriePoint, diff: TrieDiff, isWritten: boolean): void {
    if (isWritten) {
      this.pending.clear()
      this.storedNumber = head.number
    } else {
      this.pending.add(diff)
    }
    this.head = head
    this.former.clear()
  }

  /** Another block is the head: what is stored is that of an earlier one. */
  reset(head: TriePoint): void {
    this.head = head
    this.former.clear()
    this.pending.clear()
    this.storedNumber = storedTries(this.reader, this.genesisNumber)
    this.pending.add(pendingTries(this.reader, head, this.genesisNumber))
  }

  /** The tries of the next block whose tries were written are where those of an older one start from. */
  private readerAt(point: TriePoint): ReadNode {
    const { reader } = this
    let base = this.head
    let read: ReadNode = (owner, path) => this.node(owner, path)
    for (const { block } of versions(reader, 'accountNodes', nodeKey(null, ''))) {
      const written = BigInt(block)
      if (written >= point.number) {
        base = pointAt(reader, written)
        read = (owner, path) => readAt(reader, written, tableOf(owner), nodeKey(owner, path))
      }
      if (written <= point.number) break
    }
    const changes = new PendingTries()
    changes.add(replay(reader, base, point, read))
    return (owner, path) => {
      const changed = changes.get(owner, path)
      return changed === undefined ? read(owner, path) : (changed ?? undefined)
    }
  }
}

/** What the tries of the newest block have that is not stored. @throws CorruptDatabaseError */
export function pendingTries(reader: KeyValueReader, head: TriePoint, genesisNumber: bigint): TrieDiff {
  const stored = pointAt(reader, storedTries(reader, genesisNumber))
  return replay(reader, stored, head, (owner, path) => storedNode(reader, owner, path))
}

/** The block that wrote the root that is stored; blocks since then either did not write, or did not change the state. */
function storedTries(reader: KeyValueReader, genesisNumber: bigint): bigint {
  for (const { block } of versions(reader, 'accountNodes', nodeKey(null, ''))) {
    return BigInt(Math.max(block, Number(genesisNumber)))
  }
  return genesisNumber
}

function pointAt(reader: KeyValueReader, number: bigint): TriePoint {
  const header = readHeader(reader, number)?.header
  if (header === undefined) throw new CorruptDatabaseError(`the header of block ${number} is missing`)
  return header
}

function storedNode(reader: KeyValueReader, owner: Address | null, path: string): Uint8Array | undefined {
  const stored = reader.get(tableOf(owner), nodeKey(owner, path))
  return stored && withoutStamp(stored)
}

function tableOf(owner: Address | null): 'accountNodes' | 'storageNodes' {
  return owner === null ? 'accountNodes' : 'storageNodes'
}

/**
 * What makes the tries after one block those after another, earlier or later.
 * @param read nodes after block `from`.
 * @throws CorruptDatabaseError when they do not come to the state root of `to`
 */
function replay(reader: KeyValueReader, from: TriePoint, to: TriePoint, read: ReadNode): TrieDiff {
  const base = {
    account: (address: Address) => accountAt(reader, from.number, Uint8Array.fromHex(address.slice(2))),
    storage: () => 0n,
    code: () => EMPTY_BYTES,
    trieNode: read,
  }
  const { root, nodes } = committed(() =>
    commitState(base, from.stateRoot, changesBetween(reader, from.number, to.number)),
  )
  if (root !== to.stateRoot) {
    throw new CorruptDatabaseError(`the state of block ${to.number} does not have the root of its header`)
  }
  return nodes
}

/** Nodes that are missing or damaged were stored by us. */
function committed(commit: () => StateCommit): StateCommit {
  try {
    return commit()
  } catch (cause) {
    if (!(cause instanceof AssertionFailure)) throw cause
    throw new CorruptDatabaseError(`the tries cannot be read: ${cause.message}`, { cause })
  }
}

/** The values after block `to` of all that changed between it and block `from`. */
function changesBetween(reader: KeyValueReader, from: bigint, to: bigint): StateDiff {
  const accounts = new Map<Address, Account | null>()
  const storage = new Map<Address, WordMap<bigint>>()
  const [below, last] = from < to ? [from, to] : [to, from]
  for (const key of changedKeys(reader, 'accounts', below + 1n, last)) {
    accounts.set(bytesToAddress(key), accountAt(reader, to, key) ?? null)
  }
  for (const key of changedKeys(reader, 'storage', below + 1n, last)) {
    const owner = bytesToAddress(key.subarray(0, ADDRESS_SIZE))
    let slots = storage.get(owner)
    if (slots === undefined) storage.set(owner, (slots = new WordMap()))
    slots.set(bytesToBigint(key.subarray(ADDRESS_SIZE)), decodeSlotValue(readAt(reader, to, 'storage', key)))
  }
  return { accounts, storage, clearedStorage: new Set(), codes: new Map() }
}

function accountAt(reader: KeyValueReader, number: bigint, key: Uint8Array): Account | undefined {
  const value = readAt(reader, number, 'accounts', key)
  return value === undefined ? undefined : decodeAccountValue(value)
}
