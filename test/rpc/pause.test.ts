/** Long work gives others a turn and ends with its deadline. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { RpcError } from '../../src/rpc/errors.ts'
import { pauseOf } from '../../src/rpc/pause.ts'
import { ManualClock } from '../support/manual-clock.ts'

test('others get a turn once a while has passed, not before', async () => {
  const clock = new ManualClock()
  const pause = pauseOf({ clock, deadlineMs: clock.nowMs() + 1000 })
  let turns = 0
  const work = async (): Promise<void> => {
    setImmediate(() => turns++)
    await pause()
  }
  await work()
  assert.equal(turns, 0)
  clock.advance(30)
  await work()
  assert.equal(turns, 2)
})

test('work that nobody waits for ends', async () => {
  const clock = new ManualClock()
  const pause = pauseOf({ clock, deadlineMs: clock.nowMs() + 1000 })
  clock.advance(1001)
  await assert.rejects(pause, RpcError)
})
