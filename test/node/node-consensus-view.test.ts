/** The node's view of consensus: what the store and the registry hold, put together as users ask for it. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { epochOf } from '../../src/consensus/committees/committee.ts'
import { electSeats } from '../../src/consensus/committees/schedule.ts'
import { seedOf } from '../../src/consensus/election/randomness.ts'
import { isWellFormed, signersOf } from '../../src/consensus/simplex/certificate.ts'
import { lastOf } from '../../src/consensus/witness-layer/seal.ts'
import { NO_HASH, type View } from '../../src/consensus/simplex/types.ts'
import { present } from '../../src/primitives/assert.ts'
import { consensusWorld, PLAN, type ConsensusWorld } from '../support/consensus-world.ts'

let world: ConsensusWorld
before(async () => {
  world = await consensusWorld()
})

const sealedBlocks = (): bigint[] => Array.from({ length: PLAN.blocks }, (_, index) => BigInt(index + 1))

describe('certificates', () => {
  it('of every final block are of its committee, its own or those of a descendant', () => {
    const heights = { own: 0, later: 0 }
    for (const number of sealedBlocks()) {
      const found = present(world.view.executionOf(number), `block ${number}`)
      const { committee, finality, notarization, proposal } = found
      assert.equal(proposal.height, Number(number))
      assert.equal(committee.epoch, epochOf(Number((number - 1n) / BigInt(PLAN.parameters.cycleBlocks))))
      assert.ok(notarization === undefined || notarization.hash === proposal.hash)
      assert.ok(finality !== undefined && isWellFormed(finality.certificate, committee.shape))
      assert.ok(finality.height >= proposal.height)
      if (finality.height === proposal.height) {
        heights.own++
        assert.equal(finality.certificate.hash, proposal.hash)
      } else heights.later++
    }
    assert.ok(heights.own > 0 && heights.later > 0, 'the plan has both')
    assert.equal(world.view.executionOf(10_000n), undefined)
  })

  it('of a seal cover the block, and name whose turn it was', () => {
    for (const number of sealedBlocks()) {
      const found = present(world.view.sealOf(number), `block ${number}`)
      const { committee, committer, finality, proposal, seal } = found
      assert.ok(seal.first <= number && number <= lastOf(seal))
      assert.equal(committer, committee.members[proposal.view % committee.members.length])
      assert.ok(finality !== undefined && finality.height >= proposal.height)
      for (const signer of signersOf(finality.certificate.bitmap))
        assert.ok(signer < committee.members.length)
    }
    assert.equal(world.view.sealOf(BigInt(PLAN.blocks + 1)), undefined)
  })
})

describe('a cycle', () => {
  it('tells who was elected, from what, and for which blocks', () => {
    const { maker, view } = world
    assert.equal(view.latestCycle(), 2)
    for (const cycle of [0, 1, 2]) {
      const { executors, first, last, randomness, seed, snapshot, witnesses } = present(
        view.cycle(cycle),
        'cycle',
      )
      assert.deepEqual([first, last], [BigInt(cycle * 20 + 1), BigInt(cycle * 20 + 20)])
      assert.equal(snapshot, cycle === 0 ? 0n : BigInt(cycle * 20 - 8))
      assert.ok(randomness !== undefined)
      assert.equal(seed, seedOf(randomness, BigInt(cycle)))
      // Whoever has the answer can repeat the election.
      const seats = electSeats(maker.nodes, PLAN.parameters, cycle, randomness)
      assert.deepEqual(
        [executors, witnesses].map((list) => list.map(({ committee }) => committee.members)),
        [[seats.executors], [seats.witnesses]],
      )
      for (const { id, points, stake } of [...executors, ...witnesses].flatMap(({ members }) => members)) {
        const node = maker.nodes.find((registered) => registered.id === id)
        assert.deepEqual([stake, points], [node?.stake, node?.points])
      }
    }
    assert.equal(view.cycle(3), undefined)
  })
})

describe('what runs', () => {
  it('is behind as long as consensus says so', () => {
    const { running, view } = world
    assert.equal(view.syncing(), undefined)
    running.isSynced = false
    const head = BigInt(PLAN.blocks)
    assert.deepEqual(view.syncing(), { startingBlock: head, highestBlock: head })
    running.isSynced = true
  })

  it('halts once, for the first reason, and tells whoever listens', async () => {
    const { view } = await consensusWorld()
    const heard: string[] = []
    const stop = view.subscribe(({ kind }) => heard.push(kind))
    assert.equal(view.halted(), undefined)
    view.onEvent({ kind: 'sealed', first: 1n, last: 2n })
    view.onEvent({ kind: 'halted', layer: 'witness', reason: { kind: 'logFailed' } })
    const certificate = {
      kind: 'finalize',
      view: 1 as View,
      hash: NO_HASH,
      bitmap: new Uint8Array(1),
      signature: new Uint8Array(96),
    } as const
    const reason = { kind: 'conflictingCertificates', first: certificate, second: certificate } as const
    view.onEvent({ kind: 'halted', layer: 'execution', reason })
    assert.equal(view.halted(), 'the witness layer halted: its log could not be written')
    stop()
    view.onEvent({ kind: 'sealed', first: 3n, last: 3n })
    assert.deepEqual(heard, ['sealed', 'halted', 'halted'])
  })
})
