/**
 * Nodes of the latest tries, kept from one commit to the next: a block changes what the one before it changed, and to read,
 * check and cut up the same nodes again would be most of a commit. Tries are found by their roots, so that whatever is
 * found is right, on whichever branch of the chain the next commit builds.
 */
import type { Hash } from '../primitives/bytes.ts'
import type { MemoryNode } from './memory-node.ts'

/** Nodes that are kept unless told otherwise: some 20 MB. */
export const CACHED_NODES_MAX = 50_000

export class TrieCache {
  /** The newest last. */
  readonly #roots = new Map<Hash, MemoryNode>()
  readonly #nodesMax: number
  /** Nodes that may be held: those of the last sweep and all that were added since. */
  #count = 0
  #sweeps = 0

  constructor(nodesMax = CACHED_NODES_MAX) {
    this.#nodesMax = nodesMax
  }

  get(root: Hash): MemoryNode | undefined {
    return this.#roots.get(root)
  }

  /** @param added nodes that this trie has and none before it, loaded ones included. */
  set(root: Hash, node: MemoryNode, added: number): void {
    this.#roots.delete(root)
    this.#roots.set(root, node)
    this.#count += added
    if (this.#count > this.#nodesMax) this.#sweep()
  }

  /** Keeps the newest tries as far as half of the limit reaches. */
  #sweep(): void {
    this.#sweeps += 1
    this.#count = 0
    for (const [root, node] of [...this.#roots].toReversed()) {
      const room = this.#nodesMax / 2 - this.#count
      const size = room <= 0 ? Infinity : this.#measure(node, room)
      if (size <= room) {
        this.#count += size
        continue
      }
      this.#roots.delete(root)
      // What it was measured by is forgotten with it: an older trie may hold the same nodes.
      this.#sweeps += 1
    }
  }

  /** Nodes of a trie in memory that no newer one has; stops above `sizeMax`. */
  #measure(root: MemoryNode, sizeMax: number): number {
    const waiting = [root]
    let size = 0
    for (let node = waiting.pop(); node !== undefined && size <= sizeMax; node = waiting.pop()) {
      if (node.mark === this.#sweeps) continue
      node.mark = this.#sweeps
      size += 1
      for (const child of node.children ?? []) if (child !== undefined) waiting.push(child)
    }
    return size
  }
}
