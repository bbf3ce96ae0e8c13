/** A binary heap: the first by a given order comes out first. */
export class BinaryHeap<T> {
  private readonly items: T[] = []
  private readonly isBefore: (a: T, b: T) => boolean

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.isBefore = isBefore
  }

  get size(): number {
    return this.items.length
  }

  push(item: T): void {
    const { items } = this
    let index = items.length
    items.push(item)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.isBefore(item, items[parent] as T)) break
      items[index] = items[parent] as T
      index = parent
    }
    items[index] = item
  }

  pop(): T | undefined {
    const { items } = this
    const first = items[0]
    const last = items.pop()
    if (last !== undefined && items.length > 0) this.sink(last)
    return first
  }

  /** Places `item` from the top, whose place is free. */
  private sink(item: T): void {
    const { items } = this
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= items.length) break
      if (child + 1 < items.length && this.isBefore(items[child + 1] as T, items[child] as T)) child += 1
      if (!this.isBefore(items[child] as T, item)) break
      items[index] = items[child] as T
      index = child
    }
    items[index] = item
  }
}
