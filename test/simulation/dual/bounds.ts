/** Bounds that hold in a world of both layers, whatever goes wrong: how much nodes ask, keep and run. */
import { sizesOf } from '../checkers/bounded-memory.ts'
import type { MakeDualChecker } from './checkers.ts'

/** Of each layer the one at work, the one before it, and one that is on its way out. */
const INSTANCES_MAX = 6

const REQUEST_WINDOW_MS = 1000
const REQUESTS_MAX = 300

/** Requests do not breed: however much is missing, a node asks at a steady rate. */
export const requestRate: MakeDualChecker = (world) => {
  let windowStart = 0
  let before = world.nodes.map(() => 0)
  return {
    sample() {
      const elapsed = world.now - windowStart
      if (elapsed < REQUEST_WINDOW_MS) return
      for (const { name, id, requestCount, isByzantine } of world.nodes) {
        const count = requestCount - (before[id] ?? 0)
        if (!isByzantine && count > REQUESTS_MAX) {
          world.violate('request-rate', `${name} sent ${count} requests in ${elapsed.toFixed(0)} ms`)
        }
      }
      windowStart = world.now
      before = world.nodes.map(({ requestCount }) => requestCount)
    },
  }
}

/** Everything that instances of the core keep is bounded; a node runs few of them. */
export const boundedMemory: MakeDualChecker = (world) => ({
  sample() {
    for (const node of world.honest) {
      let count = 0
      for (const [name, core] of node.cores()) {
        count += 1
        for (const [what, size, max] of sizesOf(core, world.nodes.length)) {
          if (size <= max) continue
          world.violate('bounded-memory', `${node.name} keeps ${size} ${what} in ${name}, more than ${max}`)
        }
      }
      if (count > INSTANCES_MAX) world.violate('bounded-memory', `${node.name} runs ${count} instances`)
    }
  },
})
