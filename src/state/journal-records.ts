/** What the journal remembers of accounts and slots, and the steps that it can take back. */
import type { Address, Hash } from '../primitives/bytes.ts'
import { EMPTY_CODE_HASH } from '../primitives/keccak.ts'
import type { Account, SlotValues } from './state-reader.ts'
import { SlotList } from './slot-list.ts'
import type { WordMap } from './word-map.ts'

/** An account as the journal holds it. `isPresent` false: it does not exist, the other values are those of none. */
export interface AccountRecord {
  readonly address: Address
  /** As the base has it. */
  readonly base: Account | undefined
  isPresent: boolean
  nonce: bigint
  balance: bigint
  codeHash: Hash
  /** Made for the first of them: most accounts have none. */
  slots: WordMap<SlotRecord> | undefined
  /** The base's storage does not count any more: the account was removed in an earlier transaction. */
  isStorageCleared: boolean
  /** Transactions in which it became warm, was touched, created, marked for deletion; 0 = never. */
  warmIn: number
  touchedIn: number
  createdIn: number
  destroyedIn: number
}

/** A slot, likewise. */
export interface SlotRecord {
  /** As the base has it. */
  readonly base: bigint
  value: bigint
  /** Value when transaction `originalIn` began; for any other transaction that is `value`. */
  original: bigint
  originalIn: number
  warmIn: number
}

/** One step to take back. */
export type Undo =
  | {
      readonly kind: 'account'
      readonly record: AccountRecord
      readonly isPresent: boolean
      readonly nonce: bigint
      readonly balance: bigint
      readonly codeHash: Hash
    }
  | { readonly kind: 'slot'; readonly slot: SlotRecord; readonly value: bigint }
  | { readonly kind: 'warmAccount'; readonly record: AccountRecord }
  | { readonly kind: 'warmSlot'; readonly slot: SlotRecord }
  | {
      readonly kind: 'touched' | 'created' | 'destroyed'
      readonly record: AccountRecord
      readonly before: number
    }
  | {
      readonly kind: 'transient'
      readonly slots: WordMap<bigint>
      readonly slot: bigint
      readonly value: bigint
    }
  | { readonly kind: 'log' }
  | { readonly kind: 'refund'; readonly refund: number }

/** EIP-161: without nonce, balance and code. */
export function isEmptyRecord(record: AccountRecord): boolean {
  return record.nonce === 0n && record.balance === 0n && record.codeHash === EMPTY_CODE_HASH
}

/** Whether the account itself differs from what the base has, slots aside. */
export function isAccountChanged(record: AccountRecord): boolean {
  const { base } = record
  return (
    base === undefined ||
    base.nonce !== record.nonce ||
    base.balance !== record.balance ||
    base.codeHash !== record.codeHash
  )
}

/** Slots that differ from the base, or from nothing when the base's storage is gone. */
export function changedSlots(record: AccountRecord, isCleared: boolean): SlotValues {
  const changed: [slot: bigint, value: bigint][] = []
  if (record.slots === undefined) return new SlotList(changed)
  for (const [slot, { base, value }] of record.slots) {
    if (isCleared ? value !== 0n : value !== base) changed.push([slot, value])
  }
  return new SlotList(changed)
}

/** The account is gone; what its slots held in the base does not count any more. */
export function removeRecord(record: AccountRecord): void {
  record.isPresent = false
  record.nonce = 0n
  record.balance = 0n
  record.codeHash = EMPTY_CODE_HASH
  record.isStorageCleared = true
  record.slots = undefined
}
