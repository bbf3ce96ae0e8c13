/**
 * A few worlds of both layers, as a part of the tests; `npm run simulate -- --nodes 4+7` runs as many as one likes. And the
 * proof that their checkers bite: every fault of `mutations.ts` is found.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadMutated } from '../subject.ts'
import type { WorldResult } from '../world.ts'
import { DUAL_BEHAVIOURS } from './behaviours.ts'
import { CALM, DUAL_MUTATIONS } from './mutations.ts'
import { DualWorld, type DualWorldOptions } from './world.ts'

function makeWorld(options: Partial<DualWorldOptions> & Pick<DualWorldOptions, 'seed'>): DualWorld {
  return new DualWorld({ executors: 4, witnesses: 7, faults: 'all', profile: 'us-eu', ...options })
}

function assertNoViolation({ seed, violation }: WorldResult): void {
  assert.equal(violation, undefined, `seed ${seed}: ${violation?.checker}: ${violation?.message}`)
}

describe('worlds of both layers', () => {
  test('go through everything', async () => {
    for (let seed = 1; seed <= 2; seed++) assertNoViolation(await makeWorld({ seed }).run())
  })

  test('span the globe, with committees of the public network', async () => {
    const sizes = { executors: 21, witnesses: 51, blocks: 3 }
    const world = makeWorld({ ...sizes, seed: 1, faults: 'none', profile: 'world' })
    assertNoViolation(await world.run())
  })

  test('change committees again and again while the network is cut in two', async () => {
    const parameters = { cycleBlocks: 6, windowBlocks: 4 }
    const plan = { ...CALM, partitionEveryMs: 800 }
    assertNoViolation(await makeWorld({ seed: 1, parameters, plan }).run())
  })

  test('stop at the end of the window while too many witnesses are away, and go on when they are back', async () => {
    const plan = { ...CALM, outageAtMs: 1500, outageMs: 2500, healAtMs: 6000 }
    const world = makeWorld({ seed: 2, plan, behaviours: [] })
    const lead = (): number => {
      const heights = world.honest.map(({ ledger }) => ledger.height('final') - ledger.height('sealed'))
      return Math.max(...heights)
    }
    let leadWhileAway = 0
    world.schedule(3900, 0, () => {
      leadWhileAway = lead()
    })
    assertNoViolation(await world.run())
    assert.equal(leadWhileAway, world.parameters.windowBlocks)
  })

  test('take a block back that a quorum of executors is wrong about, and go on with others', async () => {
    const lines: string[] = []
    const plan = { ...CALM, isCollusion: true }
    const world = makeWorld({ seed: 1, plan, behaviours: [], onTrace: (line) => lines.push(line) })
    assertNoViolation(await world.run())
    assert.ok(lines.some((line) => line.includes('takes blocks above')))
    assert.ok(lines.some((line) => /enters epoch (1|257|513) of the execution layer/.test(line)))
  })

  for (const { name } of DUAL_BEHAVIOURS) {
    test(`bear as many as can be borne that are ${name}`, async () => {
      const plan = { ...CALM, healAtMs: 2000 }
      assertNoViolation(await makeWorld({ seed: 1, plan, behaviours: [name], blocks: 20 }).run())
    })
  }

  test('are the same for the same seed, and others for others', async () => {
    const run = async (seed: number): Promise<string> => (await makeWorld({ seed }).run()).hash
    const [first, again, other] = [await run(7), await run(7), await run(8)]
    assert.equal(first, again)
    assert.notEqual(first, other)
  })
})

describe('a checker finds a composition that', () => {
  const SEEDS_MAX = 30
  for (const { name, fault, edits, firstSeed = 1, options } of DUAL_MUTATIONS) {
    test(`${name}: ${fault}`, async () => {
      const subject = await loadMutated(name, edits)
      for (let seed = firstSeed; seed < firstSeed + SEEDS_MAX; seed++) {
        const { violation } = await makeWorld({ ...options, subject, seed }).run()
        if (violation !== undefined) return
      }
      assert.fail(`${SEEDS_MAX} worlds did not show it`)
    })
  }
})
