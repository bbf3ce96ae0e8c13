/** A limit on a rate that lets bursts pass: tokens flow in steadily up to a maximum, each unit of work takes one out. */

export class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #updatedMs: number

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#updatedMs = nowMs
  }

  /** Takes `count` tokens if there are so many. */
  tryTake(count: number, nowMs: number): boolean {
    this.#refill(nowMs)
    if (this.#tokens < count) return false
    this.#tokens -= count
    return true
  }

  /** Takes `count` tokens even if there are fewer. Returns the milliseconds until the debt is paid, 0 without one. */
  take(count: number, nowMs: number): number {
    this.#refill(nowMs)
    this.#tokens -= count
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#perMs)
  }

  #refill(nowMs: number): void {
    // Wall clocks may be set back; then nothing flows in until the old time is reached again from the new one.
    if (nowMs > this.#updatedMs) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#updatedMs) * this.#perMs)
    }
    this.#updatedMs = nowMs
  }
}
