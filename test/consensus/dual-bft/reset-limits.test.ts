/** Resets at their limits: a node goes down in the middle of one, and a cycle that has seen as many as it can. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import { DEFAULT_PARAMETERS } from '../../../src/consensus/committees/parameters.ts'
import { Elections } from '../../../src/consensus/dual-bft/elections.ts'
import { Resets, type Finding } from '../../../src/consensus/dual-bft/resets.ts'
import { SealedChain } from '../../../src/consensus/dual-bft/sealed-chain.ts'
import { ResetTriggers } from '../../../src/consensus/execution-layer/reset-triggers.ts'
import { present } from '../../../src/primitives/assert.ts'
import { ZERO_HASH } from '../../../src/primitives/bytes.ts'
import { assertSame, DualWorld } from './world.ts'

const CRASHED = 1

test('witnesses are waited for when as many committees were drawn as a cycle has room for', async (t) => {
  const parameters = { resetSeconds: 6, windowBlocks: 4 }
  const world = await DualWorld.start({ executors: 4, witnesses: 4, followers: 6, parameters })
  t.after(async () => world.close())
  await world.untilSealed(2n)
  world.tamper = (_from, _to, layer, message) => (layer === 'witness' ? [] : [message])
  const { store, chain } = world.node(0)
  await world.until('a reset', () => store.epochs('witness').length > 1, 60_000)
  const [first, second] = store.epochs('witness')
  const genesis = { number: 0n, hash: present(chain.ledger.hashOf(0n), 'genesis') }
  /** What is said about all final blocks where the last of two committees is this one, begun for another reason. */
  const findings = (attempt: number): Finding[] => {
    const other = {
      ...present(second, 'second'),
      epoch: epochOf(0, attempt),
      root: { height: 0, hash: ZERO_HASH, payloadHash: ZERO_HASH },
    }
    const before = new Proxy(store, {
      get: (target, name, receiver) =>
        name === 'epochs' ? () => [present(first, 'first'), other] : Reflect.get(target, name, receiver),
    })
    const options = { store: before, parameters: { ...DEFAULT_PARAMETERS, ...parameters } }
    const sealed = new SealedChain(store, genesis)
    const elections = new Elections({ at: () => [] }, options.parameters, sealed)
    const triggers = new ResetTriggers(sealed, options.parameters)
    const resets = new Resets({ application: chain, options, elections, sealed, triggers })
    const final = Number(chain.ledger.committed('final'))
    return Array.from({ length: final }, (_, index) => resets.lookAt(BigInt(index + 1)))
  }
  assert.ok(findings(1).includes('due'))
  assert.ok(findings(254).includes('due'))
  assert.ok(findings(255).every((finding) => finding === 'passed'))
})

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
