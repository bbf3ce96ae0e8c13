/** A clock that stands still until a test moves it; what was scheduled runs on the way, in order. */
import type { Clock } from '../../src/consensus/plugin.ts'

interface Timer {
  readonly dueMs: number
  readonly callback: () => void
}

export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>()
  #nowMs = 1_700_000_000_000

  nowMs(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  /** Timers that wait: what a leak would let grow. */
  get scheduledCount(): number {
    return this.#timers.size
  }

  advance(milliseconds: number): void {
    const endMs = this.#nowMs + milliseconds
    for (;;) {
      const [next] = [...this.#timers]
        .filter(({ dueMs }) => dueMs <= endMs)
        .toSorted((a, b) => a.dueMs - b.dueMs)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#nowMs = next.dueMs
      next.callback()
    }
    this.#nowMs = endMs
  }
}
