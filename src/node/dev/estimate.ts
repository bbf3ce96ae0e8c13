/** Gas for a transaction that the node is to sign and that does not say how much it needs. */
import type { Backend, UnsignedTransaction } from '../../rpc/backend.ts'
import { CALL_GAS_MAX } from '../../rpc/call.ts'
import { estimateGas } from '../../rpc/estimate-gas.ts'

/** @throws RpcError when it would fail: then nothing is sent. */
export function estimateGasOf(backend: Backend, unsigned: UnsignedTransaction): Promise<bigint> {
  const context = {
    state: backend.latestState(),
    environment: backend.nextEnvironment(),
    precompiles: undefined,
    engine: backend.engine,
  }
  const message = {
    from: unsigned.from,
    to: unsigned.to,
    gasLimit: 0n,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    value: unsigned.value,
    data: unsigned.data,
    nonce: undefined,
    accessList: unsigned.accessList ?? [],
    blobVersionedHashes: [],
    maxFeePerBlobGas: 0n,
    authorizationList: unsigned.authorizationList ?? [],
  }
  return estimateGas(context, message, CALL_GAS_MAX, () => Promise.resolve())
}
