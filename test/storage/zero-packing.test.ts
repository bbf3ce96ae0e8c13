/** Packed bytes: they come back, are short, and fail well when damaged. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { CorruptDatabaseError } from '../../src/storage/database-errors.ts'
import { packZeros, unpackZeros } from '../../src/storage/zero-packing.ts'

const mostlyZeros = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 5 }),
      fc.nat(600).map((size) => new Uint8Array(size)),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])))

test('packed bytes come back', () => {
  fc.assert(fc.property(mostlyZeros, (bytes) => assert.deepEqual(unpackZeros(packZeros(bytes)), bytes)))
})

test('an empty bloom takes four bytes', () => {
  assert.deepEqual(packZeros(new Uint8Array(256)), Uint8Array.of(0, 255, 0, 1))
  assert.deepEqual(packZeros(Uint8Array.of(5, 0, 6)), Uint8Array.of(5, 0, 1, 6))
})

test('damaged bytes are refused or give other ones', () => {
  assert.throws(() => unpackZeros(Uint8Array.of(1, 0)), CorruptDatabaseError)
  assert.throws(() => unpackZeros(Uint8Array.of(0, 0)), CorruptDatabaseError)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (packed) => {
      try {
        assert.ok(unpackZeros(packed).length <= 255 * packed.length)
      } catch (error) {
        assert.ok(error instanceof CorruptDatabaseError, String(error))
      }
    }),
  )
})
