/** A quorum of executors with a broken engine makes a block final that the witnesses refuse. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import { brokenEngine, FATAL_VALUE } from './broken-engine.ts'
import { assertSame, DualWorld, type WorldOptions } from './world.ts'

/** Of four executors. */
const BROKEN = [0, 1, 2]
const SIZES = { executors: 4, witnesses: 4, followers: 5, spares: 4 }

interface BrokenWorld {
  readonly world: DualWorld
  /** While true, the engines of {@link BROKEN} have their defect. */
  isBroken: boolean
}

async function start(t: TestContext, options: Partial<WorldOptions> = {}): Promise<BrokenWorld> {
  const result = { isBroken: true }
  const world = await DualWorld.start({
    ...SIZES,
    application: (index, chain) =>
      BROKEN.includes(index) ? brokenEngine(chain, () => result.isBroken) : chain,
    ...options,
  })
  t.after(async () => world.close())
  return Object.assign(result, { world })
}

/** Makes a block final that honest nodes refuse. */
async function provoke({ world }: BrokenWorld): Promise<bigint> {
  const transaction = await world.transfer(FATAL_VALUE)
  await world.until('a bad block is final', () => {
    const number = world.numberOf(0, transaction)
    return number !== undefined && world.node(0).chain.ledger.committed('final') >= number
  })
  return world.numberOf(0, transaction) ?? assert.fail('just seen')
}

function kindsOf(world: DualWorld, index: number): readonly string[] {
  return world.node(index).consensusEvents.map(({ kind }) => kind)
}

describe('a final block that the witnesses refuse', () => {
  test('is taken back by all, and other executors go on from the last sealed one', async (t) => {
    const broken = await start(t)
    const { world } = broken
    await world.untilSealed(3n)
    const bad = await provoke(broken)
    const badHash = world.node(0).chain.ledger.hashOf(bad)
    await world.untilSealed(bad + 4n, 60_000)
    assertSame(world, bad + 4n)
    const members = world.node(5).store.epochs('execution').at(-1)?.members ?? []
    for (const { chain, store, index, consensusEvents } of world.nodes) {
      assert.notEqual(chain.ledger.hashOf(bad), badHash)
      assert.equal(store.epochs('execution').at(-1)?.epoch, epochOf(0, 1))
      assert.deepEqual(store.epochs('execution').at(-1)?.members, members)
      assert.equal(store.certificatesOf(bad)?.epoch, epochOf(0, 1))
      assert.equal(store.sealOf(bad)?.seal.executionEpoch, epochOf(0, 1))
      const rejected = consensusEvents.find(({ kind }) => kind === 'rejected')
      assert.ok(rejected?.kind === 'rejected')
      assert.equal(rejected.wasFinal, BROKEN.includes(index))
    }
    assert.ok(kindsOf(world, 5).includes('refused'))
    assert.deepEqual(
      members.map((id) => world.indexOf(id)),
      [3, 9, 10, 11],
    )
  })
})
