/**
 * Nodes of a Merkle Patricia trie from their RLP (Ethereum yellow paper, appendix D), for whoever reads one: proofs and
 * checks of a database. Commits work on the bytes themselves (`memory-node.ts`).
 *
 * Nibbles are strings of one hex digit each, the same form as paths. Children are offsets into the node's RLP.
 */
import { AevirError } from '../primitives/errors.ts'
import { decodeRlp, rlpBytes, RlpError, rlpList } from '../primitives/rlp.ts'

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

export interface Leaf {
  readonly kind: 'leaf'
  /** The rest of the key below this node's path. */
  readonly nibbles: string
  readonly value: Uint8Array
}

/** Nibbles shared by all keys below it; at least one. Its child is always a branch. */
export interface Extension {
  readonly kind: 'extension'
  readonly nibbles: string
  readonly raw: Uint8Array
  /** Where the child's reference starts in `raw`. */
  readonly child: number
}

export interface Branch {
  readonly kind: 'branch'
  readonly raw: Uint8Array
  /** Where each child's reference starts in `raw`; 0 = none. */
  readonly children: readonly number[]
  /** Value of the key that ends here. Keys of one length, as state has them, never do. */
  readonly value: Uint8Array | null
}

export type TrieNode = Leaf | Extension | Branch

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

/**
 * Decodes one node. References of children are checked in form, embedded children only when they are decoded in turn.
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
    if (flags >= 2) return { kind: 'leaf', nibbles, value: nonEmpty(rlpBytes(target, 'the value of a leaf')) }
    if (nibbles.length === 0) throw new TrieNodeError('an extension without nibbles')
    checkReference(bytes, secondStart)
    return { kind: 'extension', nibbles, raw: bytes, child: secondStart }
  } catch (cause) {
    if (cause instanceof RlpError) throw new TrieNodeError('malformed short node', { cause })
    throw cause
  }
}

function decodeBranch(bytes: Uint8Array, start: number): Branch {
  const children = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  let position = start
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    if (bytes[position] === EMPTY_STRING) {
      position += 1
      continue
    }
    children[i] = position
    position = checkReference(bytes, position)
  }
  return { kind: 'branch', raw: bytes, children, value: decodeBranchValue(bytes, position) }
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
