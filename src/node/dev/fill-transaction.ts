/** Completes a transaction that somebody asks the node to sign: nonce, prices, type. */
import type { UnsignedTransactionFields } from '../../chain/transaction-codec.ts'
import { present } from '../../primitives/assert.ts'
import type { UnsignedTransaction } from '../../rpc/backend.ts'
import type { Blockchain } from '../blockchain.ts'

/** What the beneficiary is offered per gas when the sender does not say, in wei. */
const DEFAULT_TIP = 1_000_000_000n

/** @param unsigned with a gas limit, or one is taken that fits any call. */
export function fillTransaction(unsigned: UnsignedTransaction, chain: Blockchain): UnsignedTransactionFields {
  const { baseFeePerGas, gasLimit: blockGas, rules } = chain.nextEnvironment()
  const gasMax = rules.transactionGasMax ?? blockGas
  const common = {
    chainId: chain.config.chainId,
    nonce: unsigned.nonce ?? chain.pool.nextNonce(unsigned.from),
    gasLimit: unsigned.gasLimit ?? (gasMax < blockGas ? gasMax : blockGas),
    to: unsigned.to,
    value: unsigned.value,
    data: unsigned.data,
  }
  if (unsigned.gasPrice !== undefined) {
    const { gasPrice, accessList } = unsigned
    return accessList === undefined
      ? { type: 0, ...common, gasPrice }
      : { type: 1, ...common, gasPrice, accessList }
  }
  const maxPriorityFeePerGas = unsigned.maxPriorityFeePerGas ?? smaller(DEFAULT_TIP, unsigned.maxFeePerGas)
  const maxFeePerGas = unsigned.maxFeePerGas ?? 2n * baseFeePerGas + maxPriorityFeePerGas
  const dynamic = { ...common, maxPriorityFeePerGas, maxFeePerGas, accessList: unsigned.accessList ?? [] }
  if (unsigned.authorizationList === undefined) return { type: 2, ...dynamic }
  const { authorizationList } = unsigned
  return {
    type: 4,
    ...dynamic,
    to: present(unsigned.to, 'recipient of a set-code transaction'),
    authorizationList,
  }
}

function smaller(a: bigint, b: bigint | undefined): bigint {
  return b === undefined || a < b ? a : b
}
