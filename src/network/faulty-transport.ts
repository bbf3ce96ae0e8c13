/**
 * A transport with a fault switch, around any other: what `aevir_setFault` turns on a development network, and what tests
 * of recovery use. A node under a fault is honest; it is only badly connected.
 *
 * - `pause`: hears nothing and says nothing, as a process that was stopped.
 * - `delay`: what it sends leaves later.
 * - `partition`: has no connection with the named nodes.
 */
import type { NodeId } from '../consensus/election/election.ts'
import type { Clock } from '../consensus/plugin.ts'
import type { MessageClass } from './message-classes.ts'
import type { NetworkStatistics } from './network-counters.ts'
import type { Offence } from './peer-scores.ts'
import type { Topic } from './topics.ts'
import type { PeerStatus, Transport, TransportHandlers } from './transport.ts'

export type NetworkFault =
  | { readonly kind: 'none' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  | { readonly kind: 'partition'; readonly from: readonly NodeId[] }

/** Delayed messages that wait; more are dropped. */
const DELAYED_MAX = 65_536

export class FaultyTransport implements Transport {
  readonly self: NodeId
  readonly #inner: Transport
  readonly #clock: Clock
  readonly #up = new Set<NodeId>()
  #members: readonly NodeId[] = []
  #handlers: TransportHandlers | undefined
  #isCutOff: (node: NodeId) => boolean = () => false
  #delayMs = 0
  #delayedCount = 0

  constructor(inner: Transport, clock: Clock) {
    this.self = inner.self
    this.#inner = inner
    this.#clock = clock
  }

  /** Takes effect at once and tells the handlers which peers went and came; delayed messages still arrive. */
  setFault(fault: NetworkFault): void {
    const before = this.#visible()
    this.#delayMs = fault.kind === 'delay' ? fault.delayMs : 0
    const cut = new Set(fault.kind === 'partition' ? fault.from : [])
    this.#isCutOff = fault.kind === 'pause' ? () => true : (node) => cut.has(node)
    const after = this.#visible()
    for (const node of before) if (!after.has(node)) this.#handlers?.onPeerDown(node)
    for (const node of after) if (!before.has(node)) this.#handlers?.onPeerUp(node)
  }

  async start(handlers: TransportHandlers): Promise<void> {
    this.#handlers = handlers
    await this.#inner.start({
      onMessage: (peer, messageClass, bytes) => {
        if (!this.#isCutOff(peer)) return handlers.onMessage(peer, messageClass, bytes)
      },
      onGossip: (peer, topic, bytes) =>
        this.#isCutOff(peer) ? 'ignore' : handlers.onGossip(peer, topic, bytes),
      onPeerUp: (peer) => {
        this.#up.add(peer)
        if (!this.#isCutOff(peer)) handlers.onPeerUp(peer)
      },
      onPeerDown: (peer) => {
        this.#up.delete(peer)
        if (!this.#isCutOff(peer)) handlers.onPeerDown(peer)
      },
      onNotice: (notice) => handlers.onNotice(notice),
      onError: (error) => handlers.onError(error),
    })
  }

  async stop(): Promise<void> {
    await this.#inner.stop()
  }

  setMembers(members: readonly NodeId[]): void {
    this.#inner.setMembers(members)
    this.#members = members
  }

  peers(): readonly PeerStatus[] {
    return this.#inner.peers().filter(({ node }) => !this.#isCutOff(node))
  }

  send(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): boolean {
    if (this.#isCutOff(peer)) return false
    return this.#later(() => this.#inner.send(peer, messageClass, bytes))
  }

  broadcast(messageClass: MessageClass, bytes: Uint8Array, recipients?: Iterable<NodeId>): number {
    const members = this.#members
    let count = 0
    for (const node of recipients ?? members) {
      if (node !== this.self && this.send(node, messageClass, bytes)) count++
    }
    return count
  }

  publish(topic: Topic, bytes: Uint8Array): void {
    // Gossip finds its own way; only a node that is cut off from everybody keeps it to itself.
    if (this.#up.size > 0 && this.#visible().size === 0) return
    this.#later(() => {
      this.#inner.publish(topic, bytes)
      return true
    })
  }

  report(peer: NodeId, offence: Offence): void {
    this.#inner.report(peer, offence)
  }

  statistics(): NetworkStatistics {
    return this.#inner.statistics()
  }

  #visible(): Set<NodeId> {
    return new Set([...this.#up].filter((node) => !this.#isCutOff(node)))
  }

  /** Sends now, or after the delay. */
  #later(work: () => boolean): boolean {
    if (this.#delayMs === 0) return work()
    if (this.#delayedCount >= DELAYED_MAX) return false
    this.#delayedCount++
    this.#clock.schedule(this.#delayMs, () => {
      this.#delayedCount--
      work()
    })
    return true
  }
}
