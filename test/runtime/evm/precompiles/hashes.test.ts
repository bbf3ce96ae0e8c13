/** ecrecover, sha256, ripemd160, identity. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { bigintToFixedBytes, bytesToHex, concatBytes, EMPTY_BYTES } from '../../../../src/primitives/bytes.ts'
import { keccak256 } from '../../../../src/primitives/keccak.ts'
import { privateKeyToAddress, SECP256K1_ORDER, sign } from '../../../../src/primitives/secp256k1.ts'
import { ecrecover } from '../../../../runtime/evm/precompiles/01-ecrecover.ts'
import { sha256 } from '../../../../runtime/evm/precompiles/02-sha256.ts'
import { ripemd160 } from '../../../../runtime/evm/precompiles/03-ripemd160.ts'
import { identity } from '../../../../runtime/evm/precompiles/04-identity.ts'

const ABC = new TextEncoder().encode('abc')
const word = (value: bigint): Uint8Array => bigintToFixedBytes(value, 32)

const KEY = word(0xc0ffeen)
const HASH = keccak256(ABC)
const { r, s, yParity } = sign(HASH, KEY)
const V = 27n + BigInt(yParity)
const SIGNER = bytesToHex(new Uint8Array(12)) + privateKeyToAddress(KEY).slice(2)

const recovered = (...words: bigint[]): string | undefined => {
  const output = ecrecover.run(concatBytes(HASH, ...words.map(word)))
  return output && bytesToHex(output)
}

test('ecrecover gives the signer as a word, high s included', () => {
  assert.equal(recovered(V, r, s), SIGNER)
  assert.equal(recovered(55n - V, r, SECP256K1_ORDER - s), SIGNER)
})

test('ecrecover gives nothing on an invalid signature, and does not fail', () => {
  for (const v of [0n, 1n, 26n, 29n, V + 256n, V + (1n << 248n)]) assert.equal(recovered(v, r, s), '0x')
  assert.equal(recovered(V, 0n, s), '0x')
  assert.equal(recovered(V, r, SECP256K1_ORDER), '0x')
  assert.deepEqual(ecrecover.run(EMPTY_BYTES), EMPTY_BYTES)
})

test('ecrecover reads missing bytes as zero and ignores further ones', () => {
  const input = concatBytes(HASH, word(V), word(r), word(s))
  assert.equal(bytesToHex(ecrecover.run(concatBytes(input, ABC)) as Uint8Array), SIGNER)
  // Cut in s: another s, which recovers to another account, as if zeros were there.
  const padded = concatBytes(input.subarray(0, 120), new Uint8Array(8))
  assert.deepEqual(ecrecover.run(input.subarray(0, 120)), ecrecover.run(padded))
  assert.equal(ecrecover.run(padded)?.length, 32)
})

test('FIPS 180-4 and RIPEMD-160 examples', () => {
  assert.equal(sha256.run(ABC)?.toHex(), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.equal(ripemd160.run(ABC)?.toHex(), `${'00'.repeat(12)}8eb208f7e05d987a9b044a8e98c6b087f15a0bfc`)
})

test('identity copies: later changes of the input do not show', () => {
  const input = ABC.slice()
  const output = identity.run(input)
  input[0] = 0
  assert.deepEqual(output, ABC)
})

const prices = (size: number): bigint[] =>
  [ecrecover, sha256, ripemd160, identity].map(({ gas }) => gas(new Uint8Array(size)))

test('prices grow by the word, the last one counted in full', () => {
  assert.deepEqual(prices(0), [3000n, 60n, 600n, 15n])
  assert.deepEqual(prices(1), [3000n, 72n, 720n, 18n])
  assert.deepEqual(prices(32), [3000n, 72n, 720n, 18n])
  assert.deepEqual(prices(33), [3000n, 84n, 840n, 21n])
})
