/**
 * Whom a full pool gives up: the transactions with the highest nonce of each sender, the cheapest first, so that nothing
 * that stays loses the one before it. The order is kept while the pool changes, for a flood asks it at every newcomer:
 * what is no longer the last of its queue stays in it until it comes up, and is passed over then.
 */
import type { Address } from '../primitives/bytes.ts'
import { BinaryHeap } from './binary-heap.ts'
import type { PooledTransaction } from './transaction-pool.ts'

/** What a transaction would pay the beneficiary at most, in wei per gas. */
export function tipOf({ transaction: { fields } }: Pick<PooledTransaction, 'transaction'>): bigint {
  return 'maxFeePerGas' in fields ? fields.maxPriorityFeePerGas : fields.gasPrice
}

export class EvictionOrder {
  private readonly heap = new BinaryHeap<PooledTransaction>(isCheaper)
  private readonly tailOf: (sender: Address) => PooledTransaction | undefined

  /** @param tailOf the transaction with the highest nonce of a sender that has any. */
  constructor(
    tails: Iterable<PooledTransaction>,
    tailOf: (sender: Address) => PooledTransaction | undefined,
  ) {
    this.tailOf = tailOf
    for (const tail of tails) this.heap.push(tail)
  }

  /** Entries, those that are out of date included. */
  get size(): number {
    return this.heap.size
  }

  /** Takes note of a transaction that became the last of its queue. */
  add(tail: PooledTransaction): void {
    this.heap.push(tail)
  }

  /**
   * The cheapest ones, each with a lower tip than the newcomer's, until they are enough; at most one of a sender, and
   * none of the newcomer's own, which it may need to come first.
   * @returns `undefined`, with the order unchanged, when all of them are not enough.
   */
  select(
    newcomer: Pick<PooledTransaction, 'transaction' | 'sender'>,
    isEnough: (victims: ReadonlySet<PooledTransaction>) => boolean,
  ): ReadonlySet<PooledTransaction> | undefined {
    const tip = tipOf(newcomer)
    const victims = new Set<PooledTransaction>()
    const spared: PooledTransaction[] = []
    let hasEnough = isEnough(victims)
    while (!hasEnough) {
      const tail = this.heap.pop()
      if (tail === undefined) break
      if (this.tailOf(tail.sender) !== tail || victims.has(tail)) continue
      const isPaidMore = tipOf(tail) >= tip
      if (isPaidMore || tail.sender === newcomer.sender) spared.push(tail)
      else victims.add(tail)
      if (isPaidMore) break
      hasEnough = isEnough(victims)
    }
    for (const tail of spared) this.heap.push(tail)
    if (hasEnough) return victims
    for (const tail of victims) this.heap.push(tail)
    return undefined
  }
}

/** Among equals the later one goes first. */
function isCheaper(a: PooledTransaction, b: PooledTransaction): boolean {
  const [tipA, tipB] = [tipOf(a), tipOf(b)]
  return tipA === tipB ? a.arrival > b.arrival : tipA < tipB
}
