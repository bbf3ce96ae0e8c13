/** Words that are remembered against those that memory holds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WordBook } from '../../../../runtime/evm/wasm/word-book.ts'

/** Many of them share a place: it is told by the lowest bits. */
const word = fc
  .tuple(fc.constantFrom(0n, 1n, 4096n, 0xffff_ffffn), fc.bigInt({ min: 0n, max: 3n }), fc.nat({ max: 7 }))
  .map(([low, high, limb]) => low | (high << BigInt(32 * limb)))

function write(memory: Int32Array, address: number, value: bigint): void {
  for (let i = 0; i < 8; i++) memory[address / 4 + i] = Number(BigInt.asIntN(32, value >> BigInt(32 * i)))
}

test('knows a word as it was learned, or not at all', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(word, fc.boolean()), { maxLength: 50 }), (steps) => {
      const book = new WordBook()
      const memory = new Int32Array(64)
      for (const [value, isLearned] of steps) {
        write(memory, 32, value)
        const known = book.wordAt(memory, 32)
        assert.ok(known === undefined || known === value)
        if (!isLearned) continue
        book.learn(memory, 32, value)
        assert.equal(book.wordAt(memory, 32), value)
      }
    }),
  )
})
