/**
 * Whether a transaction may run at all: the rules of EIP-1559, 3607, 3860, 4844, 7594, 7623, 7702 and 7825 against the
 * sender's account and the block. Every refusal states both numbers and, where there is one, the cure.
 */
import { UINT64_MAX, type Address } from '../primitives/bytes.ts'
import { EMPTY_CODE_HASH } from '../primitives/keccak.ts'
import { delegationTarget } from '../chain/delegation.ts'
import type { Transaction } from '../chain/transaction.ts'
import type { StateReader } from '../state/state-reader.ts'
import { INITCODE_SIZE_MAX } from '../../runtime/evm/gas.ts'
import type { BlockEnvironment } from './environment.ts'
import { InvalidTransactionError, type TransactionRefusal } from './errors.ts'
import { GAS_PER_BLOB } from './fees.ts'
import { intrinsicGas, type IntrinsicGas } from './intrinsic-gas.ts'
import type { CallMessage } from './message.ts'

/** First byte of a blob's versioned hash (EIP-4844). */
const BLOB_HASH_VERSION = '0x01'

/** What is left in the block for a transaction. */
export interface BlockAllowance {
  readonly gas: bigint
  readonly blobGas: bigint
}

/** Which rules hold. A block's transactions answer to all of them, a simulated call to few. */
export interface ExecutionPolicy {
  readonly checkNonce: boolean
  /** EIP-3607: no transactions from accounts with code. */
  readonly checkSender: boolean
  /** Fee caps against the block's base fees, and the transaction's gas against EIP-7825's limit. */
  readonly checkFees: boolean
}

export const BLOCK_POLICY: ExecutionPolicy = { checkNonce: true, checkSender: true, checkFees: true }
/** As `eth_call`: any sender, no nonce, no price unless one is given. */
export const CALL_POLICY: ExecutionPolicy = { checkNonce: false, checkSender: false, checkFees: false }

/** Rules that depend on the transaction and the fork alone. @throws InvalidTransactionError */
export function validateForm(
  transaction: Transaction,
  environment: Pick<BlockEnvironment, 'rules' | 'config'>,
): void {
  const { fields } = transaction
  const { rules, config } = environment
  if (fields.type === 4 && !rules.hasSetCode) {
    refuse('typeNotSupported', `transaction type not valid: type 4 needs Prague, this block is ${rules.name}`)
  }
  if (fields.chainId !== null && fields.chainId !== config.chainId) {
    refuse(
      'wrongChainId',
      `invalid chain id: the transaction is for chain ${fields.chainId}, this is ${config.chainId}`,
    )
  }
  if (fields.type === 3 && fields.blobVersionedHashes.length === 0) {
    refuse('blobsMissing', 'a blob transaction must carry at least one blob')
  }
  if (fields.type === 4 && fields.authorizationList.length === 0) {
    refuse('authorizationsMissing', 'a set-code transaction must carry at least one authorization')
  }
}

/** Rules about size, gas and blobs; no state needed. @throws InvalidTransactionError */
export function validateLimits(
  message: CallMessage,
  environment: BlockEnvironment,
  allowance: BlockAllowance,
  policy: ExecutionPolicy,
): IntrinsicGas {
  const { rules } = environment
  const { gasLimit, blobVersionedHashes } = message
  if (message.to === null && message.data.length > INITCODE_SIZE_MAX) {
    const size = message.data.length
    refuse('initcodeTooLarge', `max initcode size exceeded: code size ${size}, limit ${INITCODE_SIZE_MAX}`)
  }
  const gas = intrinsicGas(message, rules)
  if (gasLimit < gas.intrinsic) {
    refuse('intrinsicGasTooLow', `intrinsic gas too low: gas limit ${gasLimit}, needed ${gas.intrinsic}`)
  }
  if (gasLimit < gas.floor) {
    const text = `intrinsic gas too low: gas limit ${gasLimit}, floor for this much call data ${gas.floor}`
    refuse('calldataFloorTooLow', text)
  }
  if (policy.checkFees && rules.transactionGasMax !== null && gasLimit > rules.transactionGasMax) {
    const text = `transaction gas limit too high: gas limit ${gasLimit}, maximum ${rules.transactionGasMax} (EIP-7825)`
    refuse('gasLimitAboveMaximum', text)
  }
  if (gasLimit > allowance.gas) {
    refuse(
      'gasLimitAboveBlock',
      `gas limit reached: gas limit ${gasLimit}, left in the block ${allowance.gas}`,
    )
  }
  validateBlobs(message, environment, allowance)
  if (
    blobVersionedHashes.length > 0 &&
    policy.checkFees &&
    message.maxFeePerBlobGas < environment.blobBaseFee
  ) {
    const text = `max fee per blob gas less than block blob gas fee: ${message.maxFeePerBlobGas} < ${environment.blobBaseFee}`
    refuse('blobFeeCapTooLow', text)
  }
  return gas
}

function validateBlobs(
  { blobVersionedHashes, to }: CallMessage,
  { rules }: BlockEnvironment,
  allowance: BlockAllowance,
): void {
  const count = blobVersionedHashes.length
  if (count === 0) return
  if (to === null) refuse('blobCreation', 'a blob transaction cannot create a contract')
  if (rules.transactionBlobsMax !== null && count > rules.transactionBlobsMax) {
    refuse(
      'tooManyBlobs',
      `too many blobs: ${count}, at most ${rules.transactionBlobsMax} in a transaction (EIP-7594)`,
    )
  }
  for (const hash of blobVersionedHashes) {
    if (!hash.startsWith(BLOB_HASH_VERSION)) {
      refuse('blobHashVersion', `blob hash ${hash} has a version other than 1`)
    }
  }
  if (BigInt(count) * GAS_PER_BLOB > allowance.blobGas) {
    refuse(
      'blobGasAboveBlock',
      `blob gas limit reached: ${count} blobs, left in the block ${allowance.blobGas / GAS_PER_BLOB}`,
    )
  }
}

/** Rules about the sender's account and the price. @throws InvalidTransactionError */
export function validateSender(
  sender: Address,
  message: CallMessage,
  environment: BlockEnvironment,
  state: StateReader,
  policy: ExecutionPolicy,
): void {
  const account = state.account(sender)
  const next = account?.nonce ?? 0n
  if (policy.checkNonce) validateNonce(message.nonce ?? next, next)
  if (policy.checkSender && account !== undefined && account.codeHash !== EMPTY_CODE_HASH) {
    if (delegationTarget(state.code(account.codeHash)) === undefined) {
      refuse('senderNotExternal', `sender not an eoa: ${sender} holds a contract (EIP-3607)`)
    }
  }
  validatePrice(message, environment, policy)
  const cost = maximumCost(message)
  const balance = account?.balance ?? 0n
  if (balance < cost) {
    const text = `insufficient funds for gas * price + value: balance ${balance}, tx cost ${cost}, short by ${cost - balance}`
    refuse('insufficientFunds', text)
  }
}

function validateNonce(nonce: bigint, next: bigint): void {
  if (nonce < next) {
    const cure = "if you restarted the chain, clear the wallet's activity data"
    refuse('nonceTooLow', `nonce too low: next nonce ${next}, tx nonce ${nonce}; ${cure}`)
  }
  if (nonce > next) refuse('nonceTooHigh', `nonce too high: next nonce ${next}, tx nonce ${nonce}`)
  if (nonce === UINT64_MAX) refuse('nonceOverflow', `nonce has max value: ${nonce} (EIP-2681)`)
}

function validatePrice(message: CallMessage, environment: BlockEnvironment, policy: ExecutionPolicy): void {
  const { maxFeePerGas, maxPriorityFeePerGas } = message
  if (maxPriorityFeePerGas > maxFeePerGas) {
    const text = `max priority fee per gas higher than max fee per gas: ${maxPriorityFeePerGas} > ${maxFeePerGas}`
    refuse('tipAboveFeeCap', text)
  }
  const isFree = !policy.checkFees && maxFeePerGas === 0n
  if (!isFree && maxFeePerGas < environment.baseFeePerGas) {
    const text = `max fee per gas less than block base fee: maxFeePerGas ${maxFeePerGas}, baseFee ${environment.baseFeePerGas}`
    refuse('feeCapBelowBaseFee', text)
  }
}

/** The most the transaction can take from its sender, in wei. */
export function maximumCost(message: CallMessage): bigint {
  const cost = message.gasLimit * message.maxFeePerGas + message.value
  if (message.blobVersionedHashes.length === 0) return cost
  const blobGas = BigInt(message.blobVersionedHashes.length) * GAS_PER_BLOB
  return cost + blobGas * message.maxFeePerBlobGas
}

function refuse(reason: TransactionRefusal, message: string): never {
  throw new InvalidTransactionError(reason, message)
}
