/**
 * What waits to be sent to one peer: a bounded queue for each class, emptied in the order of urgency.
 *
 * All streams to a peer share one connection, and what the connection has taken can no longer be overtaken. Therefore
 * large messages are handed over in chunks, each only when the connection has room again, and before each chunk the more
 * urgent queues are looked at: a vote waits for at most one chunk of a block in this process. (What the kernel holds is
 * bounded by the window of the stream, see `libp2p-host.ts`.)
 */
import { assert } from '../primitives/assert.ts'
import { concatBytes } from '../primitives/bytes.ts'
import { CLASSES_BY_URGENCY, MESSAGE_CLASSES, type MessageClass } from './message-classes.ts'

/** Bytes handed to a stream at once. One record of the encryption holds almost as much. */
export const CHUNK_SIZE = 64 * 1024

/** The part of a stream that sending needs. */
export interface ByteSink {
  /** Takes all bytes; `false` asks to wait until the sink calls for more ({@link Outbox.flush}). */
  send(bytes: Uint8Array): boolean
  /** Whether it asks to wait. */
  readonly isFull: boolean
}

interface Lane {
  readonly messageClass: MessageClass
  sink: ByteSink | undefined
  /** Framed messages; those before `first` are sent. */
  queue: Uint8Array[]
  first: number
  /** Bytes of the first message that are already sent. */
  sentOfFirst: number
  bytes: number
  /** When the queue last became shorter, or its first message came. */
  progressMs: number
}

export class Outbox {
  readonly #lanes: readonly Lane[]
  readonly #laneOf: ReadonlyMap<MessageClass, Lane>
  readonly #onDrop: (messageClass: MessageClass) => void
  readonly #nowMs: () => number
  #isFlushScheduled = false

  constructor(nowMs: () => number, onDrop: (messageClass: MessageClass) => void) {
    this.#lanes = CLASSES_BY_URGENCY.map((messageClass) => ({
      messageClass,
      sink: undefined,
      queue: [],
      first: 0,
      sentOfFirst: 0,
      bytes: 0,
      progressMs: 0,
    }))
    this.#laneOf = new Map(this.#lanes.map((lane) => [lane.messageClass, lane]))
    this.#onDrop = onDrop
    this.#nowMs = nowMs
  }

  /** Gives a class its stream, or takes it away; a message that was half sent is sent again from its beginning. */
  attach(messageClass: MessageClass, sink: ByteSink | undefined): void {
    const lane = this.#lane(messageClass)
    lane.sink = sink
    lane.sentOfFirst = 0
    this.#scheduleFlush()
  }

  hasSink(messageClass: MessageClass): boolean {
    return this.#lane(messageClass).sink !== undefined
  }

  /** @param framed with its length in front; shared between peers and not changed. `false` when it was dropped. */
  add(messageClass: MessageClass, framed: Uint8Array): boolean {
    const lane = this.#lane(messageClass)
    const { queueMessagesMax, queueBytesMax, whenFull } = MESSAGE_CLASSES[messageClass]
    const hasRoom = (): boolean =>
      lane.queue.length - lane.first < queueMessagesMax && lane.bytes + framed.length <= queueBytesMax
    while (!hasRoom()) {
      const isDropped = whenFull === 'drop-oldest' && dropOldest(lane)
      this.#onDrop(messageClass)
      if (!isDropped) return false
    }
    if (lane.first === lane.queue.length) lane.progressMs = this.#nowMs()
    lane.queue.push(framed)
    lane.bytes += framed.length
    this.#scheduleFlush()
    return true
  }

  /** Takes over what another outbox has not begun to send. */
  adopt(other: Outbox): void {
    for (const { messageClass, queue, first } of other.#lanes) {
      for (const framed of queue.slice(first)) this.add(messageClass, framed)
    }
  }

  /** Milliseconds since a queue with something in it last moved. */
  stalledMs(): number {
    const nowMs = this.#nowMs()
    const waiting = this.#lanes.filter(({ queue, first }) => first < queue.length)
    return Math.max(0, ...waiting.map(({ progressMs }) => nowMs - progressMs))
  }

  // Hot: once a message to each peer.
  /** Hands over as much as the streams take. */
  flush(): void {
    for (const lane of this.#lanes) {
      const { sink } = lane
      if (sink === undefined) continue
      while (!sink.isFull && lane.first < lane.queue.length) {
        const chunk = takeChunk(lane)
        lane.progressMs = this.#nowMs()
        if (!sink.send(chunk)) break
      }
    }
  }

  /** Messages of one turn of the event loop leave together: fewer records to encrypt, fewer packets. */
  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return
    this.#isFlushScheduled = true
    queueMicrotask(() => {
      this.#isFlushScheduled = false
      this.flush()
    })
  }

  #lane(messageClass: MessageClass): Lane {
    const lane = this.#laneOf.get(messageClass)
    assert(lane !== undefined, 'every class has a lane')
    return lane
  }
}

/** Drops the oldest message that is not half sent. */
function dropOldest(lane: Lane): boolean {
  const index = lane.sentOfFirst === 0 ? lane.first : lane.first + 1
  const dropped = lane.queue[index]
  if (dropped === undefined) return false
  lane.queue.splice(index, 1)
  lane.bytes -= dropped.length
  return true
}

/** Whole small messages together, or a part of a large one: at most {@link CHUNK_SIZE} bytes. */
function takeChunk(lane: Lane): Uint8Array {
  const parts: Uint8Array[] = []
  let size = 0
  while (lane.first < lane.queue.length && size < CHUNK_SIZE) {
    const message = lane.queue[lane.first] as Uint8Array
    const rest = message.length - lane.sentOfFirst
    // A message that does not fit begins a chunk of its own, unless it is one that needs several anyway.
    if (size > 0 && rest > CHUNK_SIZE - size) break
    const count = Math.min(rest, CHUNK_SIZE - size)
    parts.push(
      count === message.length ? message : message.subarray(lane.sentOfFirst, lane.sentOfFirst + count),
    )
    size += count
    if (count < rest) {
      lane.sentOfFirst += count
      break
    }
    lane.sentOfFirst = 0
    lane.bytes -= message.length
    lane.first++
  }
  compact(lane)
  return parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(...parts)
}

/** Removes what was sent from the front of the queue once that is cheap for each message. */
function compact(lane: Lane): void {
  if (lane.first < lane.queue.length && lane.first < 64) return
  lane.queue.splice(0, lane.first)
  lane.first = 0
}
