/** The composition of both layers, in networks that live in one process. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { Transaction } from '../../../src/chain/transaction.ts'
import { cycleOfEpoch, epochOf } from '../../../src/consensus/committees/committee.ts'
import { lastOf } from '../../../src/consensus/witness-layer/seal.ts'
import { assertSame, DualWorld, type WorldOptions } from './world.ts'

/** Committees change every few blocks. */
const SHORT = { cycleBlocks: 12, windowBlocks: 6, rangeBlocks: 4 }

async function start(t: TestContext, options: WorldOptions): Promise<DualWorld> {
  const world = await DualWorld.start(options)
  t.after(async () => world.close())
  return world
}

async function untilSealed(world: DualWorld, transaction: Transaction, index = 0): Promise<bigint> {
  await world.until('the transaction is in a block', () => world.numberOf(index, transaction) !== undefined)
  const number = world.numberOf(index, transaction) ?? assert.fail('just seen')
  await world.untilSealed(number)
  return number
}

describe('two layers', () => {
  test('seal what executors made final', async (t) => {
    const world = await start(t, { executors: 4, witnesses: 4 })
    const number = await untilSealed(world, await world.transfer(7n))
    assertSame(world, number)
    for (const { chain, store } of world.nodes) {
      const seal = store.sealOf(number)?.seal ?? assert.fail('sealed')
      assert.equal(seal.blocks[Number(number - seal.first)], chain.ledger.hashOf(number))
    }
  })

  test('elect new committees every cycle, and go on', async (t) => {
    const world = await start(t, { executors: 4, witnesses: 7, followers: 5, parameters: SHORT })
    await world.untilSealed(40n, 120_000)
    assertSame(world, 40n)
    const [node] = world.nodes
    for (const layer of ['execution', 'witness'] as const) {
      const epochs = node?.store.epochs(layer) ?? []
      assert.deepEqual(
        epochs.slice(0, 4).map(({ epoch }) => epoch),
        [0, 1, 2, 3].map((cycle) => epochOf(cycle)),
      )
    }
    const orders = new Set(node?.store.epochs('witness').map(({ members }) => members.join()))
    assert.ok(orders.size >= 3, 'the witnesses of each cycle are drawn anew')
  })

  test('wait at the window while no seal comes, and go on with the next', async (t) => {
    const world = await start(t, { executors: 4, witnesses: 4, parameters: { windowBlocks: 8 } })
    await world.untilSealed(2n)
    world.tamper = (_from, _to, layer, message) => (layer === 'witness' ? [] : [message])
    await world.run(30_000)
    const head = world.node(0).chain.ledger.head().number
    const sealed = world.node(0).chain.ledger.committed('sealed')
    assert.equal(head - sealed, 8n)
    world.tamper = (_from, _to, _layer, message) => [message]
    await world.untilSealed(head + 3n)
  })

  test('take a node back that was away for several cycles', async (t) => {
    const world = await start(t, { executors: 4, witnesses: 7, followers: 2, parameters: SHORT })
    await world.untilSealed(2n)
    await world.stop(3)
    await world.stop(9)
    await world.untilSealed(40n, 240_000)
    await world.restart(3)
    await world.restart(9)
    await world.untilSealed(60n, 240_000)
    assertSame(world, 60n)
    const epochs = world.node(3).store.epochs('witness')
    assert.ok(cycleOfEpoch(epochs.at(-1)?.epoch ?? epochOf(0)) >= 4)
  })

  test('seal with a third of the witnesses and an executor gone, and have them back', async (t) => {
    const world = await start(t, { executors: 4, witnesses: 7 })
    await world.untilSealed(2n)
    for (const index of [1, 4, 5]) await world.stop(index)
    const number = await untilSealed(world, await world.transfer(1n))
    for (const index of [1, 4, 5]) await world.restart(index)
    await world.untilSealed(number + 10n, 60_000)
    assertSame(world, number + 10n)
    const { seal } = world.node(4).store.latestSeal() ?? assert.fail('sealed')
    assert.ok(lastOf(seal) >= number)
  })
})
