/**
 * State as it was after one block. A reader of the newest block reads the flat tables, through a cache; as soon as
 * another block follows, the same reader goes on with former values from history and so keeps seeing its own block.
 */
import { EMPTY_BYTES, type Address, type Hash } from '../primitives/bytes.ts'
import { EMPTY_CODE_HASH } from '../primitives/keccak.ts'
import { StateUnavailableError, type LedgerState } from '../execution/ledger.ts'
import type { Account } from '../state/state-reader.ts'
import { TrieCache } from '../state/trie-cache.ts'
import { BoundedCache } from './bounded-cache.ts'
import { CorruptDatabaseError } from './database-errors.ts'
import { readAt } from './history.ts'
import type { KeyValueStore } from './key-value-store.ts'
import { addressKey, decodeAccountValue, decodeSlotValue, slotKey, withoutStamp } from './schema.ts'
import type { StoredTries } from './stored-tries.ts'

/** Accounts at the head that stay decoded: about 5 MB. */
const CACHED_ACCOUNTS_MAX = 16_384
/** Bytes of code kept in memory. */
const CACHED_CODE_BYTES_MAX = 16 * 1024 * 1024

/** What all readers of one ledger share. The ledger moves it along. */
export interface StateSource {
  readonly store: KeyValueStore
  /** Goes up with every change of the chain. */
  revision: number
  headNumber: bigint
  oldestState: bigint
  hashOf(number: bigint): Hash | undefined
  readonly tries: StoredTries
  readonly caches: StateCaches
}

/** What the tables hold at the head, decoded. Entries that a block changes must be dropped, but for those of tries. */
export interface StateCaches {
  readonly accounts: BoundedCache<Address, Account | null>
  readonly codes: BoundedCache<Hash, Uint8Array>
  readonly tries: TrieCache
}

export function newStateCaches(): StateCaches {
  return {
    accounts: new BoundedCache(CACHED_ACCOUNTS_MAX),
    codes: new BoundedCache(CACHED_CODE_BYTES_MAX),
    tries: new TrieCache(),
  }
}

export class StateAt implements LedgerState {
  readonly blockNumber: bigint
  readonly stateRoot: Hash
  private readonly blockHash: Hash
  private readonly source: StateSource
  /** The revision for which `isHead` holds. */
  private revision = -1
  private isHead = false

  constructor(source: StateSource, blockNumber: bigint, blockHash: Hash, stateRoot: Hash) {
    this.source = source
    this.blockNumber = blockNumber
    this.blockHash = blockHash
    this.stateRoot = stateRoot
  }

  // Hot: every account that execution touches is read once a block.
  account(address: Address): Account | undefined {
    if (!this.isAtHead()) return decodeAccount(this.read('accounts', addressKey(address)))
    const { accounts } = this.source.caches
    const cached = accounts.get(address)
    if (cached !== undefined) return cached ?? undefined
    const account = decodeAccount(this.read('accounts', addressKey(address)))
    accounts.set(address, account ?? null)
    return account
  }

  // Hot: every slot that execution touches is read once a block.
  storage(address: Address, slot: bigint): bigint {
    return decodeSlotValue(this.read('storage', slotKey(address, slot)))
  }

  code(codeHash: Hash): Uint8Array {
    if (codeHash === EMPTY_CODE_HASH) return EMPTY_BYTES
    const { codes } = this.source.caches
    const cached = codes.get(codeHash)
    if (cached !== undefined) return cached
    const code = this.source.store.get('codes', Uint8Array.fromHex(codeHash.slice(2)))
    if (code === undefined) throw new CorruptDatabaseError(`code ${codeHash} is missing`)
    codes.set(codeHash, code, code.length)
    return code
  }

  get trieCache(): TrieCache {
    return this.source.caches.tries
  }

  trieNode(owner: Address | null, path: string): Uint8Array | undefined {
    const { tries } = this.source
    if (this.isAtHead()) return tries.node(owner, path)
    return tries.nodeAt({ number: this.blockNumber, stateRoot: this.stateRoot }, owner, path)
  }

  private read(table: 'accounts' | 'storage', key: Uint8Array): Uint8Array | undefined {
    const { store } = this.source
    if (!this.isAtHead()) return readAt(store, this.blockNumber, table, key)
    const stored = store.get(table, key)
    return stored && withoutStamp(stored)
  }

  /** Whether the block is still the newest one. @throws StateUnavailableError when it is gone or too old */
  private isAtHead(): boolean {
    const { source } = this
    if (this.revision === source.revision) return this.isHead
    const { blockNumber } = this
    if (blockNumber < source.oldestState || source.hashOf(blockNumber) !== this.blockHash) {
      throw new StateUnavailableError(blockNumber, source.oldestState)
    }
    this.revision = source.revision
    this.isHead = blockNumber === source.headNumber
    return this.isHead
  }
}

function decodeAccount(bytes: Uint8Array | undefined): Account | undefined {
  return bytes === undefined ? undefined : decodeAccountValue(bytes)
}
