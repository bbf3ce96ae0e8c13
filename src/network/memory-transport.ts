/**
 * A network within one process: development networks with many nodes, and tests. Messages are handed over by reference
 * in a later turn of the event loop, the urgent classes first, as many at a time as leave room for timers and RPC. Queues
 * are bounded as in the tables; everybody is trusted, so that nothing is limited by rate and nobody is scored.
 */
import type { NodeId } from '../consensus/election/election.ts'
import type { Clock } from '../consensus/plugin.ts'
import { assert } from '../primitives/assert.ts'
import { CLASSES_BY_URGENCY, MESSAGE_CLASSES, type MessageClass } from './message-classes.ts'
import { NetworkCounters, type NetworkStatistics, type TrafficCounters } from './network-counters.ts'
import type { Offence } from './peer-scores.ts'
import { TOPIC_NAMES, TOPICS, type Topic } from './topics.ts'
import type { PeerStatus, Transport, TransportHandlers } from './transport.ts'

/** Messages that a node handles before other work has its turn. */
const MESSAGES_PER_TURN = 32
/** A receiver holds, of each class, what this many peers may have waiting. */
const SENDERS_IN_QUEUE = 8
/** Gossip that waits at a receiver, per topic. */
const GOSSIP_MESSAGES_MAX = 65_536
const GOSSIP_BYTES_MAX = 64 * 1024 * 1024

export interface MemoryNetworkOptions {
  readonly clock: Clock
  /** Calls back in a later turn of the event loop. */
  readonly defer?: (callback: () => void) => void
  /** Time a message takes, in milliseconds; 0 by default. */
  readonly delayMs?: (from: NodeId, to: NodeId, size: number) => number
}

/** A class, or a topic of gossip: a queue of a receiver. */
interface Lane {
  readonly counters: TrafficCounters
  readonly messagesMax: number
  readonly bytesMax: number
  readonly deliver: (from: NodeId, bytes: Uint8Array) => unknown
  /** Those before `first` are delivered. */
  items: { readonly from: NodeId; readonly bytes: Uint8Array }[]
  first: number
  bytes: number
  /** Delivered messages whose handlers have not finished. */
  unfinished: number
}

export class MemoryNetwork {
  readonly #options: MemoryNetworkOptions
  readonly #started = new Map<NodeId, MemoryTransport>()

  constructor(options: MemoryNetworkOptions) {
    this.#options = options
  }

  /** A transport for a node; it is reachable from its start to its stop, and then a new one may take its place. */
  join(self: NodeId): Transport {
    return new MemoryTransport(self, this.#options, this.#started)
  }
}

class MemoryTransport implements Transport {
  readonly self: NodeId
  readonly #options: MemoryNetworkOptions
  /** Of the whole network. */
  readonly #started: Map<NodeId, MemoryTransport>
  readonly #counters = new NetworkCounters()
  readonly #lanes: ReadonlyMap<MessageClass | Topic, Lane>
  readonly #connectedMs = new Map<NodeId, number>()
  #members: ReadonlySet<NodeId> = new Set()
  #handlers: TransportHandlers | undefined
  #isDrainScheduled = false

  constructor(self: NodeId, options: MemoryNetworkOptions, started: Map<NodeId, MemoryTransport>) {
    this.self = self
    this.#options = options
    this.#started = started
    const classes = CLASSES_BY_URGENCY.map((name) => [name, this.#classLane(name)] as const)
    const topics = TOPIC_NAMES.map((name) => [name, this.#topicLane(name)] as const)
    this.#lanes = new Map<MessageClass | Topic, Lane>([...classes, ...topics])
  }

  async start(handlers: TransportHandlers): Promise<void> {
    assert(!this.#started.has(this.self), 'a node is in its network once')
    this.#handlers = handlers
    this.#started.set(this.self, this)
    for (const other of this.#started.values()) {
      if (other === this) continue
      this.#meet(other.self)
      other.#meet(this.self)
    }
  }

  async stop(): Promise<void> {
    if (this.#handlers === undefined) return
    this.#handlers = undefined
    this.#started.delete(this.self)
    for (const other of this.#started.values()) {
      other.#connectedMs.delete(this.self)
      other.#handlers?.onPeerDown(this.self)
    }
  }

  setMembers(members: readonly NodeId[]): void {
    this.#members = new Set(members)
  }

  peers(): readonly PeerStatus[] {
    return [...this.#connectedMs].map(([node, connectedMs]) => ({
      node,
      isMember: this.#members.has(node),
      connectedMs,
      roundTripMs: 0,
      points: 0,
    }))
  }

  send(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): boolean {
    const receiver = this.#started.get(peer)
    const counters = this.#counters.classes[messageClass]
    if (this.#handlers === undefined || receiver === undefined || receiver === this) {
      counters.droppedOutbound++
      return false
    }
    this.#pass(receiver, messageClass, bytes, counters)
    return true
  }

  broadcast(messageClass: MessageClass, bytes: Uint8Array, recipients?: Iterable<NodeId>): number {
    let count = 0
    for (const node of recipients ?? this.#members) {
      if (node !== this.self && this.send(node, messageClass, bytes)) count++
    }
    return count
  }

  publish(topic: Topic, bytes: Uint8Array): void {
    const counters = this.#counters.topics[topic]
    if (this.#handlers === undefined || bytes.length > TOPICS[topic].messageSizeMax) {
      counters.droppedOutbound++
      return
    }
    for (const receiver of this.#started.values()) {
      if (receiver !== this) this.#pass(receiver, topic, bytes, counters)
    }
  }

  report(_peer: NodeId, offence: Offence): void {
    this.#counters.offences[offence]++
  }

  statistics(): NetworkStatistics {
    return this.#counters.snapshot(this.#connectedMs.size)
  }

  #meet(node: NodeId): void {
    this.#connectedMs.set(node, this.#options.clock.nowMs())
    this.#handlers?.onPeerUp(node)
  }

  #pass(
    receiver: MemoryTransport,
    name: MessageClass | Topic,
    bytes: Uint8Array,
    counters: TrafficCounters,
  ): void {
    counters.sentMessages++
    counters.sentBytes += bytes.length
    const delayMs = this.#options.delayMs?.(this.self, receiver.self, bytes.length) ?? 0
    if (delayMs <= 0) receiver.#take(name, this.self, bytes)
    else this.#options.clock.schedule(delayMs, () => receiver.#take(name, this.self, bytes))
  }

  #take(name: MessageClass | Topic, from: NodeId, bytes: Uint8Array): void {
    const lane = this.#lanes.get(name)
    if (this.#handlers === undefined || lane === undefined) return
    const waiting = lane.items.length - lane.first + lane.unfinished
    if (waiting >= lane.messagesMax || lane.bytes + bytes.length > lane.bytesMax) {
      lane.counters.droppedInbound++
      return
    }
    lane.items.push({ from, bytes })
    lane.bytes += bytes.length
    this.#scheduleDrain()
  }

  #scheduleDrain(): void {
    if (this.#isDrainScheduled) return
    this.#isDrainScheduled = true
    const defer = this.#options.defer ?? setImmediate
    defer(() => {
      this.#isDrainScheduled = false
      for (let count = 0; count < MESSAGES_PER_TURN; count++) {
        const lane = [...this.#lanes.values()].find(({ items, first }) => first < items.length)
        if (lane === undefined) return
        this.#deliver(lane)
      }
      this.#scheduleDrain()
    })
  }

  #deliver(lane: Lane): void {
    const item = lane.items[lane.first++]
    if (lane.first === lane.items.length) {
      lane.items = []
      lane.first = 0
    }
    if (item === undefined || this.#handlers === undefined) return
    const handlers = this.#handlers
    lane.bytes -= item.bytes.length
    lane.counters.receivedMessages++
    lane.counters.receivedBytes += item.bytes.length
    try {
      const result = lane.deliver(item.from, item.bytes)
      if (!(result instanceof Promise)) return
      lane.unfinished++
      result.catch((error: unknown) => handlers.onError(error)).finally(() => lane.unfinished--)
    } catch (error) {
      handlers.onError(error)
    }
  }

  #classLane(messageClass: MessageClass): Lane {
    const { queueMessagesMax, queueBytesMax } = MESSAGE_CLASSES[messageClass]
    return {
      ...emptyQueue(),
      counters: this.#counters.classes[messageClass],
      messagesMax: SENDERS_IN_QUEUE * queueMessagesMax,
      bytesMax: SENDERS_IN_QUEUE * queueBytesMax,
      deliver: (from, bytes) => this.#handlers?.onMessage(from, messageClass, bytes),
    }
  }

  #topicLane(topic: Topic): Lane {
    return {
      ...emptyQueue(),
      counters: this.#counters.topics[topic],
      messagesMax: GOSSIP_MESSAGES_MAX,
      bytesMax: GOSSIP_BYTES_MAX,
      deliver: (from, bytes) => this.#handlers?.onGossip(from, topic, bytes),
    }
  }
}

function emptyQueue(): Pick<Lane, 'items' | 'first' | 'bytes' | 'unfinished'> {
  return { items: [], first: 0, bytes: 0, unfinished: 0 }
}
