/**
 * Blocks that claim to be from the future wait until they are not. Timestamps never decrease, so that one leader who
 * dates a block a century ahead would otherwise stop the chain's clock for good.
 *
 * A clock is local and must not decide what is valid; a verdict that is given later is still the same verdict. A block
 * dated too far ahead misses its view, and the view is given up.
 */
import type { Clock } from '../plugin.ts'

/** What clocks of members may differ by, and a header's seconds be rounded by. */
const TOLERANCE_MS = 2000
/** Who waits longer than this is not waited for: certificates of others will have to vouch for the block. */
const WAIT_MAX_MS = 60_000
/** Blocks that wait, of which each may be megabytes; of more, those that came first have missed their views. */
const WAITING_MAX = 16

export class FutureBlocks {
  private readonly clock: Clock
  private readonly cancels = new Set<() => void>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /**
   * @param timestamp in seconds.
   * @returns false when the block may be judged now; otherwise `retry` is called when it may, or never.
   */
  defer(timestamp: bigint, retry: () => void): boolean {
    const waitMs = Number(timestamp) * 1000 - TOLERANCE_MS - this.clock.nowMs()
    if (waitMs <= 0) return false
    if (waitMs > WAIT_MAX_MS) return true
    const cancel = this.clock.schedule(waitMs, () => {
      this.cancels.delete(cancel)
      retry()
    })
    this.cancels.add(cancel)
    const [oldest] = this.cancels
    if (this.cancels.size <= WAITING_MAX || oldest === undefined) return true
    this.cancels.delete(oldest)
    oldest()
    return true
  }

  stop(): void {
    for (const cancel of this.cancels) cancel()
    this.cancels.clear()
  }
}
