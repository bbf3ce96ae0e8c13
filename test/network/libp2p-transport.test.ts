/** Nodes that talk over libp2p on loopback: they find each other, know each other, come back, and refuse strangers. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, describe, test } from 'node:test'
import { bls } from '../../src/consensus/bls.ts'
import {
  createLibp2pTransport,
  type Libp2pTransportOptions,
  type NetworkTransport,
} from '../../src/network/libp2p-transport.ts'
import { PortBusyError } from '../../src/network/network-errors.ts'
import type { Topic } from '../../src/network/topics.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { toHash } from '../../src/primitives/bytes.ts'
import {
  CHAIN,
  eventually,
  keyOf,
  startNode,
  type Recorder,
  type RunningNode,
} from '../support/network-world.ts'

type NetworkNode = RunningNode<NetworkTransport>
const running: NetworkTransport[] = []

/** Starts a node on a free port of loopback. */
async function start(name: string, changes: Partial<Libp2pTransportOptions> = {}): Promise<NetworkNode> {
  const { signer, seed } = keyOf(name)
  const transport = createLibp2pTransport({
    chain: CHAIN,
    signer,
    scheme: bls,
    clock: systemClock,
    identitySeed: seed,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: [],
    connectionRateMax: 1000,
    ...changes,
  })
  running.push(transport)
  return startNode(transport)
}

const addressOf = ({ transport }: NetworkNode): string => transport.addresses()[0] as string

/** Starts members of one committee; all but the first know only the address of the first. */
async function startCommittee(names: readonly string[]): Promise<NetworkNode[]> {
  const members = names.map((name) => keyOf(name).node)
  const nodes: NetworkNode[] = []
  for (const name of names) {
    const node = await start(name, { bootstrap: nodes[0] === undefined ? [] : [addressOf(nodes[0])] })
    node.transport.setMembers(members)
    nodes.push(node)
  }
  for (const { recorder } of nodes) {
    await recorder.until('a full mesh', (seen) => seen.all('up').length >= names.length - 1)
  }
  return nodes
}

describe('nodes over libp2p', () => {
  after(async () => {
    await Promise.all(running.map(async (transport) => transport.stop()))
  })

  test('find all members through one of them and send in all classes', async () => {
    const nodes = await startCommittee(['a1', 'a2', 'a3', 'a4'])
    const [first, second, third, fourth] = nodes as [NetworkNode, NetworkNode, NetworkNode, NetworkNode]
    const vote = Uint8Array.of(1, 2, 3)
    const block = new Uint8Array(3 * 1024 * 1024).fill(7)
    assert.equal(fourth.transport.broadcast('blocks', block), 3)
    assert.equal(fourth.transport.broadcast('votes', vote), 3)
    assert.equal(second.transport.send(third.transport.self, 'sync', vote), true)
    await third.recorder.until('a vote, a block, an answer', (seen) => seen.all('message').length === 3)
    assert.deepEqual(third.recorder.messages('votes'), [vote])
    assert.deepEqual(third.recorder.messages('sync'), [vote])
    assert.deepEqual(third.recorder.messages('blocks'), [block])
    await first.recorder.until('a vote and a block', (seen) => seen.all('message').length === 2)
    assert.equal(first.recorder.all('message')[0]?.peer, fourth.transport.self)
    for (const { transport, recorder } of nodes) {
      assert.deepEqual(
        transport.peers().map(({ points, isMember }) => ({ points, isMember })),
        [
          { points: 0, isMember: true },
          { points: 0, isMember: true },
          { points: 0, isMember: true },
        ],
      )
      assert.deepEqual(recorder.errors, [])
    }
  })

  test('gossip to members and followers, once to each', async () => {
    const [first, ...others] = (await startCommittee(['b1', 'b2', 'b3'])) as [NetworkNode, ...NetworkNode[]]
    const follower = await start('b4', { bootstrap: [addressOf(first)] })
    await follower.recorder.until('a link', (seen) => seen.all('up').length === 1)
    // Subscriptions travel on their own; who has not subscribed yet hears nothing.
    const audience = [...others, follower]
    let number = 0
    await eventually(
      'gossip at everybody',
      () => audience.every(({ recorder }) => recorder.all('gossip').length > 0),
      () => first.transport.publish('seals', Uint8Array.of(++number)),
    )
    const transaction = new Uint8Array(300).fill(5)
    follower.transport.publish('transactions', transaction)
    for (const { recorder } of [first, ...others]) {
      await recorder.until('a transaction', (seen) => gossipOf(seen, 'transactions').length === 1)
    }
    follower.transport.publish('transactions', transaction)
    follower.transport.publish('transactions', Uint8Array.of(6))
    for (const { recorder } of [first, ...others]) {
      await recorder.until('the next one', (seen) => gossipOf(seen, 'transactions').length === 2)
      assert.deepEqual(gossipOf(recorder, 'transactions'), [transaction, Uint8Array.of(6)])
      assert.deepEqual(recorder.errors, [])
    }
  })

  test('refuse strangers, and tell them why', async () => {
    const host = await start('c1')
    const bootstrap = [addressOf(host)]
    const other = { ...CHAIN, genesisHash: toHash(`0x${'cd'.repeat(32)}`) }
    const skewed = { ...systemClock, nowMs: () => Date.now() + 60_000 }
    const cases: [string, Partial<Libp2pTransportOptions>, RegExp][] = [
      ['c2', { chain: { ...CHAIN, chainId: 1n } }, /another chain id/],
      ['c3', { chain: other }, /another genesis/],
      ['c4', { clock: skewed }, /clock too far off/],
      ['c1', { identitySeed: new Uint8Array(32).fill(1) }, /the same node key is in use here/],
    ]
    for (const [name, changes, reason] of cases) {
      const { recorder } = await start(name, { bootstrap, ...changes })
      await recorder.until(`${reason}`, (seen) => seen.hasNotice(reason))
      assert.deepEqual(recorder.all('up'), [])
      await host.recorder.until(`${reason}`, (seen) => seen.hasNotice(reason))
    }
    assert.deepEqual(host.recorder.all('up'), [])
  })

  test('come back after a restart, and learn that a peer is gone', async () => {
    const [first, second] = (await startCommittee(['d1', 'd2'])) as [NetworkNode, NetworkNode]
    await second.transport.stop()
    await first.recorder.until('a peer down', (seen) => seen.all('down').length === 1)
    assert.equal(first.transport.broadcast('votes', Uint8Array.of(1)), 0)
    const back = await start('d2', { bootstrap: [addressOf(first)] })
    back.transport.setMembers([first.transport.self, second.transport.self])
    await first.recorder.until('a peer up', (seen) => seen.all('up').length === 2)
    first.transport.broadcast('votes', Uint8Array.of(4))
    await back.recorder.until('a vote', (seen) => seen.messages('votes').length === 1)
  })

  test('that dial each other at once keep one connection and lose nothing', async () => {
    const names = ['e1', 'e2']
    const ports = await freePorts(2)
    const listen = (index: number): string => `/ip4/127.0.0.1/tcp/${ports[index]}`
    const [first, second] = (await Promise.all(
      names.map(async (name, i) => start(name, { listen: [listen(i)], bootstrap: [listen(1 - i)] })),
    )) as [NetworkNode, NetworkNode]
    const members = names.map((name) => keyOf(name).node)
    for (const { transport, recorder } of [first, second]) {
      transport.setMembers(members)
      await recorder.until('a link', (seen) => seen.all('up').length === 1)
    }
    for (let i = 0; i < 100; i++) first.transport.send(second.transport.self, 'votes', Uint8Array.of(i))
    await second.recorder.until('all votes', (seen) => seen.messages('votes').length === 100)
    assert.deepEqual(first.recorder.all('down'), [])
  })

  test('take votes and blocks from members only, and sync from anybody', async () => {
    const host = await start('f1')
    host.transport.setMembers([host.transport.self])
    const stranger = await start('f2', { bootstrap: [addressOf(host)] })
    stranger.transport.setMembers([host.transport.self, stranger.transport.self])
    await stranger.recorder.until('a link', (seen) => seen.all('up').length === 1)
    stranger.transport.broadcast('votes', Uint8Array.of(1))
    stranger.transport.broadcast('sync', Uint8Array.of(2))
    await host.recorder.until('an answer', (seen) => seen.messages('sync').length === 1)
    await eventually(
      'a drop',
      () => host.transport.statistics().classes.votes.droppedInbound > 0,
      () => {},
    )
    assert.deepEqual(host.recorder.messages('votes'), [])
    // The next committee has it; its votes come through without a new connection.
    host.transport.setMembers([host.transport.self, stranger.transport.self])
    await eventually(
      'a vote',
      () => host.recorder.messages('votes').length > 0,
      () => stranger.transport.broadcast('votes', Uint8Array.of(3)),
    )
    assert.equal(host.recorder.all('up').length, 1)
  })

  test('take no more followers than they have places for', async () => {
    const host = await start('g1', { followersMax: 1 })
    const bootstrap = [addressOf(host)]
    const one = await start('g2', { bootstrap })
    await one.recorder.until('a link', (seen) => seen.all('up').length === 1)
    const two = await start('g3', { bootstrap })
    await two.recorder.until('a refusal', (seen) => seen.hasNotice(/no place for another follower/))
    assert.equal(host.transport.peers().length, 1)
  })

  test('say what is wrong when they cannot listen', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const { port } = server.address() as { port: number }
    await assert.rejects(start('h1', { listen: [`/ip4/127.0.0.1/tcp/${port}`] }), PortBusyError)
    await assert.rejects(start('h2', { listen: ['/ip4/192.0.2.1/tcp/0'] }), { code: 'NETWORK_CANNOT_LISTEN' })
    await assert.rejects(start('h3', { listen: ['127.0.0.1:30303'] }), { code: 'NETWORK_ADDRESS' })
    server.close()
  })
})

function gossipOf(recorder: Recorder, topic: Topic): Uint8Array[] {
  return recorder.all('gossip').flatMap((event) => (event.topic === topic ? event.bytes : []))
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve)
      })
      return server
    }),
  )
  return Promise.all(
    servers.map(async (server) => {
      const { port } = server.address() as { port: number }
      await new Promise((resolve) => {
        server.close(resolve)
      })
      return port
    }),
  )
}
