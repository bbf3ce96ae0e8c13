/**
 * The root of a trie that maps rlp(index) to an item: how a header commits to its transactions, receipts and
 * withdrawals (yellow paper, 4.3 and appendix D). All items are known at once and never change, so that the trie is
 * built from its sorted keys in one pass and nothing of it is kept.
 */
import { present } from '../primitives/assert.ts'
import { EMPTY_BYTES, type Hash } from '../primitives/bytes.ts'
import { keccak256, keccak256Hash } from '../primitives/keccak.ts'
import { encodeRlp, rlpFromUint, type RlpItem } from '../primitives/rlp.ts'

/** Root of a trie without entries: keccak256(rlp('')). */
export const EMPTY_TRIE_ROOT: Hash = keccak256Hash(encodeRlp(EMPTY_BYTES))

/** Nodes with shorter encodings stand inside of their parent instead of being named by their hash. */
const EMBEDDED_SIZE_MAX = 31
const BRANCH_WIDTH = 16
/** Indexes below it are keys of one byte: 1 to 127 themselves, 0 as 0x80, which sorts behind them. */
const SELF_ENCODING_COUNT = 128

interface Entry {
  /** The key, one nibble each. */
  readonly path: Uint8Array
  readonly value: Uint8Array
}

/** @param items what each index stands for, in order. */
export function orderedTrieRoot(items: readonly Uint8Array[]): Hash {
  if (items.length === 0) return EMPTY_TRIE_ROOT
  const entries: Entry[] = []
  for (const index of indexesByKey(items.length)) {
    entries.push({ path: pathOf(index), value: present(items[index], 'item') })
  }
  return keccak256Hash(encodeRlp(buildNode(entries, 0, entries.length, 0)))
}

/** All indexes below `count` in the order of their keys. */
function* indexesByKey(count: number): Generator<number> {
  for (let index = 1; index < Math.min(count, SELF_ENCODING_COUNT); index++) yield index
  yield 0
  for (let index = SELF_ENCODING_COUNT; index < count; index++) yield index
}

function pathOf(index: number): Uint8Array {
  const key = encodeRlp(rlpFromUint(BigInt(index)))
  const path = new Uint8Array(2 * key.length)
  for (const [i, byte] of key.entries()) {
    path[2 * i] = byte >> 4
    path[2 * i + 1] = byte & 0x0f
  }
  return path
}

/**
 * The node above `entries[first]` to `entries[end - 1]`, which are sorted and share their first `depth` nibbles.
 * No key is the beginning of another one, so that a branch never holds a value of its own. Depth is bounded by the
 * keys' length: 10 nibbles for four billion items.
 */
function buildNode(entries: readonly Entry[], first: number, end: number, depth: number): RlpItem {
  const { path, value } = entryAt(entries, first)
  if (end - first === 1) return [compactPath(path.subarray(depth), true), value]
  const last = entryAt(entries, end - 1).path
  let branchDepth = depth
  while (path[branchDepth] === last[branchDepth]) branchDepth++
  const branch = buildBranch(entries, first, end, branchDepth)
  if (branchDepth === depth) return branch
  return [compactPath(path.subarray(depth, branchDepth), false), reference(branch)]
}

function buildBranch(entries: readonly Entry[], first: number, end: number, depth: number): RlpItem {
  const children: RlpItem[] = []
  let childFirst = first
  for (let nibble = 0; nibble < BRANCH_WIDTH; nibble++) {
    let childEnd = childFirst
    while (childEnd < end && entryAt(entries, childEnd).path[depth] === nibble) childEnd++
    const isEmpty = childEnd === childFirst
    children.push(isEmpty ? EMPTY_BYTES : reference(buildNode(entries, childFirst, childEnd, depth + 1)))
    childFirst = childEnd
  }
  return [...children, EMPTY_BYTES]
}

function entryAt(entries: readonly Entry[], index: number): Entry {
  return present(entries[index], 'trie entry')
}

function reference(node: RlpItem): RlpItem {
  const encoding = encodeRlp(node)
  return encoding.length <= EMBEDDED_SIZE_MAX ? node : keccak256(encoding)
}

/** Hex-prefix encoding (yellow paper, appendix C): parity and kind in the first nibble. */
function compactPath(nibbles: Uint8Array, isLeaf: boolean): Uint8Array {
  const isOdd = nibbles.length % 2 === 1
  const flags = (isLeaf ? 2 : 0) + (isOdd ? 1 : 0)
  const padded = isOdd ? [flags, ...nibbles] : [flags, 0, ...nibbles]
  const compact = new Uint8Array(padded.length / 2)
  for (let i = 0; i < compact.length; i++) {
    compact[i] = ((padded[2 * i] as number) << 4) | (padded[2 * i + 1] as number)
  }
  return compact
}
