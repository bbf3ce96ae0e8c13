/**
 * Trie nodes as a commit works on them (Ethereum yellow paper, appendix D): the RLP of a node, and those of its children
 * that somebody asked for. A node never changes, so that states after different blocks share all that is equal in them;
 * a changed trie is new nodes from the root to what changed. Nothing is decoded: children are found by their places in the
 * RLP, and a node is made anew by copying what stays.
 */
import { ByteSlab, EMPTY_BYTES } from '../primitives/bytes.ts'
import { HASH_SPACE, HASH_SPACE_SIZE, hashInPlace, hashMemory, keccak256 } from '../primitives/keccak.ts'
import {
  rlpPrefixSize,
  rlpStringSize,
  writeRlpListPrefix,
  writeRlpString,
  writeRlpStringPrefix,
} from '../primitives/rlp.ts'
import { AevirError } from '../primitives/errors.ts'
import { BRANCH_WIDTH, EMBEDDED_BELOW, nibbleAt } from './trie-node.ts'

export const EMPTY_STRING = 0x80
export const HASH_SIZE = 32
/** A hash as a reference to a child, with its prefix. */
export const HASH_REFERENCE_SIZE = 1 + HASH_SIZE

const HASH_PREFIX = 0xa0
const LIST_OFFSET = 0xc0
const LONG_LIST_OFFSET = 0xf7
const SHORT_MAX = 55
/** The longest prefix of a branch of hashes. Its value, if it has one, may make it longer: see {@link startBranch}. */
const BRANCH_PREFIX_MAX = 3
/** Hash memory in which a branch is put together, and behind it that of nodes which are only hashed. */
const BRANCH_SPACE = HASH_SPACE
const NODE_SPACE = BRANCH_SPACE + 1024
const NODE_SIZE_MAX = HASH_SPACE + HASH_SPACE_SIZE - NODE_SPACE

export type NodeKind = 'leaf' | 'extension' | 'branch'

/** RLP that is no node of a trie. */
export class MalformedNodeError extends AevirError {
  override readonly code = 'MALFORMED_NODE'
}

/** Hot: a class, so that every node has the same shape. */
export class MemoryNode {
  readonly kind: NodeKind
  /**
   * Where it stands, one hex digit a nibble. Kept, because a node that changes mostly stays where it is: to join paths anew
   * and to find them among all strings, as keys of Maps have to be, was a quarter of a commit.
   */
  readonly path: string
  readonly rlp: Uint8Array
  /** By nibble, those that are in memory; an extension's only child is the first. `undefined`: none is. */
  children: (MemoryNode | undefined)[] | undefined
  /** The sweep of a cache that came by last. */
  mark = 0

  constructor(kind: NodeKind, path: string, rlp: Uint8Array, children?: (MemoryNode | undefined)[]) {
    this.kind = kind
    this.path = path
    this.rlp = rlp
    this.children = children
  }
}

/** A node as a store holds it at a path, checked in form. @throws MalformedNodeError */
export function parseNode(path: string, rlp: Uint8Array): MemoryNode {
  if ((rlp[0] ?? 0) < LIST_OFFSET || itemEnd(rlp, 0) !== rlp.length) {
    throw new MalformedNodeError('a node is one list')
  }
  const start = payloadStart(rlp)
  const second = itemEnd(rlp, start)
  if (itemEnd(rlp, second) !== rlp.length) return new MemoryNode(checkBranch(rlp, start), path, rlp)
  return new MemoryNode(checkShort(rlp, start, second), path, rlp)
}

function checkShort(rlp: Uint8Array, start: number, second: number): 'leaf' | 'extension' {
  const pathAt = stringStart(rlp, start)
  const flags = (rlp[pathAt] as number) >> 4
  const isPadded = flags % 2 === 0
  if (pathAt === second || flags > 3 || (isPadded && ((rlp[pathAt] as number) & 0x0f) !== 0)) {
    throw new MalformedNodeError('unknown flags before a path')
  }
  if (flags >= 2) {
    if ((rlp[second] as number) >= LIST_OFFSET || stringStart(rlp, second) === rlp.length) {
      throw new MalformedNodeError('the value of a leaf is none')
    }
    return 'leaf'
  }
  if (isPadded && second - pathAt === 1) throw new MalformedNodeError('an extension without nibbles')
  if (referenceSize(rlp, second) === 1) throw new MalformedNodeError('an extension without a child')
  return 'extension'
}

function checkBranch(rlp: Uint8Array, start: number): 'branch' {
  let at = start
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    at += referenceSize(rlp, at)
    if (at >= rlp.length) throw new MalformedNodeError('truncated branch')
  }
  if ((rlp[at] as number) >= LIST_OFFSET || itemEnd(rlp, at) !== rlp.length) {
    throw new MalformedNodeError('the value of a branch is none')
  }
  return 'branch'
}

// ---- Reading -------------------------------------------------------------------------------------------------------

/** Where the items of a node start. */
export function payloadStart(rlp: Uint8Array): number {
  const prefix = rlp[0] as number
  return prefix <= LONG_LIST_OFFSET ? 1 : 1 + prefix - LONG_LIST_OFFSET
}

/** Bytes of the reference to a child at `at`; 1 = there is none. @throws MalformedNodeError */
export function referenceSize(rlp: Uint8Array, at: number): number {
  const prefix = rlp[at] as number
  if (prefix === HASH_PREFIX) return HASH_REFERENCE_SIZE
  if (prefix === EMPTY_STRING) return 1
  if (prefix > LIST_OFFSET && prefix < LIST_OFFSET + EMBEDDED_BELOW - 1) return 1 + prefix - LIST_OFFSET
  throw new MalformedNodeError('a child is neither a hash nor an embedded node')
}

/** The value of a leaf, or of a branch whose value stands at `at`. A view. */
export function stringAt(rlp: Uint8Array, at: number): Uint8Array {
  return rlp.subarray(stringStart(rlp, at), itemEnd(rlp, at))
}

/** Where the second item of a leaf or extension starts: its value or its child. */
export function secondItem(rlp: Uint8Array): number {
  return itemEnd(rlp, payloadStart(rlp))
}

/** The path of a leaf or extension, one hex digit a nibble. */
export function nibblesOf({ rlp }: MemoryNode): string {
  const digits = stringAt(rlp, payloadStart(rlp)).toHex()
  return digits.slice(nibbleAt(digits, 0) % 2 === 0 ? 2 : 1)
}

/** Whether a leaf has this value. */
export function isValueOf({ rlp }: MemoryNode, value: Uint8Array): boolean {
  const start = stringStart(rlp, secondItem(rlp))
  if (rlp.length - start !== value.length) return false
  for (let i = 0; i < value.length; i++) if (rlp[start + i] !== value[i]) return false
  return true
}

/** Whether what is left of `key` at `depth` is the path of a leaf. */
export function isLeafOf({ rlp }: MemoryNode, key: Uint8Array, depth: number): boolean {
  const start = payloadStart(rlp)
  const end = itemEnd(rlp, start)
  let at = stringStart(rlp, start)
  const rest = (depth + 1) >> 1
  // Both are whole bytes at their ends, so that the bytes behind the flags are those of the key.
  if (end - at - 1 !== key.length - rest) return false
  if (depth % 2 === 1 && (((rlp[at] as number) ^ (key[depth >> 1] as number)) & 0x0f) !== 0) return false
  at += 1
  for (let i = rest; i < key.length; i++, at++) if (rlp[at] !== key[i]) return false
  return true
}

function stringStart(rlp: Uint8Array, at: number): number {
  const prefix = rlp[at] as number
  if (prefix < EMPTY_STRING) return at
  return prefix <= EMPTY_STRING + SHORT_MAX ? at + 1 : at + 1 + prefix - EMPTY_STRING - SHORT_MAX
}

/** The end of the item at `at`, as its prefix claims; it may lie behind the end of the bytes. */
function itemEnd(rlp: Uint8Array, at: number): number {
  const prefix = rlp[at] ?? 0
  if (prefix < EMPTY_STRING) return at + 1
  const short = prefix < LIST_OFFSET ? prefix - EMPTY_STRING : prefix - LIST_OFFSET
  if (short <= SHORT_MAX) return at + 1 + short
  let size = 0
  for (let i = 1; i <= short - SHORT_MAX; i++) size = size * 256 + (rlp[at + i] ?? 0)
  return at + 1 + short - SHORT_MAX + size
}

// ---- Making --------------------------------------------------------------------------------------------------------

/** Small: one node of a trie in memory keeps as much. */
const slab = new ByteSlab(4096)

/** The leaf of `key` at `path`, which is its first `depth` nibbles. */
export function leafOf(path: string, key: Uint8Array, depth: number, value: Uint8Array): MemoryNode {
  const rest = (depth + 1) >> 1
  const pathSize = 1 + key.length - rest
  const payload = (pathSize === 1 ? 1 : rlpPrefixSize(pathSize) + pathSize) + rlpStringSize(value)
  const rlp = slab.take(rlpPrefixSize(payload) + payload)
  let at = writeRlpListPrefix(payload, rlp, 0)
  if (pathSize > 1) at = writeRlpStringPrefix(pathSize, rlp, at)
  rlp[at++] = depth % 2 === 0 ? 0x20 : 0x30 | ((key[depth >> 1] as number) & 0x0f)
  for (let i = rest; i < key.length; i++) rlp[at++] = key[i] as number
  writeRlpString(value, rlp, at)
  return new MemoryNode('leaf', path, rlp)
}

/** A leaf from the nibbles that its key has behind `path`. */
export function leafAt(path: string, nibbles: string, value: Uint8Array): MemoryNode {
  const packed = packNibbles(nibbles, true)
  const payload = rlpStringSize(packed) + rlpStringSize(value)
  const rlp = new Uint8Array(rlpPrefixSize(payload) + payload)
  const at = writeRlpString(packed, rlp, writeRlpListPrefix(payload, rlp, 0))
  writeRlpString(value, rlp, at)
  return new MemoryNode('leaf', path, rlp)
}

/** An extension above a child that `reference` names. */
export function extensionTo(
  path: string,
  nibbles: string,
  reference: Uint8Array,
  child?: MemoryNode,
): MemoryNode {
  const packed = packNibbles(nibbles, false)
  const payload = rlpStringSize(packed) + reference.length
  const rlp = new Uint8Array(rlpPrefixSize(payload) + payload)
  rlp.set(reference, writeRlpString(packed, rlp, writeRlpListPrefix(payload, rlp, 0)))
  return new MemoryNode('extension', path, rlp, [child])
}

/** Hex-prefix encoding: a nibble of flags, padding where the rest is even, the nibbles. */
function packNibbles(nibbles: string, isLeaf: boolean): Uint8Array {
  const flags = isLeaf ? 2 : 0
  const packed = new Uint8Array(1 + (nibbles.length >> 1))
  packed.setFromHex(nibbles.length % 2 === 0 ? `${flags}0${nibbles}` : `${flags + 1}${nibbles}`)
  return packed
}

/** Branches without a value, with no child and with a hash as the only one. */
export function branchWith(nibble: number, reference: Uint8Array): Uint8Array {
  const payload = BRANCH_WIDTH + reference.length
  const rlp = new Uint8Array(rlpPrefixSize(payload) + payload)
  const start = writeRlpListPrefix(payload, rlp, 0)
  rlp.fill(EMPTY_STRING, start)
  rlp.set(reference, start + nibble)
  return rlp
}
export const EMPTY_BRANCH: Uint8Array = branchWith(0, Uint8Array.of(EMPTY_STRING))

/*
 * A branch is put together in hash memory: the caller begins at `BRANCH_START`, writes 16 references one after the other,
 * and finishes.
 */
export const BRANCH_START = BRANCH_SPACE + BRANCH_PREFIX_MAX

/** Copies references of another branch to `to`; returns the offset behind them. */
export function copyReferences(rlp: Uint8Array, from: number, end: number, to: number): number {
  if (end > from) hashMemory.set(from === 0 && end === rlp.length ? rlp : rlp.subarray(from, end), to)
  return to + end - from
}

export function writeEmptyReference(to: number): number {
  hashMemory[to] = EMPTY_STRING
  return to + 1
}

/** Writes how a parent names a node: its hash, or the node itself where it is short. Returns the offset behind it. */
export function writeReference({ rlp }: MemoryNode, to: number): number {
  if (rlp.length < EMBEDDED_BELOW) {
    hashMemory.set(rlp, to)
    return to + rlp.length
  }
  hashMemory[to] = HASH_PREFIX
  hashNode(rlp, to + 1)
  return to + HASH_REFERENCE_SIZE
}

/** The branch whose references end at `end`. `value`: of the key that ends here. */
export function finishBranch(
  path: string,
  end: number,
  value: Uint8Array,
  children: (MemoryNode | undefined)[],
): MemoryNode {
  const payload = end - BRANCH_START + rlpStringSize(value)
  const prefix = rlpPrefixSize(payload)
  if (value.length === 0) {
    hashMemory[end] = EMPTY_STRING
    writeRlpListPrefix(payload, hashMemory, BRANCH_START - prefix)
    const rlp = slab.take(prefix + payload)
    rlp.set(hashMemory.subarray(BRANCH_START - prefix, end + 1))
    return new MemoryNode('branch', path, rlp, children)
  }
  // No trie of state has these.
  const rlp = new Uint8Array(prefix + payload)
  const at = writeRlpListPrefix(payload, rlp, 0)
  rlp.set(hashMemory.subarray(BRANCH_START, end), at)
  writeRlpString(value, rlp, at + end - BRANCH_START)
  return new MemoryNode('branch', path, rlp, children)
}

/**
 * Hot: a branch as `former`, but for the hashes of the children whose bit is set in `changed`; each of them had one before.
 */
export function branchLike(
  { path, rlp: former }: MemoryNode,
  children: (MemoryNode | undefined)[],
  changed: number,
): MemoryNode {
  hashMemory.set(former, BRANCH_SPACE)
  for (let i = 0, at = BRANCH_SPACE + payloadStart(former), rest = changed; rest !== 0; i++, rest >>= 1) {
    if ((rest & 1) === 1) hashNode((children[i] as MemoryNode).rlp, at + 1)
    at += referenceSize(hashMemory, at)
  }
  const rlp = slab.take(former.length)
  rlp.set(hashMemory.subarray(BRANCH_SPACE, BRANCH_SPACE + former.length))
  return new MemoryNode('branch', path, rlp, children)
}

/** A copy of how a parent names the node. */
export function referenceTo(node: MemoryNode): Uint8Array {
  const end = writeReference(node, BRANCH_START)
  return hashMemory.slice(BRANCH_START, end)
}

/** keccak256 of a node's RLP; for its root, whose hash counts however short it is. */
export function hashOfNode({ rlp }: MemoryNode): Uint8Array {
  hashNode(rlp, BRANCH_SPACE)
  return hashMemory.slice(BRANCH_SPACE, BRANCH_SPACE + HASH_SIZE)
}

/** Leaves the hash at `to` in hash memory. */
function hashNode(rlp: Uint8Array, to: number): void {
  if (rlp.length > NODE_SIZE_MAX) {
    hashMemory.set(keccak256(rlp), to)
    return
  }
  hashMemory.set(rlp, NODE_SPACE)
  hashInPlace(NODE_SPACE, NODE_SPACE + rlp.length, to)
}

/** The value behind the 16 references of a branch, which end at `at`; empty when there is none. */
export function branchValue(rlp: Uint8Array, at: number): Uint8Array {
  return rlp[at] === EMPTY_STRING ? EMPTY_BYTES : stringAt(rlp, at)
}
