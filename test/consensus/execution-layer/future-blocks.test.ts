/** Blocks from the future. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FutureBlocks } from '../../../src/consensus/execution-layer/future-blocks.ts'
import { ManualClock } from '../../support/manual-clock.ts'

describe('a block', () => {
  test('of the present, the past or the next two seconds is judged at once', () => {
    const clock = new ManualClock()
    const future = new FutureBlocks(clock)
    const now = BigInt(clock.nowMs()) / 1000n
    for (const timestamp of [0n, now, now + 2n]) {
      assert.equal(
        future.defer(timestamp, () => assert.fail('deferred')),
        false,
      )
    }
    assert.equal(clock.scheduledCount, 0)
  })

  test('of a later time is judged when two seconds are left', () => {
    const clock = new ManualClock()
    const future = new FutureBlocks(clock)
    let count = 0
    assert.equal(
      future.defer(BigInt(clock.nowMs()) / 1000n + 7n, () => (count += 1)),
      true,
    )
    clock.advance(4999)
    assert.equal(count, 0)
    clock.advance(1)
    assert.equal(count, 1)
  })

  test('waits with a few others only: who dates all blocks ahead shall not fill the memory', () => {
    const clock = new ManualClock()
    const future = new FutureBlocks(clock)
    const judged: number[] = []
    const timestamp = BigInt(clock.nowMs()) / 1000n + 7n
    for (let index = 0; index < 100; index++) future.defer(timestamp, () => judged.push(index))
    assert.equal(clock.scheduledCount, 16)
    clock.advance(5000)
    assert.deepEqual([judged.length, judged[0], judged.at(-1)], [16, 84, 99])
    future.stop()
  })

  test('of a far future is not waited for, and no other after a stop', () => {
    const clock = new ManualClock()
    const future = new FutureBlocks(clock)
    const now = BigInt(clock.nowMs()) / 1000n
    for (const timestamp of [now + 10n, now + 100n, (1n << 64n) - 1n]) {
      assert.equal(
        future.defer(timestamp, () => assert.fail('stopped')),
        true,
      )
    }
    assert.equal(clock.scheduledCount, 1)
    future.stop()
    assert.equal(clock.scheduledCount, 0)
  })
})
