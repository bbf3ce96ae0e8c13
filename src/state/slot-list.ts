/** Slots that changed, to be gone through; who looks one up has a map made of them. */
import type { SlotValues } from './state-reader.ts'
import { WordMap } from './word-map.ts'

export class SlotList implements SlotValues {
  private readonly entries: readonly (readonly [slot: bigint, value: bigint])[]
  private bySlot: WordMap<bigint> | undefined

  /** @param entries each slot once. */
  constructor(entries: readonly (readonly [slot: bigint, value: bigint])[]) {
    this.entries = entries
  }

  get size(): number {
    return this.entries.length
  }

  get(slot: bigint): bigint | undefined {
    if (this.bySlot === undefined) {
      this.bySlot = new WordMap()
      for (const [key, value] of this.entries) this.bySlot.set(key, value)
    }
    return this.bySlot.get(slot)
  }

  [Symbol.iterator](): IterableIterator<readonly [slot: bigint, value: bigint]> {
    return this.entries[Symbol.iterator]()
  }
}
