/** Keys of a trie as a batch of updates needs them: in order, and nibble by nibble. */
import { assert } from '../primitives/assert.ts'
import { compareBytes } from '../primitives/bytes.ts'
import { NIBBLES } from './trie-node.ts'
import type { TrieUpdate } from './trie.ts'

/** So many updates are numbered beside 32 bits of key in a double. */
const ORDER_COUNT_MAX = 2 ** 20

/** Keys of tries are hashes: nearly always the first bytes tell the order, as numbers that sort without a callback. */
export function sortUpdates(updates: Iterable<TrieUpdate>): readonly TrieUpdate[] {
  const list = [...updates]
  for (const { value } of list) assert(value === null || value.length > 0, 'a trie holds no empty values')
  if (list.length < 2 || list.length > ORDER_COUNT_MAX) return list.sort(compareKeys)
  const order = new Float64Array(list.length)
  for (let i = 0; i < order.length; i++) {
    const { key } = list[i] as TrieUpdate
    const prefix = ((key[0] ?? 0) << 16) | ((key[1] ?? 0) << 8) | (key[2] ?? 0)
    order[i] = (prefix * 256 + (key[3] ?? 0)) * ORDER_COUNT_MAX + i
  }
  order.sort()
  const result: TrieUpdate[] = []
  for (const rank of order) {
    const next = list[rank % ORDER_COUNT_MAX] as TrieUpdate
    let at = result.length
    for (; at > 0 && compareKeys(result[at - 1] as TrieUpdate, next) > 0; at--)
      result[at] = result[at - 1] as TrieUpdate
    result[at] = next
  }
  return result
}

/** The order of keys. */
export function compareKeys(a: TrieUpdate, b: TrieUpdate): number {
  return compareBytes(a.key, b.key)
}

/** The nibble of a key at a position counted from its front. */
export function nibbleOf(key: Uint8Array, position: number): number {
  const byte = key[position >> 1] as number
  return position % 2 === 0 ? byte >> 4 : byte & 0x0f
}

/** Nibbles of a key, one hex digit each. */
export function digitsOf(key: Uint8Array, from: number, to: number): string {
  let digits = ''
  for (let i = from; i < to; i++) digits += NIBBLES.charAt(nibbleOf(key, i))
  return digits
}

/** How many of `nibbles` the key repeats from `depth` on. */
export function sharedNibbles(nibbles: string, key: Uint8Array, depth: number): number {
  const most = Math.min(nibbles.length, 2 * key.length - depth)
  let count = 0
  while (count < most && NIBBLES.charAt(nibbleOf(key, depth + count)) === nibbles.charAt(count)) count++
  return count
}
