/** What is sent first, in which pieces, and what is dropped when a peer does not read. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { frame } from '../../src/network/framing.ts'
import { MESSAGE_CLASSES, type MessageClass } from '../../src/network/message-classes.ts'
import { CHUNK_SIZE, Outbox, type ByteSink } from '../../src/network/outbox.ts'
import { concatBytes } from '../../src/primitives/bytes.ts'

/** A stream that takes a number of chunks and then asks to wait. */
class Sink implements ByteSink {
  readonly chunks: Uint8Array[] = []
  readonly #log: string[]
  readonly #name: string
  room: number

  constructor(name: string, room: number, log: string[] = []) {
    this.#name = name
    this.room = room
    this.#log = log
  }

  get isFull(): boolean {
    return this.room <= 0
  }

  send(bytes: Uint8Array): boolean {
    assert.ok(!this.isFull, 'nothing is sent to a full stream')
    this.chunks.push(bytes.slice())
    this.#log.push(this.#name)
    this.room--
    return !this.isFull
  }

  get bytes(): Uint8Array {
    return concatBytes(...this.chunks)
  }
}

interface World {
  readonly outbox: Outbox
  readonly drops: MessageClass[]
  nowMs: number
}

function world(): World {
  const drops: MessageClass[] = []
  const result: World = {
    outbox: new Outbox(
      () => result.nowMs,
      (messageClass) => drops.push(messageClass),
    ),
    drops,
    nowMs: 0,
  }
  return result
}

const message = (size: number, fill: number): Uint8Array => frame(new Uint8Array(size).fill(fill))

describe('an outbox', () => {
  test('sends votes before blocks before sync, whatever came first', () => {
    const { outbox } = world()
    const order: string[] = []
    for (const name of ['sync', 'blocks', 'votes'] as const) {
      outbox.attach(name, new Sink(name, 10, order))
      outbox.add(name, message(10, 1))
    }
    outbox.flush()
    assert.deepEqual(order, ['votes', 'blocks', 'sync'])
  })

  test('lets a vote overtake a block between two chunks', () => {
    const { outbox } = world()
    const blocks = new Sink('blocks', 1)
    const votes = new Sink('votes', 10)
    outbox.attach('blocks', blocks)
    outbox.attach('votes', votes)
    const block = message(5 * CHUNK_SIZE, 7)
    outbox.add('blocks', block)
    outbox.flush()
    assert.equal(blocks.bytes.length, CHUNK_SIZE)
    outbox.add('votes', message(100, 1))
    outbox.flush()
    assert.equal(votes.chunks.length, 1)
    assert.equal(blocks.chunks.length, 1)
    blocks.room = 100
    outbox.flush()
    assert.deepEqual(blocks.bytes, block)
  })

  test('puts small messages of one turn into one chunk', async () => {
    const { outbox } = world()
    const votes = new Sink('votes', 10)
    outbox.attach('votes', votes)
    const messages = Array.from({ length: 20 }, (_, i) => message(100, i))
    for (const framed of messages) outbox.add('votes', framed)
    await Promise.resolve()
    assert.equal(votes.chunks.length, 1)
    assert.deepEqual(votes.bytes, concatBytes(...messages))
  })

  test('drops the oldest votes when the queue is full, and refuses sync', () => {
    const { outbox, drops } = world()
    const max = MESSAGE_CLASSES.votes.queueMessagesMax
    for (let i = 0; i < max + 3; i++) assert.equal(outbox.add('votes', message(4, i % 251)), true)
    assert.deepEqual(drops, ['votes', 'votes', 'votes'])
    const votes = new Sink('votes', 1e6)
    outbox.attach('votes', votes)
    outbox.flush()
    assert.deepEqual(votes.bytes.subarray(0, 8), message(4, 3))
    const half = message(MESSAGE_CLASSES.sync.queueBytesMax / 2, 0)
    assert.equal(outbox.add('sync', half), true)
    assert.equal(outbox.add('sync', half), false, 'a length in front is too much')
    assert.deepEqual(drops.slice(3), ['sync'])
  })

  test('keeps the block that it has begun to send', () => {
    const { outbox, drops } = world()
    const blocks = new Sink('blocks', 1)
    outbox.attach('blocks', blocks)
    const first = message(3 * CHUNK_SIZE, 1)
    outbox.add('blocks', first)
    outbox.flush()
    for (let i = 0; i < MESSAGE_CLASSES.blocks.queueMessagesMax; i++) outbox.add('blocks', message(8, 2))
    assert.equal(drops.length, 1)
    blocks.room = 1e6
    outbox.flush()
    assert.deepEqual(blocks.bytes.subarray(0, first.length), first)
  })

  test('begins a message again on a new stream', () => {
    const { outbox } = world()
    outbox.attach('blocks', new Sink('broken', 1))
    const block = message(2 * CHUNK_SIZE, 3)
    outbox.add('blocks', block)
    outbox.flush()
    outbox.attach('blocks', undefined)
    outbox.flush()
    const next = new Sink('next', 100)
    outbox.attach('blocks', next)
    outbox.flush()
    assert.deepEqual(next.bytes, block)
  })

  test('passes on what it has not sent', () => {
    const { outbox } = world()
    const successor = world().outbox
    const messages = [message(5, 1), message(5, 2)]
    for (const framed of messages) outbox.add('votes', framed)
    successor.adopt(outbox)
    const votes = new Sink('votes', 10)
    successor.attach('votes', votes)
    successor.flush()
    assert.deepEqual(votes.bytes, concatBytes(...messages))
  })

  test('notices a peer that does not read, and only that', () => {
    const it = world()
    it.nowMs = 1000
    assert.equal(it.outbox.stalledMs(), 0)
    it.outbox.add('votes', message(5, 1))
    it.nowMs = 4000
    assert.equal(it.outbox.stalledMs(), 3000)
    const votes = new Sink('votes', 10)
    it.outbox.attach('votes', votes)
    it.outbox.flush()
    assert.equal(it.outbox.stalledMs(), 0)
    it.nowMs = 9000
    it.outbox.add('votes', message(5, 1))
    assert.equal(it.outbox.stalledMs(), 0)
  })
})
