/** What a pool gives back is equal to what it was given; and stores with a pool hold what stores hold. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryStore } from '../../src/storage/memory-store.ts'
import { StringPool } from '../../src/storage/string-pool.ts'

test('gives back equal strings, remembered or not', () => {
  const pool = new StringPool()
  fc.assert(fc.property(fc.string(), (text) => pool.share(text) === text))
  for (let count = 0; count < 20_000; count++) assert.equal(pool.share(`${count}`), `${count}`)
  assert.equal(pool.share('0'), '0')
})

test('lets stores with equal contents change without each other', () => {
  const pool = new StringPool()
  const stores = [new MemoryStore(pool), new MemoryStore(pool)] as const
  const key = Uint8Array.of(1)
  for (const store of stores) store.write((transaction) => transaction.put('meta', key, Uint8Array.of(7)))
  stores[0].write((transaction) => transaction.put('meta', key, Uint8Array.of(8)))
  assert.deepEqual(
    stores.map((store) => store.get('meta', key)),
    [Uint8Array.of(8), Uint8Array.of(7)],
  )
})
