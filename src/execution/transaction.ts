/**
 * The transaction transition: validate, buy gas, apply authorizations, run, refund, pay (yellow paper §6, EIP-1559,
 * 3529, 3651, 4844, 7623, 7702). One function for a block's transactions and for simulated ones; they differ in policy.
 */
import { UINT64_MAX, ZERO_ADDRESS, type Address } from '../primitives/bytes.ts'
import { EMPTY_CODE_HASH } from '../primitives/keccak.ts'
import { createAddress } from '../chain/contract-address.ts'
import { delegationTarget, delegationTo } from '../chain/delegation.ts'
import { recoverAuthority } from '../chain/transaction-signature.ts'
import type { Authorization, Transaction } from '../chain/transaction.ts'
import { readLogs } from '../chain/packed-logs.ts'
import type { Journal } from '../state/journal.ts'
import { tier0 } from '../../runtime/evm/engine.ts'
import { precompilesOf } from '../../runtime/evm/precompiles/table.ts'
import type { Engine } from '../../runtime/host.ts'
import { runCall, runCreate, type DriverContext, type DriverResult } from './driver.ts'
import type { BlockEnvironment } from './environment.ts'
import { GAS_PER_BLOB } from './fees.ts'
import type { IntrinsicGas } from './intrinsic-gas.ts'
import { JournalHost } from './journal-host.ts'
import type { CallMessage, TransactionResult } from './message.ts'
import type { ExecutionTracer } from './tracing.ts'
import {
  BLOCK_POLICY,
  validateForm,
  validateLimits,
  validateSender,
  type BlockAllowance,
  type ExecutionPolicy,
} from './validation.ts'

/** At most this part of the gas used comes back as refund (EIP-3529). */
const REFUND_QUOTIENT = 5n
/** Part of an authorization's intrinsic gas that comes back when the authority's account existed (EIP-7702). */
const AUTHORIZATION_REFUND = 12_500

export interface ExecutionOptions {
  readonly engine?: Engine | undefined
  readonly tracer?: ExecutionTracer | undefined
  /** Instead of those of the fork: a simulation may move or replace some. */
  readonly precompiles?: DriverContext['precompiles'] | undefined
}

/**
 * Executes a block's transaction. Afterwards the journal stands between transactions.
 * @throws InvalidTransactionError when it may not be in this block; the journal is then unchanged.
 */
export function executeTransaction(
  journal: Journal,
  environment: BlockEnvironment,
  transaction: Transaction,
  sender: Address,
  allowance: BlockAllowance,
  options: ExecutionOptions = {},
): TransactionResult {
  validateForm(transaction, environment)
  return runMessage(journal, environment, messageOf(transaction, sender), allowance, BLOCK_POLICY, options)
}

/** A transaction as a message from its sender. */
export function messageOf({ fields }: Transaction, sender: Address): CallMessage {
  return {
    from: sender,
    to: fields.to,
    gasLimit: fields.gasLimit,
    maxFeePerGas: 'maxFeePerGas' in fields ? fields.maxFeePerGas : fields.gasPrice,
    maxPriorityFeePerGas: 'maxPriorityFeePerGas' in fields ? fields.maxPriorityFeePerGas : fields.gasPrice,
    value: fields.value,
    data: fields.data,
    nonce: fields.nonce,
    accessList: fields.type === 0 ? [] : fields.accessList,
    blobVersionedHashes: fields.type === 3 ? fields.blobVersionedHashes : [],
    maxFeePerBlobGas: fields.type === 3 ? fields.maxFeePerBlobGas : 0n,
    authorizationList: fields.type === 4 ? fields.authorizationList : [],
  }
}

/**
 * Runs a message as a transaction of the environment's block.
 * @throws InvalidTransactionError when the policy refuses it; the journal is then unchanged.
 */
export function runMessage(
  journal: Journal,
  environment: BlockEnvironment,
  message: CallMessage,
  allowance: BlockAllowance,
  policy: ExecutionPolicy,
  options: ExecutionOptions = {},
): TransactionResult {
  const gas = validateLimits(message, environment, allowance, policy)
  validateSender(message.from, message, environment, journal, policy)
  const { tracer } = options
  // A free call also sees a free block: contracts that pay their caller back by BASEFEE would fail otherwise.
  const isFree = !policy.checkFees && message.maxFeePerGas === 0n
  const seen = isFree ? { ...environment, baseFeePerGas: 0n } : environment
  const price = effectiveGasPrice(message, seen.baseFeePerGas)
  const blobGas = BigInt(message.blobVersionedHashes.length) * GAS_PER_BLOB
  tracer?.start?.({
    environment: seen,
    sender: message.from,
    to: message.to,
    gasLimit: message.gasLimit,
    intrinsicGas: gas.intrinsic,
    state: journal,
    authorities: tracer.start === undefined ? [] : authoritiesOf(message.authorizationList),
  })

  const nonce = journal.nonce(message.from)
  journal.subtractBalance(message.from, message.gasLimit * price + (isFree ? 0n : blobGas * seen.blobBaseFee))
  journal.setNonce(message.from, nonce + 1n)
  const ended = run(journal, seen, message, nonce, price, message.gasLimit - gas.intrinsic, options)

  const spent = message.gasLimit - gasLeftOf(ended)
  const gasUsed = gasAfterRefund(spent, journal.refund, gas)
  journal.addBalance(message.from, (message.gasLimit - gasUsed) * price)
  journal.addBalance(seen.beneficiary, gasUsed * (price - seen.baseFeePerGas))
  const logs = ended.outcome.kind === 'return' ? journal.recordedLogs : []
  const deleted = journal.endTransaction()
  tracer?.end?.({ gasUsed, state: journal, deleted })
  return resultOf(ended, { message, gasUsed, spent, logs, price, blobGas })
}

/** What is paid per gas, in wei (EIP-1559). */
export function effectiveGasPrice(
  message: Pick<CallMessage, 'maxFeePerGas' | 'maxPriorityFeePerGas'>,
  baseFeePerGas: bigint,
): bigint {
  const withTip = baseFeePerGas + message.maxPriorityFeePerGas
  return withTip < message.maxFeePerGas ? withTip : message.maxFeePerGas
}

function run(
  journal: Journal,
  environment: BlockEnvironment,
  message: CallMessage,
  nonce: bigint,
  gasPrice: bigint,
  gas: bigint,
  options: ExecutionOptions,
): DriverResult {
  const { rules } = environment
  const { tracer, engine = tier0, precompiles = precompilesOf(rules.evm) } = options
  const { from, to, value, data, blobVersionedHashes } = message
  const seen = { origin: from, gasPrice, blobVersionedHashes }
  const host = new JournalHost(journal, environment, seen, precompiles, tracer)
  const context: DriverContext = { journal, host, engine, rules, precompiles, tracer }
  warmUp(journal, environment, message)
  for (const authorization of message.authorizationList)
    applyAuthorization(journal, environment, authorization)
  if (to === null) {
    const created = createAddress(from, nonce)
    return runCreate(context, { gas, creator: from, value, initcode: data, salt: undefined }, created)
  }
  const target = rules.hasSetCode ? delegationTarget(journal.codeOf(to)) : undefined
  if (target !== undefined) journal.accessAccount(target)
  return runCall(context, {
    kind: 'call',
    gas,
    to,
    codeAddress: target ?? to,
    isDelegated: target !== undefined,
    caller: from,
    value,
    transfersValue: value > 0n,
    isStatic: false,
    input: data,
  })
}

/** What every transaction finds warm, besides precompiles (EIP-2929, 2930, 3651). */
function warmUp(journal: Journal, environment: BlockEnvironment, message: CallMessage): void {
  journal.accessAccount(message.from)
  if (message.to !== null) journal.accessAccount(message.to)
  journal.accessAccount(environment.beneficiary)
  for (const { address, storageKeys } of message.accessList) {
    journal.accessAccount(address)
    for (const key of storageKeys) journal.accessStorage(address, BigInt(key))
  }
}

/** EIP-7702: an authorization that does not hold is passed over; one that does outlives a failing transaction. */
function applyAuthorization(
  journal: Journal,
  environment: BlockEnvironment,
  authorization: Authorization,
): void {
  const { chainId, nonce, address } = authorization
  if (chainId !== 0n && chainId !== environment.config.chainId) return
  if (nonce >= UINT64_MAX) return
  const authority = recoverAuthority(authorization)
  if (authority === undefined) return
  journal.accessAccount(authority)
  const isFree = journal.codeHash(authority) === EMPTY_CODE_HASH
  if (!isFree && delegationTarget(journal.codeOf(authority)) === undefined) return
  if (journal.nonce(authority) !== nonce) return
  if (journal.exists(authority)) journal.addRefund(AUTHORIZATION_REFUND)
  journal.setCode(authority, address === ZERO_ADDRESS ? new Uint8Array(0) : delegationTo(address))
  journal.setNonce(authority, nonce + 1n)
}

function authoritiesOf(list: readonly Authorization[]): readonly Address[] {
  return list.flatMap((authorization) => recoverAuthority(authorization) ?? [])
}

function gasLeftOf({ outcome }: DriverResult): bigint {
  return outcome.kind === 'halt' ? 0n : outcome.gasLeft
}

/** Refund capped at a fifth (EIP-3529), then the call data floor (EIP-7623). */
function gasAfterRefund(spent: bigint, refund: number, { floor }: IntrinsicGas): bigint {
  const used = refund === 0 ? spent : spent - grantedRefund(spent, BigInt(refund))
  return used < floor ? floor : used
}

function grantedRefund(spent: bigint, refund: bigint): bigint {
  const cap = spent / REFUND_QUOTIENT
  return refund < cap ? refund : cap
}

interface ResultFacts {
  readonly message: CallMessage
  readonly gasUsed: bigint
  readonly spent: bigint
  readonly logs: Journal['recordedLogs']
  readonly price: bigint
  readonly blobGas: bigint
}

function resultOf({ outcome, created }: DriverResult, facts: ResultFacts): TransactionResult {
  const isCreation = facts.message.to === null
  const output =
    outcome.kind === 'halt' || (isCreation && outcome.kind === 'return') ? new Uint8Array(0) : outcome.output
  return new Result(outcome, output, created ?? null, facts)
}

/** Logs are made readable for those who ask. */
class Result implements TransactionResult {
  readonly status: TransactionResult['status']
  readonly haltReason: TransactionResult['haltReason']
  readonly gasUsed: bigint
  readonly gasSpent: bigint
  readonly output: Uint8Array
  readonly contractAddress: Address | null
  readonly effectiveGasPrice: bigint
  readonly blobGasUsed: bigint
  readonly #recordedLogs: Journal['recordedLogs']

  constructor(
    outcome: DriverResult['outcome'],
    output: Uint8Array,
    contractAddress: Address | null,
    { gasUsed, spent, logs, price, blobGas }: ResultFacts,
  ) {
    this.status = outcome.kind === 'return' ? 'succeeded' : outcome.kind === 'revert' ? 'reverted' : 'halted'
    this.haltReason = outcome.kind === 'halt' ? outcome.reason : undefined
    this.gasUsed = gasUsed
    this.gasSpent = spent
    this.output = output
    this.contractAddress = contractAddress
    this.effectiveGasPrice = price
    this.blobGasUsed = blobGas
    this.#recordedLogs = logs
  }

  get logs(): TransactionResult['logs'] {
    return readLogs(this.#recordedLogs)
  }
}
