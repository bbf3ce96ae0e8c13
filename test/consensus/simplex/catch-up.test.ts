/** Getting on after losses: what a node asks for and how often, what it answers and how much, what it takes unasked. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../../../src/consensus/simplex/config.ts'
import type { Block, Certificate, View } from '../../../src/consensus/simplex/types.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import {
  blamesIn,
  blockAt,
  certificateOf,
  chainOf,
  CoreNode,
  finalIn,
  forged,
  kindsIn,
  sentIn,
} from '../../support/core-node.ts'

const first = blockAt(1)

function answer(node: CoreNode, from: number, blocks: readonly Block[], finalization?: Certificate): void {
  node.hear(from, { kind: 'blocks', blocks, finalization })
}

/** Whom the node asked last for final blocks. */
function askedIn(node: CoreNode, act: () => void): number {
  return sentIn(node.after(act), 'syncRequest').at(-1)?.to ?? assert.fail('nobody was asked')
}

function finalizationOf(block: Block | undefined): Certificate {
  const { view, hash } = block?.proposal ?? assert.fail()
  return certificateOf('finalize', view, hash)
}

describe('requests of a peer', () => {
  const requests: readonly Message[] = [
    { kind: 'blockRequest', hash: first.proposal.hash, aboveHeight: 0 },
    { kind: 'syncRequest', fromHeight: 1 },
    { kind: 'certificateRequest', fromView: 1 as View, toView: 1 as View },
  ]

  test('share one allowance, which each tick renews', () => {
    const node = new CoreNode(0)
    node.certificate('nullify', 1)
    const ask = (count: number): number => {
      const effects = node.after(() => {
        for (let i = 0; i < count; i++) node.hear(2, requests[i % requests.length] ?? assert.fail())
      })
      return effects.filter(({ kind }) => kind !== 'blame').length
    }
    assert.equal(ask(2 * LIMITS.servedPerTick), LIMITS.servedPerTick)
    assert.equal(ask(5), 0)
    node.timer('resend')
    assert.equal(ask(5), 5)
  })

  test('of one do not use up the allowance of another, be it a member or a guest', () => {
    const node = new CoreNode(0)
    for (let i = 0; i < 2 * LIMITS.servedPerTick; i++) node.hear(2, requests[1] ?? assert.fail())
    for (const other of [3, 4, 17]) {
      const effects = node.after(() => node.hear(other, requests[1] ?? assert.fail()))
      assert.deepEqual(effects, [{ kind: 'serveSync', to: other, fromHeight: 1 }])
    }
  })

  test('that flood are blamed once a tick', () => {
    const node = new CoreNode(0)
    const flood = (): string[] =>
      blamesIn(
        node.after(() => {
          for (let i = 0; i < 3 * LIMITS.floodPerTick; i++) node.hear(2, requests[0] ?? assert.fail())
        }),
      )
    assert.deepEqual(flood(), ['2 tooManyRequests'])
    node.timer('resend')
    assert.deepEqual(flood(), ['2 tooManyRequests'])
  })

  test('for certificates are answered with the finality, then the latest views, up to a limit', () => {
    const node = new CoreNode(0)
    node.certificate('finalize', 1, first.proposal.hash)
    const last = 1 + 2 * LIMITS.certificatesPerMessage
    for (let view = 2; view <= last; view++) node.certificate('nullify', view)
    const ask = (fromView: number, toView: number): string[] => {
      const request = {
        kind: 'certificateRequest',
        fromView: fromView as View,
        toView: toView as View,
      } as const
      const [sent] = sentIn(
        node.after(() => node.hear(2, request)),
        'certificates',
      )
      return sent?.message.certificates.map(({ kind, view }) => `${kind} ${view}`) ?? []
    }
    assert.deepEqual(ask(1, 3), ['finalize 1', 'nullify 3', 'nullify 2', `nullify ${last}`])
    assert.deepEqual(ask(2, 2), ['nullify 2', `nullify ${last}`])
    const many = ask(1, LIMITS.certificatesPerMessage + 9)
    assert.equal(many.length, LIMITS.certificatesPerMessage)
    assert.deepEqual(many.slice(0, 2), ['finalize 1', `nullify ${LIMITS.certificatesPerMessage + 9}`])
  })

  test('for certificates of which there are none are not answered', () => {
    const node = new CoreNode(0)
    assert.deepEqual(
      node.after(() => node.hear(2, requests[2] ?? assert.fail())),
      [],
    )
  })
})

describe('a node that lacks something', () => {
  test('asks another peer each time, and each peer so often between ticks', () => {
    const node = new CoreNode(0)
    const asked: number[] = []
    const chain = chainOf(20)
    const effects = node.after(() => {
      for (const { proposal } of chain.slice(0, 5)) node.certificate('notarize', proposal.view, proposal.hash)
      for (let i = 0; i < 40; i++) node.certificate('nullify', 100 + i)
    })
    for (const { to } of sentIn(effects, 'blockRequest')) asked.push(to)
    assert.ok(asked.length > 1)
    for (const peer of [1, 2, 3]) assert.ok(asked.filter((to) => to === peer).length <= LIMITS.askedPerTick)
    assert.ok(!asked.includes(0), 'never itself')
  })

  test('stops asking when everybody has been asked enough, until the next tick', () => {
    const node = new CoreNode(0)
    // Each view is entered over a gap, so that what is before it must be asked for.
    const effects = node.after(() => {
      for (let view = 2; view <= 200; view += 2) {
        const parent = blockAt(view - 1)
        node.certificate('nullify', view - 2 === 0 ? 1 : view - 1)
        node.propose(blockAt(view, parent))
      }
    })
    const requests = effects.filter((effect) => effect.kind === 'send')
    assert.ok(requests.length <= 3 * LIMITS.askedPerTick)
  })

  test('asks for the end of a view that its leader builds over, once a view', () => {
    const node = new CoreNode(0)
    node.certificate('nullify', 2)
    const skipping = blockAt(3)
    const asked = node.after(() => {
      node.propose(skipping)
      node.vote(1, 'notarize', 3, skipping.proposal.hash)
    })
    assert.deepEqual(
      sentIn(asked, 'certificateRequest').map(({ message }) => message.toView),
      [1],
    )
    const again = node.after(() => node.timer('resend'))
    assert.equal(sentIn(again, 'certificateRequest').length, 1)
  })

  test('asks whoever speaks of views far ahead about them, with the next tick', () => {
    const node = new CoreNode(0)
    node.vote(3, 'nullify', 2 + LIMITS.futureViews)
    const [request] = sentIn(
      node.after(() => node.timer('resend')),
      'certificateRequest',
    )
    assert.equal(request?.to, 3)
    assert.equal(
      sentIn(
        node.after(() => node.timer('resend')),
        'certificateRequest',
      ).length,
      0,
    )
    node.propose(blockAt(2 + LIMITS.futureViews))
    assert.equal(
      sentIn(
        node.after(() => node.timer('resend')),
        'certificateRequest',
      )[0]?.to,
      (2 + LIMITS.futureViews) % 4,
    )
  })
})

describe('the chain of a node that is far behind', () => {
  const chain = chainOf(LIMITS.blocksPerResponse + 40)
  const target = chain.at(-1) ?? assert.fail()

  /** A node that knows the end of the chain, has its last block and asks for the rest by height. */
  function syncing(): { readonly node: CoreNode; readonly asked: number } {
    const node = new CoreNode(0)
    node.certificate('finalize', target.proposal.view, target.proposal.hash)
    const requests = sentIn(
      node.after(() => answer(node, 1, [target])),
      'syncRequest',
    )
    assert.deepEqual(
      requests.map(({ message }) => message.fromHeight),
      [1],
    )
    return { node, asked: requests[0]?.to ?? assert.fail() }
  }

  test('comes by height, from a certified block down, one request at a time', () => {
    const { node, asked } = syncing()
    const part = chain.slice(0, LIMITS.blocksPerResponse).toReversed()
    const effects = node.after(() => answer(node, asked, part, finalizationOf(part[0])))
    assert.deepEqual(finalIn(effects), part.map(({ proposal }) => proposal.height).toReversed())
  })

  test('is asked for again with each tick, of somebody else', () => {
    const { node } = syncing()
    const [again] = sentIn(
      node.after(() => node.timer('resend')),
      'syncRequest',
    )
    const [third] = sentIn(
      node.after(() => node.timer('resend')),
      'syncRequest',
    )
    assert.notEqual(again?.to, third?.to)
  })

  test('is not taken from who sends a bad certificate with it', () => {
    const { node, asked } = syncing()
    const part = chain.slice(0, 3).toReversed()
    const effects = node.after(() => answer(node, asked, part, forged(finalizationOf(part[0]))))
    assert.deepEqual(blamesIn(effects), [`${asked} invalidCertificate`])
    assert.deepEqual(finalIn(effects), [])
    // Somebody else is asked at once, and that answer counts.
    const [next] = sentIn(effects, 'syncRequest')
    assert.notEqual(next?.to, asked)
    const good = node.after(() => answer(node, next?.to ?? assert.fail(), part, finalizationOf(part[0])))
    assert.deepEqual(finalIn(good), [1, 2, 3])
  })

  test('comes although others send what they were not asked for, which ends no question', () => {
    const { node, asked } = syncing()
    const [genuine, other] = [chain.slice(0, 3).toReversed(), chain.slice(0, 1)]
    const guest = 9
    for (const peer of [guest, (asked + 1) % 4]) {
      const effects = node.after(() => answer(node, peer, other, finalizationOf(other[0])))
      assert.deepEqual(effects, [])
    }
    const effects = node.after(() => answer(node, asked, genuine, finalizationOf(genuine[0])))
    assert.deepEqual(finalIn(effects), [1, 2, 3])
  })

  test('is not taken from who was not asked: blocks that nothing vouches for are dropped', () => {
    const node = new CoreNode(0)
    const effects = node.after(() => {
      answer(node, 1, chain.slice(0, 3).toReversed(), finalizationOf(chain[2]))
      answer(node, 1, [first])
      answer(node, 1, [])
    })
    assert.deepEqual(effects, [])
    assert.equal(node.core.blocks.size, 0)
  })
})

describe('a node that hears nothing', () => {
  const chain = chainOf(20)

  test('asks for final blocks when it is told to, for a few ticks', () => {
    const node = new CoreNode(undefined)
    const asked = node.after(() => node.tell({ kind: 'catchUp' }))
    assert.deepEqual(
      sentIn(asked, 'syncRequest').map(({ message }) => message.fromHeight),
      [1],
    )
    let count = 0
    for (let ticks = 0; ticks < 3 * LIMITS.catchUpTicks; ticks++) {
      count += sentIn(
        node.after(() => node.timer('resend')),
        'syncRequest',
      ).length
    }
    assert.ok(count >= 1 && count <= LIMITS.catchUpTicks + 1, `${count} requests`)
  })

  test('asks on while many blocks come, and no more when few do', () => {
    const node = new CoreNode(undefined)
    const asked = askedIn(node, () => node.tell({ kind: 'catchUp' }))
    const many = chain.slice(0, LIMITS.manyBlocks).toReversed()
    const next = node.after(() => answer(node, asked, many, finalizationOf(many[0])))
    assert.equal(finalIn(next).length, LIMITS.manyBlocks)
    assert.deepEqual(
      sentIn(next, 'syncRequest').map(({ message }) => message.fromHeight),
      [1 + LIMITS.manyBlocks],
    )
    const few = chain.slice(LIMITS.manyBlocks, LIMITS.manyBlocks + 1)
    const [{ to } = assert.fail()] = sentIn(next, 'syncRequest')
    const last = node.after(() => answer(node, to, few, finalizationOf(few[0])))
    assert.deepEqual(finalIn(last), [1 + LIMITS.manyBlocks])
    assert.ok(!kindsIn(last).includes('send'))
  })
})

describe('a node that does not get on', () => {
  test('repeats the votes for finality of the last views only, besides those of its own', () => {
    const node = new CoreNode(0)
    const chain = chainOf(LIMITS.resentFinalizes + 4)
    for (const block of chain) {
      node.propose(block)
      node.certificate('notarize', block.proposal.view, block.proposal.hash)
    }
    node.timer('resend')
    const effects = node.after(() => node.timer('resend'))
    const repeated = effects.filter((effect) => effect.kind === 'broadcast' && effect.message.kind === 'vote')
    assert.equal(repeated.length, LIMITS.resentFinalizes)
  })

  test('says nothing again while it gets on', () => {
    const node = new CoreNode(0)
    node.timer('resend')
    node.certificate('nullify', 1)
    const effects = node.after(() => node.timer('resend'))
    assert.deepEqual(kindsIn(effects), ['setTimer'])
  })
})
