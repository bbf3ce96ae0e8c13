/** What is remembered answers as what is checked, and what was not made here is checked. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nativeBls } from '../../src/consensus/bls-native.ts'
import { rememberingBls } from '../../src/consensus/bls-remembering.ts'
import { present } from '../../src/primitives/assert.ts'

const secrets = [1, 2, 3].map((number) => new Uint8Array(32).fill(number))
const message = new Uint8Array(32).fill(7)
const other = new Uint8Array(32).fill(8)

describe('signatures of keys of this process', () => {
  const scheme = rememberingBls()
  const signers = secrets.map((secret) => scheme.signer(secret))
  const keyring = scheme.keyring(signers.map(({ publicKey }) => publicKey))
  const plain = nativeBls.keyring(signers.map(({ publicKey }) => publicKey))
  const signatures = signers.map((signer) => signer.sign(message))

  test('are those of the ordinary scheme', () => {
    assert.deepEqual(
      signatures,
      secrets.map((secret) => nativeBls.signer(secret).sign(message)),
    )
    assert.deepEqual(scheme.aggregate(signatures), nativeBls.aggregate(signatures))
  })

  test('hold for their key and their message only', () => {
    for (const index of [0, 1, 2, 3]) {
      for (const text of [message, other]) {
        for (const signature of signatures) {
          assert.equal(keyring.verify(index, text, signature), plain.verify(index, text, signature))
        }
      }
    }
  })

  test('make sums that hold for exactly their signers', () => {
    const sum = present(scheme.aggregate(signatures.slice(0, 2)), 'a sum')
    for (const indexes of [[0, 1], [1, 0], [0, 2], [0], [0, 1, 2], [0, 0], []]) {
      for (const text of [message, other]) {
        assert.equal(
          keyring.verifyAggregate(indexes, text, sum),
          plain.verifyAggregate(indexes, text, sum),
          indexes.join(),
        )
      }
    }
  })

  test('of several messages have a sum that is no certificate', () => {
    const sum = present(
      scheme.aggregate([signatures[0], signers[1]?.sign(other)].map((s) => present(s, 's'))),
      'a sum',
    )
    assert.equal(keyring.verifyAggregate([0, 1], message, sum), false)
    assert.equal(keyring.verifyAggregate([0, 1], other, sum), false)
  })
})

describe('signatures from elsewhere', () => {
  const scheme = rememberingBls()
  const signers = secrets.map((secret) => nativeBls.signer(secret))
  const keyring = scheme.keyring(signers.map(({ publicKey }) => publicKey))
  const signatures = signers.map((signer) => signer.sign(message))

  test('are checked', () => {
    assert.equal(keyring.verify(0, message, present(signatures[0], 'one')), true)
    assert.equal(keyring.verify(1, message, present(signatures[0], 'one')), false)
    assert.equal(keyring.verify(0, message, new Uint8Array(96)), false)
    const sum = present(scheme.aggregate(signatures), 'a sum')
    assert.equal(keyring.verifyAggregate([0, 1, 2], message, sum), true)
    assert.equal(keyring.verifyAggregate([0, 1], message, sum), false)
  })
})
