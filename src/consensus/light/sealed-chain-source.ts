/** The sealed chain that a node has stored, as items for `light-verifier.ts` and files of them. */
import { present } from '../../primitives/assert.ts'
import { AevirError } from '../../primitives/errors.ts'
import { cycleOfEpoch } from '../committees/committee.ts'
import type { ConsensusStore, EpochStart, SealStore } from '../dual-bft/consensus-store.ts'
import type { BlockReference } from '../plugin.ts'
import type { Certificate, Proposal } from '../simplex/types.ts'
import { isReject } from '../witness-layer/reject-codec.ts'
import { lastOf } from '../witness-layer/seal.ts'
import type { SealedItem } from './light-verifier.ts'

export interface ExportedItem {
  readonly item: SealedItem
  /** The last block that is sealed with this item. */
  readonly last: BlockReference
}

/** Nothing in the sealed chain shows who the witnesses are that were drawn anew within a cycle. */
export class SealedChainResetError extends AevirError {
  override readonly code = 'SEALED_CHAIN_RESET'
  readonly cycle: number

  constructor(cycle: number) {
    super(
      `the witnesses of cycle ${cycle} were drawn anew, and certificates alone do not show by whom they were replaced: ` +
        'take a block that was sealed after it from a node that you trust, and follow the chain from there',
    )
    this.cycle = cycle
  }
}

/**
 * All items from genesis to the last certificate of the witnesses.
 * @param header the encoding of the header of a sealed block.
 * @throws SealedChainResetError
 */
export function* storedItems(
  store: ConsensusStore,
  genesis: BlockReference,
  header: (number: bigint) => Uint8Array,
): Generator<ExportedItem, void, undefined> {
  const starts = store.epochs('witness')
  const cycles = starts.map(({ epoch }) => cycleOfEpoch(epoch))
  const repeated = cycles.find((cycle, index) => cycle === cycles[index - 1])
  if (repeated !== undefined) throw new SealedChainResetError(repeated)
  let last = genesis
  for (const [index, start] of starts.entries()) {
    const layer = store.witness(start.epoch)
    for (const { proposal, finalization } of certified(layer, start, starts[index + 1])) {
      const stored = layer.body(proposal.hash)
      const body = present(stored, `body of ${proposal.hash}`)
      const isSealing = body.length > 0 && !isReject(body)
      const seal = !isSealing ? undefined : store.sealEndingWith(proposal.payloadHash)?.seal
      if (seal !== undefined) last = { number: lastOf(seal), hash: proposal.payloadHash }
      const headers = (seal?.blocks ?? []).map((_, offset) => header((seal?.first ?? 0n) + BigInt(offset)))
      yield { item: { headers, proposal, body, finalization }, last }
    }
  }
}

interface Certified {
  readonly proposal: Proposal
  readonly finalization: Certificate | undefined
}

/** An epoch's proposals, up to the last certificate; in an epoch that is over, up to the first that ends it. */
function certified(
  layer: SealStore,
  { root }: EpochStart,
  next: EpochStart | undefined,
): readonly Certified[] {
  const chain: Certified[] = []
  for (let proposal = layer.latest(); proposal !== undefined && proposal.hash !== root.hash;) {
    const found = layer.finalizationAtOrBelow(proposal.height)
    const finalization = found?.height === proposal.height ? found.certificate : undefined
    if (finalization !== undefined || chain.length > 0) chain.push({ proposal, finalization })
    proposal = layer.proposal(proposal.parentHash)
  }
  chain.reverse()
  if (next === undefined) return chain
  const end = chain.findIndex(
    ({ proposal, finalization }) => finalization !== undefined && proposal.height >= next.root.height,
  )
  return end < 0 ? chain : chain.slice(0, end + 1)
}
