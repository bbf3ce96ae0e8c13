/**
 * A connection whose peer has introduced itself: its outgoing streams, one a class, and its incoming ones.
 *
 * A pair of nodes that dial each other at once has two links for a moment. The one that is not needed goes on receiving
 * until it is closed (`isSpare`), so that nothing under way is lost.
 */
import type { Connection, Stream } from '@libp2p/interface'
import type { NodeId } from '../consensus/election/election.ts'
import type { Clock } from '../consensus/plugin.ts'
import type { GoodbyeReason } from './control-messages.ts'
import type { ControlStream } from './control-stream.ts'
import { Allowance, Inbox } from './inbox.ts'
import { CLASSES_BY_URGENCY, MESSAGE_CLASSES, type MessageClass } from './message-classes.ts'
import type { NetworkCounters } from './network-counters.ts'
import { Outbox, type ByteSink } from './outbox.ts'
import type { Offence } from './peer-scores.ts'
import type { SignedPeerRecord } from './peer-record.ts'

/** A stream that could not be opened is tried again after this time, doubled each time up to the second. */
const REOPEN_MS = 500
const REOPEN_MS_MAX = 30_000
/** A stream that lived so long was a good one: the next is opened at once. */
const GOOD_STREAM_MS = 10_000
/** A peer whose queue has not moved for so long does not read. */
const STALL_MS_MAX = 20_000
/** The time a goodbye is given to arrive. */
const CLOSE_MS = 200

export interface LinkOwner {
  readonly clock: Clock
  readonly counters: NetworkCounters
  /** A returned promise never rejects. */
  deliver(link: Link, messageClass: MessageClass, message: Uint8Array): void | Promise<void>
  offend(link: Link, offence: Offence): void
}

export function protocolOf(messageClass: MessageClass): string {
  return `/aevir/${messageClass}/1`
}

export class Link {
  readonly node: NodeId
  readonly connection: Connection
  readonly record: SignedPeerRecord
  readonly outbox: Outbox
  readonly connectedMs: number
  roundTripMs: number | undefined
  /** When something was last heard of the peer. */
  heardMs: number
  pingedMs = 0
  isSpare = false
  readonly #owner: LinkOwner
  readonly control: ControlStream
  readonly #allowances: ReadonlyMap<MessageClass, Allowance>
  readonly #inboxes = new Map<MessageClass, { readonly inbox: Inbox; readonly stream: Stream }>()
  readonly #opening = new Set<MessageClass>()
  readonly #reopening = new Map<MessageClass, { readonly atMs: number; readonly delayMs: number }>()
  #isClosed = false

  constructor(owner: LinkOwner, connection: Connection, control: ControlStream, record: SignedPeerRecord) {
    const nowMs = owner.clock.nowMs()
    this.node = record.node
    this.connection = connection
    this.record = record
    this.connectedMs = nowMs
    this.heardMs = nowMs
    this.#owner = owner
    this.control = control
    this.outbox = new Outbox(
      () => owner.clock.nowMs(),
      (messageClass) => {
        owner.counters.classes[messageClass].droppedOutbound++
      },
    )
    this.#allowances = new Map(CLASSES_BY_URGENCY.map((name) => [name, new Allowance(name, nowMs)]))
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Opens the outgoing streams that are missing. @param isMember whether both ends sit in a committee. */
  openStreams(isMember: boolean): void {
    const nowMs = this.#owner.clock.nowMs()
    for (const messageClass of CLASSES_BY_URGENCY) {
      if (MESSAGE_CLASSES[messageClass].isMembersOnly && !isMember) continue
      if (this.outbox.hasSink(messageClass) || this.#opening.has(messageClass)) continue
      const last = this.#reopening.get(messageClass)
      if (last !== undefined && nowMs < last.atMs) continue
      const delayMs = last === undefined ? REOPEN_MS : Math.min(REOPEN_MS_MAX, 2 * last.delayMs)
      this.#reopening.set(messageClass, { atMs: nowMs + delayMs, delayMs })
      void this.#openStream(messageClass)
    }
  }

  /** Takes an incoming stream of a class; a newer one replaces an older. */
  accept(messageClass: MessageClass, stream: Stream): void {
    const allowance = this.#allowances.get(messageClass)
    if (this.#isClosed || allowance === undefined) {
      stream.abort(new Error('the link is closed'))
      return
    }
    const older = this.#inboxes.get(messageClass)
    older?.inbox.close()
    older?.stream.abort(new Error('replaced by a newer stream'))
    const { clock, counters } = this.#owner
    const inbox = new Inbox(
      {
        messageClass,
        allowance,
        clock,
        counters: counters.classes[messageClass],
        deliver: (message) => this.#owner.deliver(this, messageClass, message),
        offend: (offence) => this.#owner.offend(this, offence),
      },
      {
        pause: () => {
          if (stream.readStatus === 'readable') stream.pause()
        },
        resume: () => {
          if (stream.readStatus === 'paused') stream.resume()
        },
      },
    )
    this.#inboxes.set(messageClass, { inbox, stream })
    stream.addEventListener('close', () => inbox.close())
    stream.addEventListener('message', ({ data }) => {
      this.heardMs = clock.nowMs()
      inbox.receive(data instanceof Uint8Array ? data : data.subarray())
    })
  }

  /** What is wrong with the peer's pace, if anything. */
  isSlow(nowMs: number): boolean {
    const isLate = [...this.#inboxes.values()].some(({ inbox }) => inbox.isLate(nowMs))
    return isLate || this.outbox.stalledMs() > STALL_MS_MAX
  }

  /** Says why and closes, a moment later so that the reason arrives. */
  close(reason: GoodbyeReason): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.control.send({ kind: 'goodbye', reason })
    for (const messageClass of CLASSES_BY_URGENCY) this.outbox.attach(messageClass, undefined)
    for (const { inbox } of this.#inboxes.values()) inbox.close()
    this.#owner.clock.schedule(CLOSE_MS, () => this.connection.abort(new Error(reason)))
  }

  async #openStream(messageClass: MessageClass): Promise<void> {
    this.#opening.add(messageClass)
    try {
      const stream = await this.connection.newStream(protocolOf(messageClass))
      if (this.#isClosed) {
        stream.abort(new Error('the link is closed'))
        return
      }
      const openedMs = this.#owner.clock.nowMs()
      stream.addEventListener('close', () => {
        if (this.#owner.clock.nowMs() - openedMs >= GOOD_STREAM_MS) this.#reopening.delete(messageClass)
        this.outbox.attach(messageClass, undefined)
      })
      // The stream itself goes on with what it holds in a microtask; ours comes after it.
      stream.addEventListener('drain', () => queueMicrotask(() => this.outbox.flush()))
      this.outbox.attach(messageClass, sinkOf(stream))
    } catch {
      // The peer refused it or is gone: tried again while the connection lives.
    } finally {
      this.#opening.delete(messageClass)
    }
  }
}

function sinkOf(stream: Stream): ByteSink {
  return {
    get isFull() {
      return stream.writableNeedsDrain || stream.writeStatus !== 'writable'
    },
    send(bytes) {
      try {
        return stream.send(bytes)
      } catch {
        // Its close event follows and takes the sink away.
        return false
      }
    },
  }
}
