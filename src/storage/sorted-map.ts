/**
 * A map of strings whose keys can be visited in order. Keys are put in order when somebody asks for it: most tables of a
 * node are written with every block and only ever looked up, and finding the place of a key among a million others misses
 * the cache twenty times.
 *
 * Ordered keys stand in chunks of sorted arrays, found by binary search. An insertion moves at most one chunk, so a million
 * random insertions take about a second, where one big array would take minutes; a balanced tree would be no faster and
 * three times the code.
 */

/** A full chunk is cut in two. Larger chunks move more keys on insertion, smaller ones make the outer list longer. */
const CHUNK_SIZE_MAX = 512
/** A power of 2. V8 moves all entries of a Map when it grows, and lets none grow beyond 2²⁴ of them. */
const SHARDS = 16

/** Where a key is or would be: index of the chunk and index within it. */
interface Position {
  chunk: number
  index: number
}

export class SortedMap {
  /** Entries by the last bits of their keys, of which no table has only a few. */
  private readonly shards = Array.from({ length: SHARDS }, () => new Map<string, string>())
  /** Keys in order but for {@link unordered}. Never empty chunks, except for a single one at the start. */
  private readonly chunks: string[][] = [[]]
  /** Keys that came since order was last asked for. */
  private unordered: string[] = []
  /** Entries held. */
  size = 0
  /** Changes with every insertion and deletion, so that iterations notice them. */
  revision = 0

  get(key: string): string | undefined {
    return this.shardOf(key).get(key)
  }

  /**
   * Hot: a block writes ten for each of its transactions. 0.5 µs; putting the key in order at once took 2 to 5.
   * @returns the value before.
   */
  set(key: string, value: string): string | undefined {
    const shard = this.shardOf(key)
    const previous = shard.get(key)
    shard.set(key, value)
    if (previous === undefined) {
      this.unordered.push(key)
      this.size += 1
      this.revision += 1
    }
    return previous
  }

  /** @returns the value before. */
  delete(key: string): string | undefined {
    const shard = this.shardOf(key)
    const previous = shard.get(key)
    if (previous === undefined) return undefined
    this.order()
    shard.delete(key)
    const at = this.chunkOf(key)
    const keys = this.chunks[at] as string[]
    keys.splice(lowerBound(keys, key), 1)
    this.size -= 1
    this.revision += 1
    if (keys.length === 0 && this.chunks.length > 1) this.chunks.splice(at, 1)
    return previous
  }

  /** Entries with from ≤ key < to, ascending. */
  *ascending(from: string | undefined, to: string | undefined): Generator<[string, string], void, undefined> {
    this.order()
    const position = from === undefined ? { chunk: 0, index: 0 } : this.seek(from)
    for (; position.chunk < this.chunks.length; position.chunk++, position.index = 0) {
      const keys = this.chunks[position.chunk] as string[]
      for (; position.index < keys.length; position.index++) {
        const key = keys[position.index] as string
        if (to !== undefined && key >= to) return
        yield [key, this.get(key) as string]
      }
    }
  }

  /** Entries with from ≤ key < to, descending. */
  *descending(
    from: string | undefined,
    to: string | undefined,
  ): Generator<[string, string], void, undefined> {
    this.order()
    const last = this.chunks.length - 1
    const end =
      to === undefined ? { chunk: last, index: (this.chunks[last] as string[]).length } : this.seek(to)
    for (let at = end.chunk; at >= 0; at--) {
      const keys = this.chunks[at] as string[]
      for (let index = (at === end.chunk ? end.index : keys.length) - 1; index >= 0; index--) {
        const key = keys[index] as string
        if (from !== undefined && key < from) return
        yield [key, this.get(key) as string]
      }
    }
  }

  private shardOf(key: string): Map<string, string> {
    return this.shards[key.charCodeAt(key.length - 1) & (SHARDS - 1)] as Map<string, string>
  }

  /** Puts all keys in order. */
  private order(): void {
    if (this.unordered.length === 0) return
    const { unordered } = this
    this.unordered = []
    // Sorted first: neighbours go to the same chunk, whose keys are at hand then.
    for (const key of unordered.sort(compareText)) this.insert(key)
  }

  private insert(key: string): void {
    const at = this.chunkOf(key)
    const keys = this.chunks[at] as string[]
    const index = lowerBound(keys, key)
    keys.splice(index, 0, key)
    if (keys.length <= CHUNK_SIZE_MAX) return
    // Keys that only grow, such as block numbers, leave full chunks behind; all others are halved.
    const cut = index === keys.length - 1 ? index : CHUNK_SIZE_MAX / 2
    this.chunks.splice(at + 1, 0, keys.splice(cut))
  }

  /** Position of the first key that is not below `key`; may be the end of a chunk. */
  private seek(key: string): Position {
    const chunk = this.chunkOf(key)
    return { chunk, index: lowerBound(this.chunks[chunk] as string[], key) }
  }

  /** The last chunk whose first key is not above `key`, or the first chunk. */
  private chunkOf(key: string): number {
    let low = 0
    let high = this.chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (((this.chunks[middle] as string[])[0] as string) <= key) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** Index of the first key that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}

/** By UTF-16 code units, as `<` does. */
function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
