/** What `eth_createAccessList` collects, and that nobody can make it slow. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { wordToHash, type Hash } from '../../../src/primitives/bytes.ts'
import { AccessListTracer } from '../../../src/execution/tracers/access-list-tracer.ts'
import { addressOf } from '../../support/small-world.ts'

const OWNER = addressOf(0xc0de)
const nobody = (): boolean => false

test('keys are listed once, ascending as numbers', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(20).map(BigInt), fc.bigInt(0n, 2n ** 256n - 1n))), (keys) => {
      const given = keys.map((key) => ({ address: OWNER, storageKeys: [wordToHash(key)] }))
      const tracer = new AccessListTracer(given, nobody)
      const expected = [...new Set(keys)].toSorted((a, b) => (a < b ? -1 : 1)).map(wordToHash)
      const [entry] = tracer.accessList()
      assert.deepEqual(entry?.storageKeys ?? [], expected)
      assert.equal(tracer.size, keys.length === 0 ? 0 : 1 + expected.length)
    }),
  )
})

test('is not slower for slots that collide in a Set of bigints', () => {
  const timeOf = (shift: bigint): number => {
    const storageKeys = Array.from({ length: 30_000 }, (_, i): Hash => wordToHash(BigInt(i) << shift))
    const start = performance.now()
    const tracer = new AccessListTracer([{ address: OWNER, storageKeys }], nobody)
    assert.equal(tracer.size, 1 + storageKeys.length)
    return performance.now() - start
  }
  // A Set of bigints takes seconds.
  assert(timeOf(64n) < 20 * timeOf(0n) + 100)
})
