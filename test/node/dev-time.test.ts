/** A development node's clock: it can be moved, and never falls behind the newest block. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DevTime, TimestampError } from '../../src/node/dev/dev-time.ts'

const START = 1_000_000n

function timeAt(seconds = START): DevTime {
  return new DevTime(() => Number(seconds) * 1_000 + 999)
}

test("a block says the machine's time, or a second after its parent", () => {
  const time = timeAt()
  assert.equal(time.next(START - 5n), START)
  assert.equal(time.next(START), START + 1n)
})

test('time that is added counts from blocks that ran ahead of the clock', () => {
  const time = timeAt()
  let head = START
  for (let block = 0; block < 10; block++) {
    head = time.next(head)
    time.onBlock(head)
  }
  assert.equal(head, START + 10n)
  time.increase(3_600n)
  assert.equal(time.next(head), head + 3_600n)
})

test('a timestamp that was set is used once, and time goes on from it', () => {
  const time = timeAt()
  time.setNext(START + 500n, START)
  assert.equal(time.next(START), START + 500n)
  time.onBlock(START + 500n)
  assert.equal(time.next(START + 400n), START + 500n)
  assert.throws(() => time.setNext(START, START), TimestampError)
})

test('blocks of a fixed interval do not move a clock that is ahead of them', () => {
  const time = timeAt()
  time.setBlockInterval(1n)
  assert.equal(time.next(START - 100n), START - 99n)
  time.onBlock(START - 99n)
  time.setBlockInterval(undefined)
  assert.equal(time.next(START - 99n), START)
})

test('an interval of 0 still puts every block after its parent', () => {
  const time = timeAt()
  time.setBlockInterval(0n)
  assert.equal(time.next(START), START + 1n)
})
