/**
 * Reading state, and what a block changed in it. Everything that executes works on a {@link StateReader}: the database
 * at its head or at an older block, an in-memory state, or an overlay over any of them.
 */
import type { Address, Hash, Hex } from '../primitives/bytes.ts'
import type { TrieCache } from './trie-cache.ts'

export interface Account {
  readonly nonce: bigint
  /** In wei. */
  readonly balance: bigint
  /** Root of the account's storage trie as of the last commit; the journal never changes it. */
  readonly storageRoot: Hash
  readonly codeHash: Hash
}

/** State as of one point. All reads are synchronous: execution is never interrupted by them. */
export interface StateReader {
  account(address: Address): Account | undefined
  /** The value in a storage slot; 0 when it was never set. */
  storage(address: Address, slot: bigint): bigint
  /** The code of a hash that an account of this state names. */
  code(codeHash: Hash): Uint8Array
}

/** Values by slot. Where others choose the slots it is a `WordMap`: see there why a `Map` could be made to stand still. */
export interface SlotValues extends Iterable<readonly [slot: bigint, value: bigint]> {
  readonly size: number
  get(slot: bigint): bigint | undefined
}

/** What changed between two points. Only real changes are listed, never values that were written and ended equal. */
export interface StateDiff {
  /** New value of each changed account (its `storageRoot` still the old one); `null` = it no longer exists. */
  readonly accounts: ReadonlyMap<Address, Account | null>
  /** New value of each changed slot; 0 = cleared. */
  readonly storage: ReadonlyMap<Address, SlotValues>
  /** Accounts whose whole former storage is gone; slots in `storage` were set after that. */
  readonly clearedStorage: ReadonlySet<Address>
  /** Code that came into being. */
  readonly codes: ReadonlyMap<Hash, Uint8Array>
}

/**
 * Reads trie nodes by path. A node that its parent embeds (RLP below 32 bytes) has no entry of its own.
 * @param owner the account whose storage trie is meant, or `null` for the account trie.
 * @param path one hex digit a nibble, from the root (`''`).
 */
export interface TrieNodeReader {
  /** Nodes of earlier commits on states of this kind. */
  readonly trieCache?: TrieCache
  trieNode(owner: Address | null, path: string): Uint8Array | undefined
}

/** Nodes of one trie that changed: path and RLP, `null` = gone. Each path once, in no order. */
export interface NodeChanges extends Iterable<readonly [path: string, rlp: Uint8Array | null]> {
  readonly size: number
  has(path: string): boolean
}

/** Trie nodes that a commit changed. */
export interface TrieDiff {
  /** Accounts all of whose former storage nodes are gone; `storageNodes` were written after that. */
  readonly clearedOwners: ReadonlySet<Address>
  readonly accountNodes: NodeChanges
  readonly storageNodes: ReadonlyMap<Address, NodeChanges>
}

/** A Merkle proof of an account and of some of its slots (EIP-1186): RLP of the nodes from the root down. */
export interface AccountProof {
  readonly account: Account | undefined
  readonly accountProof: readonly Hex[]
  readonly storageProof: readonly {
    readonly slot: bigint
    readonly value: bigint
    readonly proof: readonly Hex[]
  }[]
}
