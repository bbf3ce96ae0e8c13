/**
 * The smallest gas limit with which a call succeeds, found by bisection. The run with the highest limit comes first: it
 * tells whether the call can succeed at all, and how much it used bounds the search from below. The result is exact
 * wherever more gas never makes a call fail.
 */
import { GAS_PER_BLOB } from '../execution/fees.ts'
import { InvalidTransactionError, type TransactionRefusal } from '../execution/errors.ts'
import type { CallMessage } from '../execution/message.ts'
import { callError, runCall, type CallContext, type CallResult } from './call.ts'
import { RPC_CODES, RpcError } from './errors.ts'
import type { Pause } from './pause.ts'

/** Gas of a transfer to an account without code. */
const TRANSFER_GAS = 21_000n
const CALL_STIPEND = 2_300n

/** Refusals that another gas limit can cure. */
const GAS_REFUSALS: ReadonlySet<TransactionRefusal> = new Set<TransactionRefusal>([
  'intrinsicGasTooLow',
  'calldataFloorTooLow',
])

/**
 * @param message its gas limit is the most that is tried; 0 = the block's.
 * @throws RpcError when the call fails whatever its gas limit. @throws InvalidTransactionError
 */
export async function estimateGas(
  context: CallContext,
  message: CallMessage,
  gasMax: bigint,
  pause: Pause,
): Promise<bigint> {
  const highest = highestGas(context, message, gasMax)
  if (
    isTransfer(context, message) &&
    attempt(context, message, TRANSFER_GAS)?.result.status === 'succeeded'
  ) {
    return TRANSFER_GAS
  }
  const first = attempt(context, message, highest)
  if (first === undefined || first.result.haltReason === 'outOfGas') {
    throw new RpcError(RPC_CODES.server, `gas required exceeds allowance (${highest})`)
  }
  const { result } = first
  if (result.status !== 'succeeded') throw callError(context, { ...message, gasLimit: highest }, first)

  const succeeds = async (gas: bigint): Promise<boolean> => {
    await pause()
    return attempt(context, message, gas)?.result.status === 'succeeded'
  }
  // What all but one 64th of must cover the peak, with a stipend to spare: mostly enough, and near the result.
  const likely = ((result.gasSpent + CALL_STIPEND) * 64n) / 63n
  return bisect(result.gasUsed - 1n, highest, likely, succeeds)
}

/** The least value in (low, high] that succeeds; `high` does, `low` does not. @param guess is tried first. */
async function bisect(
  low: bigint,
  high: bigint,
  guess: bigint,
  succeeds: (value: bigint) => Promise<boolean>,
): Promise<bigint> {
  let [failing, succeeding] = [low, high]
  let middle = guess
  while (failing + 1n < succeeding) {
    if (middle <= failing || middle >= succeeding) middle = (failing + succeeding) / 2n
    if (await succeeds(middle)) succeeding = middle
    else failing = middle
    // Most calls need little more than they use: search near the lower end first.
    middle = failing * 2n < succeeding ? failing * 2n : (failing + succeeding) / 2n
  }
  return succeeding
}

/** The most gas the call may have: its own limit, the fork's, what its sender can pay for, what the node allows. */
function highestGas({ state, environment }: CallContext, message: CallMessage, gasMax: bigint): bigint {
  const { gasLimit, maxFeePerGas } = message
  const bounds = [gasLimit >= TRANSFER_GAS ? gasLimit : environment.gasLimit, gasMax]
  const { transactionGasMax } = environment.rules
  if (transactionGasMax !== null) bounds.push(transactionGasMax)
  if (maxFeePerGas > 0n) {
    const blobGas = BigInt(message.blobVersionedHashes.length) * GAS_PER_BLOB
    const balance = state.account(message.from)?.balance ?? 0n
    const rest = balance - message.value - blobGas * message.maxFeePerBlobGas
    if (rest <= 0n) {
      const text = `insufficient funds for transfer: balance ${balance}, value ${message.value}, nothing left for gas`
      throw new InvalidTransactionError('insufficientFunds', text)
    }
    bounds.push(rest / maxFeePerGas)
  }
  return bounds.reduce((least, bound) => (bound < least ? bound : least))
}

function isTransfer({ state }: CallContext, { to, data }: CallMessage): boolean {
  if (to === null || data.length > 0) return false
  const account = state.account(to)
  return account === undefined || state.code(account.codeHash).length === 0
}

/** A run with a given limit; `undefined` when that is too low to begin with. */
function attempt(context: CallContext, message: CallMessage, gasLimit: bigint): CallResult | undefined {
  try {
    return runCall(context, { ...message, gasLimit })
  } catch (error) {
    if (error instanceof InvalidTransactionError && GAS_REFUSALS.has(error.reason)) return undefined
    throw error
  }
}
