/** The ordered map behind the store in memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keccak256 } from '../../src/primitives/keccak.ts'
import { SortedMap } from '../../src/storage/sorted-map.ts'

test('a sorted map stays in order through thousands of insertions and deletions across its chunks', () => {
  const keys = Array.from({ length: 5000 }, (_, n) => keccak256(Uint8Array.of(n & 0xff, n >> 8)).toHex())
  const map = new SortedMap()
  for (const key of keys) map.set(key, `of ${key}`)
  const sorted = keys.toSorted()
  assert.equal(map.size, 5000)
  assert.deepEqual(
    Array.from(map.ascending(undefined, undefined), ([key]) => key),
    sorted,
  )
  assert.deepEqual(
    Array.from(map.descending(undefined, undefined), ([key]) => key),
    sorted.toReversed(),
  )
  assert.deepEqual(
    Array.from(map.ascending(sorted[1234], sorted[3456]), ([key]) => key),
    sorted.slice(1234, 3456),
  )

  for (const key of keys.slice(0, 4900)) map.delete(key)
  const rest = keys.slice(4900).toSorted()
  assert.deepEqual(
    [...map.ascending(undefined, undefined)],
    rest.map((key) => [key, `of ${key}`]),
  )
  assert.equal(map.get(keys[0] as string), undefined)
  assert.equal(map.get(rest[0] as string), `of ${rest[0]}`)
  for (const key of rest) map.delete(key)
  map.set('a', '1')
  assert.deepEqual([...map.descending(undefined, undefined)], [['a', '1']])
})

test('a sorted map takes keys in ascending order', () => {
  const map = new SortedMap()
  const keys = Array.from({ length: 2000 }, (_, n) => String(n).padStart(4, '0'))
  for (const key of keys) map.set(key, key)
  assert.deepEqual(
    Array.from(map.ascending(undefined, undefined), ([key]) => key),
    keys,
  )
})
