/** The transaction of a generated case that is interesting for its code only: one key calls a contract, free of charge. */
import type { Address } from '../../../src/primitives/bytes.ts'
import type { BlueprintTransaction } from '../blueprint.ts'

export function callOf(
  {
    to,
    gasLimit,
    data,
    value = 0n,
  }: Pick<BlueprintTransaction, 'gasLimit' | 'data'> & { to: Address; value?: bigint },
  nonce: bigint,
): BlueprintTransaction {
  return {
    type: 2,
    key: 0,
    nonce,
    gasLimit,
    to,
    value,
    data,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    accessList: [],
    blobVersionedHashes: [],
    maxFeePerBlobGas: 0n,
    authorizations: [],
  }
}
