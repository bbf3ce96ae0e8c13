/**
 * The root of a trie that maps rlp(index) to an item: how a header commits to its transactions, receipts and
 * withdrawals (yellow paper, 4.3 and appendix D). All items are known at once and never change, so that the trie is
 * built from its sorted keys in one pass and nothing of it is kept.
 */
import { bytesToHash, EMPTY_BYTES, type Hash } from '../primitives/bytes.ts'
import {
  HASH_PADDING,
  HASH_SPACE,
  HASH_SPACE_SIZE,
  hashInPlace,
  hashMemory,
  keccak256,
  keccak256Hash,
} from '../primitives/keccak.ts'
import {
  encodeRlp,
  rlpPrefixSize,
  rlpStringSize,
  writeRlpListPrefix,
  writeRlpString,
} from '../primitives/rlp.ts'

/** Root of a trie without entries: keccak256(rlp('')). */
export const EMPTY_TRIE_ROOT: Hash = keccak256Hash(encodeRlp(EMPTY_BYTES))

/** Nodes with shorter encodings stand inside of their parent instead of being named by their hash. */
const EMBEDDED_SIZE_MAX = 31
const BRANCH_WIDTH = 16
const EMPTY_STRING = 0x80
const HASH_PREFIX = 0xa0
const HASH_SIZE = 32
/** Indexes below it are keys of one byte: 1 to 127 themselves, 0 as 0x80, which sorts behind them. */
const SELF_ENCODING_COUNT = 128
/** Bytes of the longest key: four billion items. */
const KEY_SIZE_MAX = 5
/** The longest prefix of a branch's list. */
const BRANCH_PREFIX_MAX = 3
/** Of hash memory for a branch that waits for its children: one a nibble of the key. */
const FRAME_SIZE = BRANCH_PREFIX_MAX + BRANCH_WIDTH * (1 + HASH_SIZE) + 1 + HASH_PADDING
/** Leaves and extensions are put together behind the frames; they are done before anything else is. */
const SHORT_NODE = HASH_SPACE + 2 * KEY_SIZE_MAX * FRAME_SIZE
const SHORT_NODE_SIZE_MAX = HASH_SPACE + HASH_SPACE_SIZE - SHORT_NODE

/** The items and their indexes in the order of their keys. */
interface Entries {
  readonly items: readonly Uint8Array[]
  readonly order: Uint32Array
}

/**
 * @param items what each index stands for, in order; none of them empty.
 * Hot: twice a block over all its transactions. Nodes are put together in the memory that hashes them.
 */
export function orderedTrieRoot(items: readonly Uint8Array[]): Hash {
  const count = items.length
  if (count === 0) return EMPTY_TRIE_ROOT
  const order = orderByKey(count)
  const at = HASH_SPACE
  const size = writeReference({ items, order }, 0, count, 0, at)
  // Only of the root is the hash taken however short it is.
  if (size <= EMBEDDED_SIZE_MAX) return keccak256Hash(hashMemory.slice(at, at + size))
  return bytesToHash(hashMemory.subarray(at + 1, at + 1 + HASH_SIZE))
}

/** All indexes below `count` in the order of their keys: 1 to 127, 0, 128 and above. */
function orderByKey(count: number): Uint32Array {
  const order = new Uint32Array(count)
  for (let index = 0; index < count; index++) order[index] = index
  const first = Math.min(count, SELF_ENCODING_COUNT)
  order.copyWithin(0, 1, first)
  order[first - 1] = 0
  return order
}

/** Nibbles of an index's key: rlp(index). */
function keyLength(index: number): number {
  if (index < SELF_ENCODING_COUNT) return 2
  return 2 + 2 * byteCount(index)
}

function byteCount(index: number): number {
  return index < 2 ** 8 ? 1 : index < 2 ** 16 ? 2 : index < 2 ** 24 ? 3 : 4
}

/** Nibble `position` of the key, counted from its front. */
function nibbleOf(index: number, position: number): number {
  if (index < SELF_ENCODING_COUNT) {
    const byte = index === 0 ? EMPTY_STRING : index
    return position === 0 ? byte >> 4 : byte & 0x0f
  }
  if (position < 2) return position === 0 ? EMPTY_STRING >> 4 : byteCount(index)
  return (index >>> (4 * (keyLength(index) - 1 - position))) & 0x0f
}

/**
 * Writes how a parent refers to the node above `order[first]` to `order[end - 1]`, which share their first `depth`
 * nibbles, at `at`: its hash, or the node itself where that is short. Returns the reference's size.
 * No key is the beginning of another one, so that a branch never holds a value of its own. Depth is bounded by the
 * keys' length.
 */
function writeReference(entries: Entries, first: number, end: number, depth: number, at: number): number {
  const { items, order } = entries
  const index = order[first] as number
  if (end - first === 1) return writeLeaf(index, items[index] as Uint8Array, depth, at)
  const last = order[end - 1] as number
  let branchDepth = depth
  while (nibbleOf(index, branchDepth) === nibbleOf(last, branchDepth)) branchDepth++
  const size = writeBranch(entries, first, end, branchDepth, at)
  return branchDepth === depth ? size : writeExtension(index, depth, branchDepth, at, size)
}

function writeBranch(entries: Entries, first: number, end: number, depth: number, at: number): number {
  const { order } = entries
  // The root writes its reference where its frame is: by then the frame has been hashed.
  const start = HASH_SPACE + depth * FRAME_SIZE + BRANCH_PREFIX_MAX
  let position = start
  let childFirst = first
  for (let nibble = 0; nibble < BRANCH_WIDTH; nibble++) {
    let childEnd = childFirst
    while (childEnd < end && nibbleOf(order[childEnd] as number, depth) === nibble) childEnd++
    if (childEnd === childFirst) hashMemory[position++] = EMPTY_STRING
    else position += writeReference(entries, childFirst, childEnd, depth + 1, position)
    childFirst = childEnd
  }
  hashMemory[position++] = EMPTY_STRING
  const nodeStart = start - rlpPrefixSize(position - start)
  writeRlpListPrefix(position - start, hashMemory, nodeStart)
  return refer(nodeStart, position, at)
}

/** An extension above a branch whose reference stands at `at`, where that of the extension takes its place. */
function writeExtension(index: number, depth: number, branchDepth: number, at: number, size: number): number {
  const pathSize = compactSize(branchDepth - depth)
  const payload = (pathSize === 1 ? 1 : 1 + pathSize) + size
  let position = writeRlpListPrefix(payload, hashMemory, SHORT_NODE)
  position = writeCompact(index, depth, branchDepth, false, hashMemory, position)
  hashMemory.copyWithin(position, at, at + size)
  return refer(SHORT_NODE, position + size, at)
}

function writeLeaf(index: number, value: Uint8Array, depth: number, at: number): number {
  const length = keyLength(index)
  const pathSize = compactSize(length - depth)
  // A path of one byte is below 0x80 and encodes itself.
  const payload = (pathSize === 1 ? 1 : 1 + pathSize) + rlpStringSize(value)
  const nodeSize = rlpPrefixSize(payload) + payload
  const isLarge = nodeSize > SHORT_NODE_SIZE_MAX
  const out = isLarge ? new Uint8Array(nodeSize) : hashMemory
  const start = isLarge ? 0 : SHORT_NODE
  let position = writeRlpListPrefix(payload, out, start)
  position = writeCompact(index, depth, length, true, out, position)
  position = writeRlpString(value, out, position)
  if (!isLarge) return refer(start, position, at)
  hashMemory[at] = HASH_PREFIX
  hashMemory.set(keccak256(out), at + 1)
  return 1 + HASH_SIZE
}

/** Writes the reference to the node that stands from `start` to `end` at `at`. */
function refer(start: number, end: number, at: number): number {
  const size = end - start
  if (size <= EMBEDDED_SIZE_MAX) {
    hashMemory.copyWithin(at, start, end)
    return size
  }
  hashInPlace(start, end, at + 1)
  hashMemory[at] = HASH_PREFIX
  return 1 + HASH_SIZE
}

function compactSize(nibbleCount: number): number {
  return 1 + (nibbleCount >> 1)
}

/** Hex-prefix encoding (yellow paper, appendix C) of a part of a key, as RLP: parity and kind in the first nibble. */
function writeCompact(
  index: number,
  from: number,
  to: number,
  isLeaf: boolean,
  out: Uint8Array,
  at: number,
): number {
  const size = compactSize(to - from)
  let position = at
  if (size > 1) out[position++] = EMPTY_STRING + size
  const isOdd = (to - from) % 2 === 1
  const flags = (isLeaf ? 2 : 0) + (isOdd ? 1 : 0)
  out[position++] = (flags << 4) | (isOdd ? nibbleOf(index, from) : 0)
  for (let i = from + (isOdd ? 1 : 0); i < to; i += 2) {
    out[position++] = (nibbleOf(index, i) << 4) | nibbleOf(index, i + 1)
  }
  return position
}
