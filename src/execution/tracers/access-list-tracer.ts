/** Collects the accounts and slots that instructions name: what `eth_createAccessList` answers (EIP-2930). */
import { wordToHash, type Address, type Hash } from '../../primitives/bytes.ts'
import type { AccessListEntry } from '../../chain/transaction.ts'
import type { StepView } from '../../../runtime/host.ts'
import type { ExecutionTracer } from '../tracing.ts'
import { namedAccount, namedSlot } from './tracer.ts'

export class AccessListTracer implements ExecutionTracer {
  private readonly isExcluded: (address: Address) => boolean
  /** As hex: who chooses slots could have V8 go through all bigints of a set each time. */
  private readonly slots = new Map<Address, Set<Hash>>()

  /**
   * @param given entries that stay, unless excluded.
   * @param isExcluded accounts that are warm anyway: they appear only for the sake of their slots.
   */
  constructor(given: readonly AccessListEntry[], isExcluded: (address: Address) => boolean) {
    this.isExcluded = isExcluded
    for (const { address, storageKeys } of given) {
      if (isExcluded(address)) continue
      const slots = this.slotsOf(address)
      for (const key of storageKeys) slots.add(key)
    }
  }

  step(view: StepView): void {
    const slot = namedSlot(view)
    if (slot !== undefined) {
      this.slotsOf(view.address).add(wordToHash(slot))
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
      .map(([address, slots]) => ({ address, storageKeys: [...slots].toSorted() }))
  }

  private slotsOf(address: Address): Set<Hash> {
    let slots = this.slots.get(address)
    if (slots === undefined) this.slots.set(address, (slots = new Set()))
    return slots
  }
}
