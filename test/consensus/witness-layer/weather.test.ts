/**
 * The witness layer in bad weather: lost messages, chains that grow at different speeds, nodes that go and come back.
 * Seeded; a failure names its seed.
 */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { Stream } from '../../simulation/stream.ts'
import { WitnessWorld } from './world.ts'

const SEEDS = 8
const STEPS = 80
const LOSS = 0.15
const LAST_NUMBER = 60n

let world: WitnessWorld | undefined

afterEach(async () => {
  await world?.close()
  world = undefined
})

describe('bad weather', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    test(`leaves all with the same seals up to the boundary, seed ${seed}`, async () => {
      const stream = new Stream(seed, 'weather')
      world = await WitnessWorld.start({ followers: 1, lastNumber: LAST_NUMBER })
      const { nodes, executors } = world
      world.tamper = (_from, _to, message) => (stream.chance(LOSS) ? [] : [message])
      let down: number | undefined
      for (let step = 0; step < STEPS; step++) {
        if (stream.chance(0.4)) executors.order(1 + stream.below(3), 1 + stream.below(3))
        const ordered = executors.proposals.length
        for (const { index, chain } of nodes) {
          const lag = BigInt(stream.below(ordered - Number(chain.finalNumber()) + 1))
          if (stream.chance(0.5)) world.grow(index, BigInt(ordered) - lag)
        }
        if (down === undefined && stream.chance(0.1)) {
          down = stream.below(nodes.length)
          await world.stop(down)
        } else if (down !== undefined && stream.chance(0.2)) {
          await world.restart(down)
          down = undefined
        }
        await world.run(stream.below(20) * 10)
      }
      world.tamper = (_from, _to, message) => [message]
      if (down !== undefined) await world.restart(down)
      executors.order(Number(LAST_NUMBER))
      for (const { index } of nodes) world.grow(index, LAST_NUMBER)
      await world.untilSealed(LAST_NUMBER)
      for (const { layer, sealed, failures, conflicts } of nodes) {
        assert.ok(layer.isOver)
        assert.deepEqual([failures, conflicts], [[], []])
        assert.equal(
          sealed.reduce((sum, { seal }) => sum + seal.blocks.length, 0),
          Number(LAST_NUMBER),
        )
      }
    })
  }
})
