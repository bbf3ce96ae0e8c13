/** What a store can show to be final, and how seals extend the chain of randomness. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StoredSeal } from '../../../src/consensus/dual-bft/consensus-store.ts'
import { firstRandomness, nextRandomness } from '../../../src/consensus/election/randomness.ts'
import { GENESIS_VIEW, type Epoch, type View } from '../../../src/consensus/simplex/types.ts'
import { randomnessAfter, sealingPointOf } from '../../../src/consensus/witness-layer/randomness-of-seals.ts'
import { Executors, OwnChain } from './executors.ts'

describe('the proof that a block is final', () => {
  test('goes from the nearest certificate at or above down to the block', () => {
    const executors = new Executors()
    executors.order(6, 3)
    const chain = new OwnChain(executors)
    chain.growTo(5n)
    const heights = [1n, 2n, 3n, 4n, 5n, 6n].map((number) =>
      chain.proofOf(number)?.proposals.map(({ height }) => height),
    )
    // The fourth and the fifth are final by the sixth, which is not here yet.
    assert.deepEqual(heights, [[3, 2, 1], [3, 2], [3], undefined, undefined, undefined])
  })
})

describe('the chain of randomness', () => {
  const genesis = new Executors().genesisHash
  const reveal = new Uint8Array(96).fill(7)

  test('begins with genesis, and adds silence for every view that is skipped', () => {
    const start = sealingPointOf(undefined, 0 as Epoch, genesis)
    assert.deepEqual(start, { number: 0n, randomness: firstRandomness(genesis), view: GENESIS_VIEW })
    const silent = nextRandomness(nextRandomness(start.randomness, undefined), undefined)
    assert.equal(randomnessAfter(start, 1 as View, reveal), nextRandomness(start.randomness, reveal))
    assert.equal(randomnessAfter(start, 3 as View, reveal), nextRandomness(silent, reveal))
  })

  test('goes on from the last seal, and with views anew in another epoch', () => {
    const executors = new Executors()
    executors.order(3)
    const proposal = executors.proposalOf(3n)
    const seal = { first: 2n, blocks: [executors.hashOf(2n), executors.hashOf(3n)] }
    // Only what the point is made of.
    const latest = { epoch: 4, proposal, seal, randomness: genesis } as unknown as StoredSeal
    assert.deepEqual(sealingPointOf(latest, 4 as Epoch, genesis), {
      number: 3n,
      randomness: genesis,
      view: 3,
    })
    assert.deepEqual(sealingPointOf(latest, 5 as Epoch, genesis), {
      number: 3n,
      randomness: genesis,
      view: GENESIS_VIEW,
    })
  })
})
