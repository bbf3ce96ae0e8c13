/** Single rules of the core, one node at a time. Whether they add up to a protocol is for the simulator to show. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  BACKOFF_MAX,
  INACTIVE_VIEWS,
  LIMITS,
  REGIONAL_TIMING,
} from '../../../src/consensus/simplex/config.ts'
import type { Effect } from '../../../src/consensus/simplex/events.ts'
import { NO_HASH, type SignedStatement, type View, type Vote } from '../../../src/consensus/simplex/types.ts'
import {
  blockAt,
  certificateOf,
  CoreNode as Node,
  delayOf,
  kindsIn,
  votesIn,
} from '../../support/core-node.ts'
import { ROOT } from '../../simulation/application.ts'

const first = blockAt(1)

describe('a leader', () => {
  test('builds on the root at first, and writes its proposal down before it sends it', () => {
    const node = new Node(1)
    assert.deepEqual(
      node.effects.find(({ kind }) => kind === 'build'),
      { kind: 'build', view: 1, height: 1, parentPayload: ROOT.payloadHash },
    )
    const effects = node.tell({
      kind: 'built',
      view: 1 as View,
      payloadHash: ROOT.hash,
      body: Uint8Array.of(0),
    })
    assert.equal(effects[0]?.kind, 'persist')
    assert.deepEqual(
      node.log.map((record) => (record.kind === 'statement' ? record.statement.kind : record.kind)),
      ['block', 'propose', 'notarize'],
    )
    assert.deepEqual(votesIn(node.effects), ['notarize 1'])
  })

  test('proposes the same again after a restart, and nothing else', () => {
    const before = new Node(1)
    before.tell({ kind: 'built', view: 1 as View, payloadHash: ROOT.hash, body: Uint8Array.of(7) })
    const after = new Node(1, { records: before.log })
    assert.ok(!kindsIn(after.effects).includes('build'))
    const sent = after.effects.find(
      (effect) => effect.kind === 'broadcast' && effect.message.kind === 'propose',
    )
    const original = before.effects.find(
      (effect) => effect.kind === 'broadcast' && effect.message.kind === 'propose',
    )
    assert.deepEqual(sent, original)
  })

  test('does not give up its own view for want of a proposal', () => {
    const node = new Node(1)
    node.tell({ kind: 'built', view: 1 as View, payloadHash: ROOT.hash, body: Uint8Array.of(0) })
    assert.deepEqual(votesIn(node.after(() => node.timer('leader'))), [])
    assert.deepEqual(votesIn(node.after(() => node.timer('advance'))), ['nullify 1'])
  })

  test('builds over a view that was given up, and shows that it was', () => {
    const node = new Node(2)
    node.propose(first)
    node.certificate('nullify', 1)
    const effects = node.tell({
      kind: 'built',
      view: 2 as View,
      payloadHash: ROOT.hash,
      body: Uint8Array.of(0),
    })
    const sent = effects.find((effect) => effect.kind === 'broadcast' && effect.message.kind === 'propose')
    assert.ok(sent?.kind === 'broadcast' && sent.message.kind === 'propose')
    assert.equal(sent.message.block.proposal.parentView, 0)
    assert.deepEqual(sent.message.certificates, [certificateOf('nullify', 1)])
  })
})

describe('who follows', () => {
  test('executes what the leader proposes, and leaves the signature to those who vote', () => {
    const node = new Node(undefined, { isVerifierBusy: true })
    const kinds = kindsIn(node.after(() => node.propose(first)))
    assert.ok(kinds.includes('verifyBlock'))
    assert.ok(!kinds.includes('verify'))
    node.propose(blockAt(1, undefined, 1))
    node.verifyWaiting()
    assert.ok(kindsIn(node.effects).includes('evidence'), 'what contradicts is still looked at')
  })
})

describe('a voter', () => {
  test('notarizes the first proposal of a view only, and notices the second', () => {
    const node = new Node(0)
    assert.deepEqual(votesIn(node.after(() => node.propose(first))), ['notarize 1'])
    const effects = node.after(() => node.propose(blockAt(1, undefined, 1)))
    assert.deepEqual(votesIn(effects), [])
    assert.ok(kindsIn(effects).includes('evidence'))
  })

  test('gives up a view whose block is invalid', () => {
    const node = new Node(0)
    assert.deepEqual(votesIn(node.after(() => node.propose(blockAt(1, undefined, 0xff)))), ['nullify 1'])
  })

  test('waits for proof that skipped views were given up', () => {
    const node = new Node(0)
    node.certificate('notarize', 1, first.proposal.hash)
    const skipping = blockAt(2)
    assert.deepEqual(votesIn(node.after(() => node.propose(skipping))), [])
    assert.deepEqual(votesIn(node.after(() => node.certificate('nullify', 1))), ['notarize 2'])
  })

  test('votes for finality after the notarization, and then never gives the view up', () => {
    const node = new Node(0)
    node.propose(first)
    const effects = node.after(() => node.certificate('notarize', 1, first.proposal.hash))
    assert.deepEqual(votesIn(effects), ['finalize 1'])
    assert.equal(node.core.view, 2)
    assert.deepEqual(votesIn(node.after(() => node.timer('advance'))), ['nullify 2'])
  })

  test('does not vote for finality in a view that it gave up', () => {
    const node = new Node(0)
    node.propose(first)
    node.timer('advance')
    assert.deepEqual(votesIn(node.after(() => node.certificate('notarize', 1, first.proposal.hash))), [])
    assert.equal(node.core.view, 2)
  })

  test('says nothing in views that its log may not tell of', () => {
    const node = new Node(0, { abstainThrough: 1 as View })
    node.propose(first)
    node.timer('advance')
    node.certificate('notarize', 1, first.proposal.hash)
    assert.deepEqual(votesIn(node.effects), [])
    node.propose(blockAt(2, first), [certificateOf('notarize', 1, first.proposal.hash)])
    assert.deepEqual(votesIn(node.effects), ['notarize 2'])
  })
})

describe('votes', () => {
  test('make a certificate, which is written down, sent on, and ends the view', () => {
    const node = new Node(0)
    const effects = node.after(() => {
      for (const member of [1, 2, 3]) node.vote(member, 'nullify', 1)
    })
    assert.equal(node.core.view, 2)
    assert.ok(
      node.log.some((record) => record.kind === 'certificate' && record.certificate.kind === 'nullify'),
    )
    assert.ok(effects.some((effect) => effect.kind === 'broadcast' && effect.message.kind === 'certificates'))
  })

  test('count once a member, and only from the member itself', () => {
    const node = new Node(0)
    const effects = node.after(() => {
      for (const from of [1, 1, 2]) node.vote(from, 'nullify', 1)
      const vote: SignedStatement = {
        kind: 'nullify',
        view: 1 as View,
        hash: NO_HASH,
        signer: 3,
        signature: new Uint8Array(96),
      }
      node.tell({ kind: 'message', from: 2, message: { kind: 'vote', vote: vote as Vote } })
    })
    assert.equal(node.core.view, 1)
    assert.deepEqual(effects, [{ kind: 'blame', peer: 2, reason: 'notSigner' }])
  })

  test('with bad signatures are left out, and their members blamed', () => {
    const node = new Node(0)
    const statement = { kind: 'nullify', view: 1 as View, hash: NO_HASH } as const
    const bad: Vote = { ...statement, signer: 1, signature: new Uint8Array(96) }
    node.tell({ kind: 'message', from: 1, message: { kind: 'vote', vote: bad } })
    node.vote(2, 'nullify', 1)
    assert.deepEqual(kindsIn(node.after(() => node.vote(3, 'nullify', 1))), ['verify', 'blame'])
    assert.equal(node.core.view, 1)
    node.timer('advance')
    assert.equal(node.core.view, 2)
  })

  test('for views that are far away are dropped', () => {
    const node = new Node(0)
    const rounds = node.core.rounds.size
    node.vote(1, 'nullify', 2 + LIMITS.futureViews)
    assert.equal(node.core.rounds.size, rounds)
  })
})

describe('the chain', () => {
  test('is handed out from the oldest block, once all of it is here', () => {
    const node = new Node(0)
    const second = blockAt(2, first)
    const final = (effects: readonly Effect[]): number[] =>
      effects.flatMap((effect) => (effect.kind === 'finalized' ? [effect.block.proposal.height] : []))
    const asked = node.after(() => node.certificate('finalize', 2, second.proposal.hash))
    assert.ok(asked.some((effect) => effect.kind === 'send' && effect.message.kind === 'blockRequest'))
    const blocks = [second, first]
    const effects = node.after(() => {
      node.tell({ kind: 'message', from: 1, message: { kind: 'blocks', blocks, finalization: undefined } })
    })
    assert.deepEqual(final(effects), [1, 2])
    assert.equal(node.core.view, 3)
  })

  test('stops the node when a quorum makes something final that it knows to be invalid', () => {
    const node = new Node(0)
    const bad = blockAt(1, undefined, 0xff)
    node.propose(bad)
    const effects = node.after(() => node.certificate('finalize', 1, bad.proposal.hash))
    assert.equal(effects.at(-1)?.kind, 'halt')
    assert.deepEqual(node.tell({ kind: 'start' }), [])
  })

  test('stops the node when two certificates contradict each other', () => {
    const node = new Node(0)
    node.certificate('finalize', 1, first.proposal.hash)
    const effects = node.after(() => node.certificate('nullify', 2))
    assert.ok(!kindsIn(effects).includes('halt'))
    assert.equal(node.after(() => node.certificate('finalize', 2, first.proposal.hash)).at(-1)?.kind, 'halt')
  })
})

describe('time-outs', () => {
  test('grow by half with every fruitless view, up to a limit, and a finalization sets them back', () => {
    const node = new Node(0)
    const { leaderTimeoutMs } = REGIONAL_TIMING
    const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((view) =>
      delayOf(
        node.after(() => node.certificate('nullify', view)),
        'leader',
      ),
    )
    assert.deepEqual(
      delays.slice(0, 3),
      [1.5, 2.25, 3.375].map((factor) => factor * leaderTimeoutMs),
    )
    assert.equal(delays.at(-1), BACKOFF_MAX * leaderTimeoutMs)
    const effects = node.after(() => node.certificate('finalize', 9, first.proposal.hash))
    assert.equal(delayOf(effects, 'leader'), leaderTimeoutMs)
  })

  test('do not run while the node is paused', () => {
    const node = new Node(0)
    node.tell({ kind: 'pause', isPaused: true })
    node.timer('leader')
    node.timer('advance')
    assert.deepEqual(votesIn(node.effects), [])
    assert.equal(
      delayOf(
        node.after(() => node.tell({ kind: 'pause', isPaused: false })),
        'advance',
      ),
      400,
    )
    node.timer('advance')
    assert.deepEqual(votesIn(node.effects), ['nullify 1'])
  })

  test('are not waited for when a leader was silent for long, as long as others are heard', () => {
    const silentView = 4 * Math.ceil((INACTIVE_VIEWS + 1) / 4)
    const enter = (node: Node): string[] =>
      votesIn(node.after(() => node.certificate('nullify', silentView - 1)))
    const alone = new Node(1)
    assert.deepEqual(enter(alone), [])
    const among = new Node(1)
    for (const member of [2, 3]) among.vote(member, 'nullify', 5)
    assert.deepEqual(enter(among), [`nullify ${silentView}`])
  })
})

describe('a node that does not get on', () => {
  test('repeats its votes and what brings others to its view', () => {
    const node = new Node(0)
    node.propose(first)
    node.certificate('notarize', 1, first.proposal.hash)
    node.timer('resend')
    const effects = node.after(() => node.timer('resend'))
    assert.deepEqual(votesIn(effects), ['finalize 1'])
    const sent = effects.find(
      (effect) => effect.kind === 'broadcast' && effect.message.kind === 'certificates',
    )
    assert.ok(sent?.kind === 'broadcast' && sent.message.kind === 'certificates')
    assert.deepEqual(sent.message.certificates, [certificateOf('notarize', 1, first.proposal.hash)])
  })

  test('asks for a missing block once, and again with each tick', () => {
    const node = new Node(0)
    const asked = (effects: readonly Effect[]): number =>
      effects.filter((effect) => effect.kind === 'send' && effect.message.kind === 'blockRequest').length
    assert.equal(asked(node.after(() => node.certificate('notarize', 1, first.proposal.hash))), 1)
    assert.equal(asked(node.after(() => node.certificate('nullify', 2))), 0)
    assert.equal(asked(node.after(() => node.timer('resend'))), 1)
  })

  test('is answered as long as it does not flood', () => {
    const node = new Node(0)
    node.certificate('nullify', 1)
    const request = { kind: 'certificateRequest', fromView: 1 as View, toView: 1 as View } as const
    const effects = node.after(() => {
      for (let i = 0; i < LIMITS.floodPerTick; i++) node.tell({ kind: 'message', from: 2, message: request })
    })
    assert.equal(effects.filter(({ kind }) => kind === 'send').length, LIMITS.servedPerTick)
    assert.deepEqual(effects.at(-1), { kind: 'blame', peer: 2, reason: 'tooManyRequests' })
  })
})
