/** Changes of tries, block after block, that are not written yet. */
import type { Address } from '../primitives/bytes.ts'
import type { TrieDiff } from '../state/state-reader.ts'

type Nodes = Map<string, Uint8Array | null>

export class PendingTries {
  private readonly accountNodes: Nodes = new Map()
  private readonly storageNodes = new Map<Address, Nodes>()
  private readonly clearedOwners = new Set<Address>()

  /** Nodes that wait. */
  get size(): number {
    return nodeCount(this.changes())
  }

  /** `null`: there is no such node any more. `undefined`: nothing is known of it here. */
  get(owner: Address | null, path: string): Uint8Array | null | undefined {
    if (owner === null) return this.accountNodes.get(path)
    const found = this.storageNodes.get(owner)?.get(path)
    return found === undefined && this.clearedOwners.has(owner) ? null : found
  }

  add({ accountNodes, storageNodes, clearedOwners }: TrieDiff): void {
    for (const owner of clearedOwners) {
      this.clearedOwners.add(owner)
      this.storageNodes.delete(owner)
    }
    for (const [path, rlp] of accountNodes) this.accountNodes.set(path, rlp)
    for (const [owner, changes] of storageNodes) {
      let nodes = this.storageNodes.get(owner)
      if (nodes === undefined) this.storageNodes.set(owner, (nodes = new Map()))
      for (const [path, rlp] of changes) nodes.set(path, rlp)
    }
  }

  /** What waits followed by `diff`; neither is changed. */
  joined(diff: TrieDiff): TrieDiff {
    const all = new PendingTries()
    all.add(this.changes())
    all.add(diff)
    return all.changes()
  }

  changes(): TrieDiff {
    const { accountNodes, storageNodes, clearedOwners } = this
    return { accountNodes, storageNodes, clearedOwners }
  }

  clear(): void {
    this.accountNodes.clear()
    this.storageNodes.clear()
    this.clearedOwners.clear()
  }
}

/** Nodes that a change names. */
export function nodeCount({ accountNodes, storageNodes }: TrieDiff): number {
  let count = accountNodes.size
  for (const nodes of storageNodes.values()) count += nodes.size
  return count
}
