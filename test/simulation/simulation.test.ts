/**
 * A few simulated worlds of every kind, as a part of the tests; `npm run simulate` runs as many as one likes. And the
 * proof that the checkers bite: every fault of `mutations.ts` is found.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BEHAVIOURS } from './byzantine/behaviours.ts'
import { MUTATIONS, mutatedOptions } from './mutations.ts'
import { World, type WorldOptions, type WorldResult } from './world.ts'

function runWorld(options: Partial<WorldOptions> & Pick<WorldOptions, 'seed'>): WorldResult {
  return new World({ nodes: 4, faults: 'all', profile: 'us-eu', ...options }).run()
}

function assertNoViolation({ seed, violation }: WorldResult): void {
  assert.equal(violation, undefined, `seed ${seed}: ${violation?.checker}: ${violation?.message}`)
}

/** Hundreds of blocks a second. */
const FAST = { syncDelayMs: 0, executionMs: 0, verificationMs: 0, jitterShare: 0.1 }

describe('worlds', () => {
  for (const nodes of [1, 4, 5, 6, 7]) {
    test(`of ${nodes} go through everything`, () => {
      for (let seed = 1; seed <= 12; seed++) assertNoViolation(runWorld({ seed, nodes }))
    })
  }

  test('of 21 do, too', () => assertNoViolation(runWorld({ seed: 3, nodes: 21 })))

  test('that span the globe do, too', () => {
    for (let seed = 1; seed <= 6; seed++) assertNoViolation(runWorld({ seed, profile: 'world' }))
  })

  test('in which nothing goes wrong make a block in every view', () => {
    const world = new World({ seed: 1, nodes: 4, faults: 'none', profile: 'us-eu', blocks: 50 })
    assertNoViolation(world.run())
    for (const { chain, core } of world.nodes) assert.ok((core?.view ?? Infinity) - chain.height <= 3)
  })

  for (const { name } of BEHAVIOURS) {
    test(`bear as many as can be borne that are ${name}`, () => {
      for (let seed = 1; seed <= 2; seed++)
        assertNoViolation(runWorld({ seed, nodes: 4, behaviours: [name] }))
      assertNoViolation(runWorld({ seed: 1, nodes: 7, behaviours: [name] }))
    })
  }

  test('let a node that was cut off for thousands of blocks catch up, without many requests', () => {
    const world = new World({
      seed: 1,
      nodes: 4,
      faults: 'none',
      profile: 'lan',
      plan: { ...FAST, healAtMs: 4000 },
    })
    world.schedule(300, 0, () => world.links.split([true, false, false, false]))
    assertNoViolation(world.run())
    const [straggler = assert.fail()] = world.nodes
    assert.ok(straggler.chain.height > 2000, `${straggler.chain.height} blocks`)
    assert.ok(straggler.requestCount < straggler.chain.height / 16, `${straggler.requestCount} requests`)
  })

  test('are the same for the same seed, and others for others', () => {
    const hashes = [7, 7, 8].map((seed) => runWorld({ seed, nodes: 7 }).hash)
    assert.equal(hashes[0], hashes[1])
    assert.notEqual(hashes[0], hashes[2])
  })
})

describe('a checker finds a core that', () => {
  const SEEDS_MAX = 60
  for (const mutation of MUTATIONS) {
    test(`${mutation.name}: ${mutation.fault}`, async () => {
      const options = await mutatedOptions(mutation)
      const first = mutation.firstSeed ?? 1
      for (let seed = first; seed < first + SEEDS_MAX; seed++) {
        if (runWorld({ ...options, seed }).violation !== undefined) return
      }
      assert.fail(`${SEEDS_MAX} worlds did not show it`)
    })
  }
})
