/** Collects the accounts and slots that instructions name: what `eth_createAccessList` answers (EIP-2930). */
import { wordToHash, type Address } from '../../primitives/bytes.ts'
import type { AccessListEntry } from '../../chain/transaction.ts'
import type { StepView } from '../../../runtime/host.ts'
import type { ExecutionTracer } from '../tracing.ts'
import { namedAccount, namedSlot } from './tracer.ts'

export class AccessListTracer implements ExecutionTracer {
  private readonly isExcluded: (address: Address) => boolean
  private readonly slots = new Map<Address, Set<bigint>>()

  /**
   * @param given entries that stay, unless excluded.
   * @param isExcluded accounts that are warm anyway: they appear only for the sake of their slots.
   */
  constructor(given: readonly AccessListEntry[], isExcluded: (address: Address) => boolean) {
    this.isExcluded = isExcluded
    for (const { address, storageKeys } of given) {
      if (isExcluded(address)) continue
      const slots = this.slotsOf(address)
      for (const key of storageKeys) slots.add(BigInt(key))
    }
  }

  step(view: StepView): void {
    const slot = namedSlot(view)
    if (slot !== undefined) {
      this.slotsOf(view.address).add(slot)
      return
    }
    const address = namedAccount(view)
    if (address !== undefined && !this.isExcluded(address)) this.slotsOf(address)
  }

  /** Accounts and slots; it never gets smaller, so that equal sizes of a list and its extension mean equal lists. */
  get size(): number {
    let size = this.slots.size
    for (const slots of this.slots.values()) size += slots.size
    return size
  }

  /** Ascending addresses and keys. */
  accessList(): readonly AccessListEntry[] {
    return [...this.slots]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([address, slots]) => ({ address, storageKeys: [...slots].toSorted(ascending).map(wordToHash) }))
  }

  private slotsOf(address: Address): Set<bigint> {
    let slots = this.slots.get(address)
    if (slots === undefined) this.slots.set(address, (slots = new Set()))
    return slots
  }
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
