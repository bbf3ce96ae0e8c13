/** A cache with a bound: the entries used last, as many as weigh no more than a limit. */

export class BoundedCache<K, V> {
  /** In the order of their last use. */
  private readonly entries = new Map<K, { readonly value: V; readonly weight: number }>()
  private readonly weightMax: number
  private weight = 0

  /** @param weightMax sum of the weights of all entries; their unit is the caller's. */
  constructor(weightMax: number) {
    this.weightMax = weightMax
  }

  get(key: K): V | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    this.entries.delete(key)
    this.entries.set(key, entry)
    return entry.value
  }

  /** An entry heavier than the limit is not kept. */
  set(key: K, value: V, weight = 1): void {
    this.delete(key)
    if (weight > this.weightMax) return
    this.entries.set(key, { value, weight })
    this.weight += weight
    for (const oldest of this.entries.keys()) {
      if (this.weight <= this.weightMax) return
      this.delete(oldest)
    }
  }

  delete(key: K): void {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    this.entries.delete(key)
    this.weight -= entry.weight
  }

  clear(): void {
    this.entries.clear()
    this.weight = 0
  }
}
