/** A liar says what proves its guilt, about nothing else, and only while it is told to lie. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeCommittee } from '../../../src/consensus/committees/committee.ts'
import type { InstancePorts } from '../../../src/consensus/dual-bft/instances.ts'
import { bls } from '../../../src/consensus/bls.ts'
import { verifyEvidence } from '../../../src/consensus/simplex/evidence.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import type { SignedStatement, View } from '../../../src/consensus/simplex/types.ts'
import { equivocatingHost } from '../../../src/node/devnet/equivocation.ts'
import { present } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES, toHash } from '../../../src/primitives/bytes.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { committeeOf, voteOf } from '../bft/committee.ts'

const HASH = toHash(`0x${'ab'.repeat(32)}`)
const { context, signers, publicKeys, nodes } = committeeOf(4)
const { domain } = context
const SELF = 1

interface Sent {
  /** `undefined` for all. */
  readonly to: number | undefined
  readonly message: Message
}

async function liar(...seats: readonly (number | undefined)[]) {
  const [self] = seats.length === 0 ? [SELF] : seats
  const sent: Sent[] = []
  const ports = {
    transport: {
      send: (to: number, message: Message) => sent.push({ to, message }),
      broadcast: (message: Message) => sent.push({ to: undefined, message }),
    },
  }
  const lying = { isOn: true }
  const clock = new ManualClock()
  const host = equivocatingHost(
    // All that the liar uses.
    { open: async () => ports as unknown as InstancePorts, setCommittees: () => undefined },
    { signer: present(signers[SELF], 'a signer'), clock, lying },
  )
  const committee = makeCommittee(HASH, domain.layer, domain.epoch, nodes)
  const { transport } = await host.open({ committee, domain, self, receive: () => undefined })
  return { transport, sent, lying, clock }
}

function statementIn(message: Message): SignedStatement {
  if (message.kind === 'vote') return message.vote
  assert.ok(message.kind === 'propose')
  const { view, hash } = message.block.proposal
  return { kind: 'propose', view, hash, signer: SELF, signature: message.signature }
}

function proposal(): Message {
  const fields = { view: 5 as View, parentView: 4 as View, height: 3, parentHash: HASH, payloadHash: HASH }
  const block = makeBlock(fields, EMPTY_BYTES)
  const statement = { kind: 'propose', view: fields.view, hash: block.proposal.hash } as const
  const signature = present(signers[SELF], 'a signer').sign(signedBytes(domain, statement))
  return { kind: 'propose', block, signature, certificates: [] }
}

const VOTE: Message = { kind: 'vote', vote: voteOf({ context, signers, publicKeys, nodes }, SELF) }

describe('a member that lies', () => {
  for (const [what, message] of [
    ['another vote', VOTE],
    ['another proposal', proposal()],
  ] as const) {
    test(`sends ${what}, and some hear both: evidence`, async () => {
      const { transport, sent } = await liar()
      transport.broadcast(message)
      assert.ok(sent.some(({ to, message: said }) => to === undefined && said === message))
      const others = sent.filter(({ message: said }) => said !== message)
      const told = new Set(others.map(({ to }) => to))
      assert.ok(told.size > 0 && !told.has(SELF))
      const keyring = bls.keyring(publicKeys)
      for (const { message: other } of others) {
        const evidence = { first: statementIn(message), second: statementIn(other) }
        assert.ok(verifyEvidence(domain, keyring, evidence))
      }
    })
  }

  test('pauses between two lies', async () => {
    const { transport, sent, clock } = await liar()
    transport.broadcast(VOTE)
    const lies = sent.length
    transport.broadcast(VOTE)
    assert.equal(sent.length, lies + 1)
    clock.advance(10_000)
    transport.broadcast(VOTE)
    assert.equal(sent.length, 2 * lies + 1)
  })

  test('tells the truth when it is healed, and when it has no seat', async () => {
    const healed = await liar()
    healed.lying.isOn = false
    healed.transport.broadcast(VOTE)
    assert.deepEqual(healed.sent, [{ to: undefined, message: VOTE }])
    const { transport, sent } = await liar(undefined)
    transport.broadcast(VOTE)
    assert.deepEqual(sent, [{ to: undefined, message: VOTE }])
  })
})
