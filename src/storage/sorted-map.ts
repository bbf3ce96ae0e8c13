/**
 * A map of strings in order of its keys: chunks of sorted arrays, found by binary search. An insertion moves at most
 * one chunk, so a million random insertions take about a second, where one big array would take minutes; a balanced
 * tree would be no faster and three times the code.
 */

/** A full chunk is cut in two. Larger chunks move more keys on insertion, smaller ones make the outer list longer. */
const CHUNK_SIZE_MAX = 512

interface Chunk {
  readonly keys: string[]
  readonly values: string[]
}

/** Where a key is or would be: index of the chunk and index within it. */
interface Position {
  chunk: number
  index: number
}

export class SortedMap {
  /** Never empty chunks, except for a single one at the start. */
  private readonly chunks: Chunk[] = [{ keys: [], values: [] }]
  /** Entries held. */
  size = 0
  /** Changes with every insertion and deletion, so that iterations notice them. */
  revision = 0

  get(key: string): string | undefined {
    const chunk = this.chunks[this.chunkOf(key)] as Chunk
    const index = lowerBound(chunk.keys, key)
    return chunk.keys[index] === key ? chunk.values[index] : undefined
  }

  /** @returns the value before. */
  set(key: string, value: string): string | undefined {
    const at = this.chunkOf(key)
    const chunk = this.chunks[at] as Chunk
    const index = lowerBound(chunk.keys, key)
    if (chunk.keys[index] === key) {
      const previous = chunk.values[index]
      chunk.values[index] = value
      return previous
    }
    chunk.keys.splice(index, 0, key)
    chunk.values.splice(index, 0, value)
    this.size += 1
    this.revision += 1
    if (chunk.keys.length > CHUNK_SIZE_MAX) {
      // Keys that only grow, such as block numbers, leave full chunks behind; all others are halved.
      const cut = index === chunk.keys.length - 1 ? index : CHUNK_SIZE_MAX / 2
      this.chunks.splice(at + 1, 0, { keys: chunk.keys.splice(cut), values: chunk.values.splice(cut) })
    }
    return undefined
  }

  /** @returns the value before. */
  delete(key: string): string | undefined {
    const at = this.chunkOf(key)
    const chunk = this.chunks[at] as Chunk
    const index = lowerBound(chunk.keys, key)
    if (chunk.keys[index] !== key) return undefined
    chunk.keys.splice(index, 1)
    const [previous] = chunk.values.splice(index, 1)
    this.size -= 1
    this.revision += 1
    if (chunk.keys.length === 0 && this.chunks.length > 1) this.chunks.splice(at, 1)
    return previous
  }

  /** Entries with from ≤ key < to, ascending. */
  *ascending(from: string | undefined, to: string | undefined): Generator<[string, string], void, undefined> {
    const position = from === undefined ? { chunk: 0, index: 0 } : this.seek(from)
    for (; position.chunk < this.chunks.length; position.chunk++, position.index = 0) {
      const { keys, values } = this.chunks[position.chunk] as Chunk
      for (; position.index < keys.length; position.index++) {
        const key = keys[position.index] as string
        if (to !== undefined && key >= to) return
        yield [key, values[position.index] as string]
      }
    }
  }

  /** Entries with from ≤ key < to, descending. */
  *descending(
    from: string | undefined,
    to: string | undefined,
  ): Generator<[string, string], void, undefined> {
    const last = this.chunks.length - 1
    const end =
      to === undefined ? { chunk: last, index: (this.chunks[last] as Chunk).keys.length } : this.seek(to)
    for (let at = end.chunk; at >= 0; at--) {
      const { keys, values } = this.chunks[at] as Chunk
      for (let index = (at === end.chunk ? end.index : keys.length) - 1; index >= 0; index--) {
        const key = keys[index] as string
        if (from !== undefined && key < from) return
        yield [key, values[index] as string]
      }
    }
  }

  /** Position of the first key that is not below `key`; may be the end of a chunk. */
  private seek(key: string): Position {
    const chunk = this.chunkOf(key)
    return { chunk, index: lowerBound((this.chunks[chunk] as Chunk).keys, key) }
  }

  /** The last chunk whose first key is not above `key`, or the first chunk. */
  private chunkOf(key: string): number {
    let low = 0
    let high = this.chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (((this.chunks[middle] as Chunk).keys[0] as string) <= key) low = middle
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
