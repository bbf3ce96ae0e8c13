/** Resting while there is nothing to do. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { IdlePacer } from '../../../src/consensus/execution-layer/idle-pacer.ts'
import { ManualClock } from '../../support/manual-clock.ts'

function subject(): { pacer: IdlePacer; clock: ManualClock; log: string[] } {
  const clock = new ManualClock()
  const log: string[] = []
  const pacer = new IdlePacer(clock, 1000, (isPaused) => log.push(isPaused ? 'pause' : 'resume'), 80)
  return { pacer, clock, log }
}

describe('a member', () => {
  test('that does not rest makes its block at once', () => {
    const { pacer, log } = subject()
    pacer.hold(() => log.push('make'))
    pacer.wake()
    assert.deepEqual(log, ['make'])
  })

  test('that rests restarts the view before it makes the last block that was asked for', () => {
    const { pacer, log, clock } = subject()
    pacer.rest()
    pacer.hold(() => log.push('make the first'))
    pacer.hold(() => log.push('make the second'))
    pacer.wake()
    pacer.wake()
    assert.deepEqual(log, ['pause', 'resume', 'make the second'])
    assert.equal(clock.scheduledCount, 0)
  })

  test('rests no longer than to the heartbeat after the last block', () => {
    const { pacer, log, clock } = subject()
    pacer.rest()
    clock.advance(600)
    pacer.rest()
    clock.advance(999)
    assert.deepEqual(log, ['pause'])
    clock.advance(1)
    assert.deepEqual(log, ['pause', 'resume'])
    assert.equal(pacer.isResting, false)
  })

  test('waits for the rest of the interval even when there is work', () => {
    const { pacer, log, clock } = subject()
    pacer.began()
    clock.advance(30)
    pacer.restBriefly()
    pacer.hold(() => log.push('make'))
    clock.advance(49)
    pacer.onWork()
    assert.deepEqual(log, ['pause'])
    clock.advance(1)
    assert.deepEqual(log, ['pause', 'resume', 'make'])
  })

  test('does not wait when its last block took longer than the interval', () => {
    const { pacer, log, clock } = subject()
    pacer.began()
    clock.advance(80)
    pacer.restBriefly()
    pacer.hold(() => log.push('make'))
    assert.deepEqual(log, ['make'])
    assert.equal(clock.scheduledCount, 0)
  })

  test('that idles goes on with a transaction, but not sooner than the interval allows', () => {
    const { pacer, log, clock } = subject()
    pacer.began()
    pacer.rest()
    clock.advance(20)
    pacer.onWork()
    assert.deepEqual(log, ['pause'])
    clock.advance(60)
    assert.deepEqual(log, ['pause', 'resume'])
    pacer.rest()
    pacer.onWork()
    assert.deepEqual(log, ['pause', 'resume', 'pause', 'resume'])
  })

  test('that stops forgets what it held', () => {
    const { pacer, log, clock } = subject()
    pacer.rest()
    pacer.hold(() => log.push('make'))
    pacer.stop()
    pacer.wake()
    clock.advance(5000)
    assert.deepEqual(log, ['pause'])
  })
})
