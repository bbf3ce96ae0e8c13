/** The execution layer in bad weather: lost messages, nodes that go and come back. Seeded; a failure names its seed. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { Stream } from '../../simulation/stream.ts'
import { ExecutionWorld } from './world.ts'

const SEEDS = 6
const STEPS = 60
const LOSS = 0.15

let world: ExecutionWorld | undefined

afterEach(async () => {
  await world?.close()
  world = undefined
})

describe('bad weather', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    test(`leaves all with one chain, seed ${seed}`, async () => {
      const stream = new Stream(seed, 'weather')
      world = await ExecutionWorld.start()
      const { nodes } = world
      world.tamper = (_from, _to, message) => (stream.chance(LOSS) ? [] : [message])
      let down: number | undefined
      let lastHash
      for (let step = 0; step < STEPS; step++) {
        if (stream.chance(0.4)) lastHash = (await world.transfer(1n)).hash
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
      lastHash ??= (await world.transfer(1n)).hash
      const last = lastHash
      await world.until('the last transaction is final everywhere', () =>
        nodes.every(({ chain }) => {
          const location = chain.ledger.transaction(last)
          return location !== undefined && location.blockNumber <= chain.ledger.committed('final')
        }),
      )
      const height = nodes
        .map(({ chain }) => chain.ledger.committed('final'))
        .reduce((least, final) => (final < least ? final : least))
      for (let number = 0n; number <= height; number++) {
        assert.equal(
          new Set(nodes.map(({ chain }) => chain.ledger.hashOf(number))).size,
          1,
          `block ${number}`,
        )
      }
    })
  }
})
