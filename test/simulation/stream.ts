/**
 * Where the simulator's chance comes from: one stream a concern, so that asking for one more number here changes nothing
 * there. The generator is sfc32 (Chris Doty-Humphrey, PractRand), which is small, fast and good enough for a test.
 */

export class Stream {
  private a: number
  private b: number
  private c: number
  private counter = 1

  /** Streams of the same seed and name give the same numbers, others different ones. */
  constructor(seed: number, name: string) {
    this.a = seed >>> 0
    this.b = Math.floor(seed / 2 ** 32) >>> 0
    this.c = hashName(name)
    for (let i = 0; i < 15; i++) this.uint32()
  }

  uint32(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum
    this.c |= 0
    return sum >>> 0
  }

  /** 0 ≤ result < 1. */
  fraction(): number {
    return this.uint32() / 2 ** 32
  }

  /** An integer, 0 ≤ result < `bound`. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound)
  }

  /** A real number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + this.fraction() * (high - low)
  }

  chance(share: number): boolean {
    return this.fraction() < share
  }

  pick<T>(choices: readonly T[]): T {
    // The index is in range; a choice from nothing is a mistake of the caller.
    return choices[this.below(choices.length)] as T
  }

  /** Each of the choices with the given chance, in their order. */
  some<T>(choices: readonly T[], share: number): T[] {
    return choices.filter(() => this.chance(share))
  }

  bytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size)
    for (let i = 0; i < size; i++) bytes[i] = this.uint32()
    return bytes
  }
}

/** FNV-1a. */
function hashName(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
