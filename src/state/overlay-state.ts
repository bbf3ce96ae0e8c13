/** A state that is not committed: changes laid over another one. For pending changes and the overrides of `eth_call`. */
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import { ZERO_HASH, type Address, type Hash } from '../primitives/bytes.ts'
import type { Account, SlotValues, StateDiff, StateReader } from './state-reader.ts'
import { WordMap } from './word-map.ts'

/**
 * Stands for the root of a storage trie that was not computed. Execution asks a storage root one thing only, whether
 * there is any storage (EIP-7610), and no trie has this root.
 */
export const UNCOMMITTED_STORAGE_ROOT: Hash = ZERO_HASH

/**
 * Reads `diff` first and `base` behind it. Storage roots are those of the last commit, except that cleared storage has
 * the empty root and storage that only exists here has {@link UNCOMMITTED_STORAGE_ROOT}.
 */
export class OverlayState implements StateReader {
  private readonly base: StateReader
  private readonly diff: StateDiff

  constructor(base: StateReader, diff: StateDiff) {
    this.base = base
    this.diff = diff
  }

  account(address: Address): Account | undefined {
    const changed = this.diff.accounts.get(address)
    const account = changed === undefined ? this.base.account(address) : (changed ?? undefined)
    if (account === undefined) return undefined
    const storageRoot = this.storageRoot(address, account)
    return storageRoot === account.storageRoot ? account : { ...account, storageRoot }
  }

  storage(address: Address, slot: bigint): bigint {
    if (this.diff.accounts.get(address) === null) return 0n
    const changed = this.diff.storage.get(address)?.get(slot)
    if (changed !== undefined) return changed
    return this.diff.clearedStorage.has(address) ? 0n : this.base.storage(address, slot)
  }

  code(codeHash: Hash): Uint8Array {
    return this.diff.codes.get(codeHash) ?? this.base.code(codeHash)
  }

  private storageRoot(address: Address, account: Account): Hash {
    const root = this.diff.clearedStorage.has(address) ? EMPTY_TRIE_ROOT : account.storageRoot
    if (root !== EMPTY_TRIE_ROOT) return root
    for (const [, value] of this.diff.storage.get(address) ?? []) {
      if (value !== 0n) return UNCOMMITTED_STORAGE_ROOT
    }
    return root
  }
}

/**
 * The change of `first` followed by `second`. A value that `second` sets back to what it was before `first` is still
 * listed: no diff knows what it started from.
 */
export function mergeDiffs(first: StateDiff, second: StateDiff): StateDiff {
  const storage = new Map(first.storage)
  const clearedStorage = new Set([...first.clearedStorage, ...removedAccounts(first)])
  // An account that is gone may come back, without the storage it had.
  for (const address of [...removedAccounts(second), ...second.clearedStorage]) {
    clearedStorage.add(address)
    storage.delete(address)
  }
  for (const [address, slots] of second.storage)
    storage.set(address, joinedSlots(storage.get(address), slots))
  return {
    accounts: joined(first.accounts, second.accounts),
    storage,
    clearedStorage,
    codes: joined(first.codes, second.codes),
  }
}

/** What `second` says, and where it says nothing, `first`. */
function joined<K, V>(first: ReadonlyMap<K, V> | undefined, second: ReadonlyMap<K, V>): ReadonlyMap<K, V> {
  if (first === undefined || first.size === 0) return second
  const result = new Map(first)
  for (const [key, value] of second) result.set(key, value)
  return result
}

function joinedSlots(first: SlotValues | undefined, second: SlotValues): SlotValues {
  if (first === undefined || first.size === 0) return second
  const result = new WordMap<bigint>()
  for (const [slot, value] of first) result.set(slot, value)
  for (const [slot, value] of second) result.set(slot, value)
  return result
}

function removedAccounts(diff: StateDiff): Address[] {
  return [...diff.accounts].filter(([, account]) => account === null).map(([address]) => address)
}
