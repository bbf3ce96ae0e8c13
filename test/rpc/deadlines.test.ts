/** Deadlines of many answers behind one timer. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Deadlines } from '../../src/rpc/deadlines.ts'
import { ManualClock } from '../support/manual-clock.ts'

class Late extends Error {}

function world(): { readonly clock: ManualClock; readonly deadlines: Deadlines } {
  const clock = new ManualClock()
  return { clock, deadlines: new Deadlines(clock, () => new Late()) }
}

test('a result in time is handed on, and so is a failure', async () => {
  const { clock, deadlines } = world()
  const deadlineMs = clock.nowMs() + 100
  assert.equal(await deadlines.within(Promise.resolve(7), deadlineMs), 7)
  await assert.rejects(deadlines.within(Promise.reject(new RangeError('no')), deadlineMs), RangeError)
})

test('each of several misses its own deadline, whatever their order', async () => {
  const { clock, deadlines } = world()
  const startMs = clock.nowMs()
  const settled: string[] = []
  const watch = (name: string, afterMs: number, result: Promise<unknown>): Promise<unknown> =>
    deadlines.within(result, startMs + afterMs).then(
      () => settled.push(`${name} in time`),
      (error: unknown) => settled.push(`${name} ${error instanceof Late ? 'late' : 'failed'}`),
    )
  const { promise: never } = Promise.withResolvers<never>()
  const { promise: slow, resolve } = Promise.withResolvers<void>()
  const all = [watch('a', 200, never), watch('b', 100, never), watch('c', 300, slow), watch('d', 300, never)]
  clock.advance(99)
  await Promise.resolve()
  assert.deepEqual(settled, [])
  clock.advance(1)
  await all[1]
  assert.deepEqual(settled, ['b late'])
  clock.advance(100)
  await all[0]
  resolve()
  await all[2]
  clock.advance(100)
  await all[3]
  assert.deepEqual(settled, ['b late', 'a late', 'c in time', 'd late'])
})

test('no timer stays when nobody waits', async () => {
  const { clock, deadlines } = world()
  let timers = 0
  const schedule = clock.schedule.bind(clock)
  clock.schedule = (delayMs, callback) => {
    timers++
    const cancel = schedule(delayMs, callback)
    return () => {
      timers--
      cancel()
    }
  }
  const results = [1, 2, 3].map((result) => deadlines.within(Promise.resolve(result), clock.nowMs() + 100))
  assert.equal(timers, 1)
  await Promise.all(results)
  assert.equal(timers, 0)
})
