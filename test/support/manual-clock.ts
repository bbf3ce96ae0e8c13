/** A clock that stands still until a test moves it; what was scheduled runs on the way, in order. */
import type { Clock } from '../../src/consensus/plugin.ts'

interface Timer {
  readonly dueMs: number
  /** Of two that are due at the same time, the one that was scheduled first runs first. */
  readonly order: number
  readonly callback: () => void
}

export class ManualClock implements Clock {
  /** A binary heap: each timer runs before the two below it. Those that were cancelled leave it when they come up. */
  readonly #heap: Timer[] = []
  readonly #waiting = new Set<Timer>()
  #nowMs = 1_700_000_000_000
  #order = 0

  nowMs(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, order: this.#order++, callback }
    this.#waiting.add(timer)
    this.#push(timer)
    return () => {
      this.#waiting.delete(timer)
    }
  }

  /** Timers that wait: what a leak would let grow. */
  get scheduledCount(): number {
    return this.#waiting.size
  }

  advance(milliseconds: number): void {
    const endMs = this.#nowMs + milliseconds
    for (let next = this.#heap[0]; next !== undefined && next.dueMs <= endMs; next = this.#heap[0]) {
      this.#pop()
      if (!this.#waiting.delete(next)) continue
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.callback()
    }
    this.#nowMs = endMs
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let index = heap.length
    while (index > 0) {
      const above = (index - 1) >> 1
      const other = heap[above] as Timer
      if (isBefore(other, timer)) break
      heap[index] = other
      index = above
    }
    heap[index] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const right = left + 1
      const child = right < heap.length && isBefore(heap[right] as Timer, heap[left] as Timer) ? right : left
      const below = heap[child]
      if (below === undefined || isBefore(last, below)) break
      heap[index] = below
      index = child
    }
    heap[index] = last
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs === b.dueMs ? a.order < b.order : a.dueMs < b.dueMs
}
