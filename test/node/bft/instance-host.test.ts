/** Instances of consensus in a node: what comes from peers finds its way, early or late, and followers are served. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { domainOf, makeCommittee, type Committee } from '../../../src/consensus/committees/committee.ts'
import type { InstancePorts } from '../../../src/consensus/dual-bft/instances.ts'
import type { NodeId } from '../../../src/consensus/election/election.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import type { Epoch, Layer, View } from '../../../src/consensus/simplex/types.ts'
import { encodeMessage, wireContext } from '../../../src/consensus/simplex/wire.ts'
import type { MessageClass } from '../../../src/network/message-classes.ts'
import type { Offence } from '../../../src/network/peer-scores.ts'
import { NetworkInstances } from '../../../src/node/bft/instance-host.ts'
import { MemoryLogs } from '../../../src/node/bft/instance-logs.ts'
import { SignatureVerifier } from '../../../src/node/bft/verifier.ts'
import { ZERO_HASH } from '../../../src/primitives/bytes.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { certificateOf, committeeOf, voteOf } from './committee.ts'

const { nodes } = committeeOf(8)
const [ALICE, BOB] = nodes as [NodeId, NodeId]
const GUEST: NodeId = '0xaa'
const CHAIN_ID = 31_337n
const ANSWER = Uint8Array.of(1, 2, 3)
const REQUEST: Message = { kind: 'syncRequest', fromHeight: 1 }

const committee = (layer: Layer, epoch: number): Committee => {
  const members = layer === 'execution' ? nodes.slice(0, 4) : nodes.slice(4)
  return makeCommittee(ZERO_HASH, layer, epoch as Epoch, members)
}

function encoded(of: Committee, message: Message = REQUEST): Uint8Array {
  return encodeMessage(wireContext(of.shape, domainOf(CHAIN_ID, of)), message)
}

describe('instances of consensus in a node', () => {
  let verifier: SignatureVerifier
  let host: NetworkInstances
  let members: readonly NodeId[]
  let answer: Uint8Array | undefined
  const clock = new ManualClock()
  const sent: { to: NodeId; messageClass: MessageClass }[] = []
  const reports: Offence[] = []
  const received: string[] = []

  beforeEach(() => {
    for (const list of [sent, reports, received]) list.length = 0
    answer = undefined
    verifier = new SignatureVerifier({ onThreadEnded: (error) => assert.fail(error) })
    const send = (to: NodeId, messageClass: MessageClass): boolean => sent.push({ to, messageClass }) > 0
    host = new NetworkInstances({
      network: {
        self: ALICE,
        send,
        broadcast: (messageClass, _, to = []) => [...to].filter((node) => send(node, messageClass)).length,
        report: (_, offence) => reports.push(offence),
        setMembers: (all) => (members = all),
      },
      verifier,
      logs: new MemoryLogs(),
      clock,
      answerFromArchive: () => answer,
      onLogFailure: (error) => assert.fail(String(error)),
    })
  })
  afterEach(() => verifier.close())

  async function open(of: Committee): Promise<InstancePorts> {
    const self = of.members.indexOf(ALICE)
    return host.open({
      committee: of,
      domain: domainOf(CHAIN_ID, of),
      self: self < 0 ? undefined : self,
      receive: (from, message) => received.push(`${of.layer} ${of.epoch}: ${message.kind} from ${from}`),
    })
  }

  test('give each message to the one it is for', async () => {
    await open(committee('execution', 0))
    await open(committee('witness', 0))
    await setImmediate()
    host.onMessage(BOB, 'sync', encoded(committee('execution', 0)))
    host.onMessage(BOB, 'sync', encoded(committee('witness', 0)))
    assert.deepEqual(received, ['execution 0: syncRequest from 1', 'witness 0: syncRequest from 4'])
  })

  test('hear nothing before whoever opened them can listen, and then what came meanwhile', async () => {
    const opening = open(committee('execution', 0))
    host.onMessage(BOB, 'sync', encoded(committee('execution', 0)))
    await opening
    host.onMessage(BOB, 'sync', encoded(committee('execution', 0)))
    assert.deepEqual(received, [])
    await setImmediate()
    assert.equal(received.length, 2)
  })

  test('find what came for their epoch before it began, within limits, and nobody is blamed for it', async () => {
    await open(committee('execution', 0))
    await setImmediate()
    for (let count = 0; count < 100; count++)
      host.onMessage(BOB, 'sync', encoded(committee('execution', 256)))
    host.onMessage(BOB, 'sync', encoded(committee('execution', 1024)))
    await open(committee('execution', 256))
    await setImmediate()
    assert.deepEqual(received, Array(32).fill('execution 256: syncRequest from 1'))
    assert.deepEqual(reports, [])
    await open(committee('execution', 1024))
    await setImmediate()
    assert.equal(received.length, 32)
  })

  test('keep room for members among what came early, however much others send', async () => {
    const next = committee('execution', 256)
    const current = committee('execution', 0)
    await open(current)
    host.setCommittees([current])
    await setImmediate()
    const large: Message = {
      kind: 'propose',
      block: makeBlock(
        { view: 1 as View, parentView: 0 as View, height: 1, parentHash: ZERO_HASH, payloadHash: ZERO_HASH },
        new Uint8Array(4 << 20),
      ),
      signature: new Uint8Array(96),
      certificates: [],
    }
    const bytes = encoded(next, large)
    for (let guest = 0; guest < 20; guest++) host.onMessage(`0x${guest}`, 'sync', bytes)
    host.onMessage(BOB, 'blocks', bytes)
    await open(next)
    await setImmediate()
    assert.deepEqual(received, ['execution 256: propose from 1'])
  })

  test('what was kept for a peer that left is forgotten', async () => {
    await open(committee('execution', 0))
    await setImmediate()
    host.onMessage(BOB, 'sync', encoded(committee('execution', 256)))
    host.onPeerDown(BOB)
    await open(committee('execution', 256))
    await setImmediate()
    assert.deepEqual(received, [])
  })

  test('leave what is over to the archive, so often and no oftener', async () => {
    await open(committee('execution', 512))
    await setImmediate()
    answer = ANSWER
    for (let count = 0; count < 25; count++) host.onMessage(GUEST, 'sync', encoded(committee('execution', 0)))
    assert.deepEqual(
      sent,
      Array.from({ length: 20 }, () => ({ to: GUEST, messageClass: 'sync' })),
    )
    assert.deepEqual(reports, Array(5).fill('flood'))
    clock.advance(1000)
    host.onMessage(GUEST, 'sync', encoded(committee('execution', 0)))
    assert.equal(sent.length, 21)
  })

  test('leave large answers to others once one peer has had its share', async () => {
    await open(committee('execution', 512))
    await setImmediate()
    answer = new Uint8Array(4 << 20)
    const ask = (): void => host.onMessage(GUEST, 'sync', encoded(committee('execution', 0)))
    for (let count = 0; count < 15; count++) ask()
    assert.equal(sent.length, 9)
    clock.advance(1000)
    for (let count = 0; count < 3; count++) ask()
    assert.equal(sent.length, 11)
    assert.deepEqual(reports, [])
  })

  test('send one peer no more blocks than its share of bytes, of the epoch that runs and of those that are over', async () => {
    const running = committee('execution', 512)
    const { transport } = await open(running)
    await setImmediate()
    const fields = { view: 1 as View, parentView: 0 as View, height: 1, parentHash: ZERO_HASH }
    const block = makeBlock({ ...fields, payloadHash: ZERO_HASH }, new Uint8Array(4 << 20))
    const ask = (peer: NodeId): void => host.onMessage(peer, 'sync', encoded(running))
    const send = (to: number): void =>
      transport.send(to, { kind: 'blocks', blocks: [block], finalization: undefined })
    for (let count = 0; count < 40; count++) ask(BOB)
    for (let count = 0; count < 40; count++) send(1)
    assert.deepEqual([received.length, sent.length], [40, 8])
    // Nothing is read for it while its share is spent: not here, nor from the archive.
    answer = ANSWER
    ask(BOB)
    host.onMessage(BOB, 'sync', encoded(committee('execution', 0)))
    assert.deepEqual([received.length, sent.length], [40, 8])
    // The others have theirs, and what is small goes on.
    send(2)
    transport.send(1, { kind: 'certificates', certificates: [] })
    assert.deepEqual(sent.splice(0).slice(8), [
      { to: nodes[2], messageClass: 'sync' },
      { to: BOB, messageClass: 'votes' },
    ])
    clock.advance(1000)
    ask(BOB)
    for (let count = 0; count < 40; count++) send(1)
    assert.deepEqual([received.length, sent.length, reports], [41, 2, []])
  })

  test('read no more proposals of one leader than it can have made, whatever views they are of', async () => {
    const running = committee('execution', 512)
    await open(running)
    await setImmediate()
    const speak = (peer: NodeId, view: number): void => {
      const fields = { view: view as View, parentView: 0 as View, height: 1, parentHash: ZERO_HASH }
      const block = makeBlock({ ...fields, payloadHash: ZERO_HASH }, new Uint8Array(4 << 20))
      const message: Message = { kind: 'propose', block, signature: new Uint8Array(96), certificates: [] }
      host.onMessage(peer, 'blocks', encoded(running, message))
    }
    for (let view = 1; view <= 20; view++) speak(BOB, view)
    assert.deepEqual([received.length, reports], [16, Array(4).fill('flood')])
    speak(nodes[2] as NodeId, 1)
    clock.advance(1000)
    // What was not read is not known either.
    speak(BOB, 20)
    assert.equal(received.length, 18)
  })

  test('answer a member of an epoch that is over on whatever it asks, and let it speak until it knows', async () => {
    const over = committee('execution', 0)
    await open(committee('execution', 512))
    await setImmediate()
    answer = ANSWER
    const question: Message = { kind: 'certificateRequest', fromView: 1 as View, toView: 2 as View }
    host.onMessage(BOB, 'votes', encoded(over, question))
    assert.deepEqual(sent, [{ to: BOB, messageClass: 'sync' }])
    const statement: Message = { kind: 'vote', vote: voteOf(committeeOf(4), 1) }
    // As much as two layers repeat in a minute.
    for (let second = 0; second < 60; second++) {
      for (let count = 0; count < 30; count++) host.onMessage(BOB, 'votes', encoded(over, statement))
      clock.advance(1000)
    }
    assert.deepEqual(reports, [])
    for (let count = 0; count < 600; count++) host.onMessage(BOB, 'votes', encoded(over, statement))
    assert.deepEqual(reports, Array(100).fill('useless'))
  })

  test('hold against a peer what nobody can use', async () => {
    await open(committee('execution', 512))
    await setImmediate()
    host.onMessage(BOB, 'sync', encoded(committee('execution', 0)))
    host.onMessage(BOB, 'votes', encoded(committee('execution', 0)))
    host.onMessage(BOB, 'sync', Uint8Array.of(9, 9))
    assert.deepEqual(reports, ['useless', 'useless', 'undecodable'])
  })

  test('name all members to the network, and serve those who follow', async () => {
    const [execution, witness] = [committee('execution', 0), committee('witness', 0)]
    const ports = await open(execution)
    await open(witness)
    host.setCommittees([execution, witness])
    assert.deepEqual(new Set(members), new Set(nodes))
    for (const peer of [BOB, GUEST, ...witness.members]) host.onPeerUp(peer)
    const message: Message = {
      kind: 'certificates',
      certificates: [{ ...certificateOf(committeeOf(4)), view: 1 as View }],
    }
    const targets = (): NodeId[] => {
      sent.length = 0
      for (let view = 1; view <= 4; view++) {
        const certificates = message.certificates.map((certificate) => ({
          ...certificate,
          view: view as View,
        }))
        ports.transport.broadcast({ kind: 'certificates', certificates })
      }
      return [...new Set(sent.map(({ to }) => to))].toSorted()
    }
    assert.deepEqual(targets(), [...nodes.slice(1), GUEST].toSorted())
    assert.deepEqual(
      new Set(sent.filter(({ to }) => to === GUEST).map(({ messageClass }) => messageClass)),
      new Set(['sync']),
    )
    host.onPeerDown(GUEST)
    assert.deepEqual(targets(), nodes.slice(1).toSorted())
    host.setCommittees([execution])
    assert.deepEqual(new Set(members), new Set(execution.members))
  })

  test('take nothing any more when they are closed', async () => {
    const ports = await open(committee('execution', 0))
    await setImmediate()
    await ports.close()
    host.onMessage(BOB, 'sync', encoded(committee('execution', 0)))
    assert.deepEqual(received, [])
  })
})
