/**
 * A process that attacks a node through its port: raw connections that are no libp2p, connections that say nothing or
 * little, strangers that introduce themselves wrongly, and strangers that do it rightly and then send what they should
 * not. Each scenario has a key of its own, since those before are banned. Bounded in connections and bytes.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { bls } from '../../../src/consensus/bls.ts'
import { committeeShape } from '../../../src/consensus/simplex/config.ts'
import type { Epoch } from '../../../src/consensus/simplex/types.ts'
import { encodeMessage, wireContext } from '../../../src/consensus/simplex/wire.ts'
import { encodeControl, NETWORK_VERSION, type ControlMessage } from '../../../src/network/control-messages.ts'
import { CONTROL_PROTOCOL } from '../../../src/network/control-stream.ts'
import { frame } from '../../../src/network/framing.ts'
import { startHost, type Host } from '../../../src/network/libp2p-host.ts'
import { protocolOf } from '../../../src/network/link.ts'
import { signPeerRecord } from '../../../src/network/peer-record.ts'
import { systemClock } from '../../../src/node/system-clock.ts'
import { bytesToHex, concatBytes, toHash } from '../../../src/primitives/bytes.ts'
import { keccak256 } from '../../../src/primitives/keccak.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'
import { Prng } from '../../support/prng.ts'
import { anyMessage } from '../consensus-values.ts'
import { filler, mutateBytes } from '../mutate-bytes.ts'

/** What the process is told on its command line, as JSON. */
export interface SocketTask {
  readonly seed: string
  readonly addresses: readonly string[]
  readonly chainId: string
  readonly genesisHash: string
}

/** It begins when it is told to. */
export type SocketOrder = 'go' | 'pause'

export interface SocketNote {
  readonly name: string
  readonly wasThrownOut: boolean
}

type Connection = Awaited<ReturnType<Host['dial']>>
type Stream = Awaited<ReturnType<Connection['newStream']>>

const RAW_CONNECTIONS = 24
const SCENARIO_MS = 1500
const HOLD_MS = 1000

const task = JSON.parse(process.argv[2] ?? '{}') as SocketTask
const chain = { chainId: BigInt(task.chainId), genesisHash: toHash(task.genesisHash) }
const shape = committeeShape(4)
const context = wireContext(shape, {
  chainId: chain.chainId,
  layer: 'execution',
  epoch: 0 as Epoch,
  committeeHash: chain.genesisHash,
})
const port = Number(/\/tcp\/(\d+)/.exec(task.addresses[0] ?? '')?.[1])

// ---- Connections ---------------------------------------------------------------------------------------------------

let strangers = 0

/** Somebody new, who keeps its host as long as the scenario runs. */
async function withStranger(
  act: (stranger: {
    readonly host: Host
    readonly connection: Connection
    readonly name: string
  }) => Promise<void>,
): Promise<boolean> {
  const name = `${task.seed} stranger ${process.pid} ${strangers++}`
  const host = await startHost({
    clock: systemClock,
    identitySeed: keccak256(new TextEncoder().encode(name)),
    listen: [],
    connectionsMax: 10,
    connectionRateMax: 10,
    isBanned: () => false,
    gossip: {
      clock: systemClock,
      chainTag: chain.genesisHash.slice(2, 18),
      isAdmitted: async () => true,
      onMessage: () => 'ignore',
      points: () => 0,
    },
  })
  try {
    const connection = await host.dial(task.addresses, undefined)
    await Promise.race([act({ host, connection, name }), pause(SCENARIO_MS)])
    await pause(100)
    return connection.status !== 'open'
  } finally {
    await host.stop()
  }
}

function helloOf(
  host: Host,
  name: string,
  change: Partial<Extract<ControlMessage, { kind: 'hello' }>> = {},
): Uint8Array {
  const secret = keccak256(new TextEncoder().encode(`${name} key`))
  secret[0] = 1
  const signer = bls.signer(secret)
  const identity = { node: bytesToHex(signer.publicKey), sequence: BigInt(Date.now()), peerId: host.peerId }
  const { encoded } = signPeerRecord({ ...chain, ...identity, addresses: [] }, signer)
  return encodeControl({
    kind: 'hello',
    version: NETWORK_VERSION,
    clockMs: Date.now(),
    record: encoded,
    ...change,
  })
}

async function introduced(host: Host, connection: Connection, name: string): Promise<Stream> {
  const control = await connection.newStream(CONTROL_PROTOCOL)
  control.send(frame(helloOf(host, name)))
  await pause(50)
  return control
}

/** Sends as long as the stream takes anything and time is left. */
async function pour(stream: Stream, next: () => Uint8Array): Promise<void> {
  const endMs = Date.now() + HOLD_MS
  while (Date.now() < endMs && stream.writeStatus === 'writable') {
    if (!stream.send(next())) await pause(5)
    else await pause(0)
  }
}

async function withSockets(act: (sockets: readonly Socket[]) => Promise<void>): Promise<boolean> {
  const sockets = Array.from({ length: RAW_CONNECTIONS }, () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    return socket
  })
  try {
    await Promise.race([act(sockets), pause(SCENARIO_MS)])
    await pause(100)
    return sockets.every((socket) => socket.destroyed || socket.readyState !== 'open')
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

// ---- Scenarios -----------------------------------------------------------------------------------------------------

type Scenario = (prng: Prng) => Promise<boolean>

const polite = (
  act: (stream: (name: string) => Promise<Stream>, host: Host, control: Stream) => Promise<void>,
): Promise<boolean> =>
  withStranger(async ({ host, connection, name }) => {
    const control = await introduced(host, connection, name)
    await act((protocol) => connection.newStream(protocol), host, control)
  })

const message = (prng: Prng): Uint8Array => encodeMessage(context, anyMessage(prng, shape))

const SCENARIOS: readonly (readonly [name: string, scenario: Scenario])[] = [
  [
    'raw garbage',
    (prng) =>
      withSockets(async (sockets) => {
        for (const socket of sockets) socket.write(prng.bytes(prng.between(1, 2000)))
        await pause(HOLD_MS)
      }),
  ],
  ['connections that say nothing', () => withSockets(() => pause(HOLD_MS))],
  [
    'half-open connections',
    () =>
      withSockets(async (sockets) => {
        for (const socket of sockets) socket.end('\u0013/multistream/1.0.0\n')
        await pause(HOLD_MS)
      }),
  ],
  [
    'slow handshakes',
    () =>
      withSockets(async (sockets) => {
        for (const byte of new TextEncoder().encode('\u0013/multistream/1.0.0\n\u0007/noise\n')) {
          for (const socket of sockets) socket.write(Uint8Array.of(byte))
          await pause(30)
        }
      }),
  ],
  ['silence after the handshake', () => withStranger(() => pause(HOLD_MS))],
  [
    'streams before the introduction',
    (prng) =>
      withStranger(async ({ connection }) => {
        for (const name of ['votes', 'blocks', 'sync'] as const) {
          const stream = await connection.newStream(protocolOf(name))
          await pour(stream, () => frame(message(prng)))
        }
      }),
  ],
  [
    'damaged introductions',
    (prng) =>
      withStranger(async ({ host, connection, name }) => {
        const control = await connection.newStream(CONTROL_PROTOCOL)
        control.send(frame(mutateBytes(prng, helloOf(host, name), filler(prng))))
        await pause(HOLD_MS)
      }),
  ],
  [
    'introductions of another time',
    (prng) =>
      withStranger(async ({ host, connection, name }) => {
        const control = await connection.newStream(CONTROL_PROTOCOL)
        control.send(frame(helloOf(host, name, { clockMs: prng.below(2 ** 40) })))
        await pause(HOLD_MS)
      }),
  ],
  [
    'garbage in frames',
    (prng) =>
      polite(async (open) => {
        await pour(await open(protocolOf('sync')), () => frame(filler(prng)))
      }),
  ],
  [
    'damaged messages',
    (prng) =>
      polite(async (open) => {
        await pour(await open(protocolOf('sync')), () =>
          frame(mutateBytes(prng, message(prng), message(prng))),
        )
      }),
  ],
  [
    'frames without measure',
    () =>
      polite(async (open) => {
        ;(await open(protocolOf('sync'))).send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3))
        await pause(HOLD_MS)
      }),
  ],
  [
    'frames that never end',
    () =>
      polite(async (open) => {
        const stream = await open(protocolOf('sync'))
        stream.send(Uint8Array.of(0, 0x10, 0, 0))
        await pour(stream, () => Uint8Array.of(0))
      }),
  ],
  [
    'large messages',
    (prng) =>
      polite(async (open) => {
        const large = frame(concatBytes(context.envelope, Uint8Array.of(6), prng.bytes(1 << 20)))
        await pour(await open(protocolOf('sync')), () => large)
      }),
  ],
  [
    'floods of questions',
    (prng) =>
      polite(async (open) => {
        const question = frame(encodeMessage(context, { kind: 'syncRequest', fromHeight: prng.below(9) }))
        const many = concatBytes(...Array.from({ length: 50 }, () => question))
        await pour(await open(protocolOf('sync')), () => many)
      }),
  ],
  [
    'classes of members',
    (prng) =>
      polite(async (open) => {
        const many = concatBytes(...prng.times(40, () => frame(message(prng))))
        await pour(await open(protocolOf('votes')), () => many)
      }),
  ],
  [
    'many streams',
    () =>
      polite(async (open) => {
        for (let count = 0; count < 100; count++) await open(protocolOf('sync'))
      }),
  ],
  [
    'pings without end',
    (prng) =>
      polite(async (_open, _host, control) => {
        await pour(control, () => frame(encodeControl({ kind: 'ping', token: prng.below(1000) })))
      }),
  ],
  [
    'damaged control messages',
    (prng) =>
      polite(async (_open, host, control) => {
        const records = Array.from({ length: 5 }, () => helloOf(host, `${prng.uint32()}`).subarray(13))
        const whole = encodeControl({ kind: 'records', records })
        await pour(control, () => frame(mutateBytes(prng, whole, filler(prng))))
      }),
  ],
  [
    'garbage in gossip',
    (prng) =>
      polite(async (_open, host) => {
        for (let count = 0; count < 200; count++) {
          const bytes = prng.chance(0.5)
            ? filler(prng)
            : encodeRlp(prng.times(5, () => prng.bytes(prng.below(200))))
          await host.gossip.publish('transactions', bytes).catch(() => {})
          await pause(2)
        }
      }),
  ],
]

/** Resolves as soon as it may go on. */
async function told(): Promise<void> {
  while (orders.latest === 'pause') await pause(50)
}

function tell(note: SocketNote): void {
  process.send?.(note)
}

// The attacked node ends connections in the middle of everything: that is what is wanted.
process.on('unhandledRejection', () => {})
process.on('uncaughtException', () => {})
const orders: { latest: SocketOrder } = { latest: 'pause' }
process.on('message', (order: SocketOrder) => (orders.latest = order))
process.on('disconnect', () => process.exit(0))

for (let round = 0; ; round++) {
  await told()
  const prng = new Prng(`${task.seed} sockets ${round}`)
  const [name, scenario] = SCENARIOS[round % SCENARIOS.length] ?? prng.pick(SCENARIOS)
  let wasThrownOut = true
  try {
    wasThrownOut = await scenario(prng)
  } catch {
    // A connection that is refused, or ends while something is opened on it.
  }
  tell({ name, wasThrownOut })
}
