/**
 * The pool's contract: transactions that wait for a block. The implementation beside it is pure; time, state and the
 * next base fee come from outside.
 */
import type { Address, Hash } from '../primitives/bytes.ts'
import { AevirError } from '../primitives/errors.ts'
import type { Transaction } from '../chain/transaction.ts'

export interface PooledTransaction {
  readonly transaction: Transaction
  readonly sender: Address
  /** Order of arrival; ties in price go to the earlier one. */
  readonly arrival: number
}

/** Why the pool refused a transaction; the texts of the errors are what wallets look for. */
export type PoolRefusal =
  | 'alreadyKnown'
  | 'nonceTooLow'
  | 'nonceTooHigh'
  | 'insufficientFunds'
  | 'intrinsicGasTooLow'
  | 'gasLimitReached'
  | 'feeCapBelowBaseFee'
  | 'tipAboveFeeCap'
  | 'replacementUnderpriced'
  | 'underpriced'
  | 'poolFull'
  | 'senderLimit'
  | 'typeNotSupported'
  | 'invalidSender'
  | 'wrongChainId'
  | 'oversized'
  | 'invalid'

export class PoolError extends AevirError {
  override readonly code = 'TRANSACTION_REFUSED'
  readonly reason: PoolRefusal
  constructor(reason: PoolRefusal, message: string) {
    super(message)
    this.reason = reason
  }
}

/** Why a transaction left the pool without being in a block. */
export type DropReason = 'replaced' | 'evicted' | 'nonceUsed' | 'insufficientFunds' | 'removed' | 'invalid'

export interface PoolStatus {
  /** Executable now: nonces without a gap. */
  readonly pending: number
  /** Waiting for an earlier nonce. */
  readonly queued: number
  readonly bytes: number
}

export interface TransactionPool {
  /** Adds a transaction whose sender is known. @throws PoolError; the pool is then unchanged. */
  add(transaction: Transaction, sender: Address): PooledTransaction
  get(hash: Hash): PooledTransaction | undefined
  remove(hash: Hash): boolean
  status(): PoolStatus
  /** By sender, ascending nonces. */
  pending(): ReadonlyMap<Address, readonly PooledTransaction[]>
  queued(): ReadonlyMap<Address, readonly PooledTransaction[]>
  /** The sender's next nonce with its executable transactions counted in. */
  nextNonce(sender: Address): bigint
  /** Why a transaction that is neither in the pool nor in a block left, as far as remembered. */
  dropped(hash: Hash): DropReason | undefined
}
