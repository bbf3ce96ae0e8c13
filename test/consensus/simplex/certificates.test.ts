/** Certificates from peers: how they wait for verification, what bad ones cost and whom, and what contradicts what. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../../../src/consensus/simplex/config.ts'
import type { Certificate } from '../../../src/consensus/simplex/types.ts'
import {
  blamesIn,
  blockAt,
  certificateOf,
  chainOf,
  CoreNode,
  finalIn,
  forged,
  kindsIn,
} from '../../support/core-node.ts'

const first = blockAt(1)
const { hash } = first.proposal

function send(node: CoreNode, from: number, ...certificates: readonly Certificate[]): void {
  node.hear(from, { kind: 'certificates', certificates })
}

describe('certificates that wait for verification', () => {
  test('are verified once however many peers send them', () => {
    const node = new CoreNode(0, { isVerifierBusy: true })
    const effects = node.after(() => {
      for (const from of [1, 2, 3, 1]) send(node, from, certificateOf('nullify', 1))
    })
    assert.deepEqual(kindsIn(effects), ['verify'])
    node.verifyWaiting()
    assert.equal(node.core.view, 2)
    assert.equal(node.core.pendingOf.size, 0)
  })

  test('are not kept out by bad copies, whose senders alone are blamed', () => {
    const node = new CoreNode(0, { isVerifierBusy: true })
    const good = certificateOf('nullify', 1)
    send(node, 1, forged(good))
    send(node, 2, forged(good))
    send(node, 3, good)
    const effects = node.after(() => {
      for (let i = 0; i < 3; i++) node.verifyWaiting()
    })
    assert.deepEqual(blamesIn(effects), ['1 invalidCertificate', '2 invalidCertificate'])
    assert.equal(node.core.view, 2)
    assert.equal(node.core.pendingCertificates.size, 0)
  })

  test('leave nothing behind when all copies are bad', () => {
    const node = new CoreNode(0)
    send(node, 1, forged(certificateOf('nullify', 1)))
    assert.equal(node.core.pendingCertificates.size, 0)
    assert.equal(node.core.pendingOf.size, 0)
    assert.equal(node.core.view, 1)
  })

  test('are so many a peer; who sends more is blamed, and others still get through', () => {
    const node = new CoreNode(0, { isVerifierBusy: true })
    const many = Array.from({ length: LIMITS.pendingPerPeer }, (_, index) =>
      forged(certificateOf('nullify', index + 1)),
    )
    send(node, 1, ...many)
    const effects = node.after(() => send(node, 1, certificateOf('nullify', 200)))
    assert.deepEqual(effects, [{ kind: 'blame', peer: 1, reason: 'tooManyCertificates' }])
    assert.deepEqual(kindsIn(node.after(() => send(node, 2, certificateOf('nullify', 200)))), ['verify'])
    node.verifyWaiting()
    assert.equal(node.core.pendingOf.size, 0)
  })

  test('stop counting against their senders when votes made the same certificate meanwhile', () => {
    const node = new CoreNode(0, { isVerifierBusy: true })
    send(node, 1, certificateOf('nullify', 1))
    for (const member of [1, 2, 3]) node.vote(member, 'nullify', 1)
    node.verifyWaiting('last')
    assert.equal(node.core.view, 2)
    assert.equal(node.core.pendingOf.size, 0)
    assert.equal(node.core.pendingCertificates.size, 0)
  })

  test('stop counting against their senders when a later view became final meanwhile', () => {
    const node = new CoreNode(0, { isVerifierBusy: true })
    for (let view = 1; view <= 2 * LIMITS.pendingPerPeer; view += 2) {
      send(node, 1, certificateOf('nullify', view))
      send(node, 2, certificateOf('finalize', view + 1, hash))
      const effects = node.after(() => node.verifyWaiting('last'))
      assert.deepEqual(blamesIn(effects), [])
    }
    assert.equal(node.core.pendingOf.size, 0)
    assert.equal(node.core.pendingCertificates.size, 0)
    send(node, 1, certificateOf('nullify', 1000))
    node.verifyWaiting()
    assert.equal(node.core.view, 1001)
  })

  test('are no news when their view is over: nothing is verified', () => {
    const node = new CoreNode(0)
    node.finalize(first)
    const effects = node.after(() => {
      send(node, 2, certificateOf('nullify', 1), certificateOf('notarize', 1, hash))
      send(node, 2, certificateOf('finalize', 1, hash))
    })
    assert.deepEqual(effects, [])
  })

  test('that nobody waits for any more are passed over when their verdict comes', () => {
    const node = new CoreNode(0)
    const effects = node.tell({
      kind: 'verified',
      job: 12_345,
      result: { kind: 'certificate', isValid: true },
    })
    assert.deepEqual(effects, [])
  })
})

describe('finalizations', () => {
  const chain = chainOf(12)
  const hashAt = (view: number): Certificate['hash'] => chain[view - 1]?.proposal.hash ?? assert.fail()

  test('may come out of order: the lower one is not forgotten while its chain is incomplete', () => {
    const node = new CoreNode(0)
    node.certificate('finalize', 3, hashAt(3))
    node.certificate('finalize', 1, hashAt(1))
    assert.equal(node.core.finalization?.view, 3)
    const effects = node.after(() => {
      // The lowest first, then from the next one down.
      for (const index of [0, 2, 1]) {
        const blocks = [chain[index] ?? assert.fail()]
        node.hear(1, { kind: 'blocks', blocks, finalization: undefined })
      }
    })
    assert.deepEqual(finalIn(effects), [1, 2, 3])
    assert.deepEqual(node.core.undelivered, [])
  })

  test('of many that wait, the highest and the lowest are kept', () => {
    const node = new CoreNode(0)
    for (let view = 2; view <= 12; view++) node.certificate('finalize', view, hashAt(view))
    const views = node.core.undelivered.map((certificate) => certificate.view)
    assert.equal(views.length, LIMITS.undelivered)
    assert.equal(views.at(0), 2)
    assert.equal(views.at(-1), 12)
  })
})

describe('certificates that contradict each other', () => {
  const other = blockAt(1, undefined, 1).proposal.hash
  const cases: readonly (readonly [string, Certificate, Certificate])[] = [
    ['a nullification and a finalization', certificateOf('nullify', 1), certificateOf('finalize', 1, hash)],
    [
      'the notarization of one block and the finalization of another',
      certificateOf('notarize', 1, hash),
      certificateOf('finalize', 1, other),
    ],
  ]
  for (const [name, one, two] of cases) {
    test(`stop the node: ${name}`, () => {
      const node = new CoreNode(0)
      send(node, 1, one)
      const effects = node.after(() => send(node, 1, two))
      assert.deepEqual(effects.at(-1), {
        kind: 'halt',
        reason: { kind: 'conflictingCertificates', first: one, second: two },
      })
      assert.deepEqual(node.tell({ kind: 'pause', isPaused: true }), [])
    })
  }

  test('a notarization and a nullification do not', () => {
    const node = new CoreNode(0)
    send(node, 1, certificateOf('nullify', 1), certificateOf('notarize', 1, hash))
    assert.ok(!node.core.isHalted)
    assert.equal(node.core.view, 2)
  })
})
