/** The depth of JSON text, against a walk over what the parser makes of it. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { isJsonWithinDepth } from '../../src/rpc/json-depth.ts'

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

it('is that of the parsed value', () => {
  const text = fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', ']', '}', 'a') })
  const json = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      text,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(text, tie('value'), { maxKeys: 3 }),
    ),
  })).value
  fc.assert(
    fc.property(json, fc.boolean(), (value, isSpaced) => {
      const written = JSON.stringify(value, undefined, isSpaced ? 1 : undefined)
      const depth = depthOf(value)
      assert.ok(isJsonWithinDepth(written, depth), written)
      if (depth > 0) assert.ok(!isJsonWithinDepth(written, depth - 1), written)
    }),
    { numRuns: 500 },
  )
})

it('is bounded for text that is no JSON, and read in linear time', () => {
  const length = 1_000_000
  assert.ok(!isJsonWithinDepth('['.repeat(length), 64))
  assert.ok(isJsonWithinDepth(']'.repeat(length), 64))
  assert.ok(isJsonWithinDepth('"'.repeat(length), 64))
  assert.ok(isJsonWithinDepth(`"${'\\'.repeat(length)}`, 64))
  assert.ok(isJsonWithinDepth(`"${'\\"'.repeat(length)}`, 64))
})
