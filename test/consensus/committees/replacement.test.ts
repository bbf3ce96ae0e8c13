/** Who replaces executors, and how epochs are numbered when committees are replaced. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  attemptOf,
  cycleOfEpoch,
  epochAfterCycle,
  epochOf,
  nextAttempt,
  slotOf,
} from '../../../src/consensus/committees/committee.ts'
import type { RegisteredNode } from '../../../src/consensus/committees/registry.ts'
import { replaceExecutors } from '../../../src/consensus/committees/replacement.ts'
import { electExecutors, ElectionError } from '../../../src/consensus/election/election.ts'
import type { View } from '../../../src/consensus/simplex/types.ts'
import { bytesToHex, EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import { addressOf } from '../../support/small-world.ts'

const SEATS = 4
const QUORUM = 3

/** Stakes of some may be the same, or nothing. */
function nodes(stakes: readonly number[], isJailed = false): RegisteredNode[] {
  return stakes.map((stake, index) => ({
    id: bytesToHex(new Uint8Array(48).fill(index)),
    proofOfPossession: EMPTY_BYTES,
    stake: BigInt(stake),
    points: 0n,
    isJailed,
    payout: addressOf(index),
  }))
}

const names = (ids: readonly string[]): readonly number[] => ids.map((id) => Number(id.slice(0, 4)))

describe('who replaces executors', () => {
  const registry = nodes([90, 80, 70, 60, 50, 40, 30, 0])
  const first = electExecutors(registry, SEATS).map(({ id }) => id)

  test('is who did not sign, and the next by stake', () => {
    assert.deepEqual(names(replaceExecutors(registry, first, [0, 1, 3])), [2, 4, 5, 6])
  })

  test('is nobody jailed or without stake', () => {
    const [prisoner] = nodes([65], true)
    const others = [
      ...registry,
      { ...(prisoner ?? assert.fail('a node')), id: bytesToHex(new Uint8Array(48).fill(9)) },
    ]
    assert.deepEqual(names(replaceExecutors(others, first, [0, 1, 3])), [2, 4, 5, 6])
  })

  test('cannot be told when too few are left', () => {
    assert.throws(() => replaceExecutors(registry, first, [0, 1, 2, 3]), ElectionError)
  })

  test('is never one who was put out before in the same cycle', () => {
    const stakes = fc.array(fc.nat({ max: 9 }), { minLength: SEATS, maxLength: 40 })
    const quorums = fc.array(fc.shuffledSubarray([0, 1, 2, 3], { minLength: QUORUM }), { maxLength: 12 })
    fc.assert(
      fc.property(stakes, quorums, (stakes, rejected) => {
        const registry = nodes(stakes.map((stake) => stake + 1))
        let members = electExecutors(registry, SEATS).map(({ id }) => id)
        const out = new Set<string>()
        for (const signers of rejected) {
          for (const signer of signers) out.add(members[signer] ?? assert.fail('a member'))
          const left = registry.filter(({ id }) => !out.has(id))
          if (left.length < SEATS) {
            assert.throws(() => replaceExecutors(registry, members, signers), ElectionError)
            return
          }
          members = [...replaceExecutors(registry, members, signers)]
          assert.deepEqual(
            members,
            electExecutors(left, SEATS).map(({ id }) => id),
          )
        }
      }),
    )
  })
})

describe('epochs', () => {
  test('count cycles, and within them attempts', () => {
    const epoch = nextAttempt(nextAttempt(epochOf(7)))
    assert.deepEqual([cycleOfEpoch(epoch), attemptOf(epoch)], [7, 2])
  })

  test('of the next cycle were not used by who followed a committee that was replaced', () => {
    assert.equal(epochAfterCycle(epochOf(7), epochOf(7)), epochOf(8))
    assert.equal(epochAfterCycle(epochOf(7), epochOf(7, 2)), epochOf(8, 2))
    assert.equal(epochAfterCycle(epochOf(8, 2), epochOf(8, 2)), epochOf(9))
    assert.equal(epochAfterCycle(epochOf(8, 2), epochOf(8, 3)), epochOf(9, 3))
  })

  test('have slots of their own', () => {
    assert.equal(slotOf(epochOf(7), 5 as View), 5n)
    assert.notEqual(slotOf(epochOf(7, 1), 5 as View), 5n)
  })
})
