/** All nodes are off for long, and come back: nobody is gone, so that nobody is replaced. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import { assertSame, DualWorld } from './world.ts'

const RESET_SECONDS = 6

describe('a network that was off for longer than witnesses may be silent', () => {
  // What was final and not yet sealed when it happened differs.
  for (const milliseconds of [10, 40]) {
    test(`goes on with the same witnesses, ${milliseconds} ms after it had work`, async (t) => {
      const parameters = { resetSeconds: RESET_SECONDS, windowBlocks: 16 }
      const world = await DualWorld.start({ executors: 4, witnesses: 4, followers: 2, parameters })
      t.after(async () => world.close())
      await world.untilSealed(3n)
      await world.transfer(1n)
      await world.transfer(2n)
      await world.run(milliseconds)
      for (const { index } of world.nodes) world.crash(index)
      await world.run(10_000 * RESET_SECONDS)
      for (const { index } of world.nodes) await world.restart(index)
      const { number } = world.node(0).chain.ledger.head()
      await world.untilSealed(number + 5n, 60_000)
      assertSame(world, number + 5n)
      for (const { store } of world.nodes) {
        assert.deepEqual(
          store.epochs('witness').map(({ epoch }) => epoch),
          [epochOf(0)],
        )
      }
    })
  }
})
