/** From view to view: timers, time-outs, leaders that are passed over, and pauses. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BACKOFF_FACTOR, INACTIVE_VIEWS, REGIONAL_TIMING } from '../../../src/consensus/simplex/config.ts'
import { blockAt, chainOf, CoreNode, delayOf, kindsIn, votesIn } from '../../support/core-node.ts'

const { leaderTimeoutMs, advanceTimeoutMs } = REGIONAL_TIMING
const first = blockAt(1)

describe('a view', () => {
  test('begins with both timers, and a restart of them makes the older ones void', () => {
    const node = new CoreNode(0)
    const before = { ...node.core.timers }
    const effects = node.after(() => node.certificate('nullify', 1))
    assert.equal(delayOf(effects, 'leader'), BACKOFF_FACTOR * leaderTimeoutMs)
    assert.equal(delayOf(effects, 'advance'), BACKOFF_FACTOR * advanceTimeoutMs)
    const late = node.after(() => {
      for (const timer of ['leader', 'advance', 'resend'] as const) {
        node.tell({ kind: 'timer', timer, generation: before[timer] - 1 })
      }
    })
    assert.deepEqual(late, [])
  })

  test('is given up when its leader is late, once', () => {
    const node = new CoreNode(0)
    assert.deepEqual(votesIn(node.after(() => node.timer('leader'))), ['nullify 1'])
    assert.deepEqual(votesIn(node.after(() => node.timer('advance'))), [])
    assert.deepEqual(votesIn(node.after(() => node.propose(first))), [])
  })

  test('is not given up for a late leader once a proposal is there, but when it comes to nothing', () => {
    const node = new CoreNode(0)
    node.propose(first)
    assert.deepEqual(votesIn(node.after(() => node.timer('leader'))), [])
    assert.deepEqual(votesIn(node.after(() => node.timer('advance'))), ['nullify 1'])
  })

  test('is entered over many at once, with the time-outs of one that failed', () => {
    const node = new CoreNode(0)
    const effects = node.after(() => node.certificate('nullify', 30))
    assert.equal(node.core.view, 31)
    assert.equal(delayOf(effects, 'leader'), BACKOFF_FACTOR * leaderTimeoutMs)
  })

  test('that gave a block does not make the next one’s time-outs longer', () => {
    const node = new CoreNode(0)
    for (const { proposal } of chainOf(5)) {
      const effects = node.after(() => node.certificate('notarize', proposal.view, proposal.hash))
      assert.equal(delayOf(effects, 'leader'), leaderTimeoutMs)
    }
  })

  test('that was given up before it gave a block does: where all do so, nothing would ever become final', () => {
    const node = new CoreNode(0)
    for (const [index, { proposal }] of chainOf(3).entries()) {
      node.timer('advance')
      const effects = node.after(() => node.certificate('notarize', proposal.view, proposal.hash))
      assert.equal(delayOf(effects, 'advance'), BACKOFF_FACTOR ** (index + 1) * advanceTimeoutMs)
    }
    const [, , last] = chainOf(3)
    node.certificate('finalize', 3, last?.proposal.hash)
    const effects = node.after(() => node.certificate('nullify', 4))
    assert.equal(delayOf(effects, 'advance'), BACKOFF_FACTOR * advanceTimeoutMs)
  })

  test('is ended by nobody who only follows', () => {
    const node = new CoreNode(undefined)
    node.timer('leader')
    node.timer('advance')
    assert.deepEqual(votesIn(node.effects), [])
  })
})

describe('a leader that was silent for long', () => {
  const silentView = 4 * Math.ceil((INACTIVE_VIEWS + 1) / 4)

  /** Node 1 about to enter a view of member 0, having heard of these members meanwhile. */
  function waiting(heard: readonly number[]): CoreNode {
    const node = new CoreNode(1)
    for (const member of heard) node.vote(member, 'nullify', 5)
    return node
  }

  function enter(node: CoreNode): string[] {
    return votesIn(node.after(() => node.certificate('nullify', silentView - 1)))
  }

  test('is passed over at once', () => {
    assert.deepEqual(enter(waiting([2, 3])), [`nullify ${silentView}`])
  })

  test('is waited for when it spoke in time, or proposed', () => {
    assert.deepEqual(enter(waiting([0, 2, 3])), [])
    const node = waiting([2, 3])
    node.propose(blockAt(4))
    assert.deepEqual(enter(node), [])
  })

  test('is waited for while the node is paused', () => {
    const node = waiting([2, 3])
    node.tell({ kind: 'pause', isPaused: true })
    assert.deepEqual(enter(node), [])
  })

  test('is waited for by a node that hears of too few', () => {
    assert.deepEqual(enter(waiting([2])), [])
  })
})

describe('a pause', () => {
  test('keeps a leader from proposing, until it ends', () => {
    const node = new CoreNode(2)
    node.tell({ kind: 'pause', isPaused: true })
    assert.ok(!kindsIn(node.after(() => node.certificate('nullify', 1))).includes('build'))
    const effects = node.after(() => node.tell({ kind: 'pause', isPaused: false }))
    assert.ok(kindsIn(effects).includes('build'))
    assert.equal(delayOf(effects, 'advance'), BACKOFF_FACTOR * advanceTimeoutMs)
  })

  test('stops no votes: what others propose is notarized and made final', () => {
    const node = new CoreNode(0)
    node.tell({ kind: 'pause', isPaused: true })
    const effects = node.after(() => {
      node.propose(first)
      node.certificate('notarize', 1, first.proposal.hash)
    })
    assert.deepEqual(votesIn(effects), ['notarize 1', 'finalize 1'])
    assert.equal(delayOf(effects, 'leader'), undefined)
  })

  test('that is told again, or ended twice, changes nothing', () => {
    const node = new CoreNode(0)
    assert.deepEqual(node.tell({ kind: 'pause', isPaused: false }), [])
    node.tell({ kind: 'pause', isPaused: true })
    assert.deepEqual(node.tell({ kind: 'pause', isPaused: true }), [])
  })
})

describe('a leader’s payload', () => {
  const body = Uint8Array.of(0)
  const payloadHash = first.proposal.payloadHash

  test('comes too late when the view is over or given up, and counts once', () => {
    const built = { kind: 'built', view: first.proposal.view, payloadHash, body } as const
    const over = new CoreNode(1)
    over.certificate('nullify', 1)
    assert.deepEqual(over.tell(built), [])
    const givenUp = new CoreNode(1)
    givenUp.timer('advance')
    assert.deepEqual(givenUp.tell(built), [])
    const twice = new CoreNode(1)
    twice.tell(built)
    assert.deepEqual(twice.tell(built), [])
    const stranger = new CoreNode(0)
    assert.deepEqual(stranger.tell(built), [])
  })
})
