/** More than a third of the witnesses are gone: others are drawn, as often as it takes. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { attemptOf, epochOf } from '../../../src/consensus/committees/committee.ts'
import { lastOf } from '../../../src/consensus/witness-layer/seal.ts'
import { assertSame, DualWorld, type WorldOptions } from './world.ts'

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

/** Until all but some nodes are in another attempt. */
async function untilOthersReset(world: DualWorld, some: ReadonlySet<number>): Promise<void> {
  const others = world.nodes.filter(({ index }) => !some.has(index))
  const isReset = ({ index }: { readonly index: number }): boolean => witnessEpochs(world, index).length > 1
  await world.until('others are drawn', () => others.some(isReset), 120_000)
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

  test('come back too late: what they seal then is void', async (t) => {
    const world = await start(t, { followers: 4 })
    await world.untilSealed(3n)
    // They agree among themselves, and nobody else hears of it until others were drawn.
    const old = new Set(witnesses(world))
    const held = new Set<() => void>()
    world.tamper = (from, to, layer, message) => {
      const isOld = old.has(from) && old.has(to)
      return layer === 'execution' || isOld || held.size > 0 ? [message] : []
    }
    await untilOthersReset(world, old)
    held.add(() => undefined)
    const head = world.node(0).chain.ledger.head().number
    await world.untilSealed(head + 5n, 200_000)
    assertSame(world, head + 5n)
    const [first, second] = world.node(0).store.epochs('witness')
    assert.deepEqual([first?.epoch, second?.epoch], [epochOf(0), epochOf(0, 1)])
  })

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
  })
})
