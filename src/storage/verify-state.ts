/**
 * The state of a database at its head: the flat tables and the tries say the same, and hash to the state root.
 *
 * First each trie is walked from its root: a node must hash to what its parent says, which settles that the leaves are
 * the ones the root commits to. Then every flat entry is looked up in its trie, and the numbers of entries and leaves
 * are compared. Together that is equality, without building a trie anew or sorting a million hashes.
 */
import { unreachable } from '../primitives/assert.ts'
import {
  bytesToAddress,
  bytesToBigint,
  bytesToHex,
  equalBytes,
  hexToBytes,
  type Address,
  type Hash,
} from '../primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256, keccak256Hash } from '../primitives/keccak.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import {
  accountKey,
  encodeAccount,
  encodeSlotValue,
  slotKey as hashedSlotKey,
} from '../state/account-codec.ts'
import type { Account, NodeChanges, TrieDiff } from '../state/state-reader.ts'
import {
  decodeNode,
  EMBEDDED_BELOW,
  nibbleAt,
  NIBBLES,
  referenceAt,
  TrieNodeError,
  type TrieNode,
} from '../state/trie-node.ts'
import { BoundedCache } from './bounded-cache.ts'
import type { KeyValueStore } from './key-value-store.ts'
import {
  ADDRESS_SIZE,
  addressKey,
  decodeAccountValue,
  endOfPrefix,
  nodeKey,
  pathOfNodeKey,
  readStamp,
  withoutStamp,
} from './schema.ts'
import type { Findings, VerifyProgress } from './findings.ts'
import { PendingTries } from './pending-tries.ts'
import { pendingTries, type TriePoint } from './stored-tries.ts'

const PROGRESS_INTERVAL = 1000
/** Decoded nodes kept for lookups: the upper four levels of the account trie have 4,369. */
const CACHED_NODES_MAX = 8192
/** Code hashes remembered as checked. */
const CHECKED_CODES_MAX = 100_000

export interface StateCheck {
  readonly store: KeyValueStore
  /** The newest block. */
  readonly head: TriePoint
  /** Of the first block. */
  readonly genesisNumber: bigint
  readonly findings: Findings
  readonly onProgress: (progress: VerifyProgress) => void
}

export interface StateCounts {
  readonly accounts: number
  readonly slots: number
  readonly trieNodes: number
}

export function verifyState({ store, head, genesisNumber, findings, onProgress }: StateCheck): StateCounts {
  const { tables } = store.statistics()
  const pending = new PendingTries()
  const waiting = findings.attempt('tries', () => pendingTries(store, head, genesisNumber))
  if (waiting !== undefined) pending.add(waiting)
  const tries: Tries = { store, pending, findings }
  const accountTrie = new StoredTrie(tries, null, head.stateRoot)
  const walked = accountTrie.walk()
  const codes = new BoundedCache<Hash, true>(CHECKED_CODES_MAX)
  let accounts = 0
  let slots = 0
  let storageNodes = 0
  for (const { key, value } of store.entries('accounts')) {
    if (accounts % PROGRESS_INTERVAL === 0) {
      onProgress({ stage: 'accounts', done: accounts, total: tables.accounts.entries })
    }
    accounts += 1
    const found = findings.attempt(`account ${bytesToHex(key)}`, () => ({
      address: bytesToAddress(key),
      account: decodeAccountValue(readStamp(value).value),
    }))
    if (found === undefined) continue
    const { address, account } = found
    accountTrie.expect(accountKey(address), encodeAccount(account), `account ${address}`)
    verifyCode(store, findings, codes, address, account)
    const storage = verifyStorage(tries, address, account)
    slots += storage.slots
    storageNodes += storage.nodes
  }
  findings.expect(
    walked.leaves === accounts,
    `the account trie has ${walked.leaves} accounts, the table ${accounts}`,
  )
  const surplus = storedSurplus(store, pending.changes())
  const expected = {
    accountNodes: walked.nodes + surplus.accountNodes,
    storage: slots,
    storageNodes: storageNodes + surplus.storageNodes,
  }
  for (const [table, count] of Object.entries(expected)) {
    // The keys of `expected` are names of tables.
    const { entries } = tables[table as keyof typeof expected]
    findings.expect(
      entries === count,
      `table ${table}: ${entries - count} of ${entries} entries belong to no account`,
    )
  }
  return { accounts, slots, trieNodes: walked.nodes + storageNodes }
}

/** The stored tries are those of an earlier block: nodes that they have more than those of the newest one. */
function storedSurplus(
  store: KeyValueStore,
  { accountNodes, storageNodes, clearedOwners }: TrieDiff,
): { readonly accountNodes: number; readonly storageNodes: number } {
  const surplusOf = (owner: Address | null, nodes: NodeChanges): number => {
    let surplus = 0
    for (const [path, rlp] of nodes) {
      const isStored =
        store.get(owner === null ? 'accountNodes' : 'storageNodes', nodeKey(owner, path)) !== undefined
      surplus += Number(isStored) - Number(rlp !== null)
    }
    return surplus
  }
  let storage = 0
  for (const [owner, nodes] of storageNodes) storage += surplusOf(owner, nodes)
  for (const owner of clearedOwners) {
    const from = addressKey(owner)
    for (const { key } of store.entries('storageNodes', { from, to: endOfPrefix(from) })) {
      if (storageNodes.get(owner)?.has(pathOfNodeKey(key, ADDRESS_SIZE)) !== true) storage += 1
    }
  }
  return { accountNodes: surplusOf(null, accountNodes), storageNodes: storage }
}

function verifyStorage(
  tries: Tries,
  address: Address,
  { storageRoot }: Account,
): { readonly slots: number; readonly nodes: number } {
  // Accounts without storage are most of them: no trie, and slots in the table show in its count.
  if (storageRoot === EMPTY_TRIE_ROOT) return { slots: 0, nodes: 0 }
  const { store, findings } = tries
  const trie = new StoredTrie(tries, address, storageRoot)
  const { leaves, nodes } = trie.walk()
  const prefix = addressKey(address)
  let slots = 0
  for (const { key, value } of store.entries('storage', { from: prefix, to: endOfPrefix(prefix) })) {
    slots += 1
    const slot = bytesToBigint(key.subarray(ADDRESS_SIZE))
    const word = findings.attempt(`slot ${slot} of ${address}`, () => bytesToBigint(readStamp(value).value))
    if (word === undefined) continue
    trie.expect(hashedSlotKey(slot), encodeSlotValue(word), `slot ${slot} of ${address}`)
  }
  findings.expect(leaves === slots, `the storage trie of ${address} has ${leaves} slots, the table ${slots}`)
  return { slots, nodes }
}

function verifyCode(
  store: KeyValueStore,
  findings: Findings,
  checked: BoundedCache<Hash, true>,
  address: Address,
  { codeHash }: Account,
): void {
  if (codeHash === EMPTY_CODE_HASH || checked.get(codeHash)) return
  checked.set(codeHash, true)
  const code = store.get('codes', hexToBytes(codeHash))
  findings.expect(code !== undefined, `account ${address}: its code ${codeHash} is missing`)
  findings.expect(
    code === undefined || keccak256Hash(code) === codeHash,
    `account ${address}: its code does not have the hash ${codeHash}`,
  )
}

interface Tries {
  readonly store: KeyValueStore
  /** What the newest block's have that is not stored. */
  readonly pending: PendingTries
  readonly findings: Findings
}

/** One trie, read node by node. */
class StoredTrie {
  private readonly tries: Tries
  private readonly owner: Address | null
  private readonly root: Hash
  private readonly findings: Findings
  private readonly cache = new BoundedCache<string, TrieNode>(CACHED_NODES_MAX)
  private readonly counts = { nodes: 0, leaves: 0 }

  constructor(tries: Tries, owner: Address | null, root: Hash) {
    this.tries = tries
    this.owner = owner
    this.root = root
    this.findings = tries.findings
  }

  /** Checks the hash of every node and counts what the root leads to. */
  walk(): { readonly nodes: number; readonly leaves: number } {
    if (this.root !== EMPTY_TRIE_ROOT) this.visitStored('', hexToBytes(this.root))
    return this.counts
  }

  /** Adds a finding unless the trie holds `value` under `key`. */
  expect(key: Uint8Array, value: Uint8Array, what: string): void {
    const found = this.lookUp(key.toHex())
    if (found === undefined) this.findings.add(`${what} is not in the trie`)
    else this.findings.expect(equalBytes(found, value), `${what} has another value in the trie`)
  }

  private visitStored(path: string, hash: Uint8Array): void {
    const rlp = this.read(path)
    if (rlp === undefined) return this.findings.add(`${this.name(path)} is missing`)
    this.counts.nodes += 1
    if (!equalBytes(keccak256(rlp), hash)) return this.findings.add(`${this.name(path)} has another hash`)
    return this.visit(path, rlp)
  }

  private visit(path: string, rlp: Uint8Array): void {
    const node = this.findings.attempt(this.name(path), () => decodeNode(rlp))
    if (node === undefined) return
    if (node.kind === 'leaf') {
      this.counts.leaves += 1
    } else if (node.kind === 'extension') {
      this.visitChild(path + node.nibbles, node.raw, node.child)
    } else {
      for (const [nibble, slot] of node.children.entries()) {
        if (slot !== 0) this.visitChild(path + NIBBLES.charAt(nibble), node.raw, slot)
      }
    }
  }

  private visitChild(path: string, raw: Uint8Array, slot: number): void {
    const reference = referenceAt(raw, slot)
    if (reference.length < EMBEDDED_BELOW) this.visit(path, reference)
    else this.visitStored(path, reference)
  }

  /** Follows a key, one hex digit a nibble; hashes were checked by the walk. */
  private lookUp(key: string): Uint8Array | undefined {
    let path = ''
    let node = this.root === EMPTY_TRIE_ROOT ? undefined : this.load('')
    while (node !== undefined) {
      const rest = key.slice(path.length)
      switch (node.kind) {
        case 'leaf':
          return rest === node.nibbles ? node.value : undefined
        case 'extension':
          if (!rest.startsWith(node.nibbles)) return undefined
          path += node.nibbles
          node = this.loadChild(path, node.raw, node.child)
          break
        case 'branch': {
          const slot = node.children[nibbleAt(key, path.length)] ?? 0
          path = key.slice(0, path.length + 1)
          node = slot === 0 ? undefined : this.loadChild(path, node.raw, slot)
          break
        }
        default:
          return unreachable(node)
      }
    }
    return undefined
  }

  private loadChild(path: string, raw: Uint8Array, slot: number): TrieNode | undefined {
    const reference = referenceAt(raw, slot)
    return reference.length < EMBEDDED_BELOW ? decodeNode(reference) : this.load(path)
  }

  /** `undefined` when the node is missing or damaged, which the walk has reported. */
  private load(path: string): TrieNode | undefined {
    const cached = this.cache.get(path)
    if (cached !== undefined) return cached
    const rlp = this.read(path)
    if (rlp === undefined) return undefined
    try {
      const node = decodeNode(rlp)
      this.cache.set(path, node)
      return node
    } catch (error) {
      if (error instanceof TrieNodeError) return undefined
      throw error
    }
  }

  private read(path: string): Uint8Array | undefined {
    const { store, pending } = this.tries
    const waiting = pending.get(this.owner, path)
    if (waiting !== undefined) return waiting ?? undefined
    const table = this.owner === null ? 'accountNodes' : 'storageNodes'
    const stored = store.get(table, nodeKey(this.owner, path))
    return stored && withoutStamp(stored)
  }

  private name(path: string): string {
    return `node '${path}' of ${this.owner === null ? 'the account trie' : `the storage trie of ${this.owner}`}`
  }
}
