/** Between what arrives and the handlers: who may send what, how much of it, and what a failing handler means. */
import type { NodeId } from '../consensus/election/election.ts'
import type { Clock } from '../consensus/plugin.ts'
import { MESSAGE_CLASSES, type MessageClass } from './message-classes.ts'
import type { NetworkCounters } from './network-counters.ts'
import type { Offence } from './peer-scores.ts'
import { TokenBucket } from './token-bucket.ts'
import { TOPIC_NAMES, TOPICS, type Topic } from './topics.ts'
import type { GossipVerdict, TransportHandlers } from './transport.ts'

/**
 * Messages of members' classes that a node may send that is no member, as far as we know. One that was away is still in an
 * epoch in which it was, and speaks there.
 */
const STRANGE_PER_SECOND = 20
const STRANGE_BURST = 500

export interface ReceptionOwner {
  readonly clock: Clock
  readonly counters: NetworkCounters
  readonly handlers: TransportHandlers
  isMember(node: NodeId): boolean
  report(node: NodeId, offence: Offence): void
}

export class Reception {
  readonly #owner: ReceptionOwner
  readonly #gossipRates = new Map<NodeId, Readonly<Record<Topic, TokenBucket>>>()
  /** What nodes send that are no members, as far as we know. */
  readonly #strangers = new Map<NodeId, TokenBucket>()

  constructor(owner: ReceptionOwner) {
    this.#owner = owner
  }

  /** A returned promise never rejects. */
  deliver(node: NodeId, messageClass: MessageClass, message: Uint8Array): void | Promise<void> {
    const { handlers, counters, isMember } = this.#owner
    if (MESSAGE_CLASSES[messageClass].isMembersOnly && !isMember(node)) {
      counters.classes[messageClass].droppedInbound++
      this.#suspect(node)
      return
    }
    try {
      return handlers
        .onMessage(node, messageClass, message)
        ?.catch((error: unknown) => handlers.onError(error))
    } catch (error) {
      handlers.onError(error)
    }
  }

  async gossip(node: NodeId, topic: Topic, message: Uint8Array): Promise<GossipVerdict> {
    const { handlers, counters, report } = this.#owner
    const offence = this.#offence(node, topic, message)
    if (offence !== undefined) {
      counters.topics[topic].droppedInbound++
      report(node, offence)
      return 'ignore'
    }
    counters.topics[topic].receivedMessages++
    counters.topics[topic].receivedBytes += message.length
    try {
      const verdict = await handlers.onGossip(node, topic, message)
      if (verdict === 'reject') report(node, 'invalid-message')
      return verdict
    } catch (error) {
      handlers.onError(error)
      return 'ignore'
    }
  }

  forget(node: NodeId): void {
    this.#gossipRates.delete(node)
    this.#strangers.delete(node)
  }

  /** At a change of epochs some learn of the new members earlier than others: that much is no offence. */
  #suspect(node: NodeId): void {
    const nowMs = this.#owner.clock.nowMs()
    const rate = this.#strangers.get(node) ?? new TokenBucket(STRANGE_PER_SECOND, STRANGE_BURST, nowMs)
    this.#strangers.set(node, rate)
    if (!rate.tryTake(1, nowMs)) this.#owner.report(node, 'not-allowed')
  }

  #offence(node: NodeId, topic: Topic, message: Uint8Array): Offence | undefined {
    if (message.length > TOPICS[topic].messageSizeMax) return 'oversize'
    const nowMs = this.#owner.clock.nowMs()
    const rates = this.#gossipRates.get(node) ?? makeRates(nowMs)
    this.#gossipRates.set(node, rates)
    return rates[topic].tryTake(1, nowMs) ? undefined : 'flood'
  }
}

function makeRates(nowMs: number): Record<Topic, TokenBucket> {
  const entries = TOPIC_NAMES.map((topic) => {
    const { messagesPerSecond, messagesBurst } = TOPICS[topic]
    return [topic, new TokenBucket(messagesPerSecond, messagesBurst, nowMs)] as const
  })
  // All topics, each once.
  return Object.fromEntries(entries) as Record<Topic, TokenBucket>
}
