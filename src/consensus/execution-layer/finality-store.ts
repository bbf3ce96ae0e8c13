/**
 * What a node keeps about final blocks beyond the blocks themselves: which proposal each of them was, and the
 * certificates. From these and the ledger it serves others and starts anew. Blocks and proposals correspond one to one,
 * by height; certificates are fewer, for one makes all ancestors final.
 */
import type { Hash } from '../../primitives/bytes.ts'
import { assert, present } from '../../primitives/assert.ts'
import type { Origin } from '../simplex/machine.ts'
import type { StoredFinalization } from '../simplex/serving.ts'
import { GENESIS_VIEW, tipOf, type Block, type Certificate, type Proposal } from '../simplex/types.ts'

/** The certificates of a final block, as far as this node has them. */
export interface FinalityCertificates {
  readonly notarization: Certificate | undefined
  readonly finalization: Certificate | undefined
}

/** The final proposals of an epoch. Reads see all that was added, durable or not. */
export interface FinalProposals {
  /** The highest final block. */
  latest(): Proposal | undefined
  proposal(hash: Hash): Proposal | undefined
  finalizationAtOrBelow(height: number): StoredFinalization | undefined
  finalizationAtOrAbove(height: number): StoredFinalization | undefined
}

export interface FinalityStore extends FinalProposals {
  /** The proposal that follows {@link latest}; resolves once it is durable. */
  add(proposal: Proposal, certificates: FinalityCertificates): Promise<void>
  /** A proposal that was added without a certificate of its own has one now; resolves once it is durable. */
  prove(finalization: Certificate): Promise<void>
}

/**
 * Where an epoch is gone on with: the last proposal that the store proves final, for the blocks above it come again, with
 * a certificate if others have another one. Where the epoch ends that may be the only way to the proof: what is final by
 * a repeat here is final by itself elsewhere, and who has the one need not have kept the other.
 *
 * @param block of a proposal in the store.
 */
export function appliedBy(
  store: FinalProposals,
  root: Origin['root'],
  block: (hash: Hash) => Block | undefined,
): Pick<Origin, 'applied'> {
  const latest = store.latest()
  if (latest === undefined) return {}
  const finalization = store.finalizationAtOrBelow(latest.height)?.certificate
  const above: Block[] = []
  let proposal: Proposal | undefined = latest
  while (proposal !== undefined && proposal.hash !== finalization?.hash) {
    above.push(present(block(proposal.hash), 'the block of a final proposal'))
    proposal = store.proposal(proposal.parentHash)
  }
  const tip = proposal === undefined ? { ...root, view: GENESIS_VIEW } : tipOf(proposal)
  return { applied: { tip, finalization, above: above.toReversed() } }
}

/** For networks that live in one process, and end with it. */
export class MemoryFinalityStore implements FinalityStore {
  /** In order of height, without a gap. */
  private readonly entries: { readonly proposal: Proposal; certificate: Certificate | undefined }[] = []
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

  async prove(finalization: Certificate): Promise<void> {
    const entry = this.entries.find(({ proposal }) => proposal.hash === finalization.hash)
    present(entry, 'a stored proposal').certificate ??= finalization
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
