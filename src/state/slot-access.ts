/** What a journal says of a slot when it is touched: whoever writes the slot later need not look for it again. */
import type { Journal } from './journal.ts'
import type { SlotRecord } from './journal-records.ts'

export class SlotAccess {
  /** Whether it was cold: it is warm from now on. */
  readonly isCold: boolean
  readonly value: bigint
  /** When the transaction began. */
  readonly original: bigint
  private readonly journal: Journal
  private readonly slot: SlotRecord

  constructor(journal: Journal, slot: SlotRecord, isCold: boolean, original: bigint) {
    this.journal = journal
    this.slot = slot
    this.isCold = isCold
    this.value = slot.value
    this.original = original
  }

  /** {@link Journal.setStorage}, in the transaction of the access. */
  write(value: bigint): void {
    this.journal.writeSlot(this.slot, value)
  }
}
