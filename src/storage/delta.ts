/**
 * Differences between two values of one size. A block changes a few of the 16 hashes in a trie node and a few bytes of
 * the account in a leaf: writing down only the bytes that differ makes history a third of its size.
 *
 *   delta    runs, each: bytes that stay as they are (1), bytes that differ (1), those bytes
 */
import { CorruptDatabaseError } from './database-errors.ts'

const RUN_SIZE_MAX = 255
/** Equal bytes between two differences that are written rather than skipped: a run costs two bytes itself. */
const GAP_MAX = 2

/** Where deltas of values of up to so many bytes are made: those of trie nodes. */
const scratch = new Uint8Array(1024)

/**
 * What makes `previous` of `next`, valid until the next call; `undefined` when they differ in size, or `previous` itself is
 * as short.
 * Hot: runs over both values of every trie node that changes.
 */
export function encodeDelta(previous: Uint8Array, next: Uint8Array): Uint8Array | undefined {
  const size = previous.length
  if (next.length !== size) return undefined
  const delta = size <= scratch.length ? scratch : new Uint8Array(size)
  let length = 0
  let position = 0
  for (;;) {
    let start = position
    while (start < size && previous[start] === next[start]) start++
    if (start === size) return delta.subarray(0, length)
    let end = start + 1
    for (let i = end; i < size && i - end <= GAP_MAX; i++) if (previous[i] !== next[i]) end = i + 1
    end = Math.min(end, start + RUN_SIZE_MAX)
    // A long way takes runs without bytes.
    if (start > position + RUN_SIZE_MAX) start = end = position + RUN_SIZE_MAX
    if (length + 2 + end - start >= size) return undefined
    delta[length] = start - position
    delta[length + 1] = end - start
    delta.set(previous.subarray(start, end), length + 2)
    length += 2 + end - start
    position = end
  }
}

/** @throws CorruptDatabaseError when the delta does not fit the value. */
export function applyDelta(delta: Uint8Array, next: Uint8Array): Uint8Array {
  const value = next.slice()
  let position = 0
  for (let at = 0; at < delta.length;) {
    const size = delta[at + 1] ?? 0
    const end = at + 2 + size
    position += delta[at] as number
    if (end > delta.length || position + size > value.length) {
      throw new CorruptDatabaseError('a former value does not fit the one that replaced it')
    }
    value.set(delta.subarray(at + 2, end), position)
    position += size
    at = end
  }
  return value
}
