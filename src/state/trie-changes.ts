/**
 * What a commit changed in one trie: nodes that are new, which know their paths, and paths at which there is none any more.
 * A list and no Map: all of a block's nodes come by here, mostly to be handed on once, one after the other.
 */
import type { MemoryNode } from './memory-node.ts'
import type { NodeChanges } from './state-reader.ts'

export class TrieChanges implements NodeChanges {
  private readonly nodes: MemoryNode[] = []
  private readonly gone: string[] = []
  /** Made when somebody asks for single paths. */
  private byPath: ReadonlyMap<string, Uint8Array | null> | undefined

  get size(): number {
    return this.nodes.length + this.gone.length
  }

  /** Every path is listed once. */
  put(node: MemoryNode): void {
    this.nodes.push(node)
  }

  remove(path: string): void {
    this.gone.push(path)
  }

  has(path: string): boolean {
    return this.get(path) !== undefined
  }

  /** `null` = gone, `undefined` = unchanged. */
  get(path: string): Uint8Array | null | undefined {
    this.byPath ??= new Map(this)
    return this.byPath.get(path)
  }

  *[Symbol.iterator](): Generator<[path: string, rlp: Uint8Array | null]> {
    for (const { path, rlp } of this.nodes) yield [path, rlp]
    for (const path of this.gone) yield [path, null]
  }
}
