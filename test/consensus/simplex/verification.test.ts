/** Lazy verification, with real signatures: one check for all votes when they are good, and the bad ones found when not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bls } from '../../../src/consensus/bls.ts'
import type { Keyring } from '../../../src/consensus/signature-scheme.ts'
import { makeCertificate } from '../../../src/consensus/simplex/certificate.ts'
import { verifyEvidence } from '../../../src/consensus/simplex/evidence.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import type { SignedStatement, Statement, View } from '../../../src/consensus/simplex/types.ts'
import {
  verifyRequest,
  type SignerSignature,
  type Verifier,
  type VoteStatement,
} from '../../../src/consensus/simplex/verification.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import { COMMITTEE, DOMAIN } from '../../support/consensus-arbitraries.ts'

const signers = Array.from({ length: COMMITTEE.size }, (_, index) =>
  bls.signer(new Uint8Array(32).fill(index + 1)),
)
const statement: VoteStatement = { kind: 'notarize', view: 5 as View, hash: `0x${'ab'.repeat(32)}` as Hash }

let checks = 0
const keyring = bls.keyring(signers.map(({ publicKey }) => publicKey))
const counting: Keyring = {
  size: keyring.size,
  verify(...args) {
    checks += 1
    return keyring.verify(...args)
  },
  verifyAggregate(...args) {
    checks += 1
    return keyring.verifyAggregate(...args)
  },
}
const verifier: Verifier = { scheme: bls, domain: DOMAIN, keyring: counting }

function sign(signer: number, about: Statement = statement): SignedStatement {
  const signature = signers[signer]?.sign(signedBytes(DOMAIN, about)) ?? assert.fail()
  return { ...about, signer, signature }
}

function verifyVotes(votes: readonly SignerSignature[]): {
  invalid: readonly number[]
  sum: Uint8Array | undefined
} {
  checks = 0
  const result = verifyRequest(verifier, { kind: 'votes', statement, votes })
  assert.ok(result.kind === 'votes')
  return { invalid: result.invalidSigners, sum: result.aggregate }
}

const votes: SignerSignature[] = signers.map((_, index) => sign(index))

test('good votes take one check', () => {
  const { invalid, sum } = verifyVotes(votes)
  assert.deepEqual(invalid, [])
  assert.equal(checks, 1)
  const all = signers.map((_, index) => index)
  assert.equal(keyring.verifyAggregate(all, signedBytes(DOMAIN, statement), sum ?? assert.fail()), true)
})

test('the bad ones among them are found, and the others are still a certificate', () => {
  const about = { ...statement, view: 6 as View }
  const mixed = votes.map((vote) => {
    if (vote.signer === 2) return sign(2, about)
    return vote.signer === 9 ? { signer: 9, signature: new Uint8Array(96).fill(1) } : vote
  })
  const { invalid, sum } = verifyVotes(mixed)
  assert.deepEqual(invalid, [2, 9])
  assert.ok(checks < 2 * mixed.length, `${checks} checks`)
  const good = signers.map((_, index) => index).filter((index) => index !== 2 && index !== 9)
  const certificate = makeCertificate(statement, good, sum ?? assert.fail(), COMMITTEE)
  assert.deepEqual(verifyRequest(verifier, { kind: 'certificate', certificate }), {
    kind: 'certificate',
    isValid: true,
  })
  const wrong = makeCertificate(statement, good.slice(1), sum ?? assert.fail(), COMMITTEE)
  assert.deepEqual(verifyRequest(verifier, { kind: 'certificate', certificate: wrong }), {
    kind: 'certificate',
    isValid: false,
  })
})

test('when none is good there is no sum', () => {
  const bad = votes.map(({ signer }) => ({ signer, signature: new Uint8Array(96) }))
  const { invalid, sum } = verifyVotes(bad)
  assert.equal(invalid.length, bad.length)
  assert.equal(sum, undefined)
})

test('two votes that cancel out make a certificate all the same, for both their keys have signed it together', () => {
  const point = bls12_381.G2.Point
  const shift = point.BASE.multiply(7n)
  const shifted = (vote: SignerSignature, by: typeof shift): SignerSignature => ({
    ...vote,
    signature: point.fromBytes(vote.signature).add(by).toBytes(),
  })
  const [first = assert.fail(), second = assert.fail(), ...others] = votes
  const { invalid } = verifyVotes([shifted(first, shift), shifted(second, shift.negate()), ...others])
  assert.deepEqual(invalid, [])
})

test('evidence stands on two good signatures of one member', () => {
  const other = { ...statement, hash: `0x${'cd'.repeat(32)}` as Hash }
  const evidence = { first: sign(3), second: sign(3, other) }
  assert.equal(verifyEvidence(DOMAIN, keyring, evidence), true)
  assert.equal(verifyEvidence(DOMAIN, keyring, { first: sign(3), second: sign(4, other) }), false)
  assert.equal(verifyEvidence(DOMAIN, keyring, { first: sign(3), second: sign(3) }), false)
  const forged = { ...sign(4, other), signer: 3 }
  assert.equal(verifyEvidence(DOMAIN, keyring, { first: sign(3), second: forged }), false)
})
