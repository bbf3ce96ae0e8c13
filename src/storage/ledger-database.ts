/**
 * The ledger over a {@link KeyValueStore}: blocks, receipts, indexes, state at the head and its history.
 *
 * A block is one write transaction: after a crash the database is as it was after some complete block. What is kept in
 * memory beside the tables (head, commit states, caches) changes only when the transaction has been committed.
 */
import { assert, present } from '../primitives/assert.ts'
import { bytesToAddress, bytesToBigint, type Address, type Hash } from '../primitives/bytes.ts'
import type { Block, Header } from '../chain/block.ts'
import type { Receipt } from '../chain/receipt.ts'
import {
  COMMIT_STATES,
  StateUnavailableError,
  type CommitState,
  type ExecutedBlock,
  type LedgerState,
  type MetaChanges,
  type TransactionLocation,
  type WritableLedger,
} from '../execution/ledger.ts'
import {
  deleteBlock,
  readBlock,
  readHash,
  readHeader,
  readLocation,
  readNumberOf,
  readReceipts,
  readSenders,
  writeBlock,
} from './block-records.ts'
import { BoundedCache } from './bounded-cache.ts'
import { CorruptDatabaseError, ForeignDatabaseError } from './database-errors.ts'
import { ChangeRecorder, pruneChanges, unwindChanges } from './history.ts'
import type { KeyValueStore, WriteTransaction } from './key-value-store.ts'
import {
  mapCommits,
  nodeMetaKey,
  readCommits,
  readHead,
  readIdentity,
  readOldestState,
  writeCommits,
  writeHead,
  writeIdentity,
  writeNodeMeta,
  writeOldestState,
} from './meta-records.ts'
import { ADDRESS_SIZE, addressKey, endOfPrefix, stamp } from './schema.ts'
import { newStateCaches, StateAt, type StateSource } from './state-at.ts'
import { writeTries, writeValues, type ChangeSink } from './state-writer.ts'
import { StoredTries, TRIE_BLOCKS_DEFAULT } from './stored-tries.ts'

/** Blocks behind the head whose state is kept unless told otherwise. */
export const HISTORY_BLOCKS_DEFAULT = 10_000
/** Transactions (and blocks) that stay decoded for readers: some 10 MB. */
const CACHED_TRANSACTIONS_MAX = 8192
/** Records dropped with a block: twice what it added, so that a backlog shrinks, and at least this many. */
const PRUNED_RECORDS_MIN = 1000

export interface LedgerOptions {
  readonly store: KeyValueStore
  readonly chainId: bigint
  /** The first block with the state before any other; written to an empty store, else only compared by its hash. */
  readonly genesis: ExecutedBlock
  /** Blocks behind the head whose state can still be read, proven and unwound to. */
  readonly historyBlocks?: number
  /** Tries are written with every so many blocks, at least; the same number at each opening. */
  readonly trieBlocks?: number
}

/**
 * Opens the ledger in a store, and starts it with the genesis block when the store is empty.
 * @throws DatabaseError when the store belongs to another chain, has another format or is damaged
 */
export function openLedger(options: LedgerOptions): WritableLedger {
  const { store, chainId, genesis, historyBlocks = HISTORY_BLOCKS_DEFAULT } = options
  const { trieBlocks = TRIE_BLOCKS_DEFAULT } = options
  assert(Number.isSafeInteger(historyBlocks) && historyBlocks >= 0, 'historyBlocks is a count')
  const { header, hash } = genesis.block
  const found = readIdentity(store)
  if (found === undefined) {
    store.write((transaction) => writeGenesis(transaction, chainId, genesis))
    return new LedgerDatabase(store, BigInt(historyBlocks), BigInt(trieBlocks))
  }
  if (found.chainId !== chainId || found.genesisHash !== hash || found.genesisNumber !== header.number) {
    throw new ForeignDatabaseError({ chainId, genesisHash: hash }, found)
  }
  return new LedgerDatabase(store, BigInt(historyBlocks), BigInt(trieBlocks))
}

function writeGenesis(transaction: WriteTransaction, chainId: bigint, genesis: ExecutedBlock): void {
  const { header, hash } = genesis.block
  writeIdentity(transaction, { chainId, genesisHash: hash, genesisNumber: header.number })
  writeCommits(
    transaction,
    mapCommits(() => header.number),
  )
  writeOldestState(transaction, header.number)
  writeHead(transaction, header.number, hash)
  writeBlock(transaction, genesis)
  const sink: ChangeSink = {
    change: (table, key, value) => {
      if (value !== null) transaction.put(table, key, stamp(Number(header.number), value))
    },
    clear: () => undefined,
  }
  writeValues(sink, transaction, genesis)
  writeTries(sink, genesis.trieDiff)
}

/** See {@link openLedger}. */
class LedgerDatabase implements WritableLedger {
  private readonly store: KeyValueStore
  private readonly historyBlocks: bigint
  private readonly trieBlocks: bigint
  private readonly genesisNumber: bigint
  private headHeader: Header
  private headBlockHash: Hash
  private commits: Readonly<Record<CommitState, bigint>>
  private readonly source: StateSource
  private readonly blocks = new BoundedCache<bigint, Pick<ExecutedBlock, 'block' | 'senders' | 'receipts'>>(
    CACHED_TRANSACTIONS_MAX,
  )

  constructor(store: KeyValueStore, historyBlocks: bigint, trieBlocks: bigint) {
    this.store = store
    this.trieBlocks = trieBlocks
    this.historyBlocks = historyBlocks
    this.genesisNumber = present(readIdentity(store), 'identity').genesisNumber
    const head = readHead(store)
    this.headHeader = head.header
    this.headBlockHash = head.hash
    this.commits = readCommits(store)
    this.source = {
      store,
      revision: 0,
      headNumber: head.header.number,
      oldestState: readOldestState(store),
      hashOf: (number) => this.hashOf(number),
      tries: new StoredTries(store, head.header, this.genesisNumber, trieBlocks),
      caches: newStateCaches(),
    }
  }

  // ---- Reading -------------------------------------------------------------------------------------------------------

  head(): Header {
    return this.headHeader
  }

  headHash(): Hash {
    return this.headBlockHash
  }

  committed(state: CommitState): bigint {
    return this.commits[state]
  }

  header(number: bigint): Header | undefined {
    if (!this.holds(number)) return undefined
    return this.blocks.get(number)?.block.header ?? readHeader(this.store, number)?.header
  }

  hashOf(number: bigint): Hash | undefined {
    if (!this.holds(number)) return undefined
    return number === this.headHeader.number ? this.headBlockHash : readHash(this.store, number)
  }

  numberOf(hash: Hash): bigint | undefined {
    return readNumberOf(this.store, hash)
  }

  block(number: bigint): Block | undefined {
    return this.parts(number)?.block
  }

  senders(number: bigint): readonly Address[] | undefined {
    if (!this.holds(number)) return undefined
    return this.blocks.get(number)?.senders ?? readSenders(this.store, number)
  }

  receipts(number: bigint): readonly Receipt[] | undefined {
    return this.parts(number)?.receipts
  }

  transaction(hash: Hash): TransactionLocation | undefined {
    return readLocation(this.store, hash)
  }

  stateAt(number: bigint): LedgerState {
    const found = this.headerAndHash(number)
    if (found === undefined || number < this.source.oldestState) {
      throw new StateUnavailableError(number, this.source.oldestState)
    }
    return new StateAt(this.source, number, found.hash, found.header.stateRoot)
  }

  *accounts(): Iterable<Address> {
    for (const { key } of this.store.entries('accounts')) yield bytesToAddress(key)
  }

  *slots(address: Address): Iterable<bigint> {
    const from = addressKey(address)
    for (const { key } of this.store.entries('storage', { from, to: endOfPrefix(from) })) {
      yield bytesToBigint(key.subarray(ADDRESS_SIZE))
    }
  }

  oldestState(): bigint {
    return this.source.oldestState
  }

  meta(key: string): Uint8Array | undefined {
    return this.store.get('meta', nodeMetaKey(key))
  }

  private holds(number: bigint): boolean {
    return number >= this.genesisNumber && number <= this.headHeader.number
  }

  private headerAndHash(number: bigint): { readonly header: Header; readonly hash: Hash } | undefined {
    if (number === this.headHeader.number) return { header: this.headHeader, hash: this.headBlockHash }
    return this.holds(number) ? readHeader(this.store, number) : undefined
  }

  private parts(number: bigint): Pick<ExecutedBlock, 'block' | 'senders' | 'receipts'> | undefined {
    if (!this.holds(number)) return undefined
    const cached = this.blocks.get(number)
    if (cached !== undefined) return cached
    const parts = {
      block: this.require(readBlock(this.store, number), 'block', number),
      senders: this.require(readSenders(this.store, number), 'senders', number),
      receipts: this.require(readReceipts(this.store, number), 'receipts', number),
    }
    this.remember(parts)
    return parts
  }

  private require<T>(value: T | undefined, what: string, number: bigint): T {
    if (value === undefined) throw new CorruptDatabaseError(`${what} of block ${number} is missing`)
    return value
  }

  private remember({
    block,
    senders,
    receipts,
  }: Pick<ExecutedBlock, 'block' | 'senders' | 'receipts'>): void {
    this.blocks.set(block.header.number, { block, senders, receipts }, 1 + block.transactions.length)
  }

  // ---- Writing -------------------------------------------------------------------------------------------------------

  append(executed: ExecutedBlock, reached?: CommitState, meta?: MetaChanges): void {
    const { block, receipts, senders } = executed
    const { number, parentHash } = block.header
    assert(number === this.headHeader.number + 1n, `block ${number} does not follow the head`)
    assert(parentHash === this.headBlockHash, `block ${number} has another parent than the head`)
    const count = block.transactions.length
    assert(receipts.length === count && senders.length === count, 'one receipt and sender a transaction')

    const oldestState = maxOf(this.source.oldestState, number - this.historyBlocks)
    const { tries } = this.source
    const dueTries = tries.due(number, executed.trieDiff)
    const commits = reached === undefined ? this.commits : this.commitsAfter(reached, number)
    // A pre-confirmed block may be taken back anyway, and after a power failure the others still have it.
    const durability = reached === 'preconfirmed' ? 'soon' : 'now'
    this.store.write((transaction) => {
      writeBlock(transaction, executed)
      const recorder = new ChangeRecorder(transaction, number)
      writeValues(recorder, transaction, executed)
      if (dueTries !== undefined) writeTries(recorder, dueTries)
      recorder.finish()
      writeHead(transaction, number, block.hash)
      if (reached !== undefined) writeCommits(transaction, commits)
      writeOldestState(transaction, oldestState)
      pruneChanges(
        transaction,
        this.oldestKept(oldestState),
        Math.max(PRUNED_RECORDS_MIN, 2 * recorder.count),
      )
      if (meta !== undefined) writeNodeMeta(transaction, meta)
    }, durability)

    tries.append(block.header, executed.trieDiff, dueTries !== undefined)
    for (const [address, account] of executed.accounts) this.source.caches.accounts.set(address, account)
    this.remember(executed)
    this.commits = commits
    this.moveTo(block.header, block.hash, oldestState)
  }

  unwind(number: bigint, meta?: MetaChanges): readonly Block[] {
    assert(number <= this.headHeader.number, `block ${number} is above the head`)
    if (number < this.source.oldestState) throw new StateUnavailableError(number, this.source.oldestState)
    const target = present(this.headerAndHash(number), `header of block ${number}`)
    const removed: Block[] = []
    const commits = mapCommits((state) => minOf(this.commits[state], number))
    this.store.write((transaction) => {
      for (let at = this.headHeader.number; at > number; at--) {
        const block = present(this.block(at), `block ${at}`)
        unwindChanges(transaction, at, this.oldestKept(this.source.oldestState))
        deleteBlock(transaction, block)
        removed.push(block)
      }
      writeHead(transaction, number, target.hash)
      writeCommits(transaction, commits)
      if (meta !== undefined) writeNodeMeta(transaction, meta)
    })

    for (const { header } of removed) this.blocks.delete(header.number)
    this.source.caches.accounts.clear()
    this.source.tries.reset(target.header)
    this.commits = commits
    this.moveTo(target.header, target.hash, this.source.oldestState)
    return removed
  }

  setCommitted(state: CommitState, number: bigint): void {
    assert(number <= this.headHeader.number, `block ${number}, said to be ${state}, is above the head`)
    const commits = this.commitsAfter(state, number)
    if (COMMIT_STATES.every((other) => commits[other] === this.commits[other])) return
    // Whoever proves the state to others stores the proof next: both are written together, or neither.
    this.store.defer((transaction) => writeCommits(transaction, commits))
    this.commits = commits
  }

  /** A later state includes the earlier ones. */
  private commitsAfter(state: CommitState, number: bigint): Readonly<Record<CommitState, bigint>> {
    const reached = COMMIT_STATES.indexOf(state)
    return mapCommits((other, index) =>
      index <= reached ? maxOf(this.commits[other], number) : this.commits[other],
    )
  }

  setMeta(key: string, value: Uint8Array | undefined): void {
    this.store.write((transaction) => writeNodeMeta(transaction, new Map([[key, value]])))
  }

  async close(): Promise<void> {
    await this.store.close()
  }

  /** Up to this block records of history are not needed: unwound to the oldest state, its tries start from an earlier one. */
  private oldestKept(oldestState: bigint): bigint {
    return maxOf(0n, oldestState + 1n - this.trieBlocks)
  }

  private moveTo(header: Header, hash: Hash, oldestState: bigint): void {
    this.headHeader = header
    this.headBlockHash = hash
    this.source.headNumber = header.number
    this.source.oldestState = oldestState
    this.source.revision += 1
  }
}

function minOf(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function maxOf(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
