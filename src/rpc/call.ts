/**
 * Running a call that is no transaction: on which state, in which block, at which price, and what its failure becomes.
 * `eth_call`, gas estimation, access lists and traced calls share it.
 */
import { present } from '../primitives/assert.ts'
import { EMPTY_BYTES, ZERO_ADDRESS, type Hash } from '../primitives/bytes.ts'
import { environmentOf, type BlockEnvironment } from '../execution/environment.ts'
import { InvalidTransactionError } from '../execution/errors.ts'
import type { CallMessage, TransactionResult } from '../execution/message.ts'
import type { ExecutionTracer } from '../execution/tracing.ts'
import { haltText } from '../execution/tracers/frame-errors.ts'
import { FailureTracer, TooManyStepsError } from '../execution/tracers/failure-tracer.ts'
import { runMessage } from '../execution/transaction.ts'
import { CALL_POLICY } from '../execution/validation.ts'
import { Journal } from '../state/journal.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { Engine } from '../../runtime/host.ts'
import type { HaltReason } from '../../runtime/outcome.ts'
import type { Backend } from './backend.ts'
import { invalidParams, revertError, RPC_CODES, RpcError } from './errors.ts'
import {
  overriddenEnvironment,
  overriddenPrecompiles,
  overriddenState,
  type BlockOverride,
  type PrecompileTable,
  type StateOverride,
} from './overrides.ts'
import { requireBlock, stateOf, type BlockId } from './parse-block.ts'
import type { CallRequest } from './parse-call.ts'

/** Most gas of a call that nobody pays for, and what it has when it does not say. */
export const CALL_GAS_MAX = 50_000_000n
/** More blobs than any call may carry. */
const AMPLE_BLOB_GAS = 1n << 40n
/** Instructions of a second run whose only purpose is a better text. */
const FAILURE_STEPS_MAX = 500_000

/** Where a call runs. */
export interface CallContext {
  readonly state: StateReader
  readonly environment: BlockEnvironment
  /** `undefined`: those of the fork. */
  readonly precompiles: PrecompileTable | undefined
  /** `undefined`: tier 0. */
  readonly engine?: Engine | undefined
}

export interface Overrides {
  readonly state?: StateOverride | undefined
  readonly block?: BlockOverride | undefined
}

/** The state after a block, and that block's own environment. */
export async function callContext(
  backend: Backend,
  id: BlockId,
  overrides: Overrides = {},
): Promise<CallContext> {
  const { engine } = backend
  const number = requireBlock(backend.ledger, id)
  if (number !== 'pending') {
    const environment = backend.environmentOf(number)
    return { ...overriddenContext(await stateOf(backend, id), environment, overrides), engine }
  }
  const { block, state } = await backend.pendingBlock()
  const hashes = (ancestor: bigint): Hash | undefined => backend.ledger.hashOf(ancestor)
  const environment = environmentOf(block.header, backend.config, hashes)
  return { ...overriddenContext(state, environment, overrides), engine }
}

export function overriddenContext(
  state: StateReader,
  environment: BlockEnvironment,
  overrides: Overrides,
): CallContext {
  const seen = overriddenEnvironment(environment, overrides.block)
  return {
    state: overriddenState(state, overrides.state),
    environment: seen,
    precompiles: overriddenPrecompiles(seen, overrides.state),
  }
}

/** The message that a request means. @param gasMax bounds its gas, and is its gas when it does not say. */
export function messageOf(request: CallRequest, chainId: bigint, gasMax: bigint): CallMessage {
  if (request.chainId !== undefined && request.chainId !== chainId) {
    throw invalidParams(`chainId does not match node's (have=${request.chainId}, want=${chainId})`)
  }
  const gas = request.gas ?? gasMax
  return {
    from: request.from ?? ZERO_ADDRESS,
    to: request.to ?? null,
    gasLimit: gas < gasMax ? gas : gasMax,
    maxFeePerGas: request.gasPrice ?? request.maxFeePerGas ?? 0n,
    maxPriorityFeePerGas: request.gasPrice ?? request.maxPriorityFeePerGas ?? 0n,
    value: request.value ?? 0n,
    data: request.data ?? EMPTY_BYTES,
    nonce: request.nonce,
    accessList: request.accessList ?? [],
    blobVersionedHashes: request.blobVersionedHashes ?? [],
    maxFeePerBlobGas: request.maxFeePerBlobGas ?? 0n,
    authorizationList: request.authorizationList ?? [],
  }
}

export interface CallResult {
  readonly result: TransactionResult
  /** What the call returned or reverted with; the code of a contract that it created. */
  readonly output: Uint8Array
}

/** Runs a message on a journal of its own. @throws InvalidTransactionError */
export function runCall(context: CallContext, message: CallMessage, tracer?: ExecutionTracer): CallResult {
  const { precompiles, engine } = context
  const journal = new Journal(context.state)
  const environment = pricedEnvironment(context.environment, message)
  const allowance = { gas: message.gasLimit, blobGas: AMPLE_BLOB_GAS }
  const result = runMessage(journal, environment, message, allowance, CALL_POLICY, {
    tracer,
    precompiles,
    engine,
  })
  return { result, output: outputOf(result, journal) }
}

/** Calls without a contract to call rely on it: they run as initcode and return their result as code. */
export function outputOf(result: TransactionResult, journal: Journal): Uint8Array {
  return result.contractAddress === null ? result.output : journal.codeOf(result.contractAddress)
}

/** A call without a price sees a block without one. @throws InvalidTransactionError when a price is too low. */
export function pricedEnvironment(environment: BlockEnvironment, message: CallMessage): BlockEnvironment {
  if (message.blobVersionedHashes.length === 0) return environment
  if (message.maxFeePerBlobGas === 0n) return { ...environment, blobBaseFee: 0n }
  if (message.maxFeePerBlobGas < environment.blobBaseFee) {
    throw new InvalidTransactionError(
      'blobFeeCapTooLow',
      `max fee per blob gas less than block blob gas fee: ${message.maxFeePerBlobGas} < ${environment.blobBaseFee}`,
    )
  }
  return environment
}

/** The error of a call that did not succeed. */
export function callError(
  context: CallContext,
  message: CallMessage,
  { result, output }: CallResult,
): RpcError {
  if (result.status === 'reverted') return revertError(output)
  return new RpcError(RPC_CODES.server, failureText(context, message, result))
}

/** Reasons whose text names an instruction or a size. */
const DETAILED: ReadonlySet<HaltReason> = new Set<HaltReason>([
  'stackUnderflow',
  'stackOverflow',
  'invalidOpcode',
  'invalidInitcodeSize',
  'codeSizeExceeded',
])

/**
 * Why a call failed, in the words that tracers use. Untraced runs do not remember the instruction, so some failures are
 * run once more; where that takes too long, the plain reason is enough.
 */
export function failureText(context: CallContext, message: CallMessage, result: TransactionResult): string {
  if (result.status === 'reverted') return 'execution reverted'
  const reason = present(result.haltReason, 'reason of a halt')
  return (DETAILED.has(reason) ? detailedText(context, message) : undefined) ?? haltText(reason)
}

function detailedText(context: CallContext, message: CallMessage): string | undefined {
  const tracer = new FailureTracer(FAILURE_STEPS_MAX)
  try {
    runCall(context, message, tracer)
  } catch (error) {
    if (!(error instanceof TooManyStepsError)) throw error
  }
  return tracer.text
}
