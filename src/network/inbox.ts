/**
 * One incoming stream of one class of one peer: chunks go in, whole messages within the limits come out.
 *
 * Too many messages are dropped and blamed on the peer. Too many bytes, or a receiver that is busy, only pause the stream:
 * the window of the multiplexer fills and the sender waits, which is what an honest one does anyway.
 */
import type { Clock } from '../consensus/plugin.ts'
import { FRAME_HEADER_SIZE, FrameDecoder, OversizeFrameError } from './framing.ts'
import { MESSAGE_CLASSES, type MessageClass } from './message-classes.ts'
import type { TrafficCounters } from './network-counters.ts'
import type { Offence } from './peer-scores.ts'
import { TokenBucket } from './token-bucket.ts'

/** The part of a stream that receiving needs. */
export interface ByteSource {
  pause(): void
  resume(): void
}

/** A peer's allowance for a class; it outlives streams, so that opening new ones gains nothing. */
export class Allowance {
  readonly messages: TokenBucket
  readonly bytes: TokenBucket

  constructor(messageClass: MessageClass, nowMs: number) {
    const limits = MESSAGE_CLASSES[messageClass]
    this.messages = new TokenBucket(limits.messagesPerSecond, limits.messagesBurst, nowMs)
    this.bytes = new TokenBucket(limits.bytesPerSecond, limits.bytesBurst, nowMs)
  }
}

export interface InboxOwner {
  readonly messageClass: MessageClass
  readonly allowance: Allowance
  readonly counters: TrafficCounters
  readonly clock: Clock
  /** A returned promise never rejects. */
  deliver(message: Uint8Array): void | Promise<void>
  offend(offence: Offence): void
}

export class Inbox {
  readonly #owner: InboxOwner
  readonly #source: ByteSource
  readonly #decoder: FrameDecoder
  /** When the unfinished message began. */
  #partialSinceMs: number | undefined
  #isHeld = false
  #isClosed = false

  constructor(owner: InboxOwner, source: ByteSource) {
    this.#owner = owner
    this.#source = source
    this.#decoder = new FrameDecoder(MESSAGE_CLASSES[owner.messageClass].messageSizeMax)
  }

  receive(chunk: Uint8Array): void {
    if (this.#isClosed) return
    this.#decoder.push(chunk)
    this.#drain()
  }

  close(): void {
    this.#isClosed = true
  }

  /** Whether a message takes longer than its class allows. */
  isLate(nowMs: number): boolean {
    if (this.#partialSinceMs === undefined || this.#isHeld) return false
    return nowMs - this.#partialSinceMs > MESSAGE_CLASSES[this.#owner.messageClass].messageTimeoutMs
  }

  #drain(): void {
    while (!this.#isHeld && !this.#isClosed) {
      const message = this.#next()
      if (message === undefined) break
      this.#partialSinceMs = undefined
      this.#accept(message)
    }
    if (!this.#decoder.isPartial) this.#partialSinceMs = undefined
    else this.#partialSinceMs ??= this.#owner.clock.nowMs()
  }

  #next(): Uint8Array | undefined {
    try {
      return this.#decoder.next()
    } catch (error) {
      if (!(error instanceof OversizeFrameError)) throw error
      this.close()
      this.#owner.counters.droppedInbound++
      this.#owner.offend('oversize')
      return undefined
    }
  }

  // Hot: once for every message that arrives.
  #accept(message: Uint8Array): void {
    const { allowance, counters, clock, deliver, offend } = this.#owner
    const nowMs = clock.nowMs()
    if (!allowance.messages.tryTake(1, nowMs)) {
      counters.droppedInbound++
      offend('flood')
      return
    }
    counters.receivedMessages++
    counters.receivedBytes += message.length
    const waitMs = allowance.bytes.take(FRAME_HEADER_SIZE + message.length, nowMs)
    const delivery = deliver(message)
    if (delivery !== undefined || waitMs > 0) void this.#hold(delivery, waitMs)
  }

  async #hold(delivery: void | Promise<void>, waitMs: number): Promise<void> {
    this.#isHeld = true
    this.#source.pause()
    const wait = new Promise<void>((resolve) => {
      if (waitMs === 0) resolve()
      else this.#owner.clock.schedule(waitMs, resolve)
    })
    await delivery
    await wait
    this.#isHeld = false
    if (this.#isClosed) return
    // The time that we made it wait is not the peer's.
    this.#partialSinceMs = undefined
    this.#drain()
    if (!this.#isHeld && !this.#isClosed) this.#source.resume()
  }
}
