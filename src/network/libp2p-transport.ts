/**
 * The transport between machines, over libp2p.
 *
 * A connection counts only after its peer has introduced itself (`introductions.ts`); from then on it is a link
 * (`link.ts`), known by the node's id. Nodes keep a link to every member of the committees, whose addresses they learn from
 * signed records that nodes pass on: members to talk, everybody else to follow, for only who agrees on something tells of
 * it at once. Beyond that they keep links to the configured addresses.
 */
import type { Connection } from '@libp2p/interface'
import type { NodeId } from '../consensus/election/election.ts'
import type { Clock } from '../consensus/plugin.ts'
import type { SignatureScheme, Signer } from '../consensus/signature-scheme.ts'
import { assert } from '../primitives/assert.ts'
import { bytesToHex } from '../primitives/bytes.ts'
import type { ControlMessage, GoodbyeReason } from './control-messages.ts'
import { CONTROL_PROTOCOL, type ControlStream } from './control-stream.ts'
import { Dialer, type DialTarget } from './dialer.ts'
import { frame, FRAME_HEADER_SIZE } from './framing.ts'
import { CLOCK_SKEW_MS_MAX, type IntroductionRules } from './introduction.ts'
import { Introductions } from './introductions.ts'
import type { Host } from './libp2p-host.ts'
import { Link, protocolOf } from './link.ts'
import { CLASSES_BY_URGENCY, type MessageClass } from './message-classes.ts'
import { NetworkCounters, type NetworkStatistics } from './network-counters.ts'
import { ADDRESSES_MAX, signPeerRecord, type ChainIdentity, type SignedPeerRecord } from './peer-record.ts'
import { PeerScores, type Offence } from './peer-scores.ts'
import { Reception } from './reception.ts'
import { RecordBook } from './record-book.ts'
import { TOPICS, type Topic } from './topics.ts'
import type { Notice, PeerStatus, Transport, TransportHandlers } from './transport.ts'

export interface Libp2pTransportOptions {
  readonly chain: ChainIdentity
  /** The node's consensus key. */
  readonly signer: Signer
  readonly scheme: SignatureScheme
  readonly clock: Clock
  /** 32 secret bytes, the same at every start: the libp2p identity. */
  readonly identitySeed: Uint8Array
  /** Multiaddrs to listen on, such as `/ip4/0.0.0.0/tcp/30303`; none for a node that only dials. */
  readonly listen: readonly string[]
  /** Where others reach the node, when that is not where it listens. */
  readonly announce?: readonly string[]
  /** Multiaddrs to begin with; with or without the peer id. */
  readonly bootstrap: readonly string[]
  /** Peers that sit in no committee; more are refused. */
  readonly followersMax?: number
  /** New connections a second from one host. */
  readonly connectionRateMax?: number
  readonly clockSkewMsMax?: number
  /** For pauses between attempts, from 0 to 1. */
  readonly random?: () => number
}

const FOLLOWERS_MAX = 64
const CONNECTION_RATE_MAX = 32
/** Above members, followers and those that have not introduced themselves, twice for nodes that dial each other. */
const CONNECTIONS_MAX = 600
const TICK_MS = 250
const SWEEP_MS = 1_000
const PING_MS = 3_000
/** A peer that was silent so long, pings unanswered, is gone. */
const SILENCE_MS_MAX = 12_000
/** How long a connection that is not needed goes on receiving. */
const SPARE_MS = 2_000
/** A gossip stream that is missing after this time is opened again. */
const GOSSIP_REPAIR_MS = 10_000
/** Peer ids remembered for bans. */
const PEER_IDS_MAX = 4096

export interface NetworkTransport extends Transport {
  /** Multiaddrs with the peer id, for the configuration of others; empty before the start. */
  addresses(): readonly string[]
}

export function createLibp2pTransport(options: Libp2pTransportOptions): NetworkTransport {
  return new Libp2pTransport(options)
}

class Libp2pTransport implements NetworkTransport {
  readonly self: NodeId
  readonly #options: Libp2pTransportOptions
  readonly #clock: Clock
  readonly #counters = new NetworkCounters()
  readonly #scores = new PeerScores()
  readonly #rules: IntroductionRules
  readonly #links = new Map<NodeId, Link>()
  readonly #nodeOfPeer = new Map<string, NodeId>()
  readonly #dialer: Dialer
  readonly #records: RecordBook
  #members: ReadonlySet<NodeId> = new Set()
  #ownRecord: SignedPeerRecord | undefined
  #handlers: TransportHandlers | undefined
  #host: Host | undefined
  #introductions: Introductions | undefined
  #reception: Reception | undefined
  #cancelTimers: (() => void)[] = []

  constructor(options: Libp2pTransportOptions) {
    this.#options = options
    this.#clock = options.clock
    this.self = bytesToHex(options.signer.publicKey)
    this.#rules = {
      ...options.chain,
      self: this.self,
      scheme: options.scheme,
      clockSkewMsMax: options.clockSkewMsMax ?? CLOCK_SKEW_MS_MAX,
      isBanned: (node) => this.#scores.isBanned(node, this.#clock.nowMs()),
    }
    this.#dialer = new Dialer(
      {
        self: this.self,
        isConnected: (node) => node === this.self || this.#links.has(node),
        isWanted: (node) => this.#members.has(node),
        dial: async (target) => this.#dial(target),
      },
      options.bootstrap,
      options.random ?? Math.random,
    )
    this.#records = new RecordBook({
      rules: this.#rules,
      links: this.#links,
      isMember: (node) => this.#members.has(node),
      onMember: (record) => this.#dialer.learn(record, this.#clock.nowMs()),
      report: (node, offence) => this.report(node, offence),
    })
  }

  async start(handlers: TransportHandlers): Promise<void> {
    assert(this.#host === undefined, 'a transport starts once')
    this.#handlers = handlers
    this.#reception = new Reception({
      clock: this.#clock,
      counters: this.#counters,
      handlers,
      isMember: (node) => this.#members.has(node),
      report: (node, offence) => this.report(node, offence),
    })
    const { startHost } = await import('./libp2p-host.ts')
    const host = await startHost({
      clock: this.#clock,
      identitySeed: this.#options.identitySeed,
      listen: this.#options.listen,
      connectionsMax: CONNECTIONS_MAX,
      connectionRateMax: this.#options.connectionRateMax ?? CONNECTION_RATE_MAX,
      isBanned: (peerId) => this.#isBannedPeer(peerId),
      gossip: {
        clock: this.#clock,
        chainTag: this.#options.chain.genesisHash.slice(2, 18),
        isAdmitted: async (connection) => (await this.#introductions?.linkOf(connection)) !== undefined,
        onMessage: async (peerId, topic, bytes) => {
          const node = this.#nodeOfPeer.get(peerId)
          const verdict = node === undefined ? undefined : this.#reception?.gossip(node, topic, bytes)
          return (await verdict) ?? 'ignore'
        },
        points: (peerId) => this.#pointsOf(peerId),
      },
    })
    this.#host = host
    this.#ownRecord = this.#makeRecord(host)
    this.#introductions = new Introductions({
      clock: this.#clock,
      rules: this.#rules,
      peerId: host.peerId,
      ownRecord: () => this.#encodedOwnRecord(),
      admit: (connection, control, record) => this.#admit(connection, control, record),
      onRefused: (peer, reason) => this.#onRefused({ kind: 'refused', peer, reason }),
      onRefusedByPeer: (peer, reason) => this.#onRefused({ kind: 'refused-by-peer', peer, reason }),
    })
    await this.#listen(host, this.#introductions)
    this.#every(TICK_MS, () => this.#dialer.tick(() => this.#clock.nowMs()))
    this.#every(SWEEP_MS, (lateMs) => this.#sweep(lateMs))
  }

  async stop(): Promise<void> {
    for (const cancel of this.#cancelTimers) cancel()
    const links = [...this.#links.values()]
    this.#links.clear()
    for (const link of links) link.close('stopping')
    if (links.length > 0) {
      // The goodbyes leave before the sockets are closed.
      await new Promise<void>((resolve) => {
        this.#clock.schedule(50, resolve)
      })
    }
    await this.#host?.stop()
  }

  addresses(): readonly string[] {
    const host = this.#host
    return host === undefined ? [] : host.addresses().map((address) => `${address}/p2p/${host.peerId}`)
  }

  setMembers(members: readonly NodeId[]): void {
    const added = members.filter((node) => !this.#members.has(node))
    this.#members = new Set(members)
    this.#records.onMembersChanged(added)
    for (const link of this.#links.values()) link.openStreams(this.#isPair(link.node))
  }

  peers(): readonly PeerStatus[] {
    const nowMs = this.#clock.nowMs()
    return [...this.#links.values()].map(({ node, connectedMs, roundTripMs }) => ({
      node,
      isMember: this.#members.has(node),
      connectedMs,
      roundTripMs,
      points: this.#scores.points(node, nowMs),
    }))
  }

  send(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): boolean {
    return this.#sendFramed(peer, messageClass, frame(bytes))
  }

  broadcast(messageClass: MessageClass, bytes: Uint8Array, recipients?: Iterable<NodeId>): number {
    const framed = frame(bytes)
    let count = 0
    for (const node of recipients ?? this.#members) {
      if (node !== this.self && this.#sendFramed(node, messageClass, framed)) count++
    }
    return count
  }

  publish(topic: Topic, bytes: Uint8Array): void {
    const counters = this.#counters.topics[topic]
    if (bytes.length > TOPICS[topic].messageSizeMax || this.#host === undefined) {
      counters.droppedOutbound++
      return
    }
    counters.sentMessages++
    counters.sentBytes += bytes.length
    this.#host.gossip.publish(topic, bytes).catch((error: unknown) => this.#handlers?.onError(error))
  }

  report(peer: NodeId, offence: Offence): void {
    this.#counters.offences[offence]++
    if (!this.#scores.add(peer, offence, this.#clock.nowMs())) return
    this.#counters.bans++
    this.#handlers?.onNotice({ kind: 'banned', node: peer, offence })
    this.#links.get(peer)?.close('misbehaviour')
  }

  statistics(): NetworkStatistics {
    return this.#counters.snapshot(this.#links.size)
  }

  async #listen(host: Host, introductions: Introductions): Promise<void> {
    host.node.addEventListener('connection:open', ({ detail }) => introductions.onOpen(detail))
    host.node.addEventListener('connection:close', ({ detail }) => introductions.onClose(detail))
    await host.handle(CONTROL_PROTOCOL, (stream, connection) =>
      introductions.onControlStream(stream, connection),
    )
    for (const messageClass of CLASSES_BY_URGENCY) {
      await host.handle(protocolOf(messageClass), async (stream, connection) => {
        const link = await introductions.linkOf(connection)
        if (link === undefined) stream.abort(new Error('no introduction'))
        else link.accept(messageClass, stream)
      })
    }
  }

  /** Lets a peer in that has introduced itself. */
  #admit(connection: Connection, control: ControlStream, record: SignedPeerRecord): Link | GoodbyeReason {
    const { node } = record
    const existing = this.#links.get(node)
    const isFollower = !this.#members.has(node) && connection.direction === 'inbound'
    if (isFollower && existing === undefined && this.#followerCount() >= this.#followersMax()) {
      return 'no place for another follower'
    }
    const link = new Link(
      {
        clock: this.#clock,
        counters: this.#counters,
        deliver: (from, messageClass, message) => this.#reception?.deliver(from.node, messageClass, message),
        offend: (from, offence) => this.report(from.node, offence),
      },
      connection,
      control,
      record,
    )
    control.listen({
      onMessage: (message) => this.#onControl(link, message),
      onViolation: () => this.report(node, 'oversize'),
    })
    connection.addEventListener('close', ({ error }) => {
      if (error?.name === 'MultiplexerAbuse') this.report(node, 'oversize')
      this.#onLinkClosed(link)
    })
    this.#choose(link, existing)
    return link
  }

  /** Of two links to a node, keeps the one that the lower id dialled, or else the newer one: both ends choose alike. */
  #choose(link: Link, existing: Link | undefined): void {
    const { node } = link
    const isPreferred = ({ connection }: Link): boolean =>
      (connection.direction === 'outbound') === this.self < node
    if (existing !== undefined && isPreferred(existing) && !isPreferred(link)) {
      this.#retire(link)
      return
    }
    this.#links.set(node, link)
    this.#nodeOfPeer.set(link.record.peerId, node)
    link.openStreams(this.#isPair(node))
    if (existing === undefined) this.#handlers?.onPeerUp(node)
    else {
      link.outbox.adopt(existing.outbox)
      this.#host?.gossip.removePeer(existing.connection)
      this.#retire(existing)
    }
    this.#host?.gossip.addPeer(link.connection)
    this.#records.learn(link.record, link)
    this.#records.introduce(link)
  }

  #retire(link: Link): void {
    link.isSpare = true
    this.#clock.schedule(SPARE_MS, () => link.close('connected already'))
  }

  #onLinkClosed(link: Link): void {
    link.close('stopping')
    const { node } = link
    if (this.#links.get(node) !== link) return
    this.#links.delete(node)
    this.#host?.gossip.removePeer(link.connection)
    const nowMs = this.#clock.nowMs()
    this.#dialer.onDisconnect(node, nowMs - link.connectedMs, nowMs)
    this.#handlers?.onPeerDown(node)
    this.#records.onUnlinked(node)
    // The peer id of a banned node must be known when it comes back; so must the rates it has used up.
    if (this.#scores.points(node, nowMs) < 1) {
      this.#nodeOfPeer.delete(link.record.peerId)
      this.#reception?.forget(node)
    }
  }

  #onControl(link: Link, message: ControlMessage): void {
    link.heardMs = this.#clock.nowMs()
    switch (message.kind) {
      case 'hello':
        this.report(link.node, 'useless')
        break
      case 'records':
        this.#records.receive(link, message.records)
        break
      case 'ping':
        link.control.send({ kind: 'pong', token: message.token })
        break
      case 'pong':
        // The token is when the ping left; one from the future or the past is a joke at the peer's own cost.
        link.roundTripMs = Math.max(0, link.heardMs - message.token)
        break
      case 'goodbye':
        if (message.reason !== 'stopping' && message.reason !== 'connected already') {
          this.#onRefused({ kind: 'refused-by-peer', peer: link.node, reason: message.reason })
        }
        link.connection.abort(new Error(message.reason))
        break
    }
  }

  async #dial(target: DialTarget): Promise<NodeId | undefined> {
    const host = this.#host
    if (host === undefined) return undefined
    try {
      return await this.#introductions?.introduce(await host.dial(target.addresses, target.peerId))
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#handlers?.onNotice({ kind: 'dial-failed', address: target.addresses.join(', '), error: message })
      return undefined
    }
  }

  /** @param lateMs how late it runs: a busy process must not blame its peers for silence. */
  #sweep(lateMs: number): void {
    const nowMs = this.#clock.nowMs()
    if (this.#nodeOfPeer.size > PEER_IDS_MAX) this.#forgetPeerIds()
    for (const link of this.#links.values()) {
      link.heardMs += lateMs
      if (nowMs - link.heardMs > SILENCE_MS_MAX) link.close('too slow')
      else if (link.isSlow(nowMs)) {
        this.report(link.node, 'slow')
        link.close('too slow')
      } else this.#maintain(link, nowMs)
    }
  }

  #maintain(link: Link, nowMs: number): void {
    if (nowMs - link.pingedMs >= PING_MS) {
      link.pingedMs = nowMs
      link.control.send({ kind: 'ping', token: nowMs })
    }
    link.openStreams(this.#isPair(link.node))
    const gossip = this.#host?.gossip
    if (nowMs - link.connectedMs > GOSSIP_REPAIR_MS && gossip?.isOpenTo(link.connection) === false) {
      gossip.addPeer(link.connection)
    }
  }

  #sendFramed(peer: NodeId, messageClass: MessageClass, framed: Uint8Array): boolean {
    const counters = this.#counters.classes[messageClass]
    const link = this.#links.get(peer)
    if (link === undefined) {
      counters.droppedOutbound++
      return false
    }
    if (!link.outbox.add(messageClass, framed)) return false
    counters.sentMessages++
    counters.sentBytes += framed.length - FRAME_HEADER_SIZE
    return true
  }

  #onRefused(notice: Extract<Notice, { kind: 'refused' | 'refused-by-peer' }>): void {
    this.#counters.countRefusal(`${notice.kind}: ${notice.reason}`)
    this.#handlers?.onNotice(notice)
  }

  #makeRecord(host: Host): SignedPeerRecord {
    const addresses = (this.#options.announce ?? host.addresses()).slice(0, ADDRESSES_MAX)
    const sequence = BigInt(this.#clock.nowMs())
    const { chainId, genesisHash } = this.#options.chain
    const record = { chainId, genesisHash, node: this.self, sequence, peerId: host.peerId, addresses }
    return signPeerRecord(record, this.#options.signer)
  }

  #encodedOwnRecord(): Uint8Array {
    assert(this.#ownRecord !== undefined, 'a started transport has a record')
    return this.#ownRecord.encoded
  }

  /** Whether both sit in a committee. */
  #isPair(node: NodeId): boolean {
    return this.#members.has(this.self) && this.#members.has(node)
  }

  #followersMax(): number {
    return this.#options.followersMax ?? FOLLOWERS_MAX
  }

  #followerCount(): number {
    return [...this.#links.keys()].filter((node) => !this.#members.has(node)).length
  }

  #isBannedPeer(peerId: string): boolean {
    const node = this.#nodeOfPeer.get(peerId)
    return node !== undefined && this.#scores.isBanned(node, this.#clock.nowMs())
  }

  /** Of nodes that are gone, with the rates that they used up: keys cost nothing, and each banned one leaves its own. */
  #forgetPeerIds(): void {
    for (const [peerId, node] of this.#nodeOfPeer) {
      if (this.#links.has(node)) continue
      this.#nodeOfPeer.delete(peerId)
      this.#reception?.forget(node)
    }
  }

  #pointsOf(peerId: string): number {
    const node = this.#nodeOfPeer.get(peerId)
    return node === undefined ? 0 : this.#scores.points(node, this.#clock.nowMs())
  }

  #every(intervalMs: number, work: (lateMs: number) => void): void {
    let cancel = (): void => {}
    const arm = (): void => {
      const dueMs = this.#clock.nowMs() + intervalMs
      cancel = this.#clock.schedule(intervalMs, () => {
        arm()
        work(Math.max(0, this.#clock.nowMs() - dueMs))
      })
    }
    arm()
    this.#cancelTimers.push(() => cancel())
  }
}
