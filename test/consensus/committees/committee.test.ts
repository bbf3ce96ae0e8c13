/** What makes the signatures of a committee its own. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  domainOf,
  epochOf,
  makeCommittee,
  type Committee,
} from '../../../src/consensus/committees/committee.ts'
import { bls } from '../../../src/consensus/bls.ts'
import { makeCertificate } from '../../../src/consensus/simplex/certificate.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import { NO_HASH, type View } from '../../../src/consensus/simplex/types.ts'
import { verifyCertificate } from '../../../src/consensus/simplex/verification.ts'
import { encodeMessage, isForeign, wireContext } from '../../../src/consensus/simplex/wire.ts'
import { present } from '../../../src/primitives/assert.ts'
import { bytesToHex, toHash } from '../../../src/primitives/bytes.ts'

const OLD = toHash(`0x${'01'.repeat(32)}`)
const NEW = toHash(`0x${'02'.repeat(32)}`)
const CHAIN_ID = 31_337n
const SIGNERS = [1, 2, 3, 4].map((key) => bls.signer(new Uint8Array(32).fill(key)))
const MEMBERS = SIGNERS.map(({ publicKey }) => bytesToHex(publicKey))
const EPOCH = epochOf(0)
const NULLIFIED = { kind: 'nullify', view: 1 as View, hash: NO_HASH } as const

const committeeOf = (genesis = OLD): Committee => makeCommittee(genesis, 'execution', EPOCH, MEMBERS)

function nullification(committee: Committee) {
  const message = signedBytes(domainOf(CHAIN_ID, committee), NULLIFIED)
  const signature = present(bls.aggregate(SIGNERS.map((signer) => signer.sign(message))), 'aggregate')
  return makeCertificate(NULLIFIED, [0, 1, 2, 3], signature, committee.shape)
}

describe('a committee', () => {
  test('has a hash of its network, layer, epoch and members in their order', () => {
    const [first, ...rest] = MEMBERS
    const others = [
      committeeOf(NEW),
      makeCommittee(OLD, 'witness', EPOCH, MEMBERS),
      makeCommittee(OLD, 'execution', epochOf(0, 1), MEMBERS),
      makeCommittee(OLD, 'execution', EPOCH, [...rest, present(first, 'member')]),
    ].map(({ hash }) => hash)
    assert.equal(new Set([committeeOf().hash, ...others]).size, others.length + 1)
    assert.equal(committeeOf().hash, committeeOf().hash)
  })

  // Keys, chain id and members may outlive a network. A nullification of its first views must not.
  test('has said nothing in a network that begins anew with the same keys', () => {
    const keyring = bls.keyring(SIGNERS.map(({ publicKey }) => publicKey))
    const certificate = nullification(committeeOf())
    const holdsFor = (committee: Committee): boolean =>
      verifyCertificate({ scheme: bls, domain: domainOf(CHAIN_ID, committee), keyring }, certificate)
    assert.equal(holdsFor(committeeOf()), true)
    assert.equal(holdsFor(committeeOf(NEW)), false)
  })

  test('hears nothing of what is sent in that network', () => {
    const contextOf = (committee: Committee) => wireContext(committee.shape, domainOf(CHAIN_ID, committee))
    const certificates = [nullification(committeeOf())]
    const bytes = encodeMessage(contextOf(committeeOf()), { kind: 'certificates', certificates })
    assert.equal(isForeign(contextOf(committeeOf()), bytes), false)
    assert.equal(isForeign(contextOf(committeeOf(NEW)), bytes), true)
  })
})
