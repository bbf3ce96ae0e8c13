/** P256VERIFY and the point evaluation. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { p256 } from '@noble/curves/nist.js'
import { sha256 } from '@noble/hashes/sha2.js'
import {
  bigintToFixedBytes,
  bytesToBigint,
  concatBytes,
  EMPTY_BYTES,
} from '../../../../src/primitives/bytes.ts'
import { pointEvaluation } from '../../../../runtime/evm/precompiles/0a-point-evaluation.ts'
import { p256verify } from '../../../../runtime/evm/precompiles/100-p256verify.ts'
import { parseJson, SHARED_SKIP, untar } from '../../../support/shared.ts'

const word = (value: bigint): Uint8Array => bigintToFixedBytes(value, 32)
const VALID = word(1n)
const P256_ORDER = p256.Point.Fn.ORDER
const P256_FIELD = p256.Point.Fp.ORDER

/** hash, r, s, x, y. */
function signed(key: bigint, hash: Uint8Array): Uint8Array[] {
  const signature = p256.sign(hash, word(key), { prehash: false, lowS: false })
  const publicKey = p256.getPublicKey(word(key), false)
  return [
    hash,
    signature.subarray(0, 32),
    signature.subarray(32),
    publicKey.subarray(1, 33),
    publicKey.subarray(33),
  ]
}

test('P-256: a signature is valid for its hash and key only, with either s', () => {
  const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 })
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: P256_ORDER - 1n }), hashes, fc.nat(159), (key, hash, at) => {
      const parts = signed(key, hash)
      const input = concatBytes(...parts)
      assert.deepEqual(p256verify.run(input), VALID)
      const otherS = word(P256_ORDER - bytesToBigint(parts[2] as Uint8Array))
      assert.deepEqual(p256verify.run(concatBytes(...parts.with(2, otherS))), VALID)
      input[at] = (input[at] as number) ^ 1
      assert.deepEqual(p256verify.run(input), EMPTY_BYTES)
    }),
    { numRuns: 40 },
  )
})

test('P-256: values out of range, points off the curve and other sizes are invalid, not failures', () => {
  const parts = signed(7n, sha256(EMPTY_BYTES))
  const at = (index: number, value: bigint): Uint8Array => concatBytes(...parts.with(index, word(value)))
  for (const value of [0n, P256_ORDER, (1n << 256n) - 1n]) {
    assert.deepEqual(p256verify.run(at(1, value)), EMPTY_BYTES)
    assert.deepEqual(p256verify.run(at(2, value)), EMPTY_BYTES)
  }
  for (const value of [0n, P256_FIELD, (1n << 256n) - 1n]) {
    assert.deepEqual(p256verify.run(at(3, value)), EMPTY_BYTES)
    assert.deepEqual(p256verify.run(at(4, value)), EMPTY_BYTES)
  }
  const infinity = concatBytes(...parts.slice(0, 3), new Uint8Array(64))
  assert.deepEqual(p256verify.run(infinity), EMPTY_BYTES)
  for (const size of [0, 159, 161]) assert.deepEqual(p256verify.run(new Uint8Array(size)), EMPTY_BYTES)
  assert.equal(p256verify.gas(EMPTY_BYTES), 6_900n)
})

interface Wycheproof {
  testGroups: {
    publicKey: { uncompressed: string }
    tests: { tcId: number; msg: string; sig: string; result: 'valid' | 'invalid' }[]
  }[]
}

test('wycheproof: P-256 with SHA-256', { skip: SHARED_SKIP }, () => {
  const file = untar('crypto/wycheproof-ec.tar.gz').get('ecdsa_secp256r1_sha256_p1363_test.json')
  assert.ok(file)
  let count = 0
  for (const { publicKey, tests } of parseJson<Wycheproof>(file).testGroups) {
    for (const { tcId, msg, sig, result } of tests) {
      const signature = Uint8Array.fromHex(sig)
      if (signature.length !== 64) continue
      const key = Uint8Array.fromHex(publicKey.uncompressed).subarray(1)
      const output = p256verify.run(concatBytes(sha256(Uint8Array.fromHex(msg)), signature, key))
      assert.deepEqual(output, result === 'valid' ? VALID : EMPTY_BYTES, `case ${tcId}`)
      count++
    }
  }
  assert.ok(count > 200)
})

const R = bls12_381.fields.Fr.ORDER
const INFINITY = Uint8Array.of(0xc0, ...new Uint8Array(47))

/** The polynomial c everywhere: its commitment is [c]₁, its proof at any point is infinity. */
function constantPolynomial(c: bigint): Uint8Array {
  return c === 0n ? INFINITY : bls12_381.G1.Point.BASE.multiply(c).toBytes()
}

function evaluation(commitment: Uint8Array, z: bigint, y: bigint, proof: Uint8Array): Uint8Array {
  const versionedHash = concatBytes(Uint8Array.of(1), sha256(commitment).subarray(1))
  return concatBytes(versionedHash, word(z), word(y), commitment, proof)
}

test('KZG: a constant polynomial has its value everywhere, and no other', () => {
  const scalars = fc.oneof(fc.bigInt({ min: 0n, max: R - 1n }), fc.constantFrom(0n, 1n, R - 1n))
  fc.assert(
    fc.property(scalars, scalars, (c, z) => {
      const commitment = constantPolynomial(c)
      const output = pointEvaluation.run(evaluation(commitment, z, c, INFINITY))
      assert.deepEqual(output, concatBytes(word(4096n), word(R)))
      assert.equal(pointEvaluation.run(evaluation(commitment, z, (c + 1n) % R, INFINITY)), undefined)
    }),
    { numRuns: 10 },
  )
})

test('KZG: what is out of range, off the curve or not committed to fails', () => {
  const commitment = constantPolynomial(5n)
  const input = evaluation(commitment, 1n, 5n, INFINITY)
  assert.notEqual(pointEvaluation.run(input), undefined)
  assert.equal(pointEvaluation.gas(input), 50_000n)
  assert.equal(pointEvaluation.run(evaluation(commitment, R, 5n, INFINITY)), undefined)
  assert.equal(pointEvaluation.run(evaluation(commitment, 1n, R + 5n, INFINITY)), undefined)
  // x = 1 is on no point: 1 + 4 is no square.
  const offCurve = Uint8Array.of(0x80, ...new Uint8Array(46), 1)
  assert.equal(pointEvaluation.run(evaluation(offCurve, 1n, 5n, INFINITY)), undefined)
  assert.equal(pointEvaluation.run(evaluation(commitment, 1n, 5n, offCurve)), undefined)
  // x = 4 is on a point outside of the subgroup.
  const offSubgroup = Uint8Array.of(0x80, ...new Uint8Array(46), 4)
  assert.equal(pointEvaluation.run(evaluation(commitment, 1n, 5n, offSubgroup)), undefined)
  for (const size of [0, 191, 193]) assert.equal(pointEvaluation.run(new Uint8Array(size)), undefined)
  input[0] = 2
  assert.equal(pointEvaluation.run(input), undefined)
})
