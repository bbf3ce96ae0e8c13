/** Words as keys: like a `Map`, and as fast with keys that collide on purpose. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { WordMap } from '../../src/state/word-map.ts'

/** Few, among them such as share their lowest 64 bits, and more of these than are found without strings. */
const word = fc.tuple(fc.nat(30), fc.constantFrom(0n, 64n, 200n)).map(([n, shift]) => BigInt(n) << shift)

const manyOf = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 150, size: 'max' })

suite('a map from words', () => {
  test('holds what a Map would, in the same order', () => {
    fc.assert(
      fc.property(manyOf(fc.tuple(word, fc.nat())), manyOf(word), (entries, questions) => {
        const [actual, expected] = [new WordMap<number>(), new Map<bigint, number>()]
        for (const [key, value] of entries) {
          actual.set(key, value)
          expected.set(key, value)
        }
        assert.deepEqual([...actual], [...expected])
        assert.equal(actual.size, expected.size)
        for (const key of questions) assert.equal(actual.get(key), expected.get(key))
      }),
    )
  })

  test('is empty when it was cleared', () => {
    const words = new WordMap<number>()
    for (const key of [1n, 2n, 3n]) words.set(key, 1)
    words.clear()
    assert.equal(words.size, 0)
    assert.deepEqual([...words], [])
    assert.deepEqual(
      [1n, 2n, 3n].map((key) => words.get(key)),
      [undefined, undefined, undefined],
    )
    words.set(2n, 5)
    assert.deepEqual([...words], [[2n, 5]])
  })

  test('is not slower for keys that collide in a Map of bigints', () => {
    const count = 30_000
    const timeOf = (shift: bigint): number => {
      const words = new WordMap<bigint>()
      const start = performance.now()
      for (let i = 0n; i < count; i++) words.set(i << shift, i)
      for (let i = 0n; i < count; i++) assert.equal(words.get(i << shift), i)
      return performance.now() - start
    }
    // A Map of bigints takes hundreds of times longer.
    assert(timeOf(64n) < 20 * timeOf(0n) + 100)
  })

  test('finds one among a few that collide as fast as any: a warm slot costs 100 gas', () => {
    const timeOf = (shift: bigint): number => {
      const words = new WordMap<bigint>()
      const start = performance.now()
      for (let i = 0n; i < 2_000n; i++) words.set(i << shift, i)
      for (let round = 0; round < 100; round++) {
        for (let i = 900n; i < 1_100n; i++) assert.equal(words.get(i << shift), i)
      }
      return performance.now() - start
    }
    // A Map of bigints takes a hundred times longer.
    assert(timeOf(64n) < 10 * timeOf(0n) + 50)
  })
})
