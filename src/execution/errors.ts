/** Why a transaction or a block is refused. A transaction that fails while it runs is a result, not an error. */
import { AevirError } from '../primitives/errors.ts'

/** One literal a rule; the message carries the numbers. */
export type TransactionRefusal =
  | 'typeNotSupported'
  | 'wrongChainId'
  | 'invalidSignature'
  | 'nonceTooLow'
  | 'nonceTooHigh'
  | 'nonceOverflow'
  | 'senderNotExternal'
  | 'insufficientFunds'
  | 'intrinsicGasTooLow'
  | 'calldataFloorTooLow'
  | 'gasLimitAboveBlock'
  | 'gasLimitAboveMaximum'
  | 'feeCapBelowBaseFee'
  | 'tipAboveFeeCap'
  | 'initcodeTooLarge'
  | 'blobsMissing'
  | 'tooManyBlobs'
  | 'blobGasAboveBlock'
  | 'blobHashVersion'
  | 'blobFeeCapTooLow'
  | 'blobCreation'
  | 'authorizationsMissing'

/** A transaction that may not be in this block at all. State is unchanged. */
export class InvalidTransactionError extends AevirError {
  override readonly code = 'INVALID_TRANSACTION_IN_CONTEXT'
  readonly reason: TransactionRefusal
  constructor(reason: TransactionRefusal, message: string) {
    super(message)
    this.reason = reason
  }
}

export type BlockRefusal =
  | 'parent'
  | 'number'
  | 'timestamp'
  | 'gasLimit'
  | 'gasUsed'
  | 'baseFee'
  | 'extraData'
  | 'ommers'
  | 'proofOfWorkFields'
  | 'headerFields'
  | 'size'
  | 'transactionsRoot'
  | 'receiptsRoot'
  | 'logsBloom'
  | 'stateRoot'
  | 'withdrawalsRoot'
  | 'blobGasUsed'
  | 'excessBlobGas'
  | 'requests'
  | 'systemCall'
  | 'transaction'

/** A block that breaks a rule. */
export class InvalidBlockError extends AevirError {
  override readonly code = 'INVALID_BLOCK'
  readonly reason: BlockRefusal
  constructor(reason: BlockRefusal, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}
