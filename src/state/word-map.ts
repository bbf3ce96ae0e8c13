/**
 * A map from words that others choose, such as slots of storage. V8 finds a bigint in a `Map` by a hash of its lowest 64
 * bits in which there is no secret: entries whose keys were made to collide are gone through one by one, and 80,000 of them
 * in transient storage kept a node busy for 40 seconds. Strings are hashed with a secret, but slower: only the first few
 * entries have bigints as keys.
 */

/** A word from which a string can be made that is no number in decimal digits: V8 hashes those without its secret. */
const STRING_PREFIX = 'x'

/** What a look-up costs at worst by bigint stays below what an access to a cold slot pays for: about 4 µs. */
const BIGINTS_MAX_DEFAULT = 256

export class WordMap<V> {
  /** How many entries are found by bigint: what a look-up may cost at worst, some 7 ns for each. */
  private readonly bigintsMax: number
  private readonly byBigint = new Map<bigint, V>()
  private byString: Map<string, { readonly word: bigint; value: V }> | undefined

  constructor(bigintsMax: number = BIGINTS_MAX_DEFAULT) {
    this.bigintsMax = bigintsMax
  }

  // Hot: each access to a slot that an engine does not know.
  get(word: bigint): V | undefined {
    const value = this.byBigint.get(word)
    if (value !== undefined || this.byString === undefined) return value
    return this.byString.get(stringOf(word))?.value
  }

  set(word: bigint, value: V): void {
    const byBigint = this.byBigint
    if (byBigint.size < this.bigintsMax || byBigint.has(word)) {
      byBigint.set(word, value)
      return
    }
    this.byString ??= new Map()
    const key = stringOf(word)
    const known = this.byString.get(key)
    if (known === undefined) this.byString.set(key, { word, value })
    else known.value = value
  }

  get size(): number {
    return this.byBigint.size + (this.byString?.size ?? 0)
  }

  clear(): void {
    this.byBigint.clear()
    this.byString = undefined
  }

  /** In the order in which the words came. Hot: V8 goes through a Map itself faster than through a generator. */
  [Symbol.iterator](): IterableIterator<[word: bigint, value: V]> {
    return this.byString === undefined ? this.byBigint[Symbol.iterator]() : this.entriesWith(this.byString)
  }

  private *entriesWith(
    byString: ReadonlyMap<string, { readonly word: bigint; readonly value: V }>,
  ): IterableIterator<[word: bigint, value: V]> {
    yield* this.byBigint
    for (const { word, value } of byString.values()) yield [word, value]
  }
}

function stringOf(word: bigint): string {
  return STRING_PREFIX + word.toString(16)
}
