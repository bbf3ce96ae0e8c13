/** The trie against @ethereumjs/mpt over random batches; its promise to leave no node behind; broken stores. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createMPT } from '@ethereumjs/mpt'
import fc from 'fast-check'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { AssertionFailure } from '../../src/primitives/assert.ts'
import { keccak256 } from '../../src/primitives/keccak.ts'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import { TrieCache } from '../../src/state/trie-cache.ts'
import { updateTrie, type TrieUpdate } from '../../src/state/trie.ts'
import { TrieStore } from '../support/trie-store.ts'

/** Keys of state tries: mostly hashes; some that agree up to their last nibbles, so that nodes get embedded. */
const clusteredKey = fc
  .tuple(
    fc.constantFrom(0x00, 0x01, 0x10, 0xff),
    fc.nat(2),
    fc.constantFrom(0, 1, 2, 16, 17, 18, 255),
    fc.nat(20),
  )
  .map(([first, middle, beforeLast, last]) => {
    const key = new Uint8Array(32).fill(0x77)
    key[0] = first
    key[15] = middle
    key[30] = beforeLast
    key[31] = last
    return key
  })
const hashedKey = fc.nat(400).map((index) => keccak256(Uint8Array.of(index >> 8, index & 255)))
const shortKey = fc
  .array(fc.constantFrom(0x00, 0x01, 0x10, 0x11, 0x12), { minLength: 1, maxLength: 5 })
  .map((bytes) => Uint8Array.from(bytes))
const value = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 2 }) },
  { weight: 2, arbitrary: fc.uint8Array({ minLength: 27, maxLength: 34 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 50, maxLength: 300 }) },
)
const valueOrNull = fc.oneof(value, value, fc.constant(null))

function batchesOf(key: fc.Arbitrary<Uint8Array>, sizeMax: number): fc.Arbitrary<TrieUpdate[][]> {
  const update = fc.record({ key, value: valueOrNull })
  const batch = fc.uniqueArray(update, { maxLength: sizeMax, selector: (item) => item.key.toHex() })
  return fc.array(batch, { minLength: 1, maxLength: 5 })
}

/** Commits batch after batch to our store, comparing roots with the reference; then deletes everything. */
async function checkAgainstReference(
  batches: readonly (readonly TrieUpdate[])[],
  reference: Reference,
): Promise<void> {
  const store = new TrieStore()
  const keys = new Map<string, Uint8Array>()
  for (const batch of batches) {
    for (const { key } of batch) keys.set(key.toHex(), key)
    assert.equal(store.update(batch), await reference(batch))
    store.checkConsistency()
  }
  const deletions = [...keys.values()].map((key) => ({ key, value: null }))
  const half = deletions.splice(0, deletions.length >> 1)
  store.update(half)
  store.checkConsistency()
  assert.equal(store.update(deletions), EMPTY_TRIE_ROOT)
  assert.equal(store.nodes.size, 0)
}

/** Takes a batch and returns the root after it and all before it. */
type Reference = (batch: readonly TrieUpdate[]) => Promise<string>

/** @ethereumjs/mpt moved forward by the same changes. */
async function updatedReference(): Promise<Reference> {
  const trie = await createMPT()
  return async (batch) => {
    for (const { key, value: bytes } of batch) {
      if (bytes === null) await trie.del(key)
      else await trie.put(key, bytes)
    }
    return bytesToHex(trie.root())
  }
}

/** @ethereumjs/mpt filled anew for each root: its deletions are wrong where one key is a prefix of another. */
async function rebuiltReference(): Promise<Reference> {
  const content = new Map<string, TrieUpdate>()
  return async (batch) => {
    for (const update of batch) content.set(update.key.toHex(), update)
    const trie = await createMPT()
    for (const { key, value: bytes } of content.values()) if (bytes !== null) await trie.put(key, bytes)
    return bytesToHex(trie.root())
  }
}

describe('a trie has the same root as @ethereumjs/mpt and leaks no node', () => {
  const runs: readonly [string, fc.Arbitrary<Uint8Array>, number, () => Promise<Reference>][] = [
    ['keys that are hashes', hashedKey, 60, updatedReference],
    ['keys that share long prefixes', clusteredKey, 25, updatedReference],
    ['both mixed', fc.oneof(hashedKey, clusteredKey), 40, updatedReference],
    ['keys of different lengths, some of them prefixes of others', shortKey, 25, rebuiltReference],
  ]
  for (const [name, key, sizeMax, reference] of runs) {
    test(name, async () => {
      const property = fc.asyncProperty(batchesOf(key, sizeMax), async (batches) => {
        await checkAgainstReference(batches, await reference())
      })
      await fc.assert(property, { numRuns: 80 })
    })
  }
})

test('5,000 keys over 20 commits of a fixed seed', async () => {
  const [batches] = fc.sample(
    fc.array(
      fc.uniqueArray(
        fc.record({
          key: fc.nat(5000).map((n) => keccak256(Uint8Array.of(n >> 8, n & 255))),
          value: valueOrNull,
        }),
        { minLength: 200, maxLength: 400, selector: (item) => item.key.toHex() },
      ),
      { minLength: 20, maxLength: 20 },
    ),
    { seed: 20_260_101, numRuns: 1 },
  )
  await checkAgainstReference(batches ?? [], await updatedReference())
})

test('the order of updates in a batch is irrelevant', () => {
  fc.assert(
    fc.property(batchesOf(fc.oneof(hashedKey, clusteredKey), 30), (batches) => {
      const forwards = new TrieStore()
      const backwards = new TrieStore()
      for (const batch of batches) assert.equal(forwards.update(batch), backwards.update(batch.toReversed()))
      assert.deepEqual(forwards.nodes, backwards.nodes)
    }),
  )
})

test('a cache of any size changes nothing, on whatever trie the next commit builds', () => {
  const batches = batchesOf(fc.oneof(hashedKey, clusteredKey, shortKey), 40)
  const step = fc.record({ batches, from: fc.nat(5) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), fc.constantFrom(1, 10, 60, 100_000), (steps, nodesMax) => {
      const cache = new TrieCache(nodesMax)
      // A tree of tries: each step goes on from one that is there.
      const stores = [new TrieStore()]
      for (const { batches: list, from } of steps) {
        const base = stores[from % stores.length] as TrieStore
        const plain = base.copy()
        const cached = base.copy(cache)
        for (const batch of list) {
          assert.equal(cached.update(batch), plain.update(batch))
          assert.deepEqual(cached.nodes, plain.nodes)
        }
        cached.checkConsistency()
        stores.push(cached)
      }
    }),
  )
})

describe('a commit names the nodes that changed and no others', () => {
  const updates = Array.from({ length: 300 }, (_, n) => ({
    key: keccak256(Uint8Array.of(n >> 8, n)),
    value: Uint8Array.of(9),
  }))

  test('values that stay the same change nothing', () => {
    const store = new TrieStore()
    const root = store.update(updates)
    const commit = updateTrie(store.read, root, updates)
    assert.equal(commit.root, root)
    assert.equal(commit.nodes.size, 0)
  })

  test('deleting keys that are absent changes nothing', () => {
    const store = new TrieStore()
    const root = store.update(updates)
    const absent = Array.from({ length: 300 }, (_, n) => ({
      key: keccak256(Uint8Array.of(7, n >> 8, n)),
      value: null,
    }))
    assert.equal(updateTrie(store.read, root, absent).nodes.size, 0)
  })

  test('one new value rewrites the nodes on its way', () => {
    const store = new TrieStore()
    const root = store.update(updates)
    const key = (updates[5] as TrieUpdate).key
    const { nodes } = updateTrie(store.read, root, [{ key, value: Uint8Array.of(1) }])
    assert.ok(nodes.size >= 2)
    for (const [path, rlp] of nodes) {
      assert.ok(key.toHex().startsWith(path))
      assert.notEqual(rlp, null)
      assert.notDeepEqual(rlp, store.nodes.get(path))
    }
  })

  test('the store is only read, and each node at most once', () => {
    const store = new TrieStore()
    const root = store.update(updates)
    const paths: string[] = []
    const read = (path: string): Uint8Array | undefined => {
      paths.push(path)
      return store.nodes.get(path)
    }
    updateTrie(
      read,
      root,
      updates.map(({ key }, index) => ({ key, value: index % 3 === 0 ? null : Uint8Array.of(1) })),
    )
    assert.equal(new Set(paths).size, paths.length)
    store.checkConsistency()
  })
})

describe('a broken node store is an assertion, not a result', () => {
  const key = new Uint8Array(32)
  const update = [{ key, value: Uint8Array.of(2) }]

  function filled(): TrieStore {
    const store = new TrieStore()
    const keys = Array.from({ length: 20 }, (_, n) => keccak256(Uint8Array.of(n)))
    store.update([key, ...keys].map((each) => ({ key: each, value: new Uint8Array(40).fill(1) })))
    return store
  }

  test('no root node', () => {
    const store = filled()
    store.nodes.delete('')
    assert.throws(() => store.update(update), AssertionFailure)
  })
  test('a store at another root', () => {
    const store = filled()
    const { root } = store
    store.update(update)
    assert.throws(() => updateTrie(store.read, root, update), AssertionFailure)
  })
  test('a store at another root, whose trie is in the cache', () => {
    const store = filled()
    const { root } = store
    const cache = new TrieCache()
    updateTrie(store.read, root, update, cache)
    store.update([{ key: keccak256(Uint8Array.of(99)), value: Uint8Array.of(1) }])
    const later = store.copy(cache)
    later.update(update)
    assert.throws(() => updateTrie(store.read, later.root, update, cache), AssertionFailure)
  })
  test('a missing node below the root', () => {
    const store = filled()
    store.nodes.delete('0')
    assert.throws(() => store.update(update), AssertionFailure)
  })
  test('a node that does not decode', () => {
    const store = filled()
    store.nodes.set('0', Uint8Array.of(0xc1, 0x80))
    assert.throws(() => store.update(update), AssertionFailure)
  })
  test('an empty value is refused', () => {
    assert.throws(() => filled().update([{ key, value: new Uint8Array(0) }]), AssertionFailure)
  })
})
