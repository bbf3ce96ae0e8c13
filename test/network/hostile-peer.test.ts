/**
 * A hostile peer on loopback, with a valid key and a correct introduction where it needs one. Whatever it does is dropped
 * and counted, it is thrown out, and a vote between honest nodes takes no longer than before.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { bls } from '../../src/consensus/bls.ts'
import type { NodeId } from '../../src/consensus/election/election.ts'
import { encodeControl, NETWORK_VERSION, type ControlMessage } from '../../src/network/control-messages.ts'
import { CONTROL_PROTOCOL } from '../../src/network/control-stream.ts'
import { frame } from '../../src/network/framing.ts'
import { startHost, type Host } from '../../src/network/libp2p-host.ts'
import { createLibp2pTransport, type NetworkTransport } from '../../src/network/libp2p-transport.ts'
import { protocolOf } from '../../src/network/link.ts'
import { signPeerRecord } from '../../src/network/peer-record.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import {
  CHAIN,
  eventually,
  fastClock,
  keyOf,
  Recorder,
  startNode,
  type RunningNode,
} from '../support/network-world.ts'

type Connection = Awaited<ReturnType<Host['dial']>>
type Stream = Awaited<ReturnType<Connection['newStream']>>

/** Time-outs of seconds pass in a tenth. */
const FASTER = 10
const victimClock = fastClock(FASTER)

type NetworkNode = RunningNode<NetworkTransport>

const honestNode = keyOf('honest').node

describe('a hostile peer', () => {
  let victim: NetworkNode
  let onHonestVote = (): void => {}
  let honest: NetworkNode
  const intruders: Host[] = []

  /** Votes of the honest node are announced; all others are only counted, by the transport. */
  class VictimRecorder extends Recorder {
    override onMessage(peer: NodeId): void {
      if (peer === honestNode) onHonestVote()
    }
  }

  const startMember = async (name: string, bootstrap: readonly string[]): Promise<NetworkNode> =>
    startNode(
      createLibp2pTransport({
        chain: CHAIN,
        signer: keyOf(name).signer,
        scheme: bls,
        clock: victimClock,
        identitySeed: keyOf(name).seed,
        listen: ['/ip4/127.0.0.1/tcp/0'],
        bootstrap,
        connectionRateMax: 1000,
        clockSkewMsMax: Number.MAX_SAFE_INTEGER,
      }),
      new VictimRecorder(),
    )

  before(async () => {
    victim = await startMember('victim', [])
    honest = await startMember('honest', victim.transport.addresses())
    for (const { transport } of [victim, honest]) {
      transport.setMembers([
        keyOf('victim').node,
        keyOf('honest').node,
        ...HOSTILE.map((name) => keyOf(name).node),
      ])
    }
    await victim.recorder.until('a link', (seen) => seen.all('up').length === 1)
    await voteTimes(20)
  })

  after(async () => {
    await Promise.all(intruders.map(async (host) => host.stop()))
    await victim.transport.stop()
    await honest.transport.stop()
    assert.deepEqual(victim.recorder.errors, [])
    assert.deepEqual(
      victim.recorder.all('down').filter(({ peer }) => peer === honest.transport.self),
      [],
    )
  })

  /** Connects to the victim without a word. */
  async function intrude(name: string): Promise<{ readonly host: Host; readonly connection: Connection }> {
    const host = await startHost({
      clock: systemClock,
      identitySeed: keyOf(name).seed,
      listen: [],
      connectionsMax: 10,
      connectionRateMax: 10,
      isBanned: () => false,
      gossip: {
        clock: systemClock,
        chainTag: CHAIN.genesisHash.slice(2, 18),
        isAdmitted: async () => true,
        onMessage: () => 'ignore',
        points: () => 0,
      },
    })
    intruders.push(host)
    return { host, connection: await host.dial(victim.transport.addresses(), undefined) }
  }

  /** Connects and introduces itself correctly. */
  async function intrudePolitely(
    name: string,
  ): Promise<{ readonly host: Host; readonly connection: Connection; readonly control: Stream }> {
    const { host, connection } = await intrude(name)
    const control = await connection.newStream(CONTROL_PROTOCOL)
    const { signer, node } = keyOf(name)
    const { encoded } = signPeerRecord(
      { ...CHAIN, node, sequence: 1n, peerId: host.peerId, addresses: [] },
      signer,
    )
    say(control, { kind: 'hello', version: NETWORK_VERSION, clockMs: Date.now(), record: encoded })
    await victim.recorder.until('the intruder', (seen) => seen.all('up').some(({ peer }) => peer === node))
    return { host, connection, control }
  }

  const say = (stream: Stream, message: ControlMessage): boolean => stream.send(frame(encodeControl(message)))

  async function gone(connection: Connection): Promise<void> {
    await eventually(
      'the end of the connection',
      () => connection.status !== 'open',
      () => {},
    )
  }

  /** Milliseconds that votes of the honest node take, one after the other, shortest first. */
  async function voteTimes(count: number): Promise<number[]> {
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const startedMs = performance.now()
      const arrival = new Promise<void>((resolve) => {
        onHonestVote = resolve
      })
      assert.equal(honest.transport.send(victim.transport.self, 'votes', new Uint8Array(160)), true)
      await arrival
      times.push(performance.now() - startedMs)
    }
    return times.toSorted((x, y) => x - y)
  }

  const isBanned = (name: string): boolean =>
    victim.recorder
      .all('notice')
      .some(({ notice }) => notice.kind === 'banned' && notice.node === keyOf(name).node)

  test('that floods with votes is thrown out and kept out; honest votes keep their pace', async () => {
    const { host, connection } = await intrudePolitely('flood')
    const stream = await connection.newStream(protocolOf('votes'))
    const burst = Buffer.concat(Array.from({ length: 1000 }, () => frame(new Uint8Array(20))))
    const times = voteTimes(40)
    while (connection.status === 'open' && stream.writeStatus === 'writable') {
      if (!stream.writableNeedsDrain) stream.send(burst)
      await setImmediate()
    }
    await gone(connection)
    const median = (await times)[20] as number
    assert.ok(median < 50, `an honest vote takes ${median} ms in a flood`)
    assert.ok(isBanned('flood'))
    assert.ok(victim.transport.statistics().offences.flood >= 100)
    await assert.rejects(async () => {
      const again = await host.dial(victim.transport.addresses(), undefined)
      await again.newStream(CONTROL_PROTOCOL)
    }, 'a banned peer is not let in again')
  })

  test('that announces a message of 2 GiB is thrown out before it sends it', async () => {
    const { connection } = await intrudePolitely('oversize')
    const stream = await connection.newStream(protocolOf('blocks'))
    stream.send(Uint8Array.of(0x80, 0, 0, 0))
    await gone(connection)
    assert.ok(isBanned('oversize'))
  })

  test('that abuses the multiplexer is thrown out, and nothing of it is stored', async () => {
    const { connection } = await intrudePolitely('multiplexer')
    const stored = process.memoryUsage().arrayBuffers
    // Below the streams: a frame of 4 GiB that goes on for ever.
    const below = (connection as unknown as { muxer: { send(data: Uint8Array): boolean } }).muxer
    below.send(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff))
    for (let i = 0; i < 200 && connection.status === 'open'; i++) {
      try {
        below.send(new Uint8Array(64 * 1024))
      } catch {
        break
      }
    }
    await gone(connection)
    await eventually(
      'a ban',
      () => isBanned('multiplexer'),
      () => {},
    )
    assert.ok(process.memoryUsage().arrayBuffers - stored < 32 * 1024 * 1024)
  })

  test('that opens streams without end is thrown out', async () => {
    const { connection } = await intrude('streams')
    await Promise.allSettled(
      Array.from({ length: 12 }, async () => connection.newStream('/no/such/protocol')),
    )
    const below = (connection as unknown as { muxer: { send(data: Uint8Array): boolean } }).muxer
    for (let id = 101; id < 301 && connection.status === 'open'; id += 2) {
      try {
        below.send(Uint8Array.of(0, 1, 0, 1, 0, 0, id >> 8, id & 0xff, 0, 0, 0, 0))
      } catch {
        break
      }
    }
    await gone(connection)
  })

  test('that begins a message and does not end it is thrown out', async () => {
    const { connection } = await intrudePolitely('slow')
    const stream = await connection.newStream(protocolOf('votes'))
    stream.send(frame(new Uint8Array(100)).subarray(0, 50))
    await gone(connection)
    assert.ok(victim.transport.statistics().offences.slow > 0)
  })

  test('that connects and says nothing is thrown out, by TCP, by libp2p, and with gossip', async () => {
    const [host, port] = (victim.transport.addresses()[0] as string)
      .split('/')
      .flatMap((part, i) => (i === 2 || i === 4 ? [part] : []))
    const socket = connect(Number(port), host)
    const closed = new Promise<void>((resolve) => {
      socket.on('close', () => resolve())
      socket.on('error', () => {})
    })
    socket.write(Buffer.alloc(1000, 0x5a))
    await closed

    const { connection, host: intruder } = await intrude('silent')
    intruder.gossip.addPeer(connection)
    await intruder.gossip.publish('transactions', Uint8Array.of(1))
    await gone(connection)
    assert.ok(victim.recorder.hasNotice(/no hello in time/))
    assert.deepEqual(victim.recorder.all('gossip'), [])
  })

  test('that sends garbage on the control stream is thrown out', async () => {
    for (const [name, garbage] of [
      ['garbage-1', frame(Uint8Array.of(77, 1, 2))],
      ['garbage-2', Uint8Array.of(0xff, 0xff, 0xff, 0xff)],
    ] as const) {
      const { connection, control } = await intrudePolitely(name)
      control.send(garbage)
      await gone(connection)
      assert.ok(isBanned(name), name)
    }
    const { connection } = await intrude('garbage-3')
    const control = await connection.newStream(CONTROL_PROTOCOL)
    control.send(frame(Uint8Array.of(0, 1, 2)))
    await gone(connection)
    assert.ok(victim.recorder.hasNotice(/malformed hello/))
  })

  test('that gossips what handlers reject is thrown out', async () => {
    const { host, connection } = await intrudePolitely('gossip')
    victim.recorder.verdict = 'reject'
    host.gossip.addPeer(connection)
    let number = 0
    await eventually(
      'a ban',
      () => isBanned('gossip'),
      () => void host.gossip.publish('transactions', Uint8Array.of(++number)),
    )
    await gone(connection)
    victim.recorder.verdict = 'accept'
  })

  test('that passes on forged records is blamed, and they are not believed', async () => {
    const { connection, control } = await intrudePolitely('forger')
    const forged = signPeerRecord(
      {
        ...CHAIN,
        node: honest.transport.self,
        sequence: 2n ** 60n,
        peerId: '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf',
        addresses: ['/ip4/127.0.0.1/tcp/1'],
      },
      keyOf('forger').signer,
    )
    for (let i = 0; i < 3; i++) say(control, { kind: 'records', records: [forged.encoded] })
    await gone(connection)
    assert.ok(isBanned('forger'))
  })

  test('that a handler reports often enough is thrown out', async () => {
    const { connection } = await intrudePolitely('reported')
    const { node } = keyOf('reported')
    for (let i = 0; i < 4; i++) victim.transport.report(node, 'undecodable')
    await gone(connection)
    assert.ok(isBanned('reported'))
    assert.equal(
      victim.transport.peers().some((peer) => peer.node === node),
      false,
    )
  })

  test('leaves honest nodes as they were', async () => {
    const times = await voteTimes(30)
    assert.ok((times[15] as number) < 50)
    const peer = victim.transport.peers().find(({ node }) => node === honest.transport.self)
    assert.equal(peer?.points, 0)
  })
})

const HOSTILE = [
  'flood',
  'oversize',
  'multiplexer',
  'slow',
  'garbage-1',
  'garbage-2',
  'forger',
  'gossip',
  'reported',
] as const
