/** Running a past block's transactions again, for tracing. */
import type { Address } from '../primitives/bytes.ts'
import type { Block } from '../chain/block.ts'
import { Journal } from '../state/journal.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { BlockEnvironment } from './environment.ts'
import { GAS_PER_BLOB } from './fees.ts'
import { beginBlock } from './system-calls.ts'
import type { ExecutionTracer } from './tracing.ts'
import { executeTransaction } from './transaction.ts'

export interface ReplayInput {
  readonly block: Block
  readonly senders: readonly Address[]
  readonly environment: BlockEnvironment
  /** State before the block's first system call. */
  readonly state: StateReader
  /** Transactions to run, from the first; all when absent. */
  readonly count?: number
  /**
   * The tracer of each transaction, by index; `undefined` runs it untraced.
   * @param firstLogIndex how many logs the transactions before it left in the block.
   */
  tracerOf(index: number, firstLogIndex: number): ExecutionTracer | undefined
}

/**
 * Runs the first `count` transactions of a block. The journal ends after the last of them.
 * @throws InvalidTransactionError when the block is not a valid one: clients may give any.
 */
export function replayBlock(input: ReplayInput): Journal {
  const { block, senders, environment, state, tracerOf } = input
  const journal = new Journal(state)
  let gas = environment.gasLimit
  let blobGas = BigInt(environment.rules.blobs.max) * GAS_PER_BLOB
  beginBlock(journal, environment)
  let logCount = 0
  for (const [index, transaction] of block.transactions.slice(0, input.count).entries()) {
    const sender = senders[index] as Address
    const tracer = tracerOf(index, logCount)
    const allowance = { gas, blobGas }
    const result = executeTransaction(journal, environment, transaction, sender, allowance, { tracer })
    gas -= result.gasUsed
    blobGas -= result.blobGasUsed
    logCount += result.logs.length
  }
  return journal
}
