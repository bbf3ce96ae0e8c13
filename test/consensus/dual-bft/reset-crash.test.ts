/** A node goes down between the block that calls for other witnesses and their first epoch. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import { assertSame, DualWorld } from './world.ts'

const CRASHED = 1

test('a node that went down before it began a reset makes it good when it starts', async (t) => {
  const parameters = { resetSeconds: 6, windowBlocks: 4 }
  const world = await DualWorld.start({ executors: 4, witnesses: 4, followers: 6, parameters })
  t.after(async () => world.close())
  await world.untilSealed(2n)
  const { store } = world.node(CRASHED)
  const addEpoch = store.addEpoch.bind(store)
  const isHanging = { value: false }
  store.addEpoch = async (start) => {
    if (start.layer === 'execution') return addEpoch(start)
    isHanging.value = true
    return new Promise(() => undefined)
  }
  world.tamper = (_from, _to, layer, message) => (layer === 'witness' ? [] : [message])
  await world.until('a reset begins', () => isHanging.value, 60_000)
  world.crash(CRASHED)
  store.addEpoch = addEpoch
  await world.restart(CRASHED)
  await world.until('the reset', () => store.epochs('witness').length > 1, 1000)
  const instances = [...world.node(CRASHED).instances.values()].filter(
    ({ committee }) => committee.layer === 'witness',
  )
  assert.deepEqual(
    instances.map(({ committee }) => committee.epoch),
    [epochOf(0, 1)],
  )
  world.tamper = (_from, _to, _layer, message) => [message]
  const { number } = world.node(0).chain.ledger.head()
  await world.untilSealed(number + 5n, 120_000)
  assertSame(world, number + 5n)
  const { epoch } = world.node(CRASHED).plugin.status().witness.committee
  assert.ok(epoch > epochOf(0))
  assert.equal(epoch, world.node(0).plugin.status().witness.committee.epoch)
})
