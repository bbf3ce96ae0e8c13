/** Members that contradict themselves: each offence is noticed and proved, and nothing honest is taken for one. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { verifyEvidence, type Evidence } from '../../../src/consensus/simplex/evidence.ts'
import type { Effect } from '../../../src/consensus/simplex/events.ts'
import type { StatementKind } from '../../../src/consensus/simplex/types.ts'
import { blamesIn, blockAt, CoreNode, statementOf } from '../../support/core-node.ts'
import { DOMAIN } from '../../support/consensus-arbitraries.ts'
import { stubPublicKey, stubScheme } from '../../simulation/stub-scheme.ts'

const one = blockAt(1)
const other = blockAt(1, undefined, 1)
const keyring = stubScheme.keyring([0, 1, 2, 3].map(stubPublicKey))

type Said = readonly [kind: StatementKind, block: typeof one | undefined]

function say(node: CoreNode, [kind, block]: Said): void {
  if (kind === 'propose') node.propose(block ?? assert.fail())
  else node.vote(1, kind, 1, block?.proposal.hash)
}

function evidenceIn(effects: readonly Effect[]): Evidence[] {
  return effects.flatMap((effect) => (effect.kind === 'evidence' ? [effect.evidence] : []))
}

describe('an offence gives evidence that holds', () => {
  const offences: readonly (readonly [string, Said, Said])[] = [
    ['two proposals', ['propose', one], ['propose', other]],
    ['two notarizations', ['notarize', one], ['notarize', other]],
    ['two finalizations', ['finalize', one], ['finalize', other]],
    ['giving up and finalizing', ['nullify', undefined], ['finalize', one]],
    ['finalizing and giving up', ['finalize', one], ['nullify', undefined]],
  ]
  for (const [name, first, second] of offences) {
    test(name, () => {
      const node = new CoreNode(0)
      say(node, first)
      const evidence = evidenceIn(node.after(() => say(node, second)))
      assert.deepEqual(
        evidence.map((found) => [found.first, found.second].map(({ kind, hash }) => `${kind} ${hash}`)),
        [
          [first, second].map(
            ([kind, block]) => `${kind} ${block?.proposal.hash ?? statementOf(1, 'nullify', 1).hash}`,
          ),
        ],
      )
      assert.ok(evidence.every((found) => verifyEvidence(DOMAIN, keyring, found)))
    })
  }
})

describe('no offence', () => {
  const honest: readonly (readonly [string, Said, Said])[] = [
    ['notarizing and giving up', ['notarize', one], ['nullify', undefined]],
    ['finalizing another block than one notarized', ['notarize', one], ['finalize', other]],
    ['proposing and notarizing another', ['propose', one], ['notarize', other]],
    ['saying the same again', ['notarize', one], ['notarize', one]],
    ['proposing the same again', ['propose', one], ['propose', one]],
  ]
  for (const [name, first, second] of honest) {
    test(name, () => {
      const node = new CoreNode(0)
      say(node, first)
      const effects = node.after(() => say(node, second))
      assert.deepEqual(evidenceIn(effects), [])
      assert.deepEqual(blamesIn(effects), [])
    })
  }

  test('the same in two views', () => {
    const node = new CoreNode(0)
    node.vote(1, 'finalize', 1, one.proposal.hash)
    node.vote(1, 'finalize', 2, other.proposal.hash)
    node.vote(1, 'nullify', 3)
    assert.deepEqual(evidenceIn(node.effects), [])
  })
})

describe('evidence', () => {
  test('is given once a member and view, however often it offends', () => {
    const node = new CoreNode(0)
    say(node, ['finalize', one])
    say(node, ['finalize', other])
    const again = node.after(() => {
      say(node, ['finalize', other])
      say(node, ['nullify', undefined])
      say(node, ['notarize', one])
      say(node, ['notarize', other])
    })
    assert.deepEqual(evidenceIn(again), [])
    node.vote(2, 'finalize', 1, one.proposal.hash)
    const another = node.after(() => node.vote(2, 'nullify', 1))
    assert.equal(evidenceIn(another).length, 1)
  })

  test('is noticed behind the finality as well, for a while', () => {
    const node = new CoreNode(0)
    node.finalize(one)
    const effects = node.after(() => {
      say(node, ['finalize', one])
      say(node, ['nullify', undefined])
    })
    assert.equal(evidenceIn(effects).length, 1)
  })

  test('is not what has a bad signature in it: its sender is blamed instead', () => {
    const node = new CoreNode(0)
    say(node, ['notarize', one])
    const vote = {
      ...statementOf(1, 'notarize', 1, other.proposal.hash),
      kind: 'notarize',
      signature: new Uint8Array(96),
    } as const
    const effects = node.after(() => node.hear(1, { kind: 'vote', vote }))
    assert.deepEqual(evidenceIn(effects), [])
    assert.deepEqual(blamesIn(effects), ['1 invalidSignature'])
  })

  test('is not laid against somebody by another: votes and proposals count from their makers only', () => {
    const node = new CoreNode(0)
    say(node, ['notarize', one])
    const vote = { ...statementOf(1, 'notarize', 1, other.proposal.hash), kind: 'notarize' } as const
    const { signature } = statementOf(1, 'propose', 1, other.proposal.hash)
    const effects = node.after(() => {
      node.hear(2, { kind: 'vote', vote })
      node.propose(one)
      node.hear(2, { kind: 'propose', block: other, signature, certificates: [] })
    })
    assert.deepEqual(evidenceIn(effects), [])
    assert.deepEqual(blamesIn(effects), ['2 notSigner', '2 notLeader'])
  })
})
