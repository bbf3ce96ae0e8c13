/** The machine's clock and timers behind the interface that consensus is given. */
import type { Clock } from '../consensus/plugin.ts'

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  schedule: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
