/** Blocks that are not final yet: which are executed, what becomes of bad ones, how many are kept. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../../../src/consensus/simplex/config.ts'
import type { Effect } from '../../../src/consensus/simplex/events.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { viewAfter, type Block, type View } from '../../../src/consensus/simplex/types.ts'
import {
  blamesIn,
  blockAt,
  chainOf,
  CoreNode,
  finalIn,
  INVALID_BODY,
  kindsIn,
  sentIn,
  statementOf,
  votesIn,
} from '../../support/core-node.ts'

const first = blockAt(1)
const second = blockAt(2, first)

function executed(effects: readonly Effect[]): number[] {
  return effects.flatMap((effect) => (effect.kind === 'verifyBlock' ? [effect.block.proposal.view] : []))
}

function notarize(node: CoreNode, { proposal }: Block): void {
  node.certificate('notarize', proposal.view, proposal.hash)
}

describe('a block', () => {
  test('is not executed before its parent is there and valid', () => {
    const node = new CoreNode(0)
    notarize(node, first)
    const waiting = node.after(() => node.propose(second))
    assert.deepEqual(executed(waiting), [])
    const effects = node.after(() =>
      node.hear(1, { kind: 'blocks', blocks: [first], finalization: undefined }),
    )
    assert.deepEqual(executed(effects), [1, 2])
    assert.deepEqual(votesIn(effects).toSorted(), ['finalize 1', 'notarize 2'])
  })

  test('on an invalid one is invalid, and never executed', () => {
    const bad = blockAt(1, undefined, INVALID_BODY)
    const node = new CoreNode(0)
    node.propose(bad)
    notarize(node, bad)
    const effects = node.after(() => node.propose(blockAt(2, bad)))
    assert.deepEqual(executed(effects), [])
    assert.deepEqual(votesIn(effects), ['nullify 2'])
  })

  test('of a height that does not follow its parent’s is invalid', () => {
    const { proposal, body } = first
    const node = new CoreNode(0)
    const effects = node.after(() => node.propose(makeBlock({ ...proposal, height: 2 }, body)))
    assert.deepEqual(executed(effects), [])
    assert.deepEqual(votesIn(effects), ['nullify 1'])
  })

  test('is not voted for, and its view is given up, when its leader did not sign it', () => {
    const node = new CoreNode(0)
    const signature = new Uint8Array(96)
    const effects = node.after(() =>
      node.hear(1, { kind: 'propose', block: first, signature, certificates: [] }),
    )
    assert.deepEqual(blamesIn(effects), ['1 invalidSignature'])
    assert.deepEqual(votesIn(effects), ['nullify 1'])
  })

  test('is not voted for on a parent of which another block was certified', () => {
    const node = new CoreNode(0)
    notarize(node, first)
    const effects = node.after(() => node.propose(blockAt(2, blockAt(1, undefined, 1))))
    assert.deepEqual(votesIn(effects), [])
  })

  test('is not voted for on a parent below what is final', () => {
    const node = new CoreNode(0)
    node.finalize(first)
    assert.deepEqual(votesIn(node.after(() => node.propose(blockAt(2)))), [])
  })

  test('of a view to come is kept until that view begins', () => {
    const node = new CoreNode(0)
    const early = node.after(() => node.propose(second))
    assert.deepEqual(votesIn(early), [])
    node.propose(first)
    assert.deepEqual(votesIn(node.after(() => notarize(node, first))).toSorted(), [
      'finalize 1',
      'notarize 2',
    ])
  })

  test('of a view that is over is no news, unless it is one that is missing', () => {
    const node = new CoreNode(0)
    node.certificate('nullify', 1)
    assert.deepEqual(kindsIn(node.after(() => node.propose(first))), [])
    const wanting = new CoreNode(0)
    notarize(wanting, first)
    assert.deepEqual(executed(wanting.after(() => wanting.propose(first))), [1])
  })

  test('is executed and announced by who follows without a vote', () => {
    const node = new CoreNode(undefined)
    const effects = node.after(() => {
      node.propose(first)
      notarize(node, first)
      node.certificate('finalize', 1, first.proposal.hash)
    })
    assert.deepEqual(executed(effects), [1])
    assert.ok(kindsIn(effects).includes('notarized'))
    assert.deepEqual(finalIn(effects), [1])
    assert.deepEqual(votesIn(effects), [])
  })

  test('whose verdict comes when it is gone is forgotten', () => {
    const node = new CoreNode(0)
    const effects = node.tell({ kind: 'blockVerified', hash: first.proposal.hash, isValid: false })
    assert.deepEqual(effects, [])
  })
})

describe('the memory for blocks', () => {
  test('is filled by no leader: of each view one proposal is kept, of views near enough', () => {
    const node = new CoreNode(0)
    for (let view = 1; view <= 3 * LIMITS.futureViews; view++) {
      for (let body = 0; body < 8; body++) node.propose(blockAt(view, undefined, body))
    }
    assert.ok(node.core.blocks.size <= 1 + LIMITS.futureViews)
  })

  test('makes room for proposals at the cost of the oldest that no certificate names', () => {
    const node = new CoreNode(0)
    let view = 1 as View
    for (let count = 0; count <= LIMITS.blocks + 10; count++) {
      const block = blockAt(view)
      node.propose(block)
      // Only every second one is certified; those of views that passed without are dropped anyway.
      if (count % 2 === 0) notarize(node, block)
      else node.certificate('nullify', view)
      view = viewAfter(view)
    }
    assert.ok(node.core.blocks.size <= LIMITS.blocks)
  })

  test('prefers, of blocks that it asked for, those that come earlier in the chain', () => {
    const chain = chainOf(LIMITS.blocks + LIMITS.fetchedBlocks + 40)
    const node = new CoreNode(0)
    const target = chain.at(-1) ?? assert.fail()
    node.certificate('finalize', target.proposal.view, target.proposal.hash)
    // From the top down, as one who is asked by hash would answer.
    for (let end = chain.length; end > 0; end -= LIMITS.blocksPerResponse) {
      const part = chain.slice(Math.max(0, end - LIMITS.blocksPerResponse), end).toReversed()
      const [top] = part
      node.core.wanted.set(top?.proposal.hash ?? assert.fail(), { view: 1 as View, signers: [], attempts: 0 })
      node.hear(1, { kind: 'blocks', blocks: part, finalization: undefined })
    }
    assert.ok(node.core.blocks.size <= LIMITS.blocks + LIMITS.fetchedBlocks)
    const heights = [...node.core.blocks.values()].map(({ block }) => block.proposal.height)
    assert.equal(Math.min(...heights), 1)
  })

  test('asks for so many missing blocks at most', () => {
    const node = new CoreNode(0)
    for (const { proposal } of chainOf(LIMITS.blocks + 20)) {
      node.certificate('notarize', proposal.view, proposal.hash)
    }
    assert.equal(node.core.wanted.size, LIMITS.blocks)
    const asked = sentIn(
      node.after(() => node.timer('resend')),
      'blockRequest',
    )
    assert.equal(asked.length, LIMITS.wantedPerTick)
  })

  test('takes on nothing new while the application lags, and goes on when it has caught up', () => {
    const chain = chainOf(LIMITS.unappliedBlocks + 2)
    const node = new CoreNode(0)
    for (const block of chain.slice(0, -1)) node.finalize(block)
    assert.equal(node.core.tip.height, LIMITS.unappliedBlocks)
    const last = chain.at(-1) ?? assert.fail()
    assert.deepEqual(votesIn(node.after(() => node.propose(last))), [])
    const effects = node.after(() => node.tell({ kind: 'applied', height: 10 }))
    assert.deepEqual(finalIn(effects), [LIMITS.unappliedBlocks + 1])
    assert.deepEqual(votesIn(effects), [`notarize ${last.proposal.view}`])
  })
})

describe('the chain', () => {
  test('stops the node when what is final does not descend from what was', () => {
    const node = new CoreNode(0)
    node.finalize(first)
    const fork = blockAt(2, blockAt(1, undefined, 1))
    node.certificate('finalize', 2, fork.proposal.hash)
    const old = blockAt(1, undefined, 1)
    const effects = node.after(() => {
      node.hear(1, { kind: 'blocks', blocks: [fork, old], finalization: undefined })
      node.hear(2, { kind: 'blocks', blocks: [old], finalization: undefined })
    })
    assert.deepEqual(blamesIn(effects), [])
    // The parent is at the tip's height: never stored, so that the chain cannot be completed.
    assert.deepEqual(finalIn(effects), [])
    assert.equal(node.core.tip.hash, first.proposal.hash)
  })

  test('stops the node when a final block claims a height that is taken', () => {
    const node = new CoreNode(0)
    const low = blockAt(3)
    node.propose(low)
    node.finalize(first)
    const effects = node.after(() => node.certificate('finalize', 3, low.proposal.hash))
    assert.deepEqual(effects.at(-1), {
      kind: 'halt',
      reason: { kind: 'finalFork', proposal: low.proposal, finalHash: first.proposal.hash },
    })
  })
})

test('a proposal of another leader’s view is held against its sender', () => {
  const node = new CoreNode(0)
  const { signature } = statementOf(2, 'propose', 1, first.proposal.hash)
  const effects = node.after(() =>
    node.hear(2, { kind: 'propose', block: first, signature, certificates: [] }),
  )
  assert.deepEqual(blamesIn(effects), ['2 notLeader'])
})
