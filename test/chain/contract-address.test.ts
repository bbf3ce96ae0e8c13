/** Addresses of new contracts, beside the plain formula. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesToAddress, UINT64_MAX } from '../../src/primitives/bytes.ts'
import { keccak256 } from '../../src/primitives/keccak.ts'
import { encodeRlp, rlpFromUint } from '../../src/primitives/rlp.ts'
import { createAddress } from '../../src/chain/contract-address.ts'

test('a contract has the last 20 bytes of the hash of its creator and the nonce, in RLP', () => {
  const creators = fc.uint8Array({ minLength: 20, maxLength: 20 })
  const edges = [0n, 1n, 0x7fn, 0x80n, 0xffn, 0x100n, 2n ** 56n, UINT64_MAX]
  const nonces = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: UINT64_MAX }))
  fc.assert(
    fc.property(creators, nonces, (creator, nonce) => {
      const hash = keccak256(encodeRlp([creator, rlpFromUint(nonce)]))
      assert.equal(createAddress(bytesToAddress(creator), nonce), bytesToAddress(hash.subarray(12)))
    }),
  )
})
