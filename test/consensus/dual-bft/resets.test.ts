/** More than a third of the witnesses are gone: others are drawn, as often as it takes. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { attemptOf, epochOf } from '../../../src/consensus/committees/committee.ts'
import { checkElection, storedElections } from '../../../src/consensus/light/election-check.ts'
import { SealedChainResetError, storedItems } from '../../../src/consensus/light/sealed-chain-source.ts'
import { lastOf } from '../../../src/consensus/witness-layer/seal.ts'
import { stubScheme } from '../../simulation/stub-scheme.ts'
import { assertSame, DualWorld, withAddEpoch, type WorldOptions } from './world.ts'

const RESET_SECONDS = 6
const SIZES = { executors: 4, witnesses: 4, followers: 8 }

async function start(t: TestContext, options: Partial<WorldOptions> = {}): Promise<DualWorld> {
  const parameters = { resetSeconds: RESET_SECONDS, windowBlocks: 16, ...options.parameters }
  const world = await DualWorld.start({ ...SIZES, ...options, parameters })
  t.after(async () => world.close())
  return world
}

/** Nodes that sit in the newest committee of witnesses. */
function witnesses(world: DualWorld): readonly number[] {
  const members = world.node(0).store.epochs('witness').at(-1)?.members ?? assert.fail('an epoch')
  return members.map((id) => world.indexOf(id))
}

function witnessEpochs(world: DualWorld, index: number): readonly number[] {
  return world
    .node(index)
    .store.epochs('witness')
    .map(({ epoch }) => epoch)
}

/** Until all nodes that are up are in a later attempt. */
async function untilReset(world: DualWorld, attempt: number, limitMs = 120_000): Promise<void> {
  const isThere = (index: number): boolean =>
    attemptOf(witnessEpochs(world, index).at(-1) as never) >= attempt
  await world.until(
    `attempt ${attempt}`,
    () => world.nodes.every(({ isUp, index }) => !isUp || isThere(index)),
    limitMs,
  )
}

/** The witnesses agree among themselves, and nobody else hears of it. @returns one of them. */
function isolateWitnesses(world: DualWorld): { readonly one: number; readonly reunite: () => void } {
  const members = witnesses(world)
  world.tamper = (from, to, layer, message) => {
    const isAmong = members.includes(from) && members.includes(to)
    return layer === 'execution' || isAmong ? [message] : []
  }
  return {
    one: members[0] ?? assert.fail('a witness'),
    reunite: () => {
      world.tamper = (_from, _to, _layer, message) => [message]
    },
  }
}

function sealedBy(world: DualWorld, index: number): bigint {
  return world.node(index).chain.ledger.committed('sealed')
}

/** Until a node that is not one of the isolated has drawn others. */
async function untilOthersReset(world: DualWorld, one: number): Promise<void> {
  assert.notEqual(one, 0)
  await world.until('others are drawn', () => witnessEpochs(world, 0).length > 1, 120_000)
}

describe('witnesses that are gone for good', () => {
  test('are replaced, and what they left open is sealed', async (t) => {
    const world = await start(t)
    await world.untilSealed(3n)
    for (const index of witnesses(world).slice(0, 2)) await world.stop(index)
    await untilReset(world, 1)
    const head = world.node(0).chain.ledger.head().number
    await world.untilSealed(head + 5n, 200_000)
    assertSame(world, head + 5n)
    const seal = world.node(0).store.latestSeal() ?? assert.fail('sealed')
    assert.ok(attemptOf(seal.epoch) >= 1)
    assert.ok(lastOf(seal.seal) >= head)
  })

  test('leave a full window, which opens for the block that has them replaced', async (t) => {
    const world = await start(t, { parameters: { windowBlocks: 4 } })
    await world.untilSealed(2n)
    for (const index of witnesses(world).slice(0, 2)) await world.stop(index)
    await untilReset(world, 1)
    const head = world.node(0).chain.ledger.head().number
    await world.untilSealed(head + 5n, 200_000)
    assertSame(world, head + 5n)
  })

  test('are replaced again while those drawn are gone as well', async (t) => {
    const world = await start(t)
    await world.untilSealed(3n)
    world.tamper = (_from, _to, layer, message) => (layer === 'witness' ? [] : [message])
    await untilReset(world, 2)
    world.tamper = (_from, _to, _layer, message) => [message]
    const head = world.node(0).chain.ledger.head().number
    await world.untilSealed(head + 5n, 200_000)
    assertSame(world, head + 5n)
    const epochs = [0, 1, 2].map((attempt) => epochOf(0, attempt))
    for (const { index } of world.nodes) assert.deepEqual(witnessEpochs(world, index).slice(0, 3), epochs)
  })

  test('are replaced as often beyond the end of a cycle whose snapshot nobody sealed', async (t) => {
    const parameters = { cycleBlocks: 12, windowBlocks: 6, rangeBlocks: 4 }
    const world = await start(t, { parameters })
    await world.untilSealed(4n)
    world.tamper = (_from, _to, layer, message) => (layer === 'witness' ? [] : [message])
    await world.until('the next cycle', () => world.node(0).store.epochs('execution').length > 1, 120_000)
    assert.ok(sealedBy(world, 0) < 6n)
    world.tamper = (_from, _to, _layer, message) => [message]
    await world.untilSealed(30n, 400_000)
    assertSame(world, 30n)
  })

  test('come back too late: what they seal then is void', async (t) => {
    const world = await start(t, { followers: 4 })
    await world.untilSealed(3n)
    const { one, reunite } = isolateWitnesses(world)
    await world.run(3000)
    assert.ok(sealedBy(world, one) > sealedBy(world, 0))
    await untilOthersReset(world, one)
    reunite()
    const head = world.node(0).chain.ledger.head().number
    await world.untilSealed(head + 5n, 200_000)
    assertSame(world, head + 5n)
    assert.deepEqual(witnessEpochs(world, one).slice(0, 2), [epochOf(0), epochOf(0, 1)])
  })

  test('may have handed over already, which is void as well', async (t) => {
    const parameters = { cycleBlocks: 12, windowBlocks: 6, rangeBlocks: 4 }
    const world = await start(t, { followers: 4, parameters })
    await world.untilSealed(8n)
    const { one, reunite } = isolateWitnesses(world)
    await world.until('they hand over', () => witnessEpochs(world, one).length === 2)
    assert.deepEqual(witnessEpochs(world, one), [epochOf(0), epochOf(1)])
    await untilOthersReset(world, one)
    reunite()
    await world.untilSealed(40n, 400_000)
    assertSame(world, 40n)
    const epochs = [epochOf(0), epochOf(0, 1), epochOf(1, 1), epochOf(2)]
    for (const { index } of world.nodes) assert.deepEqual(witnessEpochs(world, index).slice(0, 4), epochs)
  })

  for (const isDurable of [false, true]) {
    test(`are replaced once by a node that crashes ${isDurable ? 'after' : 'before'} it writes so`, async (t) => {
      const crashing = 2
      let isArmed = true
      let reached = false
      const world = await start(t, {
        store: (index, store) => {
          if (index !== crashing) return store
          return withAddEpoch(store, async (start) => {
            const isReset = isArmed && start.layer === 'witness' && attemptOf(start.epoch) > 0
            if (!isReset || isDurable) await store.addEpoch(start)
            if (!isReset) return
            reached = true
            await new Promise(() => {})
          })
        },
      })
      await world.untilSealed(3n)
      for (const index of witnesses(world).slice(0, 2)) await world.stop(index)
      await world.until('it is about to', () => reached, 120_000)
      world.crash(crashing)
      isArmed = false
      await world.restart(crashing)
      const head = world.node(0).chain.ledger.head().number
      await world.untilSealed(head + 5n, 200_000)
      assertSame(world, head + 5n)
      assert.deepEqual(witnessEpochs(world, crashing), witnessEpochs(world, 0))
    })
  }

  test('are no riddle to nodes that were away, crashed or come late', async (t) => {
    const world = await start(t, { parameters: { cycleBlocks: 24, rangeBlocks: 4, windowBlocks: 8 } })
    const [late, away, crashed] = [15, 14, 1] as const
    await world.stop(late)
    await world.untilSealed(4n)
    await world.stop(away)
    for (const index of witnesses(world).slice(0, 2)) await world.stop(index)
    await untilReset(world, 1)
    world.crash(crashed)
    await world.restart(crashed)
    const head = world.node(0).chain.ledger.head().number
    await world.untilSealed(head + 2n, 200_000)
    for (const { index, isUp } of world.nodes) if (!isUp) await world.restart(index)
    await world.untilSealed(head + 30n, 400_000)
    assertSame(world, head + 30n)
    for (const { index } of world.nodes) {
      assert.deepEqual(witnessEpochs(world, index).slice(0, 2), [epochOf(0), epochOf(0, 1)])
    }
    const rules = {
      genesis: { number: 0n, hash: world.node(late).chain.ledger.hashOf(0n) ?? assert.fail('genesis') },
      parameters: world.parameters,
      registry: { at: () => world.registry },
      scheme: stubScheme,
    }
    const report = await checkElection(1, rules, storedElections(world.node(late).store))
    assert.equal(report.difference, undefined)
    const items = storedItems(world.node(late).store, rules.genesis, () => new Uint8Array())
    assert.throws(() => [...items], SealedChainResetError)
  })
})
