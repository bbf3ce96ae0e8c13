/** What a transaction must be to enter the pool: what a block demands of it, less what only its turn can tell. */
import type { Address } from '../primitives/bytes.ts'
import type { Transaction } from '../chain/transaction.ts'
import { InvalidTransactionError, type TransactionRefusal } from '../execution/errors.ts'
import { GAS_PER_BLOB } from '../execution/fees.ts'
import { messageOf } from '../execution/transaction.ts'
import { BLOCK_POLICY, validateForm, validateLimits, validateSender } from '../execution/validation.ts'
import type { PoolHead } from './pool.ts'
import type { PoolLimits } from './pool-limits.ts'
import { PoolError, type PoolRefusal } from './transaction-pool.ts'

/** The pool's word for each rule of execution. */
const REASONS: Readonly<Record<TransactionRefusal, PoolRefusal>> = {
  typeNotSupported: 'typeNotSupported',
  wrongChainId: 'wrongChainId',
  invalidSignature: 'invalidSender',
  nonceTooLow: 'nonceTooLow',
  nonceTooHigh: 'nonceTooHigh',
  nonceOverflow: 'invalid',
  senderNotExternal: 'invalid',
  insufficientFunds: 'insufficientFunds',
  intrinsicGasTooLow: 'intrinsicGasTooLow',
  calldataFloorTooLow: 'intrinsicGasTooLow',
  gasLimitAboveBlock: 'gasLimitReached',
  gasLimitAboveMaximum: 'gasLimitReached',
  feeCapBelowBaseFee: 'feeCapBelowBaseFee',
  tipAboveFeeCap: 'tipAboveFeeCap',
  initcodeTooLarge: 'invalid',
  blobsMissing: 'invalid',
  tooManyBlobs: 'invalid',
  blobGasAboveBlock: 'invalid',
  blobHashVersion: 'invalid',
  blobFeeCapTooLow: 'underpriced',
  blobCreation: 'invalid',
  authorizationsMissing: 'invalid',
}

/** A later nonce is fine here: its turn comes. */
const POOL_POLICY = { ...BLOCK_POLICY, checkNonce: false }

/** @throws PoolError */
export function checkTransaction(
  transaction: Transaction,
  sender: Address,
  head: PoolHead,
  limits: PoolLimits,
): void {
  const { fields, bytes } = transaction
  const { environment, state } = head
  if (fields.type === 3 && !limits.acceptsBlobs) {
    const cure = 'Aevir keeps no blobs; put the data into call data or use a storage task'
    throw new PoolError(
      'typeNotSupported',
      `transaction type not valid: blob transactions (type 3) are not accepted; ${cure}`,
    )
  }
  if (bytes.length > limits.transactionSizeMax) {
    throw new PoolError(
      'oversized',
      `oversized data: transaction of ${bytes.length} bytes, limit ${limits.transactionSizeMax}`,
    )
  }
  const message = messageOf(transaction, sender)
  const allowance = { gas: environment.gasLimit, blobGas: BigInt(environment.rules.blobs.max) * GAS_PER_BLOB }
  translating(() => {
    validateForm(transaction, environment)
    validateLimits(message, environment, allowance, POOL_POLICY)
    validateSender(sender, message, environment, state, POOL_POLICY)
  })
  const next = state.account(sender)?.nonce ?? 0n
  if (fields.nonce < next) {
    const cure = "if you restarted the chain, clear the wallet's activity data"
    throw new PoolError('nonceTooLow', `nonce too low: next nonce ${next}, tx nonce ${fields.nonce}; ${cure}`)
  }
}

function translating(check: () => void): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof InvalidTransactionError)) throw error
    throw new PoolError(REASONS[error.reason], error.message)
  }
}
