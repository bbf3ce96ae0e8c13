/** Whom the dialer dials, when, and how it gives a peer time. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { NodeId } from '../../src/consensus/election/election.ts'
import { Dialer, type DialTarget } from '../../src/network/dialer.ts'
import { decodePeerRecord, signPeerRecord, type SignedPeerRecord } from '../../src/network/peer-record.ts'
import { CHAIN, keyOf } from '../support/network-world.ts'

const [low, high] = [keyOf('a'), keyOf('b')].toSorted((a, b) => (a.node < b.node ? -1 : 1)) as [
  ReturnType<typeof keyOf>,
  ReturnType<typeof keyOf>,
]

function recordOf({ node, signer }: ReturnType<typeof keyOf>): SignedPeerRecord {
  const record = {
    ...CHAIN,
    node,
    sequence: 1n,
    peerId: '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf',
    addresses: ['/ip4/127.0.0.1/tcp/1'],
  }
  return decodePeerRecord(signPeerRecord(record, signer).encoded)
}

describe('a dialer', () => {
  let nowMs: number
  let dialled: number[]
  let connected: Set<NodeId>
  let wanted: Set<NodeId>
  /** Who answers. */
  let answer: NodeId | undefined

  beforeEach(() => {
    nowMs = 0
    dialled = []
    connected = new Set()
    wanted = new Set([low.node, high.node])
    answer = undefined
  })

  const dialerOf = (self: NodeId, addresses: readonly string[]): Dialer =>
    new Dialer(
      {
        self,
        isConnected: (node) => connected.has(node),
        isWanted: (node) => wanted.has(node),
        dial: async (_target: DialTarget) => {
          dialled.push(nowMs)
          if (answer !== undefined) connected.add(answer)
          return answer
        },
      },
      addresses,
      () => 0.5,
    )

  async function run(dialer: Dialer, untilMs: number): Promise<void> {
    for (; nowMs <= untilMs; nowMs += 250) {
      dialer.tick(() => nowMs)
      for (let i = 0; i < 4; i++) await Promise.resolve()
    }
  }

  test('tries a silent address at growing intervals, up to half a minute', async () => {
    await run(dialerOf(low.node, ['/ip4/127.0.0.1/tcp/1']), 300_000)
    const pauses = dialled.slice(1).map((ms, i) => ms - (dialled[i] as number))
    assert.deepEqual(pauses.slice(0, 7), [500, 1000, 2000, 4000, 8000, 16_000, 30_000])
    assert.equal(Math.max(...pauses), 30_000)
  })

  test('leaves a connected node alone and comes back when the connection ends', async () => {
    const dialer = dialerOf(low.node, ['/ip4/127.0.0.1/tcp/1'])
    answer = high.node
    await run(dialer, 60_000)
    assert.deepEqual(dialled, [0])
    connected.clear()
    dialer.onDisconnect(high.node, 60_000, nowMs)
    await run(dialer, nowMs + 500)
    assert.equal(dialled.length, 2)
  })

  test('does not hurry back to a node that hangs up at once', async () => {
    const dialer = dialerOf(low.node, ['/ip4/127.0.0.1/tcp/1'])
    answer = high.node
    const untilMs = 120_000
    while (nowMs < untilMs) {
      await run(dialer, nowMs)
      if (connected.delete(high.node)) dialer.onDisconnect(high.node, 10, nowMs)
    }
    assert.ok(dialled.length < 12, `${dialled.length} dials in two minutes`)
  })

  test('gives the node with the lower id a head start', async () => {
    const first = dialerOf(low.node, [])
    first.learn(recordOf(high), 0)
    await run(first, 0)
    assert.deepEqual(dialled, [0])
    nowMs = 0
    dialled = []
    const second = dialerOf(high.node, [])
    second.learn(recordOf(low), 0)
    await run(second, 2000)
    assert.equal(dialled[0], 1000)
  })

  test('dials only members of those it merely knows', async () => {
    const dialer = dialerOf(low.node, [])
    dialer.learn(recordOf(high), 0)
    wanted.clear()
    await run(dialer, 10_000)
    assert.deepEqual(dialled, [])
    wanted.add(high.node)
    await run(dialer, nowMs)
    assert.equal(dialled.length, 1)
  })
})
