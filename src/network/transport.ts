/**
 * What consensus and the node are given to talk to other nodes: messages to one peer or to the committee in three classes
 * of urgency, and gossip on three topics. A transport knows nothing of what it carries; whoever understands a message
 * says whether its sender misbehaved ({@link Transport.report}).
 *
 * Delivery is best effort: messages may be lost (a full queue, a broken connection), never altered, and arrive in order
 * within one class of one connection. Every queue has a limit and every drop is counted. Three transports implement this:
 * libp2p between machines, memory within a process, and one that wraps another and injects faults.
 */
import type { NodeId } from '../consensus/election/election.ts'
import type { MessageClass } from './message-classes.ts'
import type { NetworkStatistics } from './network-counters.ts'
import type { Offence } from './peer-scores.ts'
import type { Topic } from './topics.ts'

/** What to do with a gossiped message: pass it on, drop it, or drop it and hold it against the sender. */
export type GossipVerdict = 'accept' | 'ignore' | 'reject'

export interface PeerStatus {
  readonly node: NodeId
  readonly isMember: boolean
  /** Since when the peer is connected, in milliseconds since 1970. */
  readonly connectedMs: number
  /** Last measured round trip in milliseconds; `undefined` before the first. */
  readonly roundTripMs: number | undefined
  /** Penalty points, see {@link Offence}; 0 for a peer without blame. */
  readonly points: number
}

/** Something an operator should know; none of it stops the transport. */
export type Notice =
  | { readonly kind: 'refused'; readonly peer: string; readonly reason: string }
  | { readonly kind: 'refused-by-peer'; readonly peer: string; readonly reason: string }
  | { readonly kind: 'banned'; readonly node: NodeId; readonly offence: Offence }
  | { readonly kind: 'dial-failed'; readonly address: string; readonly error: string }

export interface TransportHandlers {
  /**
   * A message of a class. The bytes belong to nobody: they may be kept, not changed. While a returned promise is
   * pending, no further message of this class is read from this peer, so that a busy receiver slows the sender down.
   */
  onMessage(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): void | Promise<void>
  /** A message of a topic, once, whichever peers send it. `peer` is who passed it on, not who wrote it. */
  onGossip(peer: NodeId, topic: Topic, bytes: Uint8Array): GossipVerdict | Promise<GossipVerdict>
  /** From now on messages to the peer are queued; before, and after `onPeerDown`, they are dropped. */
  onPeerUp(peer: NodeId): void
  onPeerDown(peer: NodeId): void
  onNotice(notice: Notice): void
  /** A handler failed: a bug of its owner, never of a peer. */
  onError(error: unknown): void
}

export interface Transport {
  readonly self: NodeId
  /** @throws NetworkError when it cannot listen. */
  start(handlers: TransportHandlers): Promise<void>
  stop(): Promise<void>
  /**
   * Names the members of the committees, of both layers and of the next epoch where known, in any order. Only members
   * may send votes and blocks; a member keeps connections to all others.
   */
  setMembers(members: readonly NodeId[]): void
  peers(): readonly PeerStatus[]
  /** Queues a message. `false` when it was dropped: the peer is not connected, or its queue is full. */
  send(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): boolean
  /** Queues a message for each connected recipient, by default every member but oneself. Returns for how many. */
  broadcast(messageClass: MessageClass, bytes: Uint8Array, recipients?: Iterable<NodeId>): number
  /** Gossips a message; does not deliver it to oneself. */
  publish(topic: Topic, bytes: Uint8Array): void
  /** Holds an offence against a peer. Enough of them disconnect and ban it for a while. */
  report(peer: NodeId, offence: Offence): void
  statistics(): NetworkStatistics
}
