/**
 * A Merkle Patricia trie (Ethereum yellow paper, appendix D) that is updated in batches and stored by path.
 *
 * Storage. A node is stored under its path, the nibbles that lead to it from the root (`''`), not under its hash. An
 * update overwrites a node in place and a node that goes away is deleted, so the store holds exactly the present trie:
 * nothing leaks and nothing needs to be collected. A node whose RLP is shorter than 32 bytes is part of its parent and
 * has no entry; the root always has one; an empty trie has none. The child of an extension lives at the extension's
 * path plus its nibbles. So the path of a branch is a prefix of keys and never changes while the branch exists; only
 * leaves and extensions move when the trie changes shape around them.
 *
 * Updates. A batch loads the nodes on the way to its keys, changes them in memory, then encodes and hashes each
 * changed node once, children first. Whether a node changed is one field: `ref`, which is `null` until it is hashed.
 * Insertions run before deletions, so that no branch collapses only to be split again.
 */
import { assert, AssertionFailure, present, unreachable } from '../primitives/assert.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import { bytesToHash, equalBytes, type Hash } from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import {
  BRANCH_WIDTH,
  decodeNode,
  EMBEDDED_BELOW,
  encodeNode,
  newBranch,
  newExtension,
  newLeaf,
  nibbleAt,
  NIBBLES,
  referenceAt,
  type Branch,
  type Extension,
  type Leaf,
  type Slot,
  type TrieNode,
} from './trie-node.ts'

/** Reads the node stored at a path of one trie. */
export type ReadNode = (path: string) => Uint8Array | undefined

/** A new value of a key; `null` deletes it. Values are not empty. State tries use keys of 32 bytes, already hashed. */
export interface TrieUpdate {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

export interface TrieCommit {
  readonly root: Hash
  /** The RLP of each changed node by its path; `null` = gone. */
  readonly nodes: Map<string, Uint8Array | null>
}

interface Batch {
  readonly read: ReadNode
  /** Paths whose stored entry was changed, moved or removed. */
  readonly outdated: Set<string>
}

/**
 * Applies `updates`, whose keys must differ from each other, to the trie with the given root. Their order is irrelevant.
 * @throws AssertionFailure when the store lacks a node or holds one that does not belong there.
 */
export function updateTrie(read: ReadNode, root: Hash, updates: Iterable<TrieUpdate>): TrieCommit {
  const batch: Batch = { read, outdated: new Set() }
  let top = root === EMPTY_TRIE_ROOT ? null : loadRoot(batch, root)
  const deletions: string[] = []
  for (const { key, value } of updates) {
    if (value === null) {
      deletions.push(key.toHex())
      continue
    }
    assert(value.length > 0, 'a trie holds no empty values')
    top = put(batch, top, key.toHex(), 0, value)
  }
  for (const key of deletions) top = top === null ? null : remove(batch, top, key, 0)

  const nodes = new Map<string, Uint8Array | null>()
  if (top !== null) seal(top, '', nodes)
  for (const path of batch.outdated) if (!nodes.has(path)) nodes.set(path, null)
  return {
    root: top === null ? EMPTY_TRIE_ROOT : bytesToHash(present(top.ref, 'reference of the root')),
    nodes,
  }
}

/** Encodes and hashes what changed below and at `path`, children first. */
function seal(node: TrieNode, path: string, nodes: Map<string, Uint8Array | null>): void {
  if (node.ref !== null) return
  if (node.kind === 'branch') {
    for (let i = 0; i < BRANCH_WIDTH; i++) {
      const child = node.children[i] as Slot
      if (typeof child !== 'number' && child.ref === null) seal(child, path + NIBBLES[i], nodes)
    }
  } else if (node.kind === 'extension' && typeof node.child !== 'number') {
    seal(node.child, path + node.nibbles, nodes)
  }
  const rlp = encodeNode(node)
  if (rlp.length < EMBEDDED_BELOW && path !== '') {
    node.ref = rlp
    return
  }
  node.ref = keccak256(rlp)
  nodes.set(path, rlp)
}

// ---- Loading -------------------------------------------------------------------------------------------------------

function loadRoot(batch: Batch, root: Hash): TrieNode {
  const rlp = present(batch.read(''), 'root node of a trie')
  // The only hash that is checked: a store at another root is the mistake that would otherwise corrupt it silently.
  const hash = keccak256(rlp)
  assert(bytesToHash(hash) === root, `the node store is not at the root ${root}`)
  return decodeStored(rlp, '', hash, true)
}

/** The child in a slot that is not empty; loaded by its path when nobody did yet. */
function loadChild(batch: Batch, raw: Uint8Array, slot: Slot, key: string, depth: number): TrieNode {
  if (typeof slot !== 'number') return slot
  const ref = referenceAt(raw, slot)
  if (ref.length < EMBEDDED_BELOW) return decodeStored(ref, '', ref, false)
  const path = key.slice(0, depth)
  const rlp = batch.read(path)
  if (rlp === undefined) throw new AssertionFailure(`missing trie node at "${path}"`)
  return decodeStored(rlp, path, ref, true)
}

function decodeStored(rlp: Uint8Array, path: string, ref: Uint8Array, isStored: boolean): TrieNode {
  try {
    const node = decodeNode(rlp)
    node.ref = ref
    node.isStored = isStored
    return node
  } catch (cause) {
    // What we stored ourselves does not decode: not bad input but a broken store.
    throw new AssertionFailure(`corrupt trie node at "${path}"`, { cause })
  }
}

/** Marks a node, whose path is the first `depth` nibbles of `key`, as changed, moved or gone. */
function touch(batch: Batch, node: TrieNode, key: string, depth: number): void {
  node.ref = null
  if (!node.isStored) return
  node.isStored = false
  batch.outdated.add(key.slice(0, depth))
}

// ---- Insertion -----------------------------------------------------------------------------------------------------

/** Sets a key below `node`, which stands at depth `depth` on the key's way; returns what stands there afterwards. */
function put(batch: Batch, node: TrieNode | null, key: string, depth: number, value: Uint8Array): TrieNode {
  if (node === null) return newLeaf(key.slice(depth), value)
  switch (node.kind) {
    case 'leaf':
      return putAtLeaf(batch, node, key, depth, value)
    case 'extension':
      return putAtExtension(batch, node, key, depth, value)
    case 'branch':
      return putAtBranch(batch, node, key, depth, value)
    default:
      return unreachable(node)
  }
}

function putAtBranch(batch: Batch, node: Branch, key: string, depth: number, value: Uint8Array): Branch {
  if (depth === key.length) {
    if (node.value !== null && equalBytes(node.value, value)) return node
    touch(batch, node, key, depth)
    node.value = value
    return node
  }
  const index = nibbleAt(key, depth)
  const slot = node.children[index] as Slot
  const child = slot === 0 ? null : loadChild(batch, node.raw, slot, key, depth + 1)
  const next = put(batch, child, key, depth + 1, value)
  if (next.ref === null) touch(batch, node, key, depth)
  node.children[index] = next
  return node
}

function putAtLeaf(batch: Batch, leaf: Leaf, key: string, depth: number, value: Uint8Array): TrieNode {
  const shared = sharedNibbles(leaf.nibbles, key, depth)
  if (shared === leaf.nibbles.length && depth + shared === key.length) {
    if (equalBytes(leaf.value, value)) return leaf
    touch(batch, leaf, key, depth)
    leaf.value = value
    return leaf
  }
  touch(batch, leaf, key, depth)
  const branch = newBranch()
  if (shared === leaf.nibbles.length) {
    branch.value = leaf.value
  } else {
    branch.children[nibbleAt(leaf.nibbles, shared)] = leaf
    leaf.nibbles = leaf.nibbles.slice(shared + 1)
  }
  return splitTo(batch, branch, shared, key, depth, value)
}

function putAtExtension(
  batch: Batch,
  node: Extension,
  key: string,
  depth: number,
  value: Uint8Array,
): TrieNode {
  const shared = sharedNibbles(node.nibbles, key, depth)
  const below = depth + node.nibbles.length
  if (shared === node.nibbles.length) {
    node.child = put(batch, loadChild(batch, node.raw, node.child, key, below), key, below, value)
    if (node.child.ref === null) touch(batch, node, key, depth)
    return node
  }
  touch(batch, node, key, depth)
  const branch = newBranch()
  const index = nibbleAt(node.nibbles, shared)
  if (shared + 1 === node.nibbles.length) {
    // The extension is used up. Its child keeps its path, which is not on the key's way.
    const childPath = key.slice(0, depth) + node.nibbles
    branch.children[index] = loadChild(batch, node.raw, node.child, childPath, childPath.length)
  } else {
    branch.children[index] = node
    node.nibbles = node.nibbles.slice(shared + 1)
  }
  return splitTo(batch, branch, shared, key, depth, value)
}

/** Finishes a split: adds the key to the new branch, which stands `shared` nibbles below `depth`. */
function splitTo(
  batch: Batch,
  branch: Branch,
  shared: number,
  key: string,
  depth: number,
  value: Uint8Array,
): Branch | Extension {
  putAtBranch(batch, branch, key, depth + shared, value)
  return shared === 0 ? branch : newExtension(key.slice(depth, depth + shared), branch)
}

/** How many of `nibbles` the key repeats from `depth` on. */
function sharedNibbles(nibbles: string, key: string, depth: number): number {
  const most = Math.min(nibbles.length, key.length - depth)
  let count = 0
  while (count < most && nibbles.charCodeAt(count) === key.charCodeAt(depth + count)) count++
  return count
}

// ---- Deletion ------------------------------------------------------------------------------------------------------

/** Deletes a key below `node`; returns what stands in its place afterwards, the unchanged node when there is no such key. */
function remove(batch: Batch, node: TrieNode, key: string, depth: number): TrieNode | null {
  switch (node.kind) {
    case 'leaf':
      if (key.slice(depth) !== node.nibbles) return node
      touch(batch, node, key, depth)
      return null
    case 'extension':
      return removeAtExtension(batch, node, key, depth)
    case 'branch':
      return removeAtBranch(batch, node, key, depth)
    default:
      return unreachable(node)
  }
}

function removeAtBranch(batch: Batch, node: Branch, key: string, depth: number): TrieNode {
  if (depth === key.length) {
    if (node.value === null) return node
    touch(batch, node, key, depth)
    node.value = null
    return collapse(batch, node, key.slice(0, depth))
  }
  const index = nibbleAt(key, depth)
  const slot = node.children[index] as Slot
  if (slot === 0) return node
  const next = remove(batch, loadChild(batch, node.raw, slot, key, depth + 1), key, depth + 1)
  node.children[index] = next ?? 0
  if (next !== null && next.ref !== null) return node
  touch(batch, node, key, depth)
  return next === null ? collapse(batch, node, key.slice(0, depth)) : node
}

/** What stands at `path` once a branch there has lost an entry: with one left, it is no branch any more. */
function collapse(batch: Batch, node: Branch, path: string): TrieNode {
  let last = -1
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    if (node.children[i] === 0) continue
    if (last >= 0 || node.value !== null) return node
    last = i
  }
  if (last < 0) return newLeaf('', present(node.value, 'last entry of a branch'))
  const digit = NIBBLES.charAt(last)
  const childPath = path + digit
  const child = loadChild(batch, node.raw, node.children[last] as Slot, childPath, childPath.length)
  return prefixed(batch, digit, child, childPath)
}

/** Joins nibbles with the node that stands behind them, at `path`. */
function prefixed(batch: Batch, nibbles: string, node: TrieNode, path: string): TrieNode {
  if (node.kind === 'branch') return newExtension(nibbles, node)
  touch(batch, node, path, path.length)
  node.nibbles = nibbles + node.nibbles
  return node
}

function removeAtExtension(batch: Batch, node: Extension, key: string, depth: number): TrieNode {
  if (!key.startsWith(node.nibbles, depth)) return node
  const below = depth + node.nibbles.length
  const child = remove(batch, loadChild(batch, node.raw, node.child, key, below), key, below)
  assert(child !== null, 'a branch below an extension cannot vanish with one key')
  if (child.ref !== null) {
    node.child = child
    return node
  }
  touch(batch, node, key, depth)
  if (child.kind !== 'branch') return prefixed(batch, node.nibbles, child, key.slice(0, below))
  node.child = child
  return node
}
