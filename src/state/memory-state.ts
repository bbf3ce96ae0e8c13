/** State in memory: flat values and trie nodes, moved forward by one commit at a time. For tests and conformance runs. */
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import { present } from '../primitives/assert.ts'
import { EMPTY_BYTES, type Address, type Hash } from '../primitives/bytes.ts'
import { EMPTY_CODE_HASH } from '../primitives/keccak.ts'
import type { Account, StateDiff, StateReader, TrieNodeReader } from './state-reader.ts'
import { commitState, type StateCommit } from './state-tree.ts'
import { TrieCache } from './trie-cache.ts'

export class MemoryState implements StateReader, TrieNodeReader {
  readonly trieCache: TrieCache = new TrieCache()
  private readonly accounts = new Map<Address, Account>()
  private readonly slots = new Map<Address, Map<bigint, bigint>>()
  private readonly codes = new Map<Hash, Uint8Array>([[EMPTY_CODE_HASH, EMPTY_BYTES]])
  private readonly accountNodes = new Map<string, Uint8Array>()
  private readonly storageNodes = new Map<Address, Map<string, Uint8Array>>()
  private currentRoot: Hash = EMPTY_TRIE_ROOT

  /** The state root as of the last commit. */
  get root(): Hash {
    return this.currentRoot
  }

  /** Entries of each kind, flat and of the tries: what a leak would let grow. */
  get sizes(): { accounts: number; slots: number; accountNodes: number; storageNodes: number } {
    return {
      accounts: this.accounts.size,
      slots: total(this.slots),
      accountNodes: this.accountNodes.size,
      storageNodes: total(this.storageNodes),
    }
  }

  account(address: Address): Account | undefined {
    return this.accounts.get(address)
  }

  storage(address: Address, slot: bigint): bigint {
    return this.slots.get(address)?.get(slot) ?? 0n
  }

  code(codeHash: Hash): Uint8Array {
    return present(this.codes.get(codeHash), `code ${codeHash}`)
  }

  trieNode(owner: Address | null, path: string): Uint8Array | undefined {
    return owner === null ? this.accountNodes.get(path) : this.storageNodes.get(owner)?.get(path)
  }

  /** Computes the state behind `diff`, takes it over and returns its root. */
  commit(diff: StateDiff): Hash {
    this.apply(commitState(this, this.currentRoot, diff), diff)
    return this.currentRoot
  }

  /** Takes over what {@link commitState} made of `diff` on this state. */
  apply(commit: StateCommit, diff: StateDiff): void {
    for (const [address, account] of commit.accounts) {
      if (account === null) this.accounts.delete(address)
      else this.accounts.set(address, account)
      if (account === null || diff.clearedStorage.has(address)) this.slots.delete(address)
      const changes = diff.storage.get(address)
      if (account !== null && changes !== undefined) merge(this.slots, address, changes, 0n)
    }
    for (const [hash, code] of diff.codes) this.codes.set(hash, code)

    const { accountNodes, storageNodes, clearedOwners } = commit.nodes
    for (const owner of clearedOwners) this.storageNodes.delete(owner)
    for (const [owner, nodes] of storageNodes) merge(this.storageNodes, owner, nodes, null)
    for (const [path, rlp] of accountNodes) {
      if (rlp === null) this.accountNodes.delete(path)
      else this.accountNodes.set(path, rlp)
    }
    this.currentRoot = commit.root
  }
}

/** Writes an owner's changes, where the value `none` deletes, and drops the owner when nothing is left. */
function merge<K, V, N>(
  target: Map<Address, Map<K, V>>,
  owner: Address,
  changes: Iterable<readonly [K, V | N]>,
  none: N,
): void {
  const entries = target.get(owner) ?? new Map<K, V>()
  for (const [key, value] of changes) {
    if (value === none) entries.delete(key)
    // What is not `none` is a V; the compiler cannot see it through two type parameters.
    else entries.set(key, value as V)
  }
  if (entries.size > 0) target.set(owner, entries)
  else target.delete(owner)
}

function total(maps: ReadonlyMap<Address, ReadonlyMap<unknown, unknown>>): number {
  let count = 0
  for (const map of maps.values()) count += map.size
  return count
}
