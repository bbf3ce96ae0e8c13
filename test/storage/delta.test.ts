/** Differences of values: they lead back, save bytes, and fail well when damaged. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { CorruptDatabaseError } from '../../src/storage/database-errors.ts'
import { applyDelta, encodeDelta } from '../../src/storage/delta.ts'

/** Two values of one size that differ in some places. */
const similar = fc
  .tuple(
    fc.uint8Array({ minLength: 1, maxLength: 700 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 80 }),
  )
  .map(([next, edits]) => {
    const previous = next.slice()
    for (const [at, byte] of edits) previous[at % next.length] = byte
    return { previous, next }
  })

describe('a difference of two values', () => {
  test('makes the one of the other, and is never longer', () => {
    fc.assert(
      fc.property(similar, ({ previous, next }) => {
        const delta = encodeDelta(previous, next)
        if (delta === undefined) return
        assert.deepEqual(applyDelta(delta, next), previous)
        assert.ok(delta.length < previous.length)
      }),
    )
  })

  test('takes two bytes and the hash for one of the hashes in a branch', () => {
    const next = new Uint8Array(532).fill(1)
    assert.equal(encodeDelta(next.slice().fill(2, 4, 36), next)?.length, 2 + 32)
    // The way to the last hash is too long for one byte.
    assert.equal(encodeDelta(next.slice().fill(2, 499, 531), next)?.length, 2 + 2 + 32)
    assert.deepEqual(encodeDelta(next, next), new Uint8Array(0))
  })

  test('is none when the sizes differ or nothing is saved', () => {
    assert.equal(encodeDelta(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2)), undefined)
    assert.equal(encodeDelta(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 4)), undefined)
  })

  test('that is damaged is refused or makes another value of the same size', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (delta, next) => {
        try {
          assert.equal(applyDelta(delta, next).length, next.length)
        } catch (error) {
          assert.ok(error instanceof CorruptDatabaseError, String(error))
        }
      }),
    )
  })
})
