/**
 * A transport with a tap: what honest peers send is recorded, and a test may let the node hear anything from the
 * peers that it plays. Offences of those are counted and not held against them, so that they can go on; others' pass.
 */
import type { NodeId } from '../../../src/consensus/election/election.ts'
import type { MessageClass } from '../../../src/network/message-classes.ts'
import type { NetworkStatistics } from '../../../src/network/network-counters.ts'
import type { Offence } from '../../../src/network/peer-scores.ts'
import type { Topic } from '../../../src/network/topics.ts'
import type { PeerStatus, Transport, TransportHandlers } from '../../../src/network/transport.ts'
import { present } from '../../../src/primitives/assert.ts'

export interface Recorded {
  readonly messageClass: MessageClass
  readonly bytes: Uint8Array
}

/** The latest messages that are kept, and the largest. */
const RECORDED_MAX = 1024
const RECORDED_SIZE_MAX = 64 << 10

export class TapTransport implements Transport {
  readonly self: NodeId
  readonly recorded: Recorded[] = []
  /** Of the peers that are played. */
  readonly offences: Partial<Record<Offence, number>> = {}
  /** Of all others. */
  readonly honestOffences: Partial<Record<Offence, number>> = {}
  /** Messages that the node sent to peers that are played. */
  answers = 0
  readonly #inner: Transport
  readonly #played: ReadonlySet<NodeId>
  #handlers: TransportHandlers | undefined
  #next = 0

  constructor(inner: Transport, played: Iterable<NodeId>) {
    this.self = inner.self
    this.#inner = inner
    this.#played = new Set(played)
  }

  /** What the node hears from a peer that is played. */
  async inject(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): Promise<void> {
    await present(this.#handlers, 'a transport that was started').onMessage(peer, messageClass, bytes)
  }

  connect(isUp: boolean): void {
    const handlers = present(this.#handlers, 'a transport that was started')
    for (const peer of this.#played) {
      if (isUp) handlers.onPeerUp(peer)
      else handlers.onPeerDown(peer)
    }
  }

  async start(handlers: TransportHandlers): Promise<void> {
    this.#handlers = handlers
    await this.#inner.start({
      onMessage: (peer, messageClass, bytes) => {
        this.#record({ messageClass, bytes })
        return handlers.onMessage(peer, messageClass, bytes)
      },
      onGossip: (peer, topic, bytes) => handlers.onGossip(peer, topic, bytes),
      onPeerUp: (peer) => handlers.onPeerUp(peer),
      onPeerDown: (peer) => handlers.onPeerDown(peer),
      onNotice: (notice) => handlers.onNotice(notice),
      onError: (error) => handlers.onError(error),
    })
  }

  stop(): Promise<void> {
    return this.#inner.stop()
  }

  setMembers(members: readonly NodeId[]): void {
    this.#inner.setMembers(members)
  }

  peers(): readonly PeerStatus[] {
    return this.#inner.peers()
  }

  send(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): boolean {
    if (!this.#played.has(peer)) return this.#inner.send(peer, messageClass, bytes)
    this.answers += 1
    return true
  }

  broadcast(messageClass: MessageClass, bytes: Uint8Array, recipients?: Iterable<NodeId>): number {
    return this.#inner.broadcast(messageClass, bytes, recipients)
  }

  publish(topic: Topic, bytes: Uint8Array): void {
    this.#inner.publish(topic, bytes)
  }

  report(peer: NodeId, offence: Offence): void {
    const isPlayed = this.#played.has(peer)
    const counts = isPlayed ? this.offences : this.honestOffences
    counts[offence] = (counts[offence] ?? 0) + 1
    if (!isPlayed) this.#inner.report(peer, offence)
  }

  statistics(): NetworkStatistics {
    return this.#inner.statistics()
  }

  #record(message: Recorded): void {
    if (message.bytes.length > RECORDED_SIZE_MAX) return
    this.recorded[this.#next] = message
    this.#next = (this.#next + 1) % RECORDED_MAX
  }
}
