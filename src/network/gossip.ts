/**
 * Gossip among the peers that have introduced themselves: gossipsub 1.2 without signatures on messages (what is gossiped
 * carries its own), identified by content.
 *
 * gossipsub knows of libp2p connections; here only authenticated ones count. Its registrar is therefore replaced by one
 * that keeps its handlers back: an incoming stream waits for its peer's introduction, and peers are announced to it by
 * {@link Gossip.addPeer} instead of by the identify protocol.
 */
import { createHash } from 'node:crypto'
import type { Connection, Stream, Topology } from '@libp2p/interface'
import {
  gossipsub,
  StrictNoSign,
  TopicValidatorResult,
  type GossipSub,
  type GossipSubComponents,
} from '@libp2p/gossipsub'
import type { Clock } from '../consensus/plugin.ts'
import type { GossipVerdict } from './transport.ts'
import { TokenBucket } from './token-bucket.ts'
import { TOPIC_NAMES, TOPICS, type Topic } from './topics.ts'

const HEARTBEAT_MS = 700
/** One RPC holds several messages. */
const RPC_SIZE_MAX = 4 * 1024 * 1024
/** What may wait for a peer that reads slowly; above, its gossip stream is closed and later opened again. */
const OUTBOUND_BYTES_MAX = 8 * 1024 * 1024
/** A peer's gossip, repetitions included, is read no faster. */
const BYTES_PER_SECOND = 8 * 1024 * 1024
const BYTES_BURST = 16 * 1024 * 1024

export interface GossipOwner {
  readonly clock: Clock
  /** Part of the names of topics, so that chains never mix. */
  readonly chainTag: string
  /** Resolves when the connection's peer has introduced itself: whether it may gossip. */
  isAdmitted(connection: Connection): Promise<boolean>
  onMessage(peerId: string, topic: Topic, bytes: Uint8Array): GossipVerdict | Promise<GossipVerdict>
  /** Penalty points of a peer; half of those of a ban are enough not to be gossiped to. */
  points(peerId: string): number
}

type Registrar = GossipSubComponents['registrar']
/** gossipsub shows its streams; its interface does not name them. */
type GossipSubStreams = GossipSub & { readonly streamsOutbound: ReadonlyMap<string, unknown> }

export class Gossip {
  readonly #owner: GossipOwner
  #service: GossipSubStreams | undefined
  #topology: Topology | undefined

  constructor(owner: GossipOwner) {
    this.#owner = owner
  }

  /** Makes the libp2p service. */
  create(components: GossipSubComponents): GossipSub {
    const service = gossipsub({
      globalSignaturePolicy: StrictNoSign,
      emitSelf: false,
      floodPublish: false,
      fallbackToFloodsub: false,
      allowPublishToZeroTopicPeers: true,
      ignoreDuplicatePublishError: true,
      batchPublish: true,
      tagMeshPeers: false,
      canRelayMessage: true,
      D: 6,
      Dlo: 4,
      Dhi: 10,
      heartbeatInterval: HEARTBEAT_MS,
      idontwantMinDataSize: 1024,
      maxInboundDataLength: RPC_SIZE_MAX,
      maxOutboundBufferSize: OUTBOUND_BYTES_MAX,
      maxInboundStreams: 2,
      maxOutboundStreams: 2,
      maxTopicBytesPerPeer: 16 * 1024,
      decodeRpcLimits: {
        maxSubscriptions: 16,
        maxMessages: 5000,
        maxIhaveMessageIDs: 5000,
        maxIwantMessageIDs: 5000,
        maxIdontwantMessageIDs: 512,
        maxControlMessages: 5000,
        maxPeerInfos: 16,
      },
      msgIdFn: ({ topic, data }) => messageId(topic, data),
      scoreParams: {
        appSpecificScore: (peerId) => -this.#owner.points(peerId),
        appSpecificWeight: 1,
        // Several nodes behind one address are normal here: development networks, data centres.
        IPColocationFactorWeight: 0,
        behaviourPenaltyThreshold: 6,
      },
      scoreThresholds: { gossipThreshold: -25, publishThreshold: -50, graylistThreshold: -75 },
    })({ ...pickComponents(components), registrar: this.#gatedRegistrar(components.registrar) })
    // A fact of the class behind the interface, which the tests would miss.
    this.#service = service as GossipSubStreams
    return service
  }

  /** Takes part in all topics. Call when libp2p has started. */
  join(): void {
    for (const topic of TOPIC_NAMES) {
      const name = this.#nameOf(topic)
      // A copy of its own: what comes is a view of a larger buffer.
      this.#service?.topicValidators.set(name, async (peer, { data }) => {
        return RESULTS[await this.#owner.onMessage(peer.toString(), topic, new Uint8Array(data))]
      })
      this.#service?.subscribe(name)
    }
  }

  addPeer(connection: Connection): void {
    void this.#topology?.onConnect?.(connection.remotePeer, connection)
  }

  removePeer(connection: Connection): void {
    void this.#topology?.onDisconnect?.(connection.remotePeer)
  }

  /** Whether messages can be sent to a peer; its stream may have broken alone. */
  isOpenTo(connection: Connection): boolean {
    return this.#service?.streamsOutbound.has(connection.remotePeer.toString()) ?? false
  }

  async publish(topic: Topic, bytes: Uint8Array): Promise<void> {
    // The published interface does not name the options.
    const service = this.#service as
      | { publish(topic: string, data: Uint8Array, options: { floodPublish: boolean }): Promise<unknown> }
      | undefined
    await service?.publish(this.#nameOf(topic), bytes, { floodPublish: TOPICS[topic].isUrgent })
  }

  #nameOf(topic: Topic): string {
    return `/aevir/${this.#owner.chainTag}/${topic}/1`
  }

  /** Only what gossipsub calls (17.1): handle, unhandle, register, unregister. */
  #gatedRegistrar(registrar: Registrar): Registrar {
    const gated: Pick<Registrar, 'handle' | 'unhandle' | 'register' | 'unregister'> = {
      handle: (protocol, handler, options) =>
        registrar.handle(
          protocol,
          async (stream, connection) => {
            if (!(await this.#owner.isAdmitted(connection))) {
              stream.abort(new Error('gossip before an introduction'))
              return
            }
            limitRate(stream, this.#owner.clock)
            await handler(stream, connection)
          },
          options,
        ),
      unhandle: (protocols, options) => registrar.unhandle(protocols, options),
      register: async (_protocol, topology) => {
        this.#topology = topology
        return 'gossip'
      },
      unregister: () => {},
    }
    // The members above are those that are called, as the comment says.
    return gated as Registrar
  }
}

const RESULTS: Readonly<Record<GossipVerdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}

function messageId(topic: string, data: Uint8Array): Uint8Array {
  return createHash('sha256').update(topic).update(data).digest().subarray(0, 20)
}

/** The components of libp2p answer by accessors of a proxy; gossipsub wants plain members. */
function pickComponents(components: GossipSubComponents): GossipSubComponents {
  const { privateKey, peerId, peerStore, registrar, connectionManager, logger } = components
  return { privateKey, peerId, peerStore, registrar, connectionManager, logger }
}

/** Reads a stream no faster than {@link BYTES_PER_SECOND}. */
function limitRate(stream: Stream, clock: Clock): void {
  const bucket = new TokenBucket(BYTES_PER_SECOND, BYTES_BURST, clock.nowMs())
  stream.addEventListener('message', ({ data }) => {
    const waitMs = bucket.take(data.byteLength, clock.nowMs())
    if (waitMs === 0 || stream.status !== 'open') return
    stream.pause()
    clock.schedule(waitMs, () => {
      if (stream.status === 'open') stream.resume()
    })
  })
}
