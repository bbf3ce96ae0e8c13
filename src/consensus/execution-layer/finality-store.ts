/**
 * What a node keeps about final blocks beyond the blocks themselves: which proposal each of them was, and the
 * certificates. From these and the ledger it serves others and starts anew. Blocks and proposals correspond one to one,
 * by height; certificates are fewer, for one makes all ancestors final.
 */
import type { Hash } from '../../primitives/bytes.ts'
import { assert } from '../../primitives/assert.ts'
import type { StoredFinalization } from '../simplex/serving.ts'
import type { Certificate, Proposal } from '../simplex/types.ts'

/** The certificates of a final block, as far as this node has them. */
export interface FinalityCertificates {
  readonly notarization: Certificate | undefined
  readonly finalization: Certificate | undefined
}

/** Reads see all that was added, durable or not. */
export interface FinalityStore {
  /** The highest final block. */
  latest(): Proposal | undefined
  proposal(hash: Hash): Proposal | undefined
  finalizationAtOrBelow(height: number): StoredFinalization | undefined
  finalizationAtOrAbove(height: number): StoredFinalization | undefined
  /** The proposal that follows {@link latest}; resolves once it is durable. */
  add(proposal: Proposal, certificates: FinalityCertificates): Promise<void>
}

/** For networks that live in one process, and end with it. */
export class MemoryFinalityStore implements FinalityStore {
  /** In order of height, without a gap. */
  private readonly entries: {
    readonly proposal: Proposal
    readonly certificate: Certificate | undefined
  }[] = []
  private readonly byHash = new Map<Hash, Proposal>()

  latest(): Proposal | undefined {
    return this.entries.at(-1)?.proposal
  }

  proposal(hash: Hash): Proposal | undefined {
    return this.byHash.get(hash)
  }

  finalizationAtOrBelow(height: number): StoredFinalization | undefined {
    return this.search(Math.min(height - this.lowest, this.entries.length - 1), -1)
  }

  finalizationAtOrAbove(height: number): StoredFinalization | undefined {
    return this.search(Math.max(height - this.lowest, 0), 1)
  }

  async add(proposal: Proposal, { finalization }: FinalityCertificates): Promise<void> {
    const latest = this.latest()
    assert(latest === undefined || latest.height + 1 === proposal.height, 'final blocks come in order')
    this.entries.push({ proposal, certificate: finalization })
    this.byHash.set(proposal.hash, proposal)
  }

  private get lowest(): number {
    return this.entries[0]?.proposal.height ?? 0
  }

  private search(from: number, direction: 1 | -1): StoredFinalization | undefined {
    for (let index = from; ; index += direction) {
      const entry = this.entries[index]
      if (entry === undefined) return undefined
      const { certificate, proposal } = entry
      if (certificate !== undefined) return { height: proposal.height, certificate }
    }
  }
}
