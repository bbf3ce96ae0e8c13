/** A node store for one trie in memory, and a checker of the promise that it holds exactly the present trie. */
import assert from 'node:assert/strict'
import type { Hash } from '../../src/primitives/bytes.ts'
import { keccak256 } from '../../src/primitives/keccak.ts'
import { decodeNode, NIBBLES, referenceAt } from '../../src/state/trie-node.ts'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import type { TrieCache } from '../../src/state/trie-cache.ts'
import { updateTrie, type TrieUpdate } from '../../src/state/trie.ts'

export class TrieStore {
  readonly nodes = new Map<string, Uint8Array>()
  root: Hash = EMPTY_TRIE_ROOT
  private readonly cache: TrieCache | undefined

  constructor(cache?: TrieCache) {
    this.cache = cache
  }

  readonly read = (path: string): Uint8Array | undefined => this.nodes.get(path)

  /** The same trie in a store of its own. */
  copy(cache?: TrieCache): TrieStore {
    const copy = new TrieStore(cache)
    for (const [path, rlp] of this.nodes) copy.nodes.set(path, rlp)
    copy.root = this.root
    return copy
  }

  /** Applies a batch and returns the new root. */
  update(updates: Iterable<TrieUpdate>): Hash {
    const commit = updateTrie(this.read, this.root, updates, this.cache)
    const listed = new Set<string>()
    for (const [path, rlp] of commit.nodes) {
      assert.ok(!listed.has(path), `the node at "${path}" is listed once`)
      listed.add(path)
      if (rlp === null) this.nodes.delete(path)
      else this.nodes.set(path, rlp)
    }
    this.root = commit.root
    return this.root
  }

  /** Every node that the root leads to is stored under its path with the right hash, and nothing else is stored. */
  checkConsistency(): void {
    const reachable = new Set<string>()
    const visit = (rlp: Uint8Array, path: string): void => {
      const node = decodeNode(rlp)
      if (node.kind === 'leaf') return
      const children =
        node.kind === 'extension'
          ? [{ slot: node.child, path: path + node.nibbles }]
          : node.children.map((slot, index) => ({ slot, path: path + NIBBLES.charAt(index) }))
      for (const child of children) {
        if (child.slot === 0) continue
        const ref = referenceAt(node.raw, child.slot)
        if (ref.length < 32) visit(ref, child.path)
        else visitStored(ref.toHex(), child.path)
      }
    }
    const visitStored = (hash: string, path: string): void => {
      const rlp = this.nodes.get(path)
      assert.ok(rlp !== undefined, `the node at "${path}" is stored`)
      assert.equal(keccak256(rlp).toHex(), hash, `hash of the node at "${path}"`)
      reachable.add(path)
      visit(rlp, path)
    }
    if (this.root !== EMPTY_TRIE_ROOT) visitStored(this.root.slice(2), '')
    assert.deepEqual([...this.nodes.keys()].toSorted(), [...reachable].toSorted(), 'no node is left behind')
  }
}
