/** A node that comes back: what its log restores, what it may not say again, and what a compacted log still holds. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Effect } from '../../../src/consensus/simplex/events.ts'
import { tipOf, type Block, type View } from '../../../src/consensus/simplex/types.ts'
import type { WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import {
  blockAt,
  certificateOf,
  chainOf,
  CoreNode,
  finalIn,
  kindsIn,
  votesIn,
} from '../../support/core-node.ts'
import { ROOT } from '../../simulation/application.ts'

const first = blockAt(1)
const second = blockAt(2, first)

function notarize(node: CoreNode, { proposal }: Block): void {
  node.certificate('notarize', proposal.view, proposal.hash)
}

describe('a node that restarts from its log', () => {
  test('is in the view that it was in, with the chain that it had', () => {
    const before = new CoreNode(0)
    before.finalize(first)
    before.propose(second)
    notarize(before, second)
    const after = new CoreNode(0, { records: before.log })
    assert.equal(after.core.view, before.core.view)
    assert.deepEqual(after.core.finalization, before.core.finalization)
    assert.deepEqual(after.core.tip, before.core.tip)
    assert.deepEqual(finalIn(after.effects), [1])
  })

  test('says nothing else in a view than what it said there', () => {
    const before = new CoreNode(0)
    before.propose(first)
    const after = new CoreNode(0, { records: before.log })
    const effects = after.after(() => after.propose(blockAt(1, undefined, 1)))
    assert.deepEqual(votesIn(effects), [])
    assert.deepEqual(votesIn(after.after(() => after.timer('leader'))), [])
  })

  test('never finalizes in a view that it gave up before', () => {
    const before = new CoreNode(0)
    before.propose(first)
    before.timer('advance')
    const after = new CoreNode(0, { records: before.log })
    notarize(after, first)
    assert.deepEqual(votesIn(after.effects), [])
  })

  test('keeps silent where it lost a log, also when it has spoken and restarted since', () => {
    const damaged = new CoreNode(0, { abstainThrough: 1 as View })
    notarize(damaged, first)
    damaged.timer('advance')
    assert.deepEqual(votesIn(damaged.effects), ['nullify 2'])
    // The guard finds the statement of view 2 in the log, and asks for silence no more.
    const after = new CoreNode(0, { records: damaged.log })
    notarize(after, second)
    after.hear(3, { kind: 'blocks', blocks: [second, first], finalization: undefined })
    assert.ok(kindsIn(after.effects).includes('notarized'))
    assert.deepEqual(votesIn(after.effects), [])
  })

  test('counts its own votes among those of others', () => {
    const before = new CoreNode(0)
    before.timer('advance')
    const after = new CoreNode(0, { records: before.log })
    after.vote(1, 'nullify', 1)
    assert.equal(after.core.view, 1)
    after.vote(2, 'nullify', 1)
    assert.equal(after.core.view, 2)
  })

  test('repeats its votes when it does not get on', () => {
    const before = new CoreNode(0)
    before.propose(first)
    const after = new CoreNode(0, { records: before.log })
    after.timer('resend')
    assert.deepEqual(votesIn(after.after(() => after.timer('resend'))), ['notarize 1'])
  })

  test('executes again what it had not made durable', () => {
    const before = new CoreNode(0)
    before.propose(first)
    const after = new CoreNode(0, { records: before.log })
    assert.ok(kindsIn(after.effects).includes('verifyBlock'))
    assert.deepEqual(votesIn(after.after(() => notarize(after, first))), ['finalize 1'])
  })

  test('gives out no block that the application has already', () => {
    const before = new CoreNode(0)
    before.finalize(first)
    before.propose(second)
    const finalization = certificateOf('finalize', 1, first.proposal.hash)
    const applied = { tip: tipOf(first.proposal), finalization }
    const after = new CoreNode(0, { records: before.log, applied })
    assert.deepEqual(finalIn(after.effects), [])
    assert.deepEqual(finalIn(after.after(() => after.certificate('finalize', 2, second.proposal.hash))), [2])
  })

  test('goes on from the application alone, when the log is empty', () => {
    const finalization = certificateOf('finalize', 2, second.proposal.hash)
    const after = new CoreNode(0, { applied: { tip: tipOf(second.proposal), finalization } })
    assert.equal(after.core.view, 3)
    assert.deepEqual(after.core.tip, tipOf(second.proposal))
    const third = blockAt(3, second)
    assert.deepEqual(votesIn(after.after(() => after.propose(third))), ['notarize 3'])
  })

  test('asks again for what the application has and cannot prove, and builds on it meanwhile', () => {
    const finalization = certificateOf('finalize', 1, first.proposal.hash)
    const applied = { tip: tipOf(first.proposal), finalization, above: [second] }
    const before = new CoreNode(0, { config: { compactionBlocks: 1 } })
    before.finalize(first)
    before.finalize(second)
    const [log = []] = compactions(before.after(() => before.tell({ kind: 'applied', height: 2 })))
    const withoutProof = log.filter(({ kind }) => kind === 'tip')
    for (const records of [[], withoutProof]) {
      const after = new CoreNode(0, { records, applied })
      assert.deepEqual(after.core.tip, tipOf(first.proposal))
      const asked = after.after(() => after.tell({ kind: 'catchUp' }))
      const questions = asked.flatMap((effect) =>
        effect.kind === 'send' && effect.message.kind === 'syncRequest' ? [effect.message.fromHeight] : [],
      )
      assert.deepEqual(questions, [2])
      after.certificate('notarize', 2, second.proposal.hash)
      assert.deepEqual(votesIn(after.after(() => after.propose(blockAt(3, second)))), ['notarize 3'])
      assert.deepEqual(
        finalIn(after.after(() => after.certificate('finalize', 2, second.proposal.hash))),
        [2],
      )
    }
  })

  test('keeps a log that knows more than the application', () => {
    const before = new CoreNode(0, { config: { compactionBlocks: 1 } })
    before.finalize(first)
    before.finalize(second)
    const [log] = compactions(before.after(() => before.tell({ kind: 'applied', height: 2 })))
    const applied = { tip: tipOf(first.proposal), finalization: undefined }
    const after = new CoreNode(0, { records: log ?? [], applied })
    assert.deepEqual(after.core.tip, tipOf(second.proposal))
  })
})

describe('a leader that lost its log', () => {
  test('neither proposes nor votes up to the view it may have spoken in, and follows meanwhile', () => {
    const node = new CoreNode(1, { abstainThrough: 4 as View })
    assert.ok(!kindsIn(node.effects).includes('build'))
    for (let view = 1; view <= 4; view++) {
      node.timer('advance')
      node.certificate('nullify', view)
    }
    assert.deepEqual(votesIn(node.effects), [])
    assert.deepEqual(
      node.log.filter(({ kind }) => kind === 'statement'),
      [],
    )
    const effects = node.after(() => {
      for (let view = 5; view <= 8; view++) node.certificate('nullify', view)
    })
    // View 9 is its own to lead.
    assert.ok(kindsIn(effects).includes('build'))
  })
})

function compactions(effects: readonly Effect[]): (readonly WalRecord[])[] {
  return effects.flatMap((effect) => (effect.kind === 'compact' ? [effect.records] : []))
}

describe('a log', () => {
  const chain = chainOf(6)

  /** A node that compacts after every second block, with all but the last block final. */
  function grown(): CoreNode {
    const node = new CoreNode(0, { config: { compactionBlocks: 2 } })
    for (const block of chain.slice(0, -1)) node.finalize(block)
    for (const block of chain.slice(-1)) {
      node.propose(block)
      notarize(node, block)
    }
    return node
  }

  test('starts anew after so many blocks that the application has made durable, and not before', () => {
    const node = grown()
    assert.deepEqual(compactions(node.effects), [])
    assert.deepEqual(compactions(node.after(() => node.tell({ kind: 'applied', height: 1 }))), [])
    const [records] = compactions(node.after(() => node.tell({ kind: 'applied', height: 2 })))
    assert.deepEqual(records?.[0], { kind: 'tip', tip: tipOf(chain[1]?.proposal ?? assert.fail()) })
    assert.deepEqual(compactions(node.after(() => node.tell({ kind: 'applied', height: 3 }))), [])
    assert.equal(compactions(node.after(() => node.tell({ kind: 'applied', height: 4 }))).length, 1)
  })

  test('that started anew restores what matters: view, tip, blocks, and what was said since', () => {
    const node = grown()
    const [records = []] = compactions(node.after(() => node.tell({ kind: 'applied', height: 4 })))
    const after = new CoreNode(0, { records })
    assert.equal(after.core.view, node.core.view)
    assert.deepEqual(after.core.finalization, node.core.finalization)
    assert.deepEqual(finalIn(after.effects), [5])
    const said = (of: CoreNode): unknown => of.core.rounds.get(6 as View)?.own
    assert.deepEqual(said(after), said(node))
    assert.ok(records.length < node.log.length)
  })

  test('is not touched by news of heights that are no news', () => {
    const node = new CoreNode(0, { config: { compactionBlocks: 1 } })
    assert.deepEqual(
      node.after(() => node.tell({ kind: 'applied', height: 7 })),
      [],
    )
    assert.equal(node.core.appliedTip.hash, ROOT.hash)
  })
})
