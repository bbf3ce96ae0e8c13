/** Everything a node keeps is bounded, whatever its peers send. */
import { LIMITS } from '../../../src/consensus/simplex/config.ts'
import type { Core } from '../../../src/consensus/simplex/state.ts'
import type { MakeChecker } from './checker.ts'

/** By what is counted: how many there are, and how many there may be. @param peers that may ask it. */
export function sizesOf(
  core: Core,
  peers = core.config.size,
): readonly (readonly [what: string, count: number, max: number])[] {
  const { size } = core.config
  const openViews = core.view - (core.finalization?.view ?? 0)
  const pending = [...core.pendingCertificates.values()].reduce(
    (sum, { candidates }) => sum + candidates.length,
    0,
  )
  const boxes = [...core.rounds.values()].flatMap(({ votes }) => Object.values(votes))
  return [
    ['rounds', core.rounds.size, openViews + LIMITS.evidenceViews + 2 * LIMITS.futureViews + 2],
    ['votes of a kind in a view', Math.max(0, ...boxes.map(({ bySigner }) => bySigner.size)), size],
    ['hashes voted for in a view', Math.max(0, ...boxes.map(({ counts }) => counts.size)), size],
    ['blocks', core.blocks.size, LIMITS.blocks + LIMITS.fetchedBlocks],
    ['wanted blocks', core.wanted.size, LIMITS.blocks],
    ['pending certificates', pending, LIMITS.pendingPerPeer * size],
    ['undelivered finalizations', core.undelivered.length, LIMITS.undelivered],
    ['blocks that wait for the application', core.unapplied.length, LIMITS.unappliedBlocks],
    ['jobs', core.jobs.size, (LIMITS.pendingPerPeer + 8) * size + 4 * openViews],
    ['peers served', core.served.size, peers],
  ]
}

export const boundedMemory: MakeChecker = (world) => ({
  sample() {
    for (const { core, name } of world.honest) {
      if (core === undefined) continue
      for (const [what, count, max] of sizesOf(core)) {
        if (count > max) world.violate('bounded-memory', `${name} keeps ${count} ${what}, more than ${max}`)
      }
    }
  },
})
