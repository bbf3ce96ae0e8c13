/** Puts a made chain into a consensus store, in the order in which a node learns of it. */
import type { ConsensusStore } from '../../src/consensus/dual-bft/consensus-store.ts'
import { numberKey } from '../../src/storage/schema.ts'
import type { KeyValueStore } from '../../src/storage/key-value-store.ts'
import { packZeros } from '../../src/storage/zero-packing.ts'
import { concatBytes, hexToBytes } from '../../src/primitives/bytes.ts'
import type { SealedStep } from './sealed-chain.ts'

export async function addStep(store: ConsensusStore, step: SealedStep): Promise<void> {
  const { starts, executed, epoch, item, seal, randomness } = step
  for (const start of starts) await store.addEpoch(start)
  for (const { epoch, proposal, notarization, finalization } of executed) {
    await store.execution(epoch).add(proposal, { notarization, finalization })
  }
  const { proposal, body, finalization } = item
  const sealed = seal === undefined ? undefined : { seal, randomness }
  await store.witness(epoch).add({ proposal, body, finalization, sealed })
}

/** The headers of a made chain where the ledger has them; there are no blocks to them. */
export function putHeaders(store: KeyValueStore, steps: readonly SealedStep[]): void {
  store.write((transaction) => {
    for (const { proposal, header } of steps.flatMap(({ executed }) => executed)) {
      if (header === undefined) continue
      const key = numberKey(BigInt(proposal.height))
      transaction.put('headers', key, concatBytes(hexToBytes(proposal.payloadHash), packZeros(header)))
    }
  })
}
