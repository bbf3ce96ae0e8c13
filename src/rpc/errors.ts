/**
 * THE table of JSON-RPC errors: what every failure becomes on the wire. Wallets and libraries match on these texts
 * (viem's and ethers' error classes are chosen by them), so they are data here and tested one by one.
 *
 * Codes: JSON-RPC 2.0 §5.1, EIP-1474, EIP-4444, EIP-7966; the -32000 family as geth uses it.
 */
import { bytesToHex } from '../primitives/bytes.ts'
import { AevirError } from '../primitives/errors.ts'
import { InvalidTransactionError, type TransactionRefusal } from '../execution/errors.ts'
import { revertReason } from '../execution/revert-reason.ts'
import { PoolError, type PoolRefusal } from '../pool/transaction-pool.ts'

export const RPC_CODES = {
  /** A call reverted; `data` holds what it returned. */
  reverted: 3,
  /** EIP-7966: accepted, but in no block before the timeout. */
  confirmationTimeout: 4,
  /** EIP-7966: accepted, but waits for an earlier nonce. */
  notReady: 5,
  /** EIP-4444: known once, not kept any more. */
  pruned: 4444,
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** Any expected failure without a code of its own. */
  server: -32000,
  notFound: -32001,
  timeout: -32002,
  responseTooLarge: -32003,
  notSupported: -32004,
  limitExceeded: -32005,
  /** A simulated call failed otherwise than by reverting. This one and the following: execution-apis, eth_simulateV1. */
  executionFailed: -32015,
  nonceTooLow: -38010,
  nonceTooHigh: -38011,
  baseFeeTooLow: -38012,
  intrinsicGasTooLow: -38013,
  insufficientFunds: -38014,
  blockGasLimitReached: -38015,
  blockNumberInvalid: -38020,
  blockTimestampInvalid: -38021,
  senderNotExternal: -38024,
  initcodeTooLarge: -38025,
  clientLimitExceeded: -38026,
} as const
export type RpcCode = (typeof RPC_CODES)[keyof typeof RPC_CODES]

/** A failure whose code and text are final. */
export class RpcError extends AevirError {
  override readonly code = 'RPC'
  readonly rpcCode: RpcCode
  /** Anything that can be written as JSON; left out when `undefined`. */
  readonly data: unknown
  constructor(rpcCode: RpcCode, message: string, data?: unknown) {
    super(message)
    this.rpcCode = rpcCode
    this.data = data
  }
}

export function invalidParams(message: string): RpcError {
  return new RpcError(RPC_CODES.invalidParams, `invalid params: ${message}`)
}

/** The `error` member of a response. */
export interface ErrorBody {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/**
 * What a thrown value becomes on the wire, or `undefined` when it is no expected failure: then the caller reports it and
 * answers {@link INTERNAL_ERROR}.
 */
export function errorBody(error: unknown): ErrorBody | undefined {
  if (error instanceof RpcError) {
    const body = { code: error.rpcCode, message: error.message }
    return error.data === undefined ? body : { ...body, data: error.data }
  }
  if (error instanceof PoolError || error instanceof InvalidTransactionError) {
    return { code: RPC_CODES.server, message: refusalMessage(error) }
  }
  if (error instanceof AevirError) {
    return { code: CODE_OF.get(error.code) ?? RPC_CODES.server, message: error.message }
  }
  return undefined
}

export const INTERNAL_ERROR: ErrorBody = {
  code: RPC_CODES.internal,
  message: 'internal error: a bug in the node, not in the request; its log holds the details',
}

/** Codes of other layers' errors, by their own `code`; all that are not listed are `server` errors. */
const CODE_OF: ReadonlyMap<string, RpcCode> = new Map([
  ['STATE_UNAVAILABLE', RPC_CODES.pruned],
  ['INVALID_HEX', RPC_CODES.invalidParams],
])

/** For each way to refuse a transaction the phrase that clients look for, and what the user can do. */
const REFUSAL_TEXTS: Readonly<
  Record<PoolRefusal | TransactionRefusal, { readonly phrase: string; readonly cure?: string }>
> = {
  alreadyKnown: { phrase: 'already known' },
  nonceTooLow: {
    phrase: 'nonce too low',
    cure: "if you restarted the chain, clear the wallet's activity data",
  },
  nonceTooHigh: { phrase: 'nonce too high', cure: 'send the transactions before it first' },
  nonceOverflow: { phrase: 'nonce has max value' },
  insufficientFunds: { phrase: 'insufficient funds for gas * price + value' },
  intrinsicGasTooLow: { phrase: 'intrinsic gas too low', cure: 'raise the gas limit' },
  calldataFloorTooLow: { phrase: 'intrinsic gas too low', cure: 'raise the gas limit' },
  gasLimitReached: { phrase: 'gas limit reached', cure: 'lower the gas limit' },
  gasLimitAboveBlock: { phrase: 'gas limit reached', cure: 'lower the gas limit' },
  gasLimitAboveMaximum: { phrase: 'transaction gas limit too high', cure: 'lower the gas limit' },
  feeCapBelowBaseFee: {
    phrase: 'max fee per gas less than block base fee',
    cure: 'raise maxFeePerGas, eth_gasPrice tells a working price',
  },
  tipAboveFeeCap: {
    phrase: 'max priority fee per gas higher than max fee per gas',
    cure: 'lower maxPriorityFeePerGas or raise maxFeePerGas',
  },
  replacementUnderpriced: {
    phrase: 'replacement transaction underpriced',
    cure: 'raise both fees by at least 10%, or use the next nonce',
  },
  underpriced: { phrase: 'transaction underpriced', cure: 'raise the price per gas' },
  poolFull: { phrase: 'txpool is full', cure: 'raise the price per gas or try again later' },
  senderLimit: {
    phrase: 'account limit exceeded',
    cure: "wait until some of the account's transactions are in a block",
  },
  typeNotSupported: { phrase: 'transaction type not valid' },
  invalidSender: { phrase: 'invalid sender' },
  invalidSignature: { phrase: 'invalid sender' },
  senderNotExternal: { phrase: 'sender not an eoa' },
  wrongChainId: {
    phrase: 'invalid chain id for signer',
    cure: 'sign for the chain id that eth_chainId tells',
  },
  initcodeTooLarge: { phrase: 'max initcode size exceeded' },
  blobsMissing: { phrase: 'blob transaction missing blob hashes' },
  tooManyBlobs: { phrase: 'too many blobs' },
  blobGasAboveBlock: { phrase: 'too many blobs' },
  blobHashVersion: { phrase: 'invalid blob hash version' },
  blobFeeCapTooLow: { phrase: 'max fee per blob gas less than block blob gas fee' },
  blobCreation: { phrase: 'blob transaction of type create' },
  authorizationsMissing: { phrase: 'EIP-7702 transaction with empty auth list' },
  oversized: { phrase: 'oversized data' },
  invalid: { phrase: 'invalid transaction' },
}

/** The error's own message has the numbers; phrase and cure are added where it does not have them. */
function refusalMessage(error: PoolError | InvalidTransactionError): string {
  const { phrase, cure } = REFUSAL_TEXTS[error.reason]
  const message = error.message.includes(phrase) ? error.message : `${phrase}: ${error.message}`
  return cure === undefined || message.includes(cure) ? message : `${message}; ${cure}`
}

/** The error of a call that reverted: the same from `eth_call`, `eth_estimateGas` and sending. */
export function revertError(output: Uint8Array): RpcError {
  const reason = revertReason(output)
  const message = reason === undefined ? 'execution reverted' : `execution reverted: ${reason}`
  return new RpcError(RPC_CODES.reverted, message, bytesToHex(output))
}
