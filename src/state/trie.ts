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
 * Updates. A batch is sorted and goes down from the root once: each node is given the part of the batch below it and
 * answers with what stands in its place afterwards, itself when nothing changed. On the way up each changed node is
 * encoded once. It is hashed and listed only when its parent is encoded, for till then it may still be merged: a trie has
 * one shape for its content, and a branch that is left with one entry is none.
 */
import { assert, AssertionFailure } from '../primitives/assert.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import { bytesToHash, equalBytes, type Hash } from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import {
  BRANCH_START,
  branchLike,
  branchValue,
  branchWith,
  copyReferences,
  EMPTY_BRANCH,
  extensionTo,
  finishBranch,
  HASH_REFERENCE_SIZE,
  hashOfNode,
  isLeafOf,
  isValueOf,
  leafAt,
  leafOf,
  MalformedNodeError,
  MemoryNode,
  nibblesOf,
  parseNode,
  payloadStart,
  referenceSize,
  referenceTo,
  secondItem,
  stringAt,
  writeEmptyReference,
  writeReference,
} from './memory-node.ts'
import type { TrieCache } from './trie-cache.ts'
import { TrieChanges } from './trie-changes.ts'
import { compareKeys, digitsOf, nibbleOf, sharedNibbles, sortUpdates } from './trie-keys.ts'
import { BRANCH_WIDTH, EMBEDDED_BELOW, NIBBLES } from './trie-node.ts'

/** Reads the node stored at a path of one trie. */
export type ReadNode = (path: string) => Uint8Array | undefined

/** A new value of a key; `null` deletes it. Values are not empty. State tries use keys of 32 bytes, already hashed. */
export interface TrieUpdate {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

export interface TrieCommit {
  readonly root: Hash
  readonly nodes: TrieChanges
}

interface Batch {
  readonly read: ReadNode
  /** Sorted by key. */
  readonly updates: readonly TrieUpdate[]
  readonly nodes: TrieChanges
  /** Nodes that were read. */
  loaded: number
}

type Node = MemoryNode | undefined

/**
 * Applies `updates`, whose keys must differ from each other, to the trie with the given root. Their order is irrelevant.
 * @param cache nodes of earlier tries; the new one is added.
 * @throws AssertionFailure when the store lacks a node or holds one that does not belong there.
 */
export function updateTrie(
  read: ReadNode,
  root: Hash,
  updates: Iterable<TrieUpdate>,
  cache?: TrieCache,
): TrieCommit {
  const batch: Batch = { read, updates: sortUpdates(updates), nodes: new TrieChanges(), loaded: 0 }
  const { nodes } = batch
  const count = batch.updates.length
  if (count === 0) return { root, nodes }
  try {
    const before = root === EMPTY_TRIE_ROOT ? undefined : loadRoot(batch, root, cache)
    const after = update(batch, before, 0, count, 0, '')
    if (after === before) return { root, nodes }
    if (after === undefined) {
      nodes.remove('')
      return { root: EMPTY_TRIE_ROOT, nodes }
    }
    nodes.put(after)
    const newRoot = bytesToHash(hashOfNode(after))
    cache?.set(newRoot, after, batch.loaded + nodes.size)
    return { root: newRoot, nodes }
  } catch (cause) {
    // What we stored ourselves does not decode: not bad input but a broken store.
    if (cause instanceof MalformedNodeError) throw new AssertionFailure('corrupt trie node', { cause })
    throw cause
  }
}

// ---- Loading -------------------------------------------------------------------------------------------------------

function loadRoot(batch: Batch, root: Hash, cache: TrieCache | undefined): MemoryNode {
  const rlp = batch.read('')
  if (rlp === undefined) throw new AssertionFailure('missing root node of a trie')
  const cached = cache?.get(root)
  if (cached !== undefined && equalBytes(cached.rlp, rlp)) return cached
  // The only hash that is checked: a store at another root is the mistake that would otherwise corrupt it silently.
  assert(bytesToHash(keccak256(rlp)) === root, `the node store is not at the root ${root}`)
  batch.loaded += 1
  return parseNode('', rlp)
}

/** The child of `node` in slot `index`, to which the parent refers at `at` and which stands behind `nibbles`. */
function childOf(batch: Batch, node: MemoryNode, index: number, at: number, nibbles: string): MemoryNode {
  const known = node.children?.[index]
  if (known !== undefined) return known
  const path = node.path + nibbles
  const size = referenceSize(node.rlp, at)
  const rlp = size === HASH_REFERENCE_SIZE ? batch.read(path) : node.rlp.slice(at, at + size)
  if (rlp === undefined) throw new AssertionFailure(`missing trie node at "${path}"`)
  const child = parseNode(path, rlp)
  batch.loaded += 1
  node.children ??= newChildren()
  node.children[index] = child
  return child
}

/** Pushed one by one: `new Array(16)` has holes, and so has every copy of it, whose reads look at prototypes as well. */
const NO_CHILDREN: undefined[] = []
for (let i = 0; i < BRANCH_WIDTH; i++) NO_CHILDREN.push(undefined)

function newChildren(): (MemoryNode | undefined)[] {
  return NO_CHILDREN.slice()
}

// ---- Going down ----------------------------------------------------------------------------------------------------

/** What stands at `path`, `depth` nibbles long, after the updates from `first` to `end`; `node` when nothing changed. */
function update(batch: Batch, node: Node, first: number, end: number, depth: number, path: string): Node {
  if (node === undefined) {
    const { key, value } = batch.updates[first] as TrieUpdate
    if (end - first === 1) return value === null ? undefined : leafOf(path, key, depth, value)
    const entries = batch.updates.slice(first, end).filter(isInsertion)
    return entries.length === 0 ? undefined : build(batch, entries, 0, entries.length, depth, path)
  }
  if (node.kind === 'leaf') return updateLeaf(batch, node, first, end, depth)
  if (node.kind === 'branch') return updateBranch(batch, node, 0, node, first, end, depth)
  return updateExtension(batch, node, first, end, depth)
}

function updateLeaf(batch: Batch, node: MemoryNode, first: number, end: number, depth: number): Node {
  const { path } = node
  const { key, value } = batch.updates[first] as TrieUpdate
  if (end - first === 1 && isLeafOf(node, key, depth)) {
    if (value === null) return undefined
    return isValueOf(node, value) ? node : leafOf(path, key, depth, value)
  }
  const entries = batch.updates.slice(first, end)
  const own = entries.find((entry) => isLeafOf(node, entry.key, depth))
  const insertions = entries.filter(isInsertion)
  if (own === undefined) {
    if (insertions.length === 0) return node
    insertions.push({ key: keyOfLeaf(node), value: leafValue(node) })
    insertions.sort(compareKeys)
  }
  return insertions.length === 0 ? undefined : build(batch, insertions, 0, insertions.length, depth, path)
}

function leafValue({ rlp }: MemoryNode): Uint8Array {
  return stringAt(rlp, secondItem(rlp))
}

function keyOfLeaf(node: MemoryNode): Uint8Array {
  const digits = node.path + nibblesOf(node)
  const key = new Uint8Array(digits.length / 2)
  key.setFromHex(digits)
  return key
}

function isInsertion({ value }: TrieUpdate): boolean {
  return value !== null
}

/** A trie of nothing but insertions, sorted, that share their first `depth` nibbles. */
function build(
  batch: Batch,
  entries: readonly TrieUpdate[],
  first: number,
  end: number,
  depth: number,
  path: string,
): MemoryNode {
  const { key, value } = entries[first] as TrieUpdate
  // The caller passes insertions only.
  if (end - first === 1) return leafOf(path, key, depth, value as Uint8Array)
  const last = (entries[end - 1] as TrieUpdate).key
  let branchDepth = depth
  while (branchDepth < 2 * key.length && nibbleOf(key, branchDepth) === nibbleOf(last, branchDepth))
    branchDepth++
  const shared = digitsOf(key, depth, branchDepth)
  const branchPath = path + shared
  const children = newChildren()
  const hasValue = branchDepth === 2 * key.length
  let at = hasValue ? first + 1 : first
  let to = BRANCH_START
  for (let i = 0, start = at; i < BRANCH_WIDTH; i++, start = at) {
    while (at < end && nibbleOf((entries[at] as TrieUpdate).key, branchDepth) === i) at++
    if (at > start)
      children[i] = build(batch, entries, start, at, branchDepth + 1, branchPath + NIBBLES.charAt(i))
  }
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    const child = children[i]
    if (child === undefined) to = writeEmptyReference(to)
    else to = place(batch, child, false, to)
  }
  const branch = finishBranch(branchPath, to, hasValue ? (value as Uint8Array) : EMPTY_VALUE, children)
  return shared === '' ? branch : extend(batch, path, shared, branch, false)
}

const EMPTY_VALUE = new Uint8Array(0)

/**
 * A branch after its part of the batch. Its children are those of `rlp`, but for the ones in `changed`, a bit for each.
 * @param known what is returned when nothing changes.
 */
function updateBranch(
  batch: Batch,
  base: MemoryNode,
  changedBefore: number,
  known: Node,
  first: number,
  end: number,
  depth: number,
): Node {
  const { updates } = batch
  const { rlp, path } = base
  let children = base.children
  let changed = changedBefore
  let at = first
  let position = payloadStart(rlp)
  const ending = updates[first] as TrieUpdate
  // A key that ends here is the least of them.
  const isValueGiven = 2 * ending.key.length === depth
  if (isValueGiven) at += 1
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    const start = at
    while (at < end && nibbleOf((updates[at] as TrieUpdate).key, depth) === i) at++
    if (at > start) {
      const isThere = (changed & (1 << i)) !== 0 || rlp[position] !== EMPTY_REFERENCE
      const before = isThere ? childOf(batch, base, i, position, NIBBLES.charAt(i)) : undefined
      const childPath = before === undefined ? path + NIBBLES.charAt(i) : before.path
      const after = update(batch, before, start, at, depth + 1, childPath)
      if (after !== before) {
        if (children === undefined || children === base.children)
          children = (base.children ?? newChildren()).slice()
        children[i] = after
        changed |= 1 << i
      }
    }
    position += referenceSize(rlp, position)
  }
  const formerValue = branchValue(rlp, position)
  const value = isValueGiven ? (ending.value ?? EMPTY_VALUE) : formerValue
  if (changed === changedBefore && known !== undefined && equalBytes(value, formerValue)) return known
  const hasNoValues = value.length + formerValue.length === 0
  return settleBranch(batch, {
    former: base,
    children: children ?? newChildren(),
    changed,
    value,
    hasNoValues,
  })
}

const EMPTY_REFERENCE = 0x80

/** A branch whose children are known: those of `former`, where their bit in `changed` is set those of `children`. */
interface Outline {
  readonly former: MemoryNode
  readonly children: (MemoryNode | undefined)[]
  readonly changed: number
  readonly value: Uint8Array
  /** Neither before nor now. */
  readonly hasNoValues: boolean
}

function settleBranch(batch: Batch, outline: Outline): Node {
  const { former, children, changed, value } = outline
  const { rlp, path } = former
  // What changed had a hash, and has one: as in nearly every branch above a change.
  let isAlike = outline.hasNoValues
  let count = 0
  let last = 0
  let position = payloadStart(rlp)
  let lastPosition = 0
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    const size = referenceSize(rlp, position)
    const isChanged = (changed & (1 << i)) !== 0
    const child = children[i]
    if (
      isChanged &&
      (size !== HASH_REFERENCE_SIZE || child === undefined || child.rlp.length < EMBEDDED_BELOW)
    )
      isAlike = false
    const isThere = isChanged ? child !== undefined : size > 1
    if (isThere) {
      count += 1
      last = i
      lastPosition = position
    } else if (size === HASH_REFERENCE_SIZE) {
      batch.nodes.remove(path + NIBBLES.charAt(i))
    }
    position += size
  }
  if (count > 1 || (count === 1 && value.length > 0))
    return isAlike ? encodeAlike(batch, outline) : encodeBranch(batch, outline)
  if (count === 0) return value.length === 0 ? undefined : leafAt(path, '', value)
  return collapse(batch, outline, last, lastPosition)
}

// Hot: most branches on the way to a change.
function encodeAlike({ nodes }: Batch, { former, children, changed }: Outline): MemoryNode {
  for (let i = 0; i < BRANCH_WIDTH; i++) if ((changed & (1 << i)) !== 0) nodes.put(children[i] as MemoryNode)
  return branchLike(former, children, changed)
}

// Hot: every other branch on the way to a change.
function encodeBranch(batch: Batch, { former, children, changed, value }: Outline): MemoryNode {
  const { rlp, path } = former
  let position = payloadStart(rlp)
  let copied = position
  let to = BRANCH_START
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    const size = referenceSize(rlp, position)
    if ((changed & (1 << i)) !== 0) {
      to = copyReferences(rlp, copied, position, to)
      copied = position + size
      const child = children[i]
      if (child === undefined) to = writeEmptyReference(to)
      else to = place(batch, child, size === HASH_REFERENCE_SIZE, to)
    }
    position += size
  }
  to = copyReferences(rlp, copied, position, to)
  return finishBranch(path, to, value, children)
}

/** What stands in place of a branch with one child, its only entry. */
function collapse(batch: Batch, outline: Outline, index: number, position: number): MemoryNode {
  const { former, children, changed } = outline
  const { rlp, path } = former
  const digit = NIBBLES.charAt(index)
  const wasStored = referenceSize(rlp, position) === HASH_REFERENCE_SIZE
  if ((changed & (1 << index)) !== 0) {
    return extend(batch, path, digit, children[index] as MemoryNode, wasStored)
  }
  const child = childOf(batch, former, index, position, digit)
  if (child.kind === 'branch')
    return extensionTo(path, digit, rlp.slice(position, position + referenceSize(rlp, position)), child)
  return extend(batch, path, digit, child, wasStored)
}

/**
 * What stands at `path` above a changed node that `nibbles` lead to from there: an extension to a branch, else the same with
 * a longer path.
 * @param wasStored whether the store has an entry where the node stands.
 */
function extend(
  batch: Batch,
  path: string,
  nibbles: string,
  node: MemoryNode,
  wasStored: boolean,
): MemoryNode {
  if (node.kind === 'branch') {
    list(batch, node, wasStored)
    return extensionTo(path, nibbles, referenceTo(node), node)
  }
  if (wasStored) batch.nodes.remove(node.path)
  const joined = nibbles + nibblesOf(node)
  if (node.kind === 'leaf') return leafAt(path, joined, leafValue(node))
  return extensionTo(path, joined, node.rlp.slice(secondItem(node.rlp)), node.children?.[0])
}

function updateExtension(batch: Batch, node: MemoryNode, first: number, end: number, depth: number): Node {
  const nibbles = nibblesOf(node)
  const shared = Math.min(
    sharedNibbles(nibbles, (batch.updates[first] as TrieUpdate).key, depth),
    sharedNibbles(nibbles, (batch.updates[end - 1] as TrieUpdate).key, depth),
  )
  const { rlp, path } = node
  const childAt = secondItem(rlp)
  if (shared === nibbles.length) {
    const before = childOf(batch, node, 0, childAt, nibbles)
    const after = update(batch, before, first, end, depth + shared, before.path)
    if (after === before) return node
    const wasStored = referenceSize(rlp, childAt) === HASH_REFERENCE_SIZE
    assert(after !== undefined || isEmptied(batch, first, end), 'a branch below an extension went away')
    if (after !== undefined) return extend(batch, path, nibbles, after, wasStored)
    if (wasStored) batch.nodes.remove(before.path)
    return undefined
  }
  return splitExtension(batch, node, nibbles, shared, first, end, depth)
}

/** All below a node can only go when each of its keys is deleted. */
function isEmptied({ updates }: Batch, first: number, end: number): boolean {
  return updates.slice(first, end).filter((each) => !isInsertion(each)).length > 1
}

/** The extension as a branch at the first nibble that a key does not share, with the rest of it as the only child. */
function splitExtension(
  batch: Batch,
  node: MemoryNode,
  nibbles: string,
  shared: number,
  first: number,
  end: number,
  depth: number,
): Node {
  const { rlp, children, path } = node
  const reference = rlp.slice(secondItem(rlp))
  const index = Number.parseInt(nibbles.charAt(shared), 16)
  const rest = nibbles.slice(shared + 1)
  const branchPath = path + nibbles.slice(0, shared)
  const only = newChildren()
  const isChild = rest === ''
  only[index] = isChild
    ? children?.[0]
    : extensionTo(branchPath + nibbles.charAt(shared), rest, reference, children?.[0])
  const base = new MemoryNode(
    'branch',
    branchPath,
    isChild ? branchWith(index, reference) : EMPTY_BRANCH,
    only,
  )
  const changed = isChild ? 0 : 1 << index
  const after = updateBranch(batch, base, changed, undefined, first, end, depth + shared)
  if (after === undefined) return undefined
  const result = shared === 0 ? after : extend(batch, path, nibbles.slice(0, shared), after, false)
  // Deletions of keys that were not there: all is joined again as it was.
  return equalBytes(result.rlp, rlp) ? node : result
}

// ---- Going up ------------------------------------------------------------------------------------------------------

/** Lists a changed child and writes its reference into the branch that is put together; returns the offset behind it. */
function place(batch: Batch, child: MemoryNode, wasStored: boolean, to: number): number {
  list(batch, child, wasStored)
  return writeReference(child, to)
}

function list({ nodes }: Batch, node: MemoryNode, wasStored: boolean): void {
  if (node.rlp.length >= EMBEDDED_BELOW) nodes.put(node)
  else if (wasStored) nodes.remove(node.path)
}
