/** When witnesses rest, and when a rest ends by itself. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { View } from '../../../src/consensus/simplex/types.ts'
import {
  REPEAT_AFTER_MS,
  SealPacer,
  type SealProgress,
} from '../../../src/consensus/witness-layer/seal-pacer.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const LAST_NUMBER = 100n

function subject(intervalMs?: number) {
  const clock = new ManualClock()
  const log: string[] = []
  const pacer = new SealPacer(clock, {
    lastNumber: LAST_NUMBER,
    intervalMs,
    setPaused: (isPaused) => log.push(isPaused ? 'rest' : 'go on'),
    onRestOver: () => log.push('repeat'),
  })
  return { clock, log, pacer }
}

function sealedTo(number: bigint, view: number, isFinal: boolean): SealProgress {
  return { view: view as View, number, isFinal }
}

describe('a witness', () => {
  test('rests while all is sealed, and goes on with the next block', () => {
    const { clock, log, pacer } = subject()
    pacer.update(sealedTo(0n, 0, true), 0n)
    clock.advance(60_000)
    pacer.update(sealedTo(0n, 0, true), 1n)
    pacer.update(sealedTo(1n, 1, true), 1n)
    assert.deepEqual(log, ['rest', 'go on', 'rest'])
    assert.equal(clock.scheduledCount, 0)
  })

  test('goes on after a while when what is certified does not become final, and repeats it', () => {
    const { clock, log, pacer } = subject()
    const progress = sealedTo(5n, 3, false)
    pacer.update(progress, 5n)
    assert.equal(pacer.isRepeatDue(progress), false)
    clock.advance(REPEAT_AFTER_MS - 1)
    pacer.update(progress, 5n)
    assert.deepEqual(log, ['rest'])
    clock.advance(1)
    assert.deepEqual(log, ['rest', 'go on', 'repeat'])
    assert.ok(pacer.isRepeatDue(progress))
    pacer.update(progress, 5n)
    assert.deepEqual(log.length, 3)
    // The repeat, certified, begins a rest of its own.
    pacer.update(sealedTo(5n, 4, false), 5n)
    assert.equal(pacer.isRepeatDue(sealedTo(5n, 4, false)), false)
    clock.advance(REPEAT_AFTER_MS)
    assert.deepEqual(log.slice(3), ['rest', 'go on', 'repeat'])
  })

  test('does not repeat what became final meanwhile, nor when there is a new block', () => {
    const { clock, log, pacer } = subject()
    pacer.update(sealedTo(5n, 3, false), 5n)
    pacer.update(sealedTo(5n, 3, true), 5n)
    clock.advance(60_000)
    assert.deepEqual(log, ['rest'])
    pacer.update(sealedTo(6n, 4, false), 6n)
    pacer.update(sealedTo(6n, 4, false), 7n)
    clock.advance(60_000)
    assert.deepEqual(log, ['rest', 'go on'])
  })

  test('repeats the last seal of a cycle at once, whatever follows it in the next', () => {
    const { clock, log, pacer } = subject()
    pacer.update(sealedTo(90n, 3, true), LAST_NUMBER)
    pacer.update(sealedTo(LAST_NUMBER, 4, false), LAST_NUMBER + 7n)
    assert.ok(pacer.isRepeatDue(sealedTo(LAST_NUMBER, 4, false)))
    assert.deepEqual(log, [])
    pacer.update(sealedTo(LAST_NUMBER, 4, true), LAST_NUMBER + 9n)
    assert.deepEqual(log, ['rest'])
    assert.equal(clock.scheduledCount, 0)
  })

  test('that was stopped has no timers and does nothing', () => {
    const { clock, log, pacer } = subject()
    pacer.update(sealedTo(5n, 3, false), 5n)
    pacer.stop()
    pacer.update(sealedTo(5n, 3, false), 6n)
    assert.equal(clock.scheduledCount, 0)
    assert.deepEqual(log, ['rest'])
  })

  test('rests for the interval after a seal even when there is more to seal', () => {
    const { clock, log, pacer } = subject(120)
    pacer.update(sealedTo(0n, 0, true), 0n)
    pacer.update(sealedTo(0n, 0, true), 1n)
    assert.equal(pacer.mustWait, false)
    pacer.update(sealedTo(1n, 1, false), 3n)
    assert.ok(pacer.mustWait)
    clock.advance(119)
    pacer.update(sealedTo(1n, 1, true), 4n)
    assert.deepEqual(log, ['rest', 'go on', 'rest'])
    clock.advance(1)
    assert.equal(pacer.mustWait, false)
    pacer.update(sealedTo(1n, 1, true), 4n)
    assert.deepEqual(log, ['rest', 'go on', 'rest', 'repeat', 'go on'])
  })

  test('does not rest between seals where the next committees wait for the boundary', () => {
    const { log, pacer } = subject(120)
    pacer.update(sealedTo(90n, 0, true), LAST_NUMBER)
    pacer.update(sealedTo(95n, 1, true), LAST_NUMBER)
    assert.equal(pacer.mustWait, false)
    assert.deepEqual(log, [])
  })
})
