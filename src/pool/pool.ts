/**
 * The transaction pool: one queue of nonces a sender, bounded in count and bytes, selection by price.
 *
 * A queue is *pending* as far as its nonces follow the account without a gap; the rest is *queued*. The pool is pure:
 * the node tells it the new head, it tells the node what to build from. Every refusal leaves it as it was.
 */
import { present } from '../primitives/assert.ts'
import type { Address, Hash } from '../primitives/bytes.ts'
import type { Transaction } from '../chain/transaction.ts'
import type { BlockEnvironment } from '../execution/environment.ts'
import { messageOf } from '../execution/transaction.ts'
import { maximumCost } from '../execution/validation.ts'
import type { StateReader } from '../state/state-reader.ts'
import { EvictionOrder, tipOf } from './eviction-order.ts'
import { checkTransaction } from './pool-checks.ts'
import { POOL_LIMITS, type PoolLimits } from './pool-limits.ts'
import { PooledSource } from './pooled-source.ts'
import {
  PoolError,
  type DropReason,
  type PooledTransaction,
  type PoolStatus,
  type TransactionPool,
} from './transaction-pool.ts'

/** What the pool judges transactions by: state after the head and the block that would follow it. */
export interface PoolHead {
  readonly state: StateReader
  readonly environment: BlockEnvironment
}

interface Costed extends PooledTransaction {
  /** Most that it can cost, in wei. */
  readonly cost: bigint
}

/** A sender's transactions by nonce. */
interface Queue {
  readonly sender: Address
  readonly byNonce: Map<bigint, Costed>
  /** Most that all of them together can cost, in wei. */
  cost: bigint
  /** The one with the highest nonce; `undefined` only while the queue is new or gone. */
  tail: PooledTransaction | undefined
}

/** Most entries in the order of eviction, those out of date included, for each transaction; then it is made anew. */
const EVICTION_ENTRIES_PER_TRANSACTION = 2

export class MemoryPool implements TransactionPool {
  readonly limits: PoolLimits
  private readonly queues = new Map<Address, Queue>()
  private readonly byHash = new Map<Hash, Costed>()
  private readonly departed = new Map<Hash, DropReason>()
  private head: PoolHead
  private bytes = 0
  private priceMin = 0n
  private arrivals = 0
  /** Made when a full pool first asks for it after a new head. */
  private evictionOrder: EvictionOrder | undefined

  constructor(head: PoolHead, limits: Partial<PoolLimits> = {}) {
    this.head = head
    this.limits = { ...POOL_LIMITS, ...limits }
  }

  add(transaction: Transaction, sender: Address): PooledTransaction {
    if (this.byHash.has(transaction.hash)) {
      throw new PoolError('alreadyKnown', `already known: transaction ${transaction.hash} is in the pool`)
    }
    const { fields } = transaction
    const account = this.head.state.account(sender)
    checkTransaction(transaction, sender, this.head, this.limits)
    this.checkPrice(transaction)
    const queue = this.queues.get(sender) ?? { sender, byNonce: new Map(), cost: 0n, tail: undefined }
    this.checkNonceAhead(transaction, account?.nonce ?? 0n)
    const replaced = queue.byNonce.get(transaction.fields.nonce)
    if (replaced === undefined) this.checkSenderLimit(queue, transaction, account?.nonce ?? 0n)
    else this.checkReplacement(replaced.transaction, transaction)
    const cost = maximumCost(messageOf(transaction, sender))
    this.checkFunds(queue, fields.nonce, cost, account?.balance ?? 0n)
    const victims = this.victimsFor(transaction, sender, replaced)

    for (const victim of victims) this.drop(victim, 'evicted')
    if (replaced !== undefined) this.drop(replaced, 'replaced')
    const pooled = { transaction, sender, arrival: this.arrivals++, cost }
    // Dropping may have emptied the queue and taken it off the map.
    this.queues.set(sender, queue)
    queue.byNonce.set(transaction.fields.nonce, pooled)
    queue.cost += cost
    if (queue.tail === undefined || nonceOf(queue.tail) < nonceOf(pooled)) this.setTail(queue, pooled)
    this.byHash.set(transaction.hash, pooled)
    this.bytes += transaction.bytes.length
    this.departed.delete(transaction.hash)
    return pooled
  }

  get(hash: Hash): PooledTransaction | undefined {
    return this.byHash.get(hash)
  }

  remove(hash: Hash): boolean {
    const pooled = this.byHash.get(hash)
    if (pooled !== undefined) this.drop(pooled, 'removed')
    return pooled !== undefined
  }

  /** Least fee cap that is let in from now on, in wei per gas. */
  setPriceMin(wei: bigint): void {
    this.priceMin = wei
  }

  clear(): void {
    for (const pooled of [...this.byHash.values()]) this.drop(pooled, 'removed')
  }

  status(): PoolStatus {
    let pending = 0
    for (const queue of this.queues.values()) pending += this.pendingOf(queue).length
    return { pending, queued: this.byHash.size - pending, bytes: this.bytes }
  }

  pending(): ReadonlyMap<Address, readonly PooledTransaction[]> {
    return this.collect((queue) => this.pendingOf(queue))
  }

  queued(): ReadonlyMap<Address, readonly PooledTransaction[]> {
    return this.collect((queue) => {
      const executable = new Set(this.pendingOf(queue))
      return sortedByNonce(queue).filter((pooled) => !executable.has(pooled))
    })
  }

  nextNonce(sender: Address): bigint {
    let nonce = this.head.state.account(sender)?.nonce ?? 0n
    const queue = this.queues.get(sender)
    while (queue?.byNonce.has(nonce) === true) nonce += 1n
    return nonce
  }

  dropped(hash: Hash): DropReason | undefined {
    return this.departed.get(hash)
  }

  /**
   * Moves to a new head.
   * @param included transactions that are in a block now.
   */
  setHead(head: PoolHead, included: readonly Transaction[]): void {
    this.head = head
    this.evictionOrder = undefined
    for (const { hash } of included) {
      const pooled = this.byHash.get(hash)
      if (pooled !== undefined) this.detach(pooled)
    }
    for (const queue of [...this.queues.values()]) this.dropStale(queue)
  }

  /** The pending transactions in the order a block takes them: best tip first, each sender's by nonce. */
  source(environment: BlockEnvironment = this.head.environment, sizeMax?: number): PooledSource {
    const queues = [...this.queues.values()]
      .map((queue) => this.pendingOf(queue))
      .filter((list) => list.length > 0)
    return new PooledSource(queues, environment, (pooled) => this.drop(pooled, 'invalid'), sizeMax)
  }

  private collect(
    select: (queue: Queue) => readonly PooledTransaction[],
  ): ReadonlyMap<Address, readonly PooledTransaction[]> {
    const result = new Map<Address, readonly PooledTransaction[]>()
    for (const queue of this.queues.values()) {
      const selected = select(queue)
      if (selected.length > 0) result.set(queue.sender, selected)
    }
    return result
  }

  private pendingOf(queue: Queue): readonly PooledTransaction[] {
    const list: PooledTransaction[] = []
    let nonce = this.head.state.account(queue.sender)?.nonce ?? 0n
    for (let next = queue.byNonce.get(nonce); next !== undefined; next = queue.byNonce.get(nonce)) {
      list.push(next)
      nonce += 1n
    }
    return list
  }

  private checkPrice(transaction: Transaction): void {
    const { feeCap } = prices(transaction)
    if (feeCap >= this.priceMin) return
    const text = `transaction underpriced: fee cap ${feeCap} wei per gas, this node takes ${this.priceMin} and more`
    throw new PoolError('underpriced', text)
  }

  private checkNonceAhead({ fields }: Transaction, next: bigint): void {
    const distance = fields.nonce - next
    if (distance <= BigInt(this.limits.perSenderMax)) return
    const text = `nonce too high: next nonce ${next}, tx nonce ${fields.nonce}, at most ${this.limits.perSenderMax} ahead`
    throw new PoolError('nonceTooHigh', text)
  }

  private checkSenderLimit(queue: Queue, { fields }: Transaction, next: bigint): void {
    if (queue.byNonce.size < this.limits.perSenderMax) return
    const text = `too many transactions of one sender: ${queue.byNonce.size} wait from nonce ${next} on, tx nonce ${fields.nonce}; wait for a block`
    throw new PoolError('senderLimit', text)
  }

  private checkReplacement(known: Transaction, offered: Transaction): void {
    const old = prices(known)
    const fresh = prices(offered)
    const percent = 100n + this.limits.replacementPercent
    const isEnough = fresh.feeCap * 100n >= old.feeCap * percent && fresh.tip * 100n >= old.tip * percent
    if (isEnough) return
    const need = (wei: bigint): bigint => (wei * percent + 99n) / 100n
    const text =
      `replacement transaction underpriced: needs a fee cap of ${need(old.feeCap)} and a tip of ${need(old.tip)} wei per gas, ` +
      `has ${fresh.feeCap} and ${fresh.tip}`
    throw new PoolError('replacementUnderpriced', text)
  }

  /** The balance must carry the sender's whole queue up to and including this transaction. */
  private checkFunds(queue: Queue, nonce: bigint, cost: bigint, balance: bigint): void {
    // Hot: most senders can pay for all of it, and a queue may be thousands long.
    if (queue.cost + cost <= balance) return
    let sum = cost
    for (const [before, pooled] of queue.byNonce) if (before < nonce) sum += pooled.cost
    if (sum <= balance) return
    const text = `insufficient funds for gas * price + value: balance ${balance}, queued cost ${sum}, short by ${sum - balance}`
    throw new PoolError('insufficientFunds', text)
  }

  /** Whom to evict so that the newcomer fits. @throws PoolError when nobody pays less. */
  private victimsFor(
    transaction: Transaction,
    sender: Address,
    replaced: PooledTransaction | undefined,
  ): Iterable<PooledTransaction> {
    const { transactionsMax, bytesMax } = this.limits
    const count = this.byHash.size + (replaced === undefined ? 1 : 0)
    const bytes = this.bytes - (replaced?.transaction.bytes.length ?? 0) + transaction.bytes.length
    if (count <= transactionsMax && bytes <= bytesMax) return []
    const victims = this.currentEvictionOrder().select({ transaction, sender }, (candidates) => {
      return count - candidates.size <= transactionsMax && bytes - sizeOf(candidates) <= bytesMax
    })
    if (victims !== undefined) return victims
    const text = `transaction pool is full: ${this.byHash.size} transactions, ${this.bytes} bytes; raise the tip above ${tipOf({ transaction })} wei or wait for a block`
    throw new PoolError('poolFull', text)
  }

  private currentEvictionOrder(): EvictionOrder {
    const sizeMax = EVICTION_ENTRIES_PER_TRANSACTION * this.limits.transactionsMax
    if (this.evictionOrder === undefined || this.evictionOrder.size > sizeMax) {
      const tails = [...this.queues.values()].map(({ tail }) => present(tail, 'last of a queue'))
      this.evictionOrder = new EvictionOrder(tails, (sender) => this.queues.get(sender)?.tail)
    }
    return this.evictionOrder
  }

  private setTail(queue: Queue, tail: PooledTransaction | undefined): void {
    queue.tail = tail
    if (tail !== undefined) this.evictionOrder?.add(tail)
  }

  private dropStale(queue: Queue): void {
    const account = this.head.state.account(queue.sender)
    const next = account?.nonce ?? 0n
    // Hot: asked of every queue after every block.
    const isCovered = queue.cost <= (account?.balance ?? 0n)
    for (const [nonce, pooled] of queue.byNonce) {
      if (nonce < next) this.drop(pooled, 'nonceUsed')
      else if (isCovered) continue
      else if (pooled.cost > (account?.balance ?? 0n)) this.drop(pooled, 'insufficientFunds')
    }
  }

  private drop(pooled: PooledTransaction, reason: DropReason): void {
    this.detach(pooled)
    this.departed.set(pooled.transaction.hash, reason)
    if (this.departed.size <= this.limits.droppedMax) return
    const oldest = this.departed.keys().next()
    if (oldest.done !== true) this.departed.delete(oldest.value)
  }

  private detach({ transaction, sender }: PooledTransaction): void {
    const pooled = this.byHash.get(transaction.hash)
    if (pooled === undefined) return
    this.byHash.delete(transaction.hash)
    this.bytes -= transaction.bytes.length
    const queue = present(this.queues.get(sender), `queue of ${sender}`)
    queue.byNonce.delete(transaction.fields.nonce)
    queue.cost -= pooled.cost
    if (queue.tail === pooled) this.setTail(queue, lastOf(queue))
    if (queue.byNonce.size === 0) this.queues.delete(sender)
  }
}

function sortedByNonce(queue: Queue): PooledTransaction[] {
  return [...queue.byNonce].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pooled]) => pooled)
}

function lastOf({ byNonce }: Queue): PooledTransaction | undefined {
  let last: PooledTransaction | undefined
  for (const pooled of byNonce.values()) {
    if (last === undefined || nonceOf(last) < nonceOf(pooled)) last = pooled
  }
  return last
}

function sizeOf(transactions: Iterable<PooledTransaction>): number {
  let size = 0
  for (const { transaction } of transactions) size += transaction.bytes.length
  return size
}

function nonceOf({ transaction }: PooledTransaction): bigint {
  return transaction.fields.nonce
}

function prices(transaction: Transaction): { readonly feeCap: bigint; readonly tip: bigint } {
  const { fields } = transaction
  return {
    feeCap: 'maxFeePerGas' in fields ? fields.maxFeePerGas : fields.gasPrice,
    tip: tipOf({ transaction }),
  }
}
