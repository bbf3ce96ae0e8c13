/** Elections: exact, fair as far as a draw can be, and the same for everybody. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { toHash, ZERO_HASH } from '../../../src/primitives/bytes.ts'
import {
  committerOf,
  electExecutors,
  ElectionError,
  electWitnesses,
  witnessPool,
  type ContributorNode,
  type NodeId,
} from '../../../src/consensus/election/election.ts'
import {
  Draws,
  firstRandomness,
  nextRandomness,
  REVEAL_SIZE,
  revealMessage,
  seedOf,
} from '../../../src/consensus/election/randomness.ts'

const SEED = toHash(`0x${'5e'.repeat(32)}`)

function idOf(index: number): NodeId {
  return `0x${index.toString(16).padStart(96, '0')}`
}

function contributors(points: readonly bigint[]): readonly ContributorNode[] {
  return points.map((value, index) => ({ id: idOf(index), points: value, isJailed: false }))
}

describe('executors', () => {
  test('are the nodes with the most stake, ties by id', () => {
    const nodes = [5n, 9n, 0n, 9n, 7n].map((stake, index) => ({ id: idOf(index), stake }))
    assert.deepEqual(
      electExecutors(nodes, 3).map(({ id }) => id),
      [idOf(1), idOf(3), idOf(4)],
    )
    assert.deepEqual(
      electExecutors(nodes.toReversed(), 3).map(({ id }) => id),
      [idOf(1), idOf(3), idOf(4)],
    )
  })

  test('cannot be fewer than the seats', () => {
    assert.throws(() => electExecutors([{ id: idOf(1), stake: 0n }], 1), ElectionError)
  })
})

describe('witnesses', () => {
  test('come from the better half, or from as many as there are seats', () => {
    const nodes = contributors([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n])
    assert.deepEqual(
      witnessPool(nodes, 2).map(({ points }) => points),
      [8n, 7n, 6n, 5n],
    )
    assert.equal(witnessPool(nodes, 6).length, 6)
  })

  test('hold one seat each, never while jailed, whatever the order of the input', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(0n, 1000n), { minLength: 8, maxLength: 40 }),
        fc.nat(),
        (points, jailed) => {
          const nodes = contributors(points).map((node, index) => ({
            ...node,
            isJailed: index === jailed % points.length,
          }))
          const eligible = nodes.filter((node) => node.points > 0n && !node.isJailed)
          fc.pre(eligible.length >= 4)
          const elected = electWitnesses(nodes, 4, SEED)
          assert.equal(new Set(elected).size, 4)
          for (const id of elected) assert.ok(eligible.some((node) => node.id === id))
          assert.deepEqual(electWitnesses(nodes.toReversed(), 4, SEED), elected)
        },
      ),
    )
  })

  test('are drawn in proportion to their points', () => {
    const nodes = contributors([700n, 200n, 100n, 1n, 1n, 1n])
    const first = new Map<NodeId, number>()
    const rounds = 3000
    for (let round = 0; round < rounds; round++) {
      const [id] = electWitnesses(nodes, 1, seedOf(ZERO_HASH, BigInt(round)))
      first.set(id as NodeId, (first.get(id as NodeId) ?? 0) + 1)
    }
    // The pool is the better half; three standard deviations are below 2.6 % of the rounds.
    for (const [index, share] of [0.7, 0.2, 0.1].entries()) {
      assert.ok(Math.abs((first.get(idOf(index)) ?? 0) / rounds - share) < 0.026, `node ${index}`)
    }
  })

  test('of a fixed seed are these: the protocol is frozen', () => {
    const elected = electWitnesses(
      contributors([90n, 80n, 70n, 60n, 50n, 40n, 30n, 20n, 10n, 9n, 8n, 7n]),
      4,
      SEED,
    )
    assert.deepEqual(
      elected.map((id) => Number(BigInt(id))),
      [2, 4, 5, 0],
    )
    assert.equal(committerOf(elected, 5n), elected[1])
  })

  test('cannot be fewer than the seats', () => {
    assert.throws(
      () => electWitnesses(contributors([1n, 0n]), 2, SEED),
      /1 contributor nodes with points for 2 seats/,
    )
  })
})

describe('randomness', () => {
  test('is a chain in which every link and every silence counts', () => {
    const start = firstRandomness(SEED)
    const reveal = new Uint8Array(REVEAL_SIZE).fill(1)
    const links = [
      nextRandomness(start, reveal),
      nextRandomness(start, undefined),
      nextRandomness(SEED, reveal),
    ]
    assert.equal(new Set([start, ...links]).size, 4)
    assert.notEqual(seedOf(start, 1n), seedOf(start, 2n))
    assert.throws(() => nextRandomness(start, new Uint8Array(48)), /compressed point of G2/)
  })

  test('asks each slot to sign its own message', () => {
    assert.notDeepEqual(revealMessage(1n, 2n), revealMessage(2n, 1n))
    assert.equal(revealMessage(1n, 2n).length, 25)
  })

  test('draws are below their bound and even', () => {
    const draws = new Draws(SEED)
    const counts = [0, 0, 0, 0, 0, 0]
    for (let i = 0; i < 6000; i++) {
      const value = Number(draws.below(6n))
      counts[value] = (counts[value] as number) + 1
    }
    for (const count of counts) assert.ok(Math.abs(count - 1000) < 120, counts.join(' '))
  })
})
