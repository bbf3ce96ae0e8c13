/** Floods are dropped and blamed; too many bytes and busy receivers slow the sender down; half messages run out of time. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { frame } from '../../src/network/framing.ts'
import { Allowance, Inbox } from '../../src/network/inbox.ts'
import { MESSAGE_CLASSES, type MessageClass } from '../../src/network/message-classes.ts'
import { NetworkCounters } from '../../src/network/network-counters.ts'
import type { Offence } from '../../src/network/peer-scores.ts'
import { ManualClock } from '../support/manual-clock.ts'

describe('an inbox', () => {
  let clock: ManualClock
  let messages: Uint8Array[]
  let offences: Offence[]
  let calls: string[]
  let pending: Promise<void> | undefined
  let counters: NetworkCounters

  beforeEach(() => {
    clock = new ManualClock()
    messages = []
    offences = []
    calls = []
    pending = undefined
    counters = new NetworkCounters()
  })

  function inboxOf(
    messageClass: MessageClass,
    allowance = new Allowance(messageClass, clock.nowMs()),
  ): Inbox {
    return new Inbox(
      {
        messageClass,
        allowance,
        clock,
        counters: counters.classes[messageClass],
        deliver: (message) => {
          messages.push(message)
          return pending
        },
        offend: (offence) => offences.push(offence),
      },
      { pause: () => calls.push('pause'), resume: () => calls.push('resume') },
    )
  }

  /** Lets what awaits go on. */
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 8; i++) await Promise.resolve()
  }

  test('drops what exceeds the rate of messages, and blames each', () => {
    const inbox = inboxOf('votes')
    const { messagesBurst } = MESSAGE_CLASSES.votes
    for (let i = 0; i < messagesBurst + 5; i++) inbox.receive(frame(Uint8Array.of(1)))
    assert.equal(messages.length, messagesBurst)
    assert.deepEqual(
      offences,
      Array.from({ length: 5 }, () => 'flood'),
    )
    assert.equal(counters.classes.votes.droppedInbound, 5)
    clock.advance(1000)
    inbox.receive(frame(Uint8Array.of(1)))
    assert.equal(messages.length, messagesBurst + 1)
  })

  test('gives a new stream no new allowance', () => {
    const allowance = new Allowance('votes', clock.nowMs())
    const { messagesBurst } = MESSAGE_CLASSES.votes
    for (let i = 0; i < messagesBurst; i++) inboxOf('votes', allowance).receive(frame(Uint8Array.of(1)))
    inboxOf('votes', allowance).receive(frame(Uint8Array.of(1)))
    assert.deepEqual(offences, ['flood'])
  })

  test('reads no faster than the rate of bytes, without blame', async () => {
    const inbox = inboxOf('sync')
    const { bytesBurst, bytesPerSecond } = MESSAGE_CLASSES.sync
    const size = 8 * 1024 * 1024
    const framed = frame(new Uint8Array(size))
    const count = bytesBurst / size
    for (let i = 0; i < count; i++) inbox.receive(framed)
    assert.deepEqual([messages.length, calls], [count, ['pause']])
    inbox.receive(framed)
    assert.equal(messages.length, count, 'what arrives in a pause waits')
    // The lengths in front of the messages are what is owed.
    clock.advance(Math.ceil((count * 4 * 1000) / bytesPerSecond))
    await settle()
    assert.equal(messages.length, count + 1)
    clock.advance(1000)
    await settle()
    assert.deepEqual([calls.at(-1), offences], ['resume', []])
  })

  test('waits for a busy receiver', async () => {
    const inbox = inboxOf('blocks')
    const { promise, resolve } = Promise.withResolvers<void>()
    pending = promise
    inbox.receive(frame(Uint8Array.of(1)))
    inbox.receive(frame(Uint8Array.of(2)))
    assert.deepEqual([messages.length, calls], [1, ['pause']])
    pending = undefined
    resolve()
    await settle()
    assert.deepEqual([messages.length, calls], [2, ['pause', 'resume']])
  })

  test('closes at a message that is too long', () => {
    const inbox = inboxOf('votes')
    inbox.receive(Uint8Array.of(0x7f, 0, 0, 0))
    inbox.receive(frame(Uint8Array.of(1)))
    assert.deepEqual([offences, messages], [['oversize'], []])
  })

  test('notices a message that does not end, but not one that it paused itself', async () => {
    const inbox = inboxOf('votes')
    const { messageTimeoutMs } = MESSAGE_CLASSES.votes
    inbox.receive(frame(Uint8Array.of(1, 2, 3)).subarray(0, 5))
    clock.advance(messageTimeoutMs)
    assert.equal(inbox.isLate(clock.nowMs()), false)
    // A byte now and then does not help.
    inbox.receive(Uint8Array.of(2))
    clock.advance(1)
    assert.equal(inbox.isLate(clock.nowMs()), true)
    inbox.receive(Uint8Array.of(3))
    assert.equal(inbox.isLate(clock.nowMs()), false)

    const { promise, resolve } = Promise.withResolvers<void>()
    pending = promise
    inbox.receive(new Uint8Array([...frame(Uint8Array.of(1)), 0, 0]))
    clock.advance(10 * messageTimeoutMs)
    assert.equal(inbox.isLate(clock.nowMs()), false)
    resolve()
    await settle()
    assert.equal(inbox.isLate(clock.nowMs()), false)
    clock.advance(messageTimeoutMs + 1)
    assert.equal(inbox.isLate(clock.nowMs()), true)
  })
})
