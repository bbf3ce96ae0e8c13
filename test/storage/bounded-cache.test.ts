/** Caches: what they forget, and when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BoundedCache } from '../../src/storage/bounded-cache.ts'

test('a bounded cache forgets what was not used for the longest time', () => {
  const cache = new BoundedCache<string, number>(3)
  for (const [index, key] of ['a', 'b', 'c'].entries()) cache.set(key, index)
  assert.equal(cache.get('a'), 0)
  cache.set('d', 3)
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => cache.get(key)),
    [0, undefined, 2, 3],
  )
})

test('a bounded cache holds no more weight than its limit', () => {
  const cache = new BoundedCache<string, string>(10)
  cache.set('small', 'x', 4)
  cache.set('large', 'y', 6)
  cache.set('larger', 'z', 7)
  assert.deepEqual([cache.get('small'), cache.get('large'), cache.get('larger')], [undefined, undefined, 'z'])
  cache.set('larger', 'w', 11)
  assert.equal(cache.get('larger'), undefined, 'what is too heavy replaces its former value by nothing')
  cache.set('a', '1', 10)
  cache.delete('a')
  cache.set('b', '2', 10)
  assert.equal(cache.get('b'), '2')
  cache.clear()
  assert.equal(cache.get('b'), undefined)
})
