/** The profile of what was hot is a file that anybody may have written into. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { toHash } from '../../../../src/primitives/bytes.ts'
import type { HotCode } from '../../../../runtime/evm/tiering/hot-code.ts'
import { formatProfile, parseProfile, PROFILE_MAX } from '../../../../runtime/evm/tiering/hot-profile.ts'

const hotCode: fc.Arbitrary<HotCode> = fc.record(
  {
    fork: fc.constantFrom('cancun' as const, 'prague' as const, 'osaka' as const),
    hash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => toHash(`0x${bytes.toHex()}`)),
    gas: fc.integer({ min: 1, max: 1e14 }),
  },
  { noNullPrototype: true },
)
const LINE = `osaka 0x${'ab'.repeat(32)} 123`

test('comes back as it was written', () => {
  fc.assert(
    fc.property(fc.uniqueArray(hotCode, { selector: ({ hash }) => hash, maxLength: 20 }), (codes) => {
      assert.deepEqual(parseProfile(formatProfile(codes)), codes)
    }),
  )
})

test('no text is an error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.deepEqual(parseProfile(`${text}\n${LINE}\n${text}`).length, 1)
    }),
  )
})

test('lines that are none are passed over', () => {
  const lines = [
    '',
    'osaka',
    `atlantis 0x${'ab'.repeat(32)} 1`,
    `osaka 0x${'ab'.repeat(31)} 1`,
    `osaka 0x${'AB'.repeat(32)} 1`,
    `${LINE} 4`,
    LINE.replace('123', '-1'),
    LINE.replace('123', '1e9'),
    LINE.replace('123', '9'.repeat(30)),
    `${LINE}\r`,
  ]
  assert.deepEqual(parseProfile(lines.join('\n')), [])
})

test('only so many are read and written', () => {
  const codes = Array.from({ length: PROFILE_MAX + 5 }, (_, index) => ({
    fork: 'osaka' as const,
    hash: toHash(`0x${index.toString(16).padStart(64, '0')}`),
    gas: 1,
  }))
  assert.equal(parseProfile(formatProfile(codes)).length, PROFILE_MAX)
  const text = codes.map(({ fork, hash, gas }) => `${fork} ${hash} ${gas}`).join('\n')
  assert.equal(parseProfile(text).length, PROFILE_MAX)
})
