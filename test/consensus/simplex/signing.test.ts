/** What members sign, who makes a certificate, and what convicts: small rules that everything else stands on. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { bitmapOf, signersOf } from '../../../src/consensus/simplex/certificate.ts'
import {
  COMMITTEE_SHAPES,
  committeeShape,
  CommitteeSizeError,
  EXECUTION_COMMITTEE,
  WITNESS_COMMITTEE,
  type Domain,
} from '../../../src/consensus/simplex/config.ts'
import { isOffence } from '../../../src/consensus/simplex/evidence.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import { NO_HASH, type Epoch, type Statement, type View } from '../../../src/consensus/simplex/types.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import { DOMAIN } from '../../support/consensus-arbitraries.ts'
import { livenessBound, safetyBound, toleranceOf } from '../../simulation/shape.ts'

const a = `0x${'aa'.repeat(32)}` as Hash
const b = `0x${'bb'.repeat(32)}` as Hash
const view = 6 as View

test('the signed bytes are frozen', () => {
  const statement: Statement = { kind: 'finalize', view, hash: a }
  // sha256 of "AEVIR_BFT_V1", 7, 1, 3, c0…, 3, 6, aa… as laid out in signing.ts, computed by another implementation.
  assert.equal(
    signedBytes(DOMAIN, statement).toHex(),
    '6ebb232ef61315c9b2549bad08dd974da3637b284212880316b4d7714d0d219d',
  )
})

test('every field of domain and statement changes the signed bytes', () => {
  const domains: Domain[] = [
    DOMAIN,
    { ...DOMAIN, chainId: 8n },
    { ...DOMAIN, layer: 'execution' },
    { ...DOMAIN, epoch: 4 as Epoch },
    { ...DOMAIN, committeeHash: b },
  ]
  const statements: Statement[] = (['propose', 'notarize', 'nullify', 'finalize'] as const).flatMap(
    (kind) => [
      { kind, view, hash: a },
      { kind, view: 7 as View, hash: a },
      { kind, view, hash: b },
    ],
  )
  const all = domains.flatMap((domain) =>
    statements.map((statement) => signedBytes(domain, statement).toHex()),
  )
  assert.equal(new Set(all).size, domains.length * statements.length)
})

describe('committees', () => {
  test('the two of the protocol hold what they promise', () => {
    assert.deepEqual(EXECUTION_COMMITTEE, { size: 21, quorum: 15 })
    assert.deepEqual([safetyBound(EXECUTION_COMMITTEE), livenessBound(EXECUTION_COMMITTEE)], [8, 6])
    assert.deepEqual(WITNESS_COMMITTEE, { size: 51, quorum: 34 })
    assert.deepEqual([safetyBound(WITNESS_COMMITTEE), livenessBound(WITNESS_COMMITTEE)], [16, 17])
  })

  test('each tolerates as many liars as its size can', () => {
    for (const shape of COMMITTEE_SHAPES) {
      assert.equal(toleranceOf(shape), Math.floor((shape.size - 1) / 3), `${shape.quorum} of ${shape.size}`)
    }
  })

  test('of other sizes are refused', () => {
    assert.equal(committeeShape(4).quorum, 3)
    assert.throws(() => committeeShape(20), CommitteeSizeError)
  })
})

test('a bitmap holds each signer once', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(50)), (signers) => {
      const bitmap = bitmapOf([...signers, ...signers], 51)
      assert.equal(bitmap.length, 7)
      assert.deepEqual(
        signersOf(bitmap),
        signers.toSorted((x, y) => x - y),
      )
    }),
  )
})

describe('an offence', () => {
  const statement = (kind: Statement['kind'], hash = a, at = view): Statement => ({
    kind,
    view: at,
    hash: kind === 'nullify' ? NO_HASH : hash,
  })
  const cases: readonly (readonly [boolean, string, Statement, Statement])[] = [
    [true, 'two proposals', statement('propose'), statement('propose', b)],
    [true, 'two notarizations', statement('notarize'), statement('notarize', b)],
    [true, 'two finalizations', statement('finalize'), statement('finalize', b)],
    [true, 'finalizing and giving up', statement('finalize'), statement('nullify')],
    [false, 'saying the same twice', statement('notarize'), statement('notarize')],
    [false, 'notarizing and giving up', statement('notarize'), statement('nullify')],
    [false, 'notarizing one and finalizing another', statement('notarize'), statement('finalize', b)],
    [false, 'two views', statement('notarize'), statement('notarize', b, 7 as View)],
    [false, 'proposing and giving up', statement('propose'), statement('nullify')],
  ]
  for (const [isExpected, name, first, second] of cases) {
    test(`${isExpected ? 'is' : 'is not'} ${name}`, () => {
      assert.equal(isOffence(first, second), isExpected)
      assert.equal(isOffence(second, first), isExpected)
    })
  }
})
