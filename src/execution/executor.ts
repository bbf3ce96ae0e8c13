/**
 * Executing the contents of a block, whoever chose them. Proposing and verifying are the same run over different
 * sources: a pool that offers transactions and shrugs at refusals, or a given block, for which a refusal is fatal.
 */
import type { Address } from '../primitives/bytes.ts'
import type { Withdrawal } from '../chain/block.ts'
import { bloomOfLogs } from '../chain/bloom.ts'
import type { Receipt } from '../chain/receipt.ts'
import type { Transaction } from '../chain/transaction.ts'
import { Journal } from '../state/journal.ts'
import type { StateDiff, StateReader } from '../state/state-reader.ts'
import type { Engine } from '../../runtime/host.ts'
import type { BlockEnvironment } from './environment.ts'
import { InvalidBlockError, InvalidTransactionError } from './errors.ts'
import { GAS_PER_BLOB } from './fees.ts'
import type { TransactionResult } from './message.ts'
import { collectRequests } from './requests.ts'
import { beginBlock } from './system-calls.ts'
import { executeTransaction, type ExecutionOptions } from './transaction.ts'
import type { BlockAllowance } from './validation.ts'

export interface Offer {
  readonly transaction: Transaction
  readonly sender: Address
}

/** Where a block's transactions come from. */
export interface TransactionSource {
  /** The next transaction to try with what is left in the block; `undefined` ends the block. */
  next(allowance: BlockAllowance): Offer | undefined
  /** The last offer was refused. May throw to give the block up. */
  refused(offer: Offer, error: InvalidTransactionError): void
}

export interface BlockRun {
  /** State after the parent. */
  readonly state: StateReader
  readonly environment: BlockEnvironment
  readonly source: TransactionSource
  readonly withdrawals: readonly Withdrawal[]
}

/** What a block's contents did. */
export interface BlockEffects {
  readonly transactions: readonly Transaction[]
  readonly senders: readonly Address[]
  readonly receipts: readonly Receipt[]
  readonly gasUsed: bigint
  readonly blobGasUsed: bigint
  readonly requests: readonly Uint8Array[]
  readonly diff: StateDiff
}

/** An engine for whole blocks. Executors differ in speed and origin only; effects are equal to the bit. */
export interface BlockExecutor {
  readonly name: string
  /** What calls outside of blocks run on; without one, tier 0. */
  readonly engine?: Engine
  /** @throws InvalidBlockError when the block cannot be valid, whatever its header says. */
  run(run: BlockRun): Promise<BlockEffects>
}

const WEI_PER_GWEI = 1_000_000_000n

/** Our own execution over an EVM engine. */
export function nativeExecutor(engine: Engine): BlockExecutor {
  return { name: engine.name, engine, run: async (run) => runBlock(run, { engine }) }
}

/** The block transition without its header: system calls, transactions, withdrawals, requests. */
export function runBlock(
  { state, environment, source, withdrawals }: BlockRun,
  options: ExecutionOptions,
): BlockEffects {
  const journal = new Journal(state)
  beginBlock(journal, environment, options.engine)
  const applied = applyTransactions(journal, environment, source, options)
  for (const { address, amount } of withdrawals) journal.addBalance(address, amount * WEI_PER_GWEI)
  journal.endTransaction()
  const requests = collectRequests(journal, environment, applied.receipts, options.engine)
  return { ...applied, requests, diff: journal.diff() }
}

/** Runs what the source offers and keeps account of the block. */
export function applyTransactions(
  journal: Journal,
  environment: BlockEnvironment,
  source: TransactionSource,
  options: ExecutionOptions,
): Omit<BlockEffects, 'requests' | 'diff'> {
  const transactions: Transaction[] = []
  const senders: Address[] = []
  const receipts: Receipt[] = []
  let gasUsed = 0n
  let blobGasUsed = 0n
  const blobGasMax = BigInt(environment.rules.blobs.max) * GAS_PER_BLOB
  for (;;) {
    const allowance = { gas: environment.gasLimit - gasUsed, blobGas: blobGasMax - blobGasUsed }
    const offer = source.next(allowance)
    if (offer === undefined) return { transactions, senders, receipts, gasUsed, blobGasUsed }
    const result = attempt(journal, environment, source, offer, allowance, options)
    if (result === undefined) continue
    gasUsed += result.gasUsed
    blobGasUsed += result.blobGasUsed
    transactions.push(offer.transaction)
    senders.push(offer.sender)
    receipts.push(receiptOf(offer.transaction, result, gasUsed))
  }
}

function attempt(
  journal: Journal,
  environment: BlockEnvironment,
  source: TransactionSource,
  offer: Offer,
  allowance: BlockAllowance,
  options: ExecutionOptions,
): TransactionResult | undefined {
  try {
    return executeTransaction(journal, environment, offer.transaction, offer.sender, allowance, options)
  } catch (error) {
    if (!(error instanceof InvalidTransactionError)) throw error
    source.refused(offer, error)
    return undefined
  }
}

export function receiptOf(
  transaction: Transaction,
  result: TransactionResult,
  cumulativeGasUsed: bigint,
): Receipt {
  const { logs } = result
  return {
    type: transaction.fields.type,
    succeeded: result.status === 'succeeded',
    cumulativeGasUsed,
    logsBloom: bloomOfLogs(logs),
    logs,
    gasUsed: result.gasUsed,
    effectiveGasPrice: result.effectiveGasPrice,
    contractAddress: result.contractAddress,
  }
}

/** Offers exactly these transactions; a refusal makes the block invalid. */
export function exactly(
  transactions: readonly Transaction[],
  senders: readonly Address[],
): TransactionSource {
  let index = 0
  return {
    next: () => {
      const transaction = transactions[index]
      const sender = senders[index]
      index += 1
      return transaction === undefined || sender === undefined ? undefined : { transaction, sender }
    },
    refused: ({ transaction }, error) => {
      const text = `transaction ${index - 1} (${transaction.hash}) is invalid: ${error.message}`
      throw new InvalidBlockError('transaction', text, { cause: error })
    },
  }
}
