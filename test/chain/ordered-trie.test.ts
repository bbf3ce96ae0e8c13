/** Roots of lists against those of a general Merkle Patricia trie. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createMPT } from '@ethereumjs/mpt'
import * as fc from 'fast-check'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { encodeRlp, rlpFromUint } from '../../src/primitives/rlp.ts'
import { EMPTY_TRIE_ROOT, orderedTrieRoot } from '../../src/chain/ordered-trie.ts'

suite('the root of an ordered list', () => {
  test('of nothing is that of an empty trie', () => {
    assert.equal(orderedTrieRoot([]), EMPTY_TRIE_ROOT)
    assert.equal(EMPTY_TRIE_ROOT, '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421')
  })

  test('is that of a general Merkle Patricia trie', async () => {
    const items = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(items, async (list) => assert.equal(orderedTrieRoot(list), await referenceRoot(list))),
      { numRuns: 50 },
    )
  })

  test('is so where keys grow by a byte', async () => {
    for (const count of [1, 2, 16, 17, 127, 128, 129, 130, 255, 256, 257, 300, 700]) {
      // One byte each: leaves so small that they stand inside of their branches.
      const list = Array.from({ length: count }, (_, index) => Uint8Array.of(1 + (index % 200)))
      assert.equal(orderedTrieRoot(list), await referenceRoot(list), `${count} items`)
    }
  })

  test('depends on the order', () => {
    const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)]
    assert.notEqual(orderedTrieRoot([a, b]), orderedTrieRoot([b, a]))
  })
})

async function referenceRoot(items: readonly Uint8Array[]): Promise<string> {
  const trie = await createMPT()
  for (const [index, item] of items.entries()) await trie.put(encodeRlp(rlpFromUint(BigInt(index))), item)
  return bytesToHex(trie.root())
}
