/** What is going to happen, by time; at the same time by a drawn number, and by the order of scheduling at last. */

export interface Scheduled {
  /** Virtual milliseconds. */
  readonly at: number
  readonly tieBreak: number
  readonly sequence: number
  /** Tells events apart in the hash of a run: who and what. */
  readonly label: number
  readonly fire: () => void
}

/** Hot: one push and one pop a message. A binary heap in an array. */
export class EventHeap {
  private readonly items: Scheduled[] = []
  private sequence = 0

  get size(): number {
    return this.items.length
  }

  push(at: number, tieBreak: number, label: number, fire: () => void): void {
    const item: Scheduled = { at, tieBreak, sequence: this.sequence++, label, fire }
    const { items } = this
    let index = items.length
    items.push(item)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = items[parent] as Scheduled
      if (isBefore(above, item)) break
      items[index] = above
      index = parent
    }
    items[index] = item
  }

  pop(): Scheduled | undefined {
    const { items } = this
    const top = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return top
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= items.length) break
      const right = items[child + 1]
      if (right !== undefined && isBefore(right, items[child] as Scheduled)) child += 1
      const below = items[child] as Scheduled
      if (isBefore(last, below)) break
      items[index] = below
      index = child
    }
    items[index] = last
    return top
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  if (a.at !== b.at) return a.at < b.at
  return a.tieBreak !== b.tieBreak ? a.tieBreak < b.tieBreak : a.sequence < b.sequence
}
