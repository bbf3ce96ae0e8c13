/** What @ethereumjs/tx and @ethereumjs/vm say when they refuse a transaction, as our reasons. They say it in words only. */
import { InvalidTransactionError, type TransactionRefusal } from '../errors.ts'

const REASONS: readonly (readonly [RegExp, TransactionRefusal])[] = [
  [/not enabled on Common/, 'typeNotSupported'],
  [/not matching the derived chain ID|Incompatible EIP155-based V/, 'wrongChainId'],
  [/Invalid Signature|y-parity of the transaction|Legacy txs need either v/, 'invalidSignature'],
  [/nonce cannot equal or exceed MAX_UINT64/, 'nonceOverflow'],
  [/exceeds the maximum allowed by EIP-7825/, 'gasLimitAboveMaximum'],
  [/initcode size of this transaction is too large/, 'initcodeTooLarge'],
  [/cannot exceed MAX_INTEGER/, 'insufficientFunds'],
  [/maxFeePerGas cannot be less than maxPriorityFeePerGas/, 'tipAboveFeeCap'],
  [/versioned hash does not start with/, 'blobHashVersion'],
  [/exceed maximum blob gas per block/, 'blobGasAboveBlock'],
  [/blobs per tx \(EIP-7594\)/, 'tooManyBlobs'],
  [/at least one blob/, 'blobsMissing'],
  [/should have a "to" field/, 'blobCreation'],
  [/authorization list is empty/, 'authorizationsMissing'],
  [/tx has a higher gas limit than the block/, 'gasLimitAboveBlock'],
  [/INTRINSIC_GAS_TOO_LOW/, 'intrinsicGasTooLow'],
  [/is less than the block's baseFeePerGas/, 'feeCapBelowBaseFee'],
  [/is less than block blobGasPrice/, 'blobFeeCapTooLow'],
  [/address is not EOA/, 'senderNotExternal'],
  [/doesn't have enough funds/, 'insufficientFunds'],
]
const WRONG_NONCE = /account has nonce of: (\d+) tx has nonce of: (\d+)/
/** What the library appends for its own users: the state of the machine and of the transaction. */
const CONTEXT = / \((?:vm hf|tx type)=.*$/s

/**
 * The refusal that an error of the library is.
 * @throws the error itself when it is none: then the reference has failed, not the transaction.
 */
export function refusalOf(error: unknown): InvalidTransactionError {
  if (!(error instanceof Error)) throw error
  const reason = reasonOf(error.message)
  if (reason === undefined) throw error
  return new InvalidTransactionError(reason, error.message.replace(CONTEXT, ''))
}

function reasonOf(message: string): TransactionRefusal | undefined {
  const nonces = WRONG_NONCE.exec(message)
  if (nonces !== null) return BigInt(nonces[2] ?? 0) < BigInt(nonces[1] ?? 0) ? 'nonceTooLow' : 'nonceTooHigh'
  return REASONS.find(([pattern]) => pattern.test(message))?.[1]
}
