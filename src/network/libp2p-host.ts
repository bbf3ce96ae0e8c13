/**
 * libp2p as this program uses it: TCP, noise, yamux, gossipsub. Loaded when a transport starts, never before: its modules
 * take a third of a second. Nothing here knows of consensus; `libp2p-transport.ts` decides who is let in.
 */
import { createLibp2p, type Libp2p } from 'libp2p'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Connection, StreamHandler, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../consensus/plugin.ts'
import { inWholeRecords, withRareUpdates } from './frugal-streams.ts'
import { Gossip, type GossipOwner } from './gossip.ts'
import { AddressError, ListenError, PortBusyError } from './network-errors.ts'
import { YamuxGuard } from './yamux-guard.ts'

/**
 * The largest window of a stream: what a sender may have under way that the receiver has not read. It bounds what a vote
 * can wait for behind a block in the kernel's buffers; 1 MiB still moves 10 MB/s over a round trip of 100 ms.
 */
const WINDOW_MAX = 1024 * 1024
const DIAL_TIMEOUT_MS = 6_000
const UPGRADE_TIMEOUT_MS = 5_000
/** Streams of one connection and direction: control, three classes, gossip, identify, and some that are being closed. */
const STREAMS_MAX = 16

export interface HostOptions {
  readonly clock: Clock
  /** 32 bytes that the ed25519 key of the libp2p identity is made from. */
  readonly identitySeed: Uint8Array
  /** Multiaddrs. */
  readonly listen: readonly string[]
  readonly connectionsMax: number
  /** New connections a second from one host. */
  readonly connectionRateMax: number
  isBanned(peerId: string): boolean
  readonly gossip: GossipOwner
}

export interface Host {
  readonly node: Libp2p
  readonly gossip: Gossip
  readonly peerId: string
  /** Where it listens, without the peer id. */
  addresses(): readonly string[]
  handle(protocol: string, handler: StreamHandler): Promise<void>
  /** Dials one address after the other. @param peerId whom to find there; anybody when `undefined`. */
  dial(addresses: readonly string[], peerId: string | undefined): Promise<Connection>
  stop(): Promise<void>
}

/** Ends a connection; the close event of the connection carries it. */
export class MultiplexerAbuse extends Error {
  override readonly name = 'MultiplexerAbuse'
}

/** @throws PortBusyError, ListenError, AddressError */
export async function startHost(options: HostOptions): Promise<Host> {
  const gossip = new Gossip(options.gossip)
  for (const address of options.listen) parseAddress(address)
  const node = await createLibp2p({
    start: false,
    privateKey: await generateKeyPairFromSeed('Ed25519', options.identitySeed),
    addresses: { listen: [...options.listen] },
    transports: [tcp()],
    connectionEncrypters: [inWholeRecords(noise())],
    streamMuxers: [() => guardedYamux(options.clock)],
    connectionGater: {
      denyInboundEncryptedConnection: (peer) => options.isBanned(peer.toString()),
      denyDialPeer: (peer) => options.isBanned(peer.toString()),
      // Loopback and private addresses are what development networks and data centres have.
      denyDialMultiaddr: () => false,
    },
    connectionManager: {
      maxConnections: options.connectionsMax,
      inboundConnectionThreshold: options.connectionRateMax,
      maxIncomingPendingConnections: options.connectionsMax,
      inboundUpgradeTimeout: UPGRADE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: UPGRADE_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: UPGRADE_TIMEOUT_MS,
      dialTimeout: DIAL_TIMEOUT_MS,
    },
    // The control stream has a ping of its own.
    connectionMonitor: { enabled: false },
    services: {
      // gossipsub wants it there; nobody asks it.
      identify: identify({ runOnConnectionOpen: false }),
      gossip: (components) => gossip.create(components),
    },
  })
  await listen(node, options.listen)
  gossip.join()
  return {
    node,
    gossip,
    peerId: node.peerId.toString(),
    addresses: () => node.getMultiaddrs().map((address) => address.decapsulate('/p2p').toString()),
    handle: (protocol, handler) =>
      node.handle(protocol, handler, { maxInboundStreams: 2, maxOutboundStreams: 2 }),
    dial: (addresses, peerId) => dial(node, addresses, peerId),
    stop: async () => node.stop(),
  }
}

/** @throws AddressError */
export function parseAddress(address: string): Multiaddr {
  try {
    return multiaddr(address)
  } catch {
    throw new AddressError(address)
  }
}

async function listen(node: Libp2p, addresses: readonly string[]): Promise<void> {
  try {
    await node.start()
  } catch (error) {
    await node.stop()
    const text = addresses.join(', ')
    const isBusy = (error as Error).message.includes('EADDRINUSE')
    throw isBusy ? new PortBusyError(text, { cause: error }) : new ListenError(text, { cause: error })
  }
}

async function dial(
  node: Libp2p,
  addresses: readonly string[],
  peerId: string | undefined,
): Promise<Connection> {
  const suffix = peerId === undefined ? '' : `/p2p/${peerId}`
  const targets = addresses.map((address) =>
    parseAddress(address.includes('/p2p/') ? address : `${address}${suffix}`),
  )
  return node.dial(targets, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
}

function guardedYamux(clock: Clock): StreamMuxerFactory {
  const inner = withRareUpdates(
    yamux({
      maxInboundStreams: STREAMS_MAX,
      maxOutboundStreams: STREAMS_MAX,
      streamOptions: { maxStreamWindowSize: WINDOW_MAX, maxReadBufferLength: 4 * WINDOW_MAX },
    })(),
  )
  return {
    protocol: inner.protocol,
    createStreamMuxer(connection) {
      const guard = new YamuxGuard(WINDOW_MAX, clock.nowMs())
      // Added before the multiplexer adds its own listener, so that it sees every byte first.
      connection.addEventListener('message', ({ data }) => {
        for (const chunk of data instanceof Uint8Array ? [data] : data) {
          const abuse = guard.watch(chunk, clock.nowMs())
          if (abuse === undefined) continue
          connection.abort(new MultiplexerAbuse(abuse))
          return
        }
      })
      const muxer = inner.createStreamMuxer(connection)
      ignoreWritesAfterClose(muxer)
      return muxer
    },
  }
}

/**
 * yamux (8.0) sends the first frame of a stream in a microtask, where nobody can catch what it throws when the connection
 * takes no more bytes: whoever closes one at the right moment would end the process. Its streams learn of the end anyway.
 */
function ignoreWritesAfterClose(muxer: StreamMuxer): void {
  // A fact of the class behind the interface; without it this does nothing, and a test says so.
  const sending = muxer as StreamMuxer & { send?: (data: unknown) => boolean }
  const send = sending.send?.bind(muxer)
  if (send === undefined) return
  sending.send = (data) => {
    try {
      return send(data)
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'StreamStateError') throw error
      return false
    }
  }
}
