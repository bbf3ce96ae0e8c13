/** Nodes as commits read them, against the decoder of proofs: the same kind for the same bytes, and nothing else thrown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { keccak256 } from '../../src/primitives/keccak.ts'
import { MalformedNodeError, nibblesOf, parseNode } from '../../src/state/memory-node.ts'
import { decodeNode, TrieNodeError, type TrieNode } from '../../src/state/trie-node.ts'
import { TrieStore } from '../support/trie-store.ts'

/** Nodes of all kinds: keys that share beginnings, with values so short that some nodes stand inside of their parents. */
const NODES: readonly Uint8Array[] = nodesOfTrie()

function nodesOfTrie(): readonly Uint8Array[] {
  const store = new TrieStore()
  const hashed = Array.from({ length: 60 }, (_, index) => keccak256(Uint8Array.of(index)))
  const close = hashed.slice(0, 8).flatMap((key) => [1, 2, 16].map((last) => key.with(31, last)))
  const short = [[0x12], [0x12, 0x34], [0x12, 0x34, 0x56]].map((bytes) => Uint8Array.from(bytes))
  store.update(
    [...hashed, ...close, ...short].map((key, index) => ({ key, value: Uint8Array.of(1 + (index % 90)) })),
  )
  return [...store.nodes.values()]
}

function decoded(rlp: Uint8Array): TrieNode | undefined {
  try {
    return decodeNode(rlp)
  } catch (error) {
    if (error instanceof TrieNodeError) return undefined
    throw error
  }
}

test('every node of a trie is read as what it is', () => {
  const kinds = new Set<string>()
  for (const rlp of NODES) {
    const expected = decodeNode(rlp)
    const node = parseNode('', rlp)
    assert.equal(node.kind, expected.kind)
    if (expected.kind !== 'branch') assert.equal(nibblesOf(node), expected.nibbles)
    kinds.add(node.kind)
  }
  assert.deepEqual([...kinds].toSorted(), ['branch', 'extension', 'leaf'])
})

test('a damaged node is refused, or read as the decoder reads it', () => {
  const node = fc.constantFrom(...NODES)
  const change = fc.record({ at: fc.nat(600), byte: fc.nat(255), cut: fc.nat(3) })
  fc.assert(
    fc.property(node, fc.array(change, { minLength: 1, maxLength: 3 }), (rlp, changes) => {
      let damaged = rlp.slice()
      for (const { at, byte, cut } of changes) {
        damaged[at % damaged.length] = byte
        if (cut === 3) damaged = damaged.slice(0, -1)
      }
      const expected = decoded(damaged)
      try {
        const { kind } = parseNode('', damaged)
        if (expected !== undefined) assert.equal(kind, expected.kind)
      } catch (error) {
        assert.ok(error instanceof MalformedNodeError)
        assert.equal(expected, undefined)
      }
    }),
    { numRuns: 3000 },
  )
})
