/** Hex that is remembered against hex that is made. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesToHex, concatBytes } from '../../src/primitives/bytes.ts'
import { KnownHex } from '../../src/primitives/known-hex.ts'

test('is that of the bytes, whatever shared their place before', () => {
  const known = new KnownHex(6, 4)
  const entry = fc.array(fc.constantFrom(0, 1, 0xff), { minLength: 6, maxLength: 6 })
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 30 }), fc.nat(5), (entries, before) => {
      for (const bytes of entries) {
        const within = concatBytes(new Uint8Array(before), Uint8Array.from(bytes), Uint8Array.of(7))
        assert.equal(known.at(within, before), bytesToHex(Uint8Array.from(bytes)))
      }
    }),
  )
})

test('does not change with bytes that are written over', () => {
  const known = new KnownHex(4, 1)
  const bytes = Uint8Array.of(1, 2, 3, 4)
  assert.equal(known.at(bytes, 0), '0x01020304')
  bytes[3] = 5
  assert.equal(known.at(bytes, 0), '0x01020305')
  assert.equal(known.at(Uint8Array.of(1, 2, 3, 4), 0), '0x01020304')
})

test('entries of zeros are told from places without an entry', () => {
  assert.equal(new KnownHex(4, 2).at(new Uint8Array(4), 0), '0x00000000')
})
