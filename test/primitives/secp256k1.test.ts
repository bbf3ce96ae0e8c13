/** Signing and recovery on secp256k1: known answers, refusals, and that both backends answer alike. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { sha256 } from '@noble/hashes/sha2.js'
import { bigintToFixedBytes, bytesToBigint, bytesToHex, hexToBytes } from '../../src/primitives/bytes.ts'
import { portableSecp256k1 } from '../../src/primitives/secp256k1-portable.ts'
import {
  InvalidPrivateKeyError,
  privateKeyToAddress,
  recoverAddress,
  recoverPublicKey,
  SECP256K1_ORDER,
  secp256k1Backend,
  sign,
} from '../../src/primitives/secp256k1.ts'
import { parseJson, SHARED_SKIP, untar } from '../support/shared.ts'

const N = SECP256K1_ORDER
const HASH = hexToBytes(`0x${'5a'.repeat(32)}`)
/** The field's prime p. */
const FIELD = 2n ** 256n - 2n ** 32n - 977n
const ONE = bigintToFixedBytes(1n, 32)

const scalars = fc.oneof(
  fc.bigInt({ min: 1n, max: N - 1n }),
  fc.constantFrom(1n, 2n, N - 1n, N - 2n, (N - 1n) / 2n, (N + 1n) / 2n),
)
const hashes = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fc.constantFrom(new Uint8Array(32), new Uint8Array(32).fill(0xff), bigintToFixedBytes(N, 32)),
)

test('well-known keys have their well-known addresses', () => {
  assert.equal(privateKeyToAddress(ONE), '0x7e5f4552091a69125d5dfcb7b8c2659029395bdf')
  // The first account of the mnemonic "test test … junk" that development nodes share.
  const development = hexToBytes('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
  assert.equal(privateKeyToAddress(development), '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266')
})

test('a signature recovers to its signer, has a low s, and is the same each time', () => {
  fc.assert(
    fc.property(hashes, scalars, (hash, scalar) => {
      const key = bigintToFixedBytes(scalar, 32)
      const { r, s, yParity } = sign(hash, key)
      assert.ok(s <= N / 2n)
      assert.equal(recoverAddress(hash, r, s, yParity), privateKeyToAddress(key))
      assert.deepEqual(sign(hash, key), { r, s, yParity })
      // The mirrored signature, with a high s, belongs to the same key.
      assert.equal(recoverAddress(hash, r, N - s, yParity === 0 ? 1 : 0), privateKeyToAddress(key))
    }),
    { numRuns: 50 },
  )
})

test('RFC 6979 fixes the nonce', () => {
  const { r, s } = sign(sha256(new TextEncoder().encode('Satoshi Nakamoto')), ONE)
  assert.equal(r, 0x934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8n)
  assert.equal(s, 0x2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5n)
})

test('both backends answer alike', () => {
  fc.assert(
    fc.property(hashes, scalars, scalars, fc.constantFrom(0 as const, 1 as const), (hash, a, b, yParity) => {
      const key = bigintToFixedBytes(a, 32)
      const signature = new Uint8Array([...key, ...bigintToFixedBytes(b, 32)])
      assert.deepEqual(
        secp256k1Backend.recover(hash, signature, yParity)?.toHex(),
        portableSecp256k1.recover(hash, signature, yParity)?.toHex(),
      )
      assert.equal(secp256k1Backend.publicKey(key).toHex(), portableSecp256k1.publicKey(key).toHex())
      // RFC 6979 reduces the hash modulo n before it feeds the nonce, the native half does not: a hash of n or more
      // (probability 2⁻¹²⁸) gets another nonce, and a signature as valid.
      if (bytesToBigint(hash) >= N) return
      const [fast, slow] = [secp256k1Backend.sign(hash, key), portableSecp256k1.sign(hash, key)]
      assert.equal(fast.signature.toHex(), slow.signature.toHex())
      assert.equal(fast.recoveryId, slow.recoveryId)
    }),
    { numRuns: 50 },
  )
})

test('r and s outside of 1 … n − 1 recover to nothing', () => {
  const { r, s, yParity } = sign(HASH, ONE)
  for (const bad of [0n, N, N + 1n, -1n, 1n << 256n]) {
    assert.equal(recoverPublicKey(HASH, bad, s, yParity), undefined)
    assert.equal(recoverPublicKey(HASH, r, bad, yParity), undefined)
  }
})

test('an r that is no x coordinate recovers to nothing', () => {
  // 5³ + 7 is no square modulo p.
  assert.equal(recoverPublicKey(HASH, 5n, 1n, 0), undefined)
})

test('a signature whose key would be the point at infinity recovers to nothing', () => {
  // Q = r⁻¹(s·R − z·G) with R = G and s = z.
  const r = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n
  assert.equal(recoverPublicKey(HASH, r, bytesToBigint(HASH), 0), undefined)
  assert.equal(
    portableSecp256k1.recover(HASH, bigintToFixedBytes((r << 256n) | bytesToBigint(HASH), 64), 0),
    undefined,
  )
})

test('keys out of range or of another size are refused', () => {
  for (const key of [new Uint8Array(32), bigintToFixedBytes(N, 32), new Uint8Array(31), new Uint8Array(33)]) {
    assert.throws(() => sign(HASH, key), InvalidPrivateKeyError)
    assert.throws(() => privateKeyToAddress(key), InvalidPrivateKeyError)
  }
})

interface Wycheproof {
  testGroups: {
    publicKey: { uncompressed: string }
    tests: { tcId: number; comment: string; msg: string; sig: string; result: 'valid' | 'invalid' }[]
  }[]
}

test('wycheproof: exactly the valid signatures recover to their key', { skip: SHARED_SKIP }, () => {
  const file = untar('crypto/wycheproof-ec.tar.gz').get('ecdsa_secp256k1_sha256_p1363_test.json')
  assert.ok(file)
  let validCount = 0
  for (const { publicKey, tests } of parseJson<Wycheproof>(file).testGroups) {
    const expected = hexToBytes(`0x${publicKey.uncompressed}`).subarray(1)
    for (const { tcId, msg, sig, result } of tests) {
      const signature = hexToBytes(`0x${sig}`)
      if (signature.length !== 64) continue
      const r = bytesToBigint(signature.subarray(0, 32))
      const s = bytesToBigint(signature.subarray(32))
      const hash = sha256(hexToBytes(`0x${msg}`))
      const recovered = ([0, 1] as const).map((yParity) => recoverPublicKey(hash, r, s, yParity))
      const isRecovered = recovered.some(
        (key) => key !== undefined && bytesToHex(key) === bytesToHex(expected),
      )
      // Where r + n is an x coordinate too, the nonce's point may have that one, which a parity cannot say.
      if (result === 'valid' && !isRecovered && r < FIELD - N) continue
      assert.equal(isRecovered, result === 'valid', `case ${tcId}`)
      if (isRecovered) validCount++
    }
  }
  assert.ok(validCount > 100)
})
