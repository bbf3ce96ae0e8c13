/** Offers a pool's pending transactions to a block: each time the best-paying head of all senders' queues. */
import type { BlockEnvironment } from '../execution/environment.ts'
import type { InvalidTransactionError } from '../execution/errors.ts'
import type { Offer, TransactionSource } from '../execution/executor.ts'
import { effectiveGasPrice, messageOf } from '../execution/transaction.ts'
import type { BlockAllowance } from '../execution/validation.ts'
import { BinaryHeap } from './binary-heap.ts'
import type { PooledTransaction } from './transaction-pool.ts'

/** A sender's queue as a block eats into it. */
interface Lane {
  readonly transactions: readonly PooledTransaction[]
  index: number
  /** Of the transaction at `index`, in wei per gas. */
  tip: bigint
}

/** What a block's encoding has besides transactions is less than this: its header, with a bloom filter, and lists. */
const FRAME_SIZE_MAX = 2048
/** Of RLP around a transaction with a type. */
const TRANSACTION_FRAME_SIZE = 4

export class PooledSource implements TransactionSource {
  private readonly lanes: BinaryHeap<Lane>
  private readonly baseFeePerGas: bigint
  private readonly onInvalid: (pooled: PooledTransaction) => void
  private offered: Lane | undefined
  /** Bytes that are left in the block. */
  private space: number

  /**
   * @param onInvalid hears of transactions that can never be in a block any more.
   * @param sizeMax of the block's encoding, where whoever carries it allows less than the fork (EIP-7934).
   */
  constructor(
    queues: readonly (readonly PooledTransaction[])[],
    environment: BlockEnvironment,
    onInvalid: (pooled: PooledTransaction) => void,
    sizeMax = Infinity,
  ) {
    this.space = Math.min(sizeMax, environment.rules.blockSizeMax ?? Infinity) - FRAME_SIZE_MAX
    this.baseFeePerGas = environment.baseFeePerGas
    this.onInvalid = onInvalid
    this.lanes = new BinaryHeap<Lane>(isBefore)
    for (const transactions of queues) this.enter({ transactions, index: 0, tip: 0n })
  }

  next(allowance: BlockAllowance): Offer | undefined {
    if (this.offered !== undefined) {
      this.space -= sizeOf(this.offered)
      this.advance(this.offered)
    }
    this.offered = undefined
    for (let lane = this.lanes.pop(); lane !== undefined; lane = this.lanes.pop()) {
      const pooled = lane.transactions[lane.index] as PooledTransaction
      // Too large for what is left: its sender waits for the next block, the others go on.
      if (pooled.transaction.fields.gasLimit > allowance.gas || sizeOf(lane) > this.space) continue
      this.offered = lane
      return { transaction: pooled.transaction, sender: pooled.sender }
    }
    return undefined
  }

  /** Whether anything is left that pays the base fee. */
  hasNext(): boolean {
    return this.lanes.size > 0
  }

  refused(_offer: Offer, error: InvalidTransactionError): void {
    const lane = this.offered
    this.offered = undefined
    if (lane === undefined || PASSING.has(error.reason)) return
    this.onInvalid(lane.transactions[lane.index] as PooledTransaction)
  }

  private advance(lane: Lane): void {
    lane.index += 1
    this.enter(lane)
  }

  private enter(lane: Lane): void {
    const pooled = lane.transactions[lane.index]
    if (pooled === undefined) return
    lane.tip =
      effectiveGasPrice(messageOf(pooled.transaction, pooled.sender), this.baseFeePerGas) - this.baseFeePerGas
    // Below the base fee: it and its successors wait.
    if (lane.tip >= 0n) this.lanes.push(lane)
  }
}

/** Of the next transaction, within a block. */
function sizeOf({ transactions, index }: Lane): number {
  return (transactions[index] as PooledTransaction).transaction.bytes.length + TRANSACTION_FRAME_SIZE
}

/** Refusals that another block may not repeat. */
const PASSING: ReadonlySet<string> = new Set([
  'gasLimitAboveBlock',
  'blobGasAboveBlock',
  'feeCapBelowBaseFee',
  'blobFeeCapTooLow',
  'nonceTooHigh',
])

function isBefore(a: Lane, b: Lane): boolean {
  if (a.tip !== b.tip) return a.tip > b.tip
  return (
    (a.transactions[a.index] as PooledTransaction).arrival <
    (b.transactions[b.index] as PooledTransaction).arrival
  )
}
