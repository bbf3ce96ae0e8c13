/** Consensus on the node's network: who is who, what travels as what, and what is held against whom. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { present } from '../../../src/primitives/assert.ts'
import type { NodeId } from '../../../src/consensus/election/election.ts'
import type { Blame, Peer } from '../../../src/consensus/simplex/events.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { GENESIS_VIEW, type View } from '../../../src/consensus/simplex/types.ts'
import { decodeMessage, encodeMessage } from '../../../src/consensus/simplex/wire.ts'
import { MemoryNetwork } from '../../../src/network/memory-transport.ts'
import type { MessageClass } from '../../../src/network/message-classes.ts'
import type { Offence } from '../../../src/network/peer-scores.ts'
import { PeerPorts, type Followers, type PeerPortsOptions } from '../../../src/node/bft/peer-ports.ts'
import { ZERO_HASH } from '../../../src/primitives/bytes.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { Recorder } from '../../support/network-world.ts'
import { certificateOf, committeeOf, voteOf, type Committee } from './committee.ts'

const committee = committeeOf(4)
const [ALICE, BOB] = committee.nodes as [NodeId, NodeId]
const GUEST: NodeId = '0xaa'

const BLOCK = makeBlock(
  {
    view: 1 as View,
    parentView: GENESIS_VIEW,
    height: 1,
    parentHash: ZERO_HASH,
    payloadHash: ZERO_HASH,
  },
  new Uint8Array(100),
)
const MESSAGES: readonly (readonly [MessageClass, Message])[] = [
  ['votes', { kind: 'vote', vote: voteOf(committee, 1) }],
  ['votes', { kind: 'certificates', certificates: [certificateOf(committee)] }],
  ['votes', { kind: 'certificateRequest', fromView: 1 as View, toView: 2 as View }],
  ['blocks', { kind: 'propose', block: BLOCK, signature: new Uint8Array(96), certificates: [] }],
  ['sync', { kind: 'blockRequest', hash: BLOCK.proposal.hash, aboveHeight: 0 }],
  ['sync', { kind: 'syncRequest', fromHeight: 1 }],
  ['sync', { kind: 'blocks', blocks: [BLOCK], finalization: undefined }],
]
const REQUEST: Message = { kind: 'syncRequest', fromHeight: 1 }

/** Ports of a node on a network that only writes down what it is told. */
class Desk {
  readonly sent: { to: NodeId; messageClass: MessageClass; bytes: Uint8Array }[] = []
  readonly reports: { node: NodeId; offence: Offence }[] = []
  readonly received: { from: Peer; message: Message }[] = []
  readonly ports: PeerPorts
  readonly committee: Committee

  constructor(
    self: NodeId,
    of: Committee = committee,
    followers?: Followers,
    more: Pick<PeerPortsOptions, 'decode'> = {},
  ) {
    this.committee = of
    const send = (to: NodeId, messageClass: MessageClass, bytes: Uint8Array): boolean =>
      this.sent.push({ to, messageClass, bytes }) > 0
    const network = {
      self,
      send,
      broadcast: (messageClass: MessageClass, bytes: Uint8Array, to: Iterable<NodeId> = []): number =>
        [...to].filter((node) => send(node, messageClass, bytes)).length,
      report: (node: NodeId, offence: Offence): void => {
        this.reports.push({ node, offence })
      },
    }
    this.ports = new PeerPorts({
      network,
      context: of.context,
      committee: of.nodes,
      ...(followers === undefined ? {} : { followers: () => followers }),
      ...more,
      receive: (from, message) => {
        this.received.push({ from, message })
      },
    })
  }

  /** As the transport would. */
  hear(from: NodeId, message: Message, messageClass: MessageClass = 'sync'): void {
    assert.ok(this.ports.accept(from, messageClass, encodeMessage(this.committee.context, message)))
  }
}

test('each kind of message travels in its class and arrives as it was sent, from whom it was sent', () => {
  const alice = new Desk(ALICE)
  const bob = new Desk(BOB)
  bob.ports.send(0, REQUEST)
  for (const [messageClass, message] of MESSAGES) {
    alice.ports.send(1, message)
    const last = alice.sent.at(-1)
    assert.ok(last)
    assert.deepEqual([last.to, last.messageClass], [BOB, messageClass])
    assert.ok(bob.ports.accept(ALICE, last.messageClass, last.bytes))
    assert.deepEqual(bob.received.at(-1), { from: 0, message })
  }
  assert.deepEqual(bob.reports, [])
})

test('broadcasts to the other members of this committee', () => {
  const desk = new Desk(BOB)
  desk.ports.broadcast(REQUEST)
  assert.deepEqual(
    desk.sent.map(({ to }) => to),
    committee.nodes.filter((node) => node !== BOB),
  )
})

test('a new certificate goes to members by turns, and to all when it is repeated', () => {
  const [, message] = present(
    MESSAGES.find(([, { kind }]) => kind === 'certificates'),
    'certificates',
  )
  const desks = committee.nodes.map((node) => new Desk(node))
  for (const { ports } of desks) ports.broadcast(message, 'announced')
  const copies = committee.nodes.map((node) =>
    desks.flatMap(({ sent }) => sent).filter(({ to }) => to === node),
  )
  assert.ok(
    copies.every(({ length }) => length === 1 || length === 2),
    String(copies.map(({ length }) => length)),
  )
  for (const { ports, sent } of desks) {
    sent.length = 0
    ports.broadcast(message)
    assert.equal(sent.length, committee.nodes.length - 1)
  }
})

test('who is no member asks where others may speak, is answered there, and has nothing to tell to all', () => {
  const guest = new Desk(GUEST)
  for (const [, message] of MESSAGES) {
    guest.ports.send(1, message)
    guest.ports.broadcast(message)
  }
  assert.equal(guest.sent.length, MESSAGES.length)
  const member = new Desk(ALICE)
  member.hear(GUEST, REQUEST)
  for (const [, message] of MESSAGES) member.ports.send(4, message)
  assert.equal(member.sent.length, MESSAGES.length)
  assert.ok([...guest.sent, ...member.sent].every(({ messageClass }) => messageClass === 'sync'))
})

test('followers get proposals, and each certificate from some members; votes are for members', () => {
  const followers = { members: ['0xf1', '0xf2'], guests: ['0xf3'] } as const
  const desks = committee.nodes.map((node) => new Desk(node, committee, followers))
  for (const desk of desks) for (const [, message] of MESSAGES) desk.ports.broadcast(message)
  for (const [follower, classOf] of [
    ['0xf1', { propose: 'blocks', certificates: 'votes' }],
    ['0xf2', { propose: 'blocks', certificates: 'votes' }],
    ['0xf3', { propose: 'sync', certificates: 'sync' }],
  ] as const) {
    const got = desks.flatMap(({ sent }) => sent.filter(({ to }) => to === follower))
    const kinds = got.map(({ messageClass, bytes }) => {
      const { kind } = decodeMessage(committee.context, bytes)
      assert.ok(kind === 'propose' || kind === 'certificates')
      assert.equal(messageClass, classOf[kind])
      return kind
    })
    // As many as may be silent, and one more.
    assert.deepEqual(kinds.toSorted(), [...Array(2).fill('certificates'), ...Array(4).fill('propose')])
  }
})

test('a guest has an index above the members while it is connected', () => {
  const desk = new Desk(ALICE)
  desk.hear(GUEST, REQUEST)
  desk.hear(BOB, REQUEST)
  desk.hear('0xbb', REQUEST)
  desk.hear(GUEST, REQUEST)
  assert.deepEqual(
    desk.received.map(({ from }) => from),
    [4, 1, 5, 4],
  )
  desk.ports.send(4, REQUEST)
  assert.equal(desk.sent.at(-1)?.to, GUEST)

  desk.ports.peerDown(GUEST)
  desk.ports.peerDown(BOB)
  desk.ports.send(4, REQUEST)
  assert.equal(desk.sent.length, 1)
  desk.hear('0xcc', REQUEST)
  desk.hear(BOB, REQUEST)
  // Not the index that somebody else had a moment ago.
  assert.deepEqual(
    desk.received.slice(-2).map(({ from }) => from),
    [6, 1],
  )
})

test('hears a bounded number of guests, and others when some leave', () => {
  const desk = new Desk(ALICE)
  const guest = (index: number): NodeId => `0x${index.toString(16)}`
  for (let index = 0; index < 1100; index++) desk.hear(guest(index), REQUEST)
  assert.equal(desk.received.length, 1024)
  assert.equal(new Set(desk.received.map(({ from }) => from)).size, 1024)
  for (let index = 0; index < 5000; index++) {
    desk.ports.peerDown(guest(index))
    desk.hear(guest(index + 1024), REQUEST)
  }
  assert.equal(desk.received.length, 1024 + 5000)
  assert.ok(desk.received.every(({ from }) => from >= 4 && from < 4 + 1024))
  assert.deepEqual(desk.reports, [])
})

test('holds bytes that are no message against whoever sent them', () => {
  const desk = new Desk(ALICE)
  const good = encodeMessage(committee.context, REQUEST)
  const withTooMuch = Uint8Array.of(...good, 0)
  const ofUnknownKind = good.with(18, 99)
  for (const bytes of [new Uint8Array(0), good.subarray(0, -1), withTooMuch, ofUnknownKind]) {
    assert.ok(desk.ports.accept(BOB, 'sync', bytes))
  }
  assert.ok(desk.ports.accept(BOB, 'sync', new Uint8Array(5 << 20)))
  assert.deepEqual(
    desk.reports.map(({ node, offence }) => [node, offence]),
    [...Array.from({ length: 4 }, () => [BOB, 'undecodable']), [BOB, 'oversize']],
  )
  assert.deepEqual(desk.received, [])
})

test('takes no request in a class that is for votes, nor a vote among blocks', () => {
  const desk = new Desk(ALICE)
  desk.hear(BOB, REQUEST, 'votes')
  desk.hear(BOB, { kind: 'vote', vote: voteOf(committee, 1) }, 'blocks')
  assert.deepEqual(
    desk.reports,
    Array.from({ length: 2 }, () => ({ node: BOB, offence: 'invalid-message' })),
  )
  assert.deepEqual(desk.received, [])
})

test('hostile bytes never throw and are never taken for a message', () => {
  const encoded = MESSAGES.map(([, message]) => encodeMessage(committee.context, message))
  fc.assert(
    fc.property(
      fc.constantFrom(...encoded),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (bytes, at, mask) => {
        const desk = new Desk(ALICE)
        const offset = at % bytes.length
        const changed = bytes.with(offset, (bytes[offset] as number) ^ mask)
        const isOurs = desk.ports.accept(BOB, 'sync', changed)
        assert.equal(desk.received.length + desk.reports.length, isOurs ? 1 : 0)
        for (const { message } of desk.received) {
          assert.deepEqual(encodeMessage(committee.context, message), changed)
        }
      },
    ),
  )
})

test('takes blocks only from who was asked for some, as often as it was asked', () => {
  const desk = new Desk(ALICE)
  const answer: Message = { kind: 'blocks', blocks: [BLOCK], finalization: undefined }
  desk.hear(BOB, answer)
  assert.deepEqual([desk.received.length, desk.reports.splice(0)], [0, [{ node: BOB, offence: 'useless' }]])
  desk.ports.send(1, REQUEST)
  desk.ports.send(1, { kind: 'blockRequest', hash: BLOCK.proposal.hash, aboveHeight: 0 })
  for (let count = 0; count < 3; count++) desk.hear(BOB, answer)
  assert.equal(desk.received.length, 2)
  assert.deepEqual(desk.reports, [{ node: BOB, offence: 'useless' }])
})

test('reads nothing of a guest but its questions: a body takes a tenth of a second', () => {
  const desk = new Desk(ALICE)
  const others = MESSAGES.filter(([, { kind }]) => !kind.endsWith('Request'))
  for (const [, message] of others) desk.hear(GUEST, message)
  assert.deepEqual(
    desk.reports,
    others.map(() => ({ node: GUEST, offence: 'invalid-message' })),
  )
  assert.deepEqual(desk.received, [])
})

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

const propose = (view: number, height = 1, body = 100): Message => ({
  kind: 'propose',
  block: makeBlock(
    { view: view as View, parentView: GENESIS_VIEW, height, parentHash: ZERO_HASH, payloadHash: ZERO_HASH },
    new Uint8Array(body),
  ),
  signature: new Uint8Array(96),
  certificates: [],
})

test('reads a proposal once, however often its leader sends it, and blames who does so without end', () => {
  const decoded: Uint8Array[] = []
  const desk = new Desk(ALICE, committee, undefined, {
    decode: (context, bytes) => {
      decoded.push(bytes)
      return decodeMessage(context, bytes)
    },
  })
  for (let count = 0; count < 5; count++) desk.hear(BOB, propose(1), 'blocks')
  assert.deepEqual([decoded.length, desk.received.length, desk.reports], [1, 1, []])
  for (let count = 0; count < 100; count++) desk.hear(BOB, propose(1), 'blocks')
  assert.equal(decoded.length, 1)
  assert.deepEqual(desk.reports.splice(0), times(100, { node: BOB, offence: 'flood' }))
  // Of other views, and of other members.
  desk.hear(BOB, propose(5), 'blocks')
  desk.hear(committee.nodes[2] as NodeId, propose(1), 'blocks')
  assert.deepEqual([decoded.length, desk.reports], [3, []])
})

test('reads two different proposals of a view, which convict their leader, and no third', () => {
  const desk = new Desk(ALICE)
  for (const height of [1, 2, 3, 4]) desk.hear(BOB, propose(1, height), 'blocks')
  assert.equal(desk.received.length, 2)
  assert.deepEqual(desk.reports, times(2, { node: BOB, offence: 'invalid-message' }))
})

test('remembers a bounded number of views of a leader, those that it heard of last', () => {
  const desk = new Desk(ALICE)
  for (let view = 1; view <= 65; view++) desk.hear(BOB, propose(view), 'blocks')
  desk.hear(BOB, propose(65), 'blocks')
  desk.hear(BOB, propose(2), 'blocks')
  assert.equal(desk.received.length, 65)
  desk.hear(BOB, propose(1), 'blocks')
  assert.deepEqual([desk.received.length, desk.reports], [66, []])
})

test('holds a proposal that is cut off against its sender each time', () => {
  const desk = new Desk(ALICE)
  const bytes = encodeMessage(committee.context, propose(1))
  for (const length of [19, 22, 60, 140])
    assert.ok(desk.ports.accept(BOB, 'blocks', bytes.subarray(0, length)))
  assert.deepEqual(desk.reports, times(4, { node: BOB, offence: 'undecodable' }))
})

test('leaves what is for another instance to others', () => {
  const desk = new Desk(ALICE)
  const bytes = encodeMessage(committeeOf(4, 2).context, REQUEST)
  assert.equal(desk.ports.accept(BOB, 'sync', bytes), false)
  assert.deepEqual([desk.received, desk.reports], [[], []])
})

test('blame is laid on the node behind the index', () => {
  const desk = new Desk(ALICE)
  desk.hear(GUEST, REQUEST)
  const blames: readonly (readonly [Peer, Blame])[] = [
    [1, 'invalidSignature'],
    [1, 'notLeader'],
    [4, 'invalidCertificate'],
    [4, 'tooManyRequests'],
    [5, 'notSigner'],
  ]
  for (const [peer, reason] of blames) desk.ports.blame(peer, reason)
  assert.deepEqual(
    desk.reports.map(({ node, offence }) => [node, offence]),
    [
      [BOB, 'invalid-signature'],
      [BOB, 'invalid-message'],
      [GUEST, 'invalid-signature'],
      [GUEST, 'flood'],
    ],
  )
})

test('members and a guest talk over a network', async () => {
  const network = new MemoryNetwork({ clock: new ManualClock() })
  const heard: string[] = []
  const all = Promise.withResolvers<void>()
  const nodes = [...committee.nodes, GUEST]
  const joined = await Promise.all(
    nodes.map(async (self, index) => {
      const transport = network.join(self)
      const ports: PeerPorts = new PeerPorts({
        network: transport,
        context: committee.context,
        committee: committee.nodes,
        receive: (from, message) => {
          heard.push(`${index} hears ${message.kind} from ${from}`)
          if (message.kind === 'syncRequest') {
            ports.send(from, { kind: 'blocks', blocks: [BLOCK], finalization: undefined })
          }
          if (heard.length === 8) all.resolve()
        },
      })
      const recorder = new Recorder()
      recorder.onMessage = (peer, messageClass, bytes) => {
        assert.ok(ports.accept(peer, messageClass, bytes))
      }
      await transport.start(recorder)
      return { transport, ports }
    }),
  )
  for (const member of [0, 1, 2, 3]) joined[4]?.ports.send(member, REQUEST)
  await all.promise
  const members = [0, 1, 2, 3]
  assert.deepEqual(
    heard.toSorted(),
    [
      ...members.map((index) => `${index} hears syncRequest from 4`),
      ...members.map((index) => `4 hears blocks from ${index}`),
    ].toSorted(),
  )
  await Promise.all(joined.map(({ transport }) => transport.stop()))
})
