/**
 * From what changed to a state root: the account trie and one storage trie an account (Ethereum yellow paper, §4.1).
 * A commit only reads; the caller writes its nodes and accounts where it keeps them.
 */
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import { assert } from '../primitives/assert.ts'
import type { Address, Hash } from '../primitives/bytes.ts'
import { accountKey, encodeAccount, encodeSlotValue, slotKey } from './account-codec.ts'
import type {
  Account,
  NodeChanges,
  StateDiff,
  StateReader,
  TrieDiff,
  TrieNodeReader,
  SlotValues,
} from './state-reader.ts'
import { updateTrie, type TrieCommit, type TrieUpdate } from './trie.ts'

export interface StateCommit {
  readonly root: Hash
  readonly nodes: TrieDiff
  /** Every changed account with its new `storageRoot`; `null` = it no longer exists. */
  readonly accounts: ReadonlyMap<Address, Account | null>
}

/**
 * The state behind `diff`. The `storageRoot` of accounts in the diff is not looked at: the reader's is the old one.
 * @param reader state and trie nodes at `parentRoot`.
 * @throws AssertionFailure when the reader's nodes are not those of `parentRoot`, or a slot changed without an account.
 */
export function commitState(
  reader: StateReader & TrieNodeReader,
  parentRoot: Hash,
  diff: StateDiff,
): StateCommit {
  const accounts = new Map<Address, Account | null>()
  const storageNodes = new Map<Address, NodeChanges>()
  const clearedOwners = new Set<Address>()
  const updates: TrieUpdate[] = []

  for (const address of changedAddresses(diff)) {
    const former = reader.account(address)
    const present = diff.accounts.has(address) ? diff.accounts.get(address) : former
    let storageRoot = former?.storageRoot ?? EMPTY_TRIE_ROOT
    const isRemoved = present === null || present === undefined
    if (storageRoot !== EMPTY_TRIE_ROOT && (isRemoved || diff.clearedStorage.has(address))) {
      clearedOwners.add(address)
      storageRoot = EMPTY_TRIE_ROOT
    }
    if (isRemoved) {
      assert(
        present === null || !diff.storage.has(address),
        `storage of ${address}, which does not exist, changed`,
      )
      accounts.set(address, null)
      updates.push({ key: accountKey(address), value: null })
      continue
    }
    const slots = diff.storage.get(address)
    if (slots !== undefined) {
      const storage = commitStorage(reader, address, storageRoot, slots)
      if (storage.nodes.size > 0) storageNodes.set(address, storage.nodes)
      storageRoot = storage.root
    }
    const { nonce, balance, codeHash } = present
    const account = { nonce, balance, storageRoot, codeHash }
    accounts.set(address, account)
    updates.push({ key: accountKey(address), value: encodeAccount(account) })
  }

  const { root, nodes: accountNodes } = updateTrie(
    (path) => reader.trieNode(null, path),
    parentRoot,
    updates,
    reader.trieCache,
  )
  return { root, nodes: { accountNodes, storageNodes, clearedOwners }, accounts }
}

/** Every account that a diff mentions, each once, in the order in which it does. */
function* changedAddresses({ accounts, storage, clearedStorage }: StateDiff): Generator<Address> {
  yield* accounts.keys()
  for (const address of storage.keys()) if (!accounts.has(address)) yield address
  for (const address of clearedStorage) if (!accounts.has(address) && !storage.has(address)) yield address
}

function commitStorage(reader: TrieNodeReader, owner: Address, root: Hash, slots: SlotValues): TrieCommit {
  const updates: TrieUpdate[] = []
  for (const [slot, value] of slots) {
    updates.push({ key: slotKey(slot), value: value === 0n ? null : encodeSlotValue(value) })
  }
  return updateTrie((path) => reader.trieNode(owner, path), root, updates, reader.trieCache)
}
