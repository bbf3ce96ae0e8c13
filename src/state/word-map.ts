/**
 * A map from words that others choose, such as slots of storage. V8 finds a bigint in a `Map` by a hash of its lowest 64
 * bits in which there is no secret: entries whose keys were made to collide are gone through one by one, and 80,000 of them
 * in transient storage kept a node busy for 40 seconds; 2,048 of them, asked for at the 100 gas of a warm slot, made 30 M gas
 * take 5 seconds. Strings are hashed with a secret, but slower.
 *
 * So there are places of our own, of which few are looked at. Words that find none there are found as strings.
 */

/** A word from which a string can be made that is no number in decimal digits: V8 hashes those without its secret. */
const STRING_PREFIX = 'x'

/** Entries that are gone through without places: to compare so few costs no more. */
const ENTRIES_WITHOUT_PLACES = 8
/** Powers of two. At least half of the places are free. */
const PLACES_MIN = 64
const PLACES_GROWTH = 4
/** Places that are looked at before a word becomes a string: words that do not collide on purpose hardly ever do. */
const PROBES_MAX = 8

/** Odd, with bits all over: the golden ratio's. */
const MULTIPLIER = 0x9e3779b1

type Entry<V> = [word: bigint, value: V]

export class WordMap<V> {
  /** In the order in which the words came. */
  private entries: Entry<V>[] = []
  /** By the word's lowest 32 bits: 1 more than the index of an entry, 0 for none. */
  private places: Int32Array | undefined
  private byString: Map<string, Entry<V>> | undefined

  get(word: bigint): V | undefined {
    const entry = this.find(word)
    return entry === undefined ? undefined : entry[1]
  }

  set(word: bigint, value: V): void {
    const known = this.find(word)
    if (known !== undefined) {
      known[1] = value
      return
    }
    const { entries, places } = this
    entries.push([word, value])
    if (2 * entries.length > (places === undefined ? 2 * ENTRIES_WITHOUT_PLACES : places.length)) this.grow()
    else if (places !== undefined) this.place(places, entries.length - 1)
  }

  get size(): number {
    return this.entries.length
  }

  clear(): void {
    this.entries = []
    this.places = undefined
    this.byString = undefined
  }

  /** In the order in which the words came. */
  [Symbol.iterator](): IterableIterator<readonly [word: bigint, value: V]> {
    return this.entries[Symbol.iterator]()
  }

  // Hot: each access to a slot that an engine does not know.
  private find(word: bigint): Entry<V> | undefined {
    const { entries, places } = this
    if (places === undefined) {
      for (const entry of entries) if (entry[0] === word) return entry
      return undefined
    }
    const mask = places.length - 1
    let at = hashOf(word)
    for (let i = 0; i < PROBES_MAX; i++, at++) {
      const number = places[at & mask] as number
      if (number === 0) return undefined
      const entry = entries[number - 1] as Entry<V>
      if (entry[0] === word) return entry
    }
    return this.byString?.get(stringOf(word))
  }

  private grow(): void {
    const places = new Int32Array(this.places === undefined ? PLACES_MIN : PLACES_GROWTH * this.places.length)
    this.places = places
    this.byString = undefined
    for (let i = 0; i < this.entries.length; i++) this.place(places, i)
  }

  private place(places: Int32Array, index: number): void {
    const entry = this.entries[index] as Entry<V>
    const mask = places.length - 1
    let at = hashOf(entry[0])
    for (let i = 0; i < PROBES_MAX; i++, at++) {
      if (places[at & mask] === 0) {
        places[at & mask] = index + 1
        return
      }
    }
    this.byString ??= new Map()
    this.byString.set(stringOf(entry[0]), entry)
  }
}

/** All of its bits depend on the word's lowest 32. */
function hashOf(word: bigint): number {
  const mixed = Math.imul(Number(BigInt.asUintN(32, word)), MULTIPLIER)
  return mixed ^ (mixed >>> 15)
}

function stringOf(word: bigint): string {
  return STRING_PREFIX + word.toString(16)
}
