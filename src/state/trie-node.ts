/**
 * Nodes of a Merkle Patricia trie, in memory and as RLP (Ethereum yellow paper, appendix D).
 *
 * Nibbles are strings of one hex digit each, the same form as paths: slicing and joining them is what strings are
 * fast at, and `Uint8Array.fromHex` packs them. A node that was read keeps its RLP; children that nobody asked for
 * stay offsets into it, so that loading a branch allocates one small array and re-encoding copies their bytes.
 */
import { present, unreachable } from '../primitives/assert.ts'
import { AevirError } from '../primitives/errors.ts'
import { EMPTY_BYTES } from '../primitives/bytes.ts'
import { decodeRlp, encodeRlp, rlpBytes, RlpError, rlpList } from '../primitives/rlp.ts'

/** The digit of each nibble. */
export const NIBBLES = '0123456789abcdef'
/** Children of a branch. */
export const BRANCH_WIDTH = 16
/** A node whose RLP is shorter than this is embedded in its parent instead of being named by its hash. */
export const EMBEDDED_BELOW = 32

const EMPTY_STRING = 0x80
const HASH_PREFIX = 0xa0
const LIST_OFFSET = 0xc0
const LONG_LIST_OFFSET = 0xf7
const SHORT_MAX = 55

/** RLP that is no trie node. */
export class TrieNodeError extends AevirError {
  override readonly code = 'INVALID_TRIE_NODE'
}

/** A child: 0 = none, another number = not loaded, and where its reference starts in the parent's `raw`. */
export type Slot = TrieNode | number

interface NodeState {
  /** keccak256 of the node's RLP (32 bytes), or that RLP itself where it is shorter; `null` = changed, not yet encoded. */
  ref: Uint8Array | null
  /** Whether the node store holds an entry at the node's present path. */
  isStored: boolean
}

export interface Leaf extends NodeState {
  readonly kind: 'leaf'
  /** The rest of the key below this node's path. */
  nibbles: string
  value: Uint8Array
}

/** Nibbles shared by all keys below it; at least one. Its child is always a branch. */
export interface Extension extends NodeState {
  readonly kind: 'extension'
  nibbles: string
  readonly raw: Uint8Array
  child: Slot
}

export interface Branch extends NodeState {
  readonly kind: 'branch'
  readonly raw: Uint8Array
  readonly children: Slot[]
  /** Value of the key that ends here. Keys of one length, as state has them, never do. */
  value: Uint8Array | null
}

export type TrieNode = Leaf | Extension | Branch

export function newLeaf(nibbles: string, value: Uint8Array): Leaf {
  return { kind: 'leaf', ref: null, isStored: false, nibbles, value }
}

export function newExtension(nibbles: string, child: Branch): Extension {
  return { kind: 'extension', ref: null, isStored: false, nibbles, raw: EMPTY_BYTES, child }
}

export function newBranch(): Branch {
  const children: Slot[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  return { kind: 'branch', ref: null, isStored: false, raw: EMPTY_BYTES, children, value: null }
}

/** The nibble at `position` of a key or path. */
export function nibbleAt(digits: string, position: number): number {
  const code = digits.charCodeAt(position)
  return code < 0x3a ? code - 0x30 : code - 0x57
}

/** Reference at `offset` of a parent's RLP: a 32-byte hash, or the embedded node's RLP. A view. */
export function referenceAt(raw: Uint8Array, offset: number): Uint8Array {
  const start = raw[offset] === HASH_PREFIX ? offset + 1 : offset
  return raw.subarray(start, offset + referenceSize(raw, offset))
}

/** Bytes that the reference at `offset` takes in its parent's RLP. */
function referenceSize(raw: Uint8Array, offset: number): number {
  const prefix = raw[offset] as number
  return prefix === HASH_PREFIX ? 33 : 1 + prefix - LIST_OFFSET
}

/** The reference of a child that has been encoded; its parent's turn comes after its children's. */
function encodedReference(child: TrieNode): Uint8Array {
  return present(child.ref, 'reference of a child: a parent is encoded after its children')
}

/**
 * Decodes one node; its `ref` and `isStored` are the caller's to set. References of children are checked in form,
 * embedded children only when they are decoded in turn.
 * @throws TrieNodeError
 */
export function decodeNode(bytes: Uint8Array): TrieNode {
  const start = payloadStart(bytes)
  // A branch begins with 16 children of known forms; two items that fill the list are anything else.
  const secondStart = itemEnd(bytes, start)
  if (itemEnd(bytes, secondStart) !== bytes.length) return decodeBranch(bytes, start)
  return decodeShort(bytes, secondStart)
}

function decodeShort(bytes: Uint8Array, secondStart: number): Leaf | Extension {
  try {
    const [path, target] = rlpList(decodeRlp(bytes), 'a short node', 2)
    const digits = rlpBytes(path, 'the path of a short node').toHex()
    const flags = nibbleAt(digits, 0)
    if (!(flags < 4) || (flags % 2 === 0 && digits[1] !== '0'))
      throw new TrieNodeError('unknown flags before a path')
    const nibbles = digits.slice(flags % 2 === 0 ? 2 : 1)
    if (flags >= 2) return newLeaf(nibbles, nonEmpty(rlpBytes(target, 'the value of a leaf')))
    if (nibbles.length === 0) throw new TrieNodeError('an extension without nibbles')
    checkReference(bytes, secondStart)
    return { kind: 'extension', ref: null, isStored: false, nibbles, raw: bytes, child: secondStart }
  } catch (cause) {
    if (cause instanceof RlpError) throw new TrieNodeError('malformed short node', { cause })
    throw cause
  }
}

// Hot: half of the nodes that a commit loads are branches. No views here: they would cost more than the rest.
function decodeBranch(bytes: Uint8Array, start: number): Branch {
  const children: Slot[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  let position = start
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    if (bytes[position] === EMPTY_STRING) {
      position += 1
      continue
    }
    children[i] = position
    position = checkReference(bytes, position)
  }
  return {
    kind: 'branch',
    ref: null,
    isStored: false,
    raw: bytes,
    children,
    value: decodeBranchValue(bytes, position),
  }
}

function decodeBranchValue(bytes: Uint8Array, position: number): Uint8Array | null {
  if (bytes[position] === EMPTY_STRING && position + 1 === bytes.length) return null
  try {
    return nonEmpty(rlpBytes(decodeRlp(bytes.subarray(position)), 'the value of a branch'))
  } catch (cause) {
    if (cause instanceof RlpError) throw new TrieNodeError('malformed value of a branch', { cause })
    throw cause
  }
}

function nonEmpty(value: Uint8Array): Uint8Array {
  if (value.length === 0) throw new TrieNodeError('an empty value')
  return value
}

/** Checks that a hash or an embedded node is referred to at `position`, and returns the offset behind it. */
function checkReference(bytes: Uint8Array, position: number): number {
  const prefix = bytes[position] as number
  const isEmbedded = prefix > LIST_OFFSET && prefix < LIST_OFFSET + EMBEDDED_BELOW - 1
  if (prefix !== HASH_PREFIX && !isEmbedded)
    throw new TrieNodeError('a child is neither a hash nor an embedded node')
  const end = position + referenceSize(bytes, position)
  if (end > bytes.length) throw new TrieNodeError('truncated node')
  return end
}

/** Where the items of the list that fills `bytes` start. */
function payloadStart(bytes: Uint8Array): number {
  const prefix = bytes[0] ?? 0
  if (prefix < LIST_OFFSET) throw new TrieNodeError('a node must be a list')
  const start = prefix <= LONG_LIST_OFFSET ? 1 : 1 + prefix - LONG_LIST_OFFSET
  const size = listSize(bytes, 0)
  const isMinimal = start === 1 || (bytes[1] !== 0 && size > SHORT_MAX)
  if (start + size !== bytes.length || !isMinimal) throw new TrieNodeError('the length of a node is wrong')
  return start
}

function listSize(bytes: Uint8Array, at: number): number {
  const prefix = bytes[at] as number
  if (prefix <= LONG_LIST_OFFSET) return prefix - LIST_OFFSET
  let size = 0
  for (let i = 1; i <= prefix - LONG_LIST_OFFSET; i++) size = size * 256 + (bytes[at + i] ?? 0)
  return size
}

/** The end of the RLP item at `position`, as its prefix claims; it may lie behind the end of `bytes`. */
function itemEnd(bytes: Uint8Array, position: number): number {
  const prefix = bytes[position] ?? 0
  if (prefix < EMPTY_STRING) return position + 1
  if (prefix >= LIST_OFFSET) {
    const sizeBytes = Math.max(0, prefix - LONG_LIST_OFFSET)
    return position + 1 + sizeBytes + listSize(bytes, position)
  }
  if (prefix <= EMPTY_STRING + SHORT_MAX) return position + 1 + prefix - EMPTY_STRING
  const sizeBytes = prefix - EMPTY_STRING - SHORT_MAX
  let size = 0
  for (let i = 1; i <= sizeBytes; i++) size = size * 256 + (bytes[position + i] ?? 0)
  return position + 1 + sizeBytes + size
}

/** RLP of a node whose loaded children all have their `ref`. */
export function encodeNode(node: TrieNode): Uint8Array {
  switch (node.kind) {
    case 'leaf':
      return encodeRlp([packNibbles(node.nibbles, true), node.value])
    case 'extension': {
      const ref =
        typeof node.child === 'number' ? referenceAt(node.raw, node.child) : encodedReference(node.child)
      const target = ref.length < EMBEDDED_BELOW ? decodeRlp(ref) : ref
      return encodeRlp([packNibbles(node.nibbles, false), target])
    }
    case 'branch':
      return encodeBranch(node)
    default:
      return unreachable(node)
  }
}

/** Hex-prefix encoding: a nibble of flags, padding where the rest is even, the nibbles. */
function packNibbles(nibbles: string, isLeaf: boolean): Uint8Array {
  const flags = isLeaf ? 2 : 0
  return Uint8Array.fromHex(nibbles.length % 2 === 0 ? `${flags}0${nibbles}` : `${flags + 1}${nibbles}`)
}

// Hot: encodeRlp over 17 items costs four times as much (sizes twice, a view per unloaded child).
function encodeBranch(node: Branch): Uint8Array {
  const { raw, children, value } = node
  const valueRlp = value === null ? null : encodeRlp(value)
  let payload = valueRlp === null ? 1 : valueRlp.length
  for (let i = 0; i < BRANCH_WIDTH; i++) payload += slotSize(raw, children[i] as Slot)
  const start = payload <= SHORT_MAX ? 1 : 1 + bytesOf(payload)
  const out = new Uint8Array(start + payload)
  out[0] = start === 1 ? LIST_OFFSET + payload : LONG_LIST_OFFSET + start - 1
  for (let i = start - 1, rest = payload; i > 0; i--, rest = Math.floor(rest / 256)) out[i] = rest % 256
  let position = start
  for (let i = 0; i < BRANCH_WIDTH; i++) position = writeSlot(raw, children[i] as Slot, out, position)
  if (valueRlp === null) out[position] = EMPTY_STRING
  else out.set(valueRlp, position)
  return out
}

function bytesOf(size: number): number {
  let count = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) count++
  return count
}

function slotSize(raw: Uint8Array, slot: Slot): number {
  if (typeof slot !== 'number') {
    const size = encodedReference(slot).length
    return size < EMBEDDED_BELOW ? size : size + 1
  }
  return slot === 0 ? 1 : referenceSize(raw, slot)
}

function writeSlot(raw: Uint8Array, slot: Slot, out: Uint8Array, at: number): number {
  let position = at
  if (typeof slot !== 'number') {
    const ref = encodedReference(slot)
    if (ref.length >= EMBEDDED_BELOW) out[position++] = HASH_PREFIX
    for (let i = 0; i < ref.length; i++) out[position++] = ref[i] as number
  } else if (slot === 0) {
    out[position++] = EMPTY_STRING
  } else {
    const end = slot + referenceSize(raw, slot)
    for (let i = slot; i < end; i++) out[position++] = raw[i] as number
  }
  return position
}
