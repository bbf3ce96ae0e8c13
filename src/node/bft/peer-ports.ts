/**
 * One instance of consensus on the node's network: messages to bytes and back, members' indexes to node ids and back.
 * A node has several instances, of two layers and at times of two epochs, and one network. What comes in is offered to
 * each (`instance-host.ts`); the first bytes of a message say whose it is.
 *
 * Who is no member gets an index above the members' while connected, so that it can ask and be answered. Some of those
 * follow: they execute what the committee agrees on, and get its proposals and certificates as members do. Votes are for
 * members only; and who follows has nothing to tell to all, it asks.
 */
import type { NodeId } from '../../consensus/election/election.ts'
import { WireError } from '../../consensus/simplex/binary.ts'
import type { Transport } from '../../consensus/simplex/driver.ts'
import { announces } from '../../consensus/simplex/announcing.ts'
import type { Blame, Peer, Reach } from '../../consensus/simplex/events.ts'
import type { Message } from '../../consensus/simplex/messages.ts'
import {
  decodeMessage,
  encodeMessage,
  isForeign,
  isQuestion,
  kindOf,
  proposalIn,
  type WireContext,
} from '../../consensus/simplex/wire.ts'
import type { MessageClass } from '../../network/message-classes.ts'
import type { Offence } from '../../network/peer-scores.ts'
import type { Transport as Network } from '../../network/transport.ts'
import { assert, present } from '../../primitives/assert.ts'
import { HeardProposals, type Novelty } from './heard-proposals.ts'

/**
 * What each kind of message travels as. Answers with blocks never stand before a proposal: they are as large, and
 * whoever asks for many would push it out of the queue.
 */
const CLASSES: Readonly<Record<Message['kind'], MessageClass>> = {
  vote: 'votes',
  certificates: 'votes',
  certificateRequest: 'votes',
  propose: 'blocks',
  blockRequest: 'sync',
  syncRequest: 'sync',
  blocks: 'sync',
}

const OFFENCES: Readonly<Record<Blame, Offence>> = {
  invalidSignature: 'invalid-signature',
  invalidCertificate: 'invalid-signature',
  notLeader: 'invalid-message',
  notSigner: 'invalid-message',
  tooManyRequests: 'flood',
  tooManyCertificates: 'flood',
}

/** What is held against a member for a proposal that nobody needs to read. */
const NOVELTIES: Readonly<Record<Novelty, Offence | undefined>> = {
  new: undefined,
  known: undefined,
  flood: 'flood',
  excess: 'invalid-message',
}

/** Connected nodes outside the committee that are heard; a transport has fewer connections. */
const GUESTS_MAX = 1024
/** Questions to one member that are remembered: answers to more are on their way at no time. */
const UNANSWERED_MAX = 64
/** How many bytes of a kind may pass between this node and a peer. */
export interface ByteBudget {
  /** Whether it has not had its share yet. */
  hasRoom(node: NodeId): boolean
  spend(node: NodeId, bytes: number): void
}

const NOBODY: Followers = { members: [], guests: [] }

export interface PeerPortsOptions {
  readonly network: Pick<Network, 'self' | 'send' | 'broadcast' | 'report'>
  readonly context: WireContext
  /** In the committee's order. */
  readonly committee: readonly NodeId[]
  /** Who gets what the committee agrees on: `members` sit in another committee, `guests` in none. Nobody by default. */
  readonly followers?: () => Followers
  /**
   * For answers with blocks, of which the core counts how many it gives, and not how large they are. Whoever is honest asks
   * somebody else next. Without limits by default.
   */
  readonly answers?: ByteBudget
  /** For proposals that are to be read, whatever views they say they are of. Without limits by default. */
  readonly proposals?: ByteBudget
  /** Reads a message; nodes of one process may share the work. `decodeMessage` by default. */
  readonly decode?: typeof decodeMessage
  /** The driver's. */
  readonly receive: (from: Peer, message: Message) => void
}

export interface Followers {
  readonly members: readonly NodeId[]
  readonly guests: readonly NodeId[]
}

export class PeerPorts implements Transport {
  readonly #options: PeerPortsOptions
  readonly #indexes: ReadonlyMap<NodeId, number>
  /** By member: questions for blocks that it has not answered; some it never will. */
  readonly #unanswered = new Map<Peer, number>()
  readonly #proposals = new Map<Peer, HeardProposals>()
  readonly #guests = new Map<NodeId, Peer>()
  readonly #guestIds = new Map<Peer, NodeId>()
  /** Indexes of guests that left, the earliest first: what was meant for one should not reach the next. */
  readonly #freeIndexes: Peer[] = []

  constructor(options: PeerPortsOptions) {
    const { committee, context } = options
    this.#options = options
    this.#indexes = new Map(committee.map((node, index) => [node, index]))
    assert(committee.length === context.size, 'the committee has the size that its messages are made for')
    assert(this.#indexes.size === committee.length, 'a node has one seat')
  }

  /** Lost when the peer has left, or has had its share of answers. */
  send(to: Peer, message: Message): void {
    const node = this.#options.committee[to] ?? this.#guestIds.get(to)
    if (node === undefined) return
    if (message.kind === 'blockRequest' || message.kind === 'syncRequest') this.#noteAsked(to)
    const isAmongMembers = this.#isMember && this.#indexes.has(node)
    // Between members there are streams of all classes; what waits for one that is not there makes its peer look slow.
    const messageClass = isAmongMembers ? CLASSES[message.kind] : 'sync'
    const { answers, context, network } = this.#options
    if (message.kind === 'blocks' && answers?.hasRoom(node) === false) return
    const bytes = encodeMessage(context, message)
    if (message.kind === 'blocks') answers?.spend(node, bytes.length)
    network.send(node, messageClass, bytes)
  }

  /**
   * To the other members, and what is for followers to them: certificates by turns. From all members to all followers they
   * would be, with 21 executors and 51 witnesses, a thousand copies.
   */
  broadcast(message: Message, reach: Reach = 'all'): void {
    const { committee, network, context } = this.#options
    const self = this.#indexes.get(network.self)
    if (self === undefined) return
    const bytes = encodeMessage(context, message)
    const certificate = message.kind === 'certificates' ? message.certificates[0] : undefined
    const isTurn = (_: NodeId, position: number): boolean =>
      certificate === undefined || announces(self, position, certificate.view, context)
    const isForAll = reach === 'all'
    const others = committee.filter((node, seat) => node !== network.self && (isForAll || isTurn(node, seat)))
    network.broadcast(CLASSES[message.kind], bytes, others)
    const followers = this.#followersFor(message)
    const members = followers.members.filter(isTurn)
    const guests = followers.guests.filter(isTurn)
    if (members.length > 0) network.broadcast(CLASSES[message.kind], bytes, members)
    // They have a stream of one class only.
    if (guests.length > 0) network.broadcast('sync', bytes, guests)
  }

  /** For the driver's observer. */
  blame(peer: Peer, reason: Blame): void {
    const node = this.#options.committee[peer] ?? this.#guestIds.get(peer)
    if (node !== undefined) this.#options.network.report(node, OFFENCES[reason])
  }

  /**
   * Bytes from a peer. `false` when they are for another instance.
   * What is no message of this one, or came as another class than its kind, is held against the peer.
   */
  accept(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): boolean {
    const { context, decode = decodeMessage } = this.#options
    // Most of what a node hears is for another of its instances: no error is made for each.
    if (isForeign(context, bytes)) return false
    if (!this.#isExpected(peer, bytes)) return true
    let message: Message
    try {
      message = decode(context, bytes)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      if (error.fault === 'foreign') return false
      this.#options.network.report(peer, error.fault === 'oversize' ? 'oversize' : 'undecodable')
      return true
    }
    // Who is no member may send on one class only, so that everything may come there.
    if (messageClass !== CLASSES[message.kind] && messageClass !== 'sync') {
      this.#options.network.report(peer, 'invalid-message')
      return true
    }
    const from = this.#indexes.get(peer) ?? this.#guestIndex(peer)
    if (from !== undefined) this.#options.receive(from, message)
    return true
  }

  /**
   * Before anything is read: a body is megabytes to be hashed. Who is no member of the committee only asks; blocks come
   * only from who was asked for some, once for each time.
   */
  #isExpected(peer: NodeId, bytes: Uint8Array): boolean {
    const kind = kindOf(bytes)
    const index = this.#indexes.get(peer)
    const isForBlocks = kind === 'blockRequest' || kind === 'syncRequest'
    // Before the answer is read from the disk.
    if (isForBlocks && this.#options.answers?.hasRoom(peer) === false) return false
    if (index === undefined) {
      if (isQuestion(kind) || kind === undefined) return true
      this.#options.network.report(peer, 'invalid-message')
      return false
    }
    if (kind === 'propose') return this.#isNew(peer, index, bytes)
    if (kind !== 'blocks') return true
    const count = this.#unanswered.get(index) ?? 0
    if (count > 0) this.#unanswered.set(index, count - 1)
    else this.#options.network.report(peer, 'useless')
    return count > 0
  }

  #isNew(node: NodeId, index: Peer, bytes: Uint8Array): boolean {
    const { network, proposals } = this.#options
    if (proposals?.hasRoom(node) === false) {
      network.report(node, 'flood')
      return false
    }
    const heard = this.#proposals.get(index) ?? new HeardProposals()
    this.#proposals.set(index, heard)
    const novelty = heard.note(proposalIn(bytes))
    const offence = NOVELTIES[novelty]
    if (offence !== undefined) network.report(node, offence)
    if (novelty === 'new') proposals?.spend(node, bytes.length)
    return novelty === 'new'
  }

  /** Forgets a guest; members keep their index. */
  peerDown(peer: NodeId): void {
    const index = this.#guests.get(peer)
    if (index === undefined) return
    this.#guests.delete(peer)
    this.#guestIds.delete(index)
    this.#freeIndexes.push(index)
  }

  #noteAsked(peer: Peer): void {
    this.#unanswered.set(peer, Math.min((this.#unanswered.get(peer) ?? 0) + 1, UNANSWERED_MAX))
  }

  get #isMember(): boolean {
    return this.#indexes.has(this.#options.network.self)
  }

  #followersFor(message: Message): Followers {
    const isForThem = message.kind === 'propose' || message.kind === 'certificates'
    return isForThem ? (this.#options.followers?.() ?? NOBODY) : NOBODY
  }

  #guestIndex(node: NodeId): Peer | undefined {
    const known = this.#guests.get(node)
    if (known !== undefined || this.#guests.size >= GUESTS_MAX) return known
    const seatCount = this.#options.committee.length + this.#guests.size + this.#freeIndexes.length
    const isFull = seatCount >= this.#options.committee.length + GUESTS_MAX
    const index = isFull ? present(this.#freeIndexes.shift(), 'a free index') : seatCount
    this.#guests.set(node, index)
    this.#guestIds.set(index, node)
    return index
  }
}
