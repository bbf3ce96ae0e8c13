/** Requests do not breed: however much is missing, a node asks at a steady rate. */
import type { MakeChecker } from './checker.ts'

const WINDOW_MS = 1000
/** Following a chain that is far ahead takes one request a round trip; everything else is less. */
const REQUESTS_MAX = 150

export const requestRate: MakeChecker = (world) => {
  let windowStart = 0
  let before = world.nodes.map(() => 0)
  return {
    sample() {
      if (world.now - windowStart < WINDOW_MS) return
      for (const { name, id, requestCount, isByzantine } of world.nodes) {
        const count = requestCount - (before[id] ?? 0)
        if (!isByzantine && count > REQUESTS_MAX) {
          world.violate(
            'request-rate',
            `${name} sent ${count} requests in ${(world.now - windowStart).toFixed(0)} ms`,
          )
        }
      }
      windowStart = world.now
      before = world.nodes.map(({ requestCount }) => requestCount)
    },
  }
}
