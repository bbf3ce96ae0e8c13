/**
 * The one journal: state as a block's execution sees and changes it, over any {@link StateReader}.
 *
 * Three lifetimes meet here. The *block*: values that {@link Journal.diff} compares with the base. The *transaction*:
 * warm sets (EIP-2929), original values (EIP-2200), transient storage (EIP-1153), logs, refunds, accounts created and
 * destroyed in it (EIP-6780); a transaction number on each record makes forgetting them free. The *frame*: an undo list,
 * cut back to a checkpoint when a frame fails.
 */
import { assert } from '../primitives/assert.ts'
import { EMPTY_BYTES, WORD_MAX, ZERO_HASH, type Address, type Hash } from '../primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../primitives/keccak.ts'
import { emptyPlaces } from '../primitives/known-hex.ts'
import { readLogs, type PackedLogs } from '../chain/packed-logs.ts'
import type { Log } from '../chain/receipt.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import {
  changedSlots,
  isAccountChanged,
  isEmptyRecord,
  removeRecord,
  type AccountRecord,
  type SlotRecord,
  type Undo,
} from './journal-records.ts'
import { SlotAccess } from './slot-access.ts'
import type { Account, SlotValues, StateDiff, StateReader } from './state-reader.ts'
import { WordMap } from './word-map.ts'

/** A power of 2. */
const RECENT_RECORDS = 32

export class Journal implements StateReader {
  private readonly base: StateReader
  private readonly records = new Map<Address, AccountRecord>()
  private readonly newCodes = new Map<Hash, Uint8Array>()
  private readonly undoList: Undo[] = []
  private transactionNumber = 1
  private readonly transient = new Map<Address, WordMap<bigint>>()
  private transactionLogs: (Log | PackedLogs)[] = []
  private refundCounter = 0
  /**
   * Accounts that the end of the transaction has to look at: touched or marked for deletion in it. Some may be listed
   * twice, and some whose mark was taken back; the marks count.
   */
  private readonly pendingEnd: AccountRecord[] = []

  // What was asked for of late is mostly asked for again: a transfer of tokens looks up three accounts some fifteen times. A
  // record has one place, which its address chooses.
  private readonly recent = emptyPlaces<AccountRecord>(RECENT_RECORDS)
  private lastCodeHash: Hash = EMPTY_CODE_HASH
  private lastCode = EMPTY_BYTES

  constructor(base: StateReader) {
    this.base = base
  }

  // Reading ---------------------------------------------------------------------------------------------------------

  account(address: Address): Account | undefined {
    const record = this.record(address)
    if (!record.isPresent) return undefined
    const { nonce, balance, codeHash } = record
    return { nonce, balance, codeHash, storageRoot: this.storageRoot(record) }
  }

  storage(address: Address, slot: bigint): bigint {
    return this.slot(this.record(address), slot).value
  }

  code(codeHash: Hash): Uint8Array {
    if (codeHash === this.lastCodeHash) return this.lastCode
    if (codeHash === EMPTY_CODE_HASH) return EMPTY_BYTES
    this.lastCode = this.newCodes.get(codeHash) ?? this.base.code(codeHash)
    this.lastCodeHash = codeHash
    return this.lastCode
  }

  nonce(address: Address): bigint {
    return this.record(address).nonce
  }

  balance(address: Address): bigint {
    return this.record(address).balance
  }

  codeHash(address: Address): Hash {
    return this.record(address).codeHash
  }

  codeOf(address: Address): Uint8Array {
    return this.code(this.record(address).codeHash)
  }

  exists(address: Address): boolean {
    return this.record(address).isPresent
  }

  /** EIP-161: absent, or without nonce, balance and code. */
  isEmpty(address: Address): boolean {
    return isEmptyRecord(this.record(address))
  }

  /** Whether a contract may not be created here: it has code, a nonce (EIP-684) or storage (EIP-7610). */
  isOccupied(address: Address): boolean {
    const record = this.record(address)
    return (
      record.nonce !== 0n ||
      record.codeHash !== EMPTY_CODE_HASH ||
      this.storageRoot(record) !== EMPTY_TRIE_ROOT
    )
  }

  originalStorage(address: Address, slot: bigint): bigint {
    return this.original(this.slot(this.record(address), slot))
  }

  transientStorage(address: Address, slot: bigint): bigint {
    return this.transient.get(address)?.get(slot) ?? 0n
  }

  get refund(): number {
    return this.refundCounter
  }

  get logs(): readonly Log[] {
    return readLogs(this.transactionLogs)
  }

  /** {@link logs} for {@link readLogs}: those of a call are hardly ever read. */
  get recordedLogs(): readonly (Log | PackedLogs)[] {
    return this.transactionLogs
  }

  // Changing --------------------------------------------------------------------------------------------------------

  /**
   * Adds wei, touching the account even for 0. A balance stays a word: no chain has more coins, but a development node
   * can be told to give an account all there can be, and what comes on top of that is lost.
   */
  addBalance(address: Address, wei: bigint): void {
    const record = this.record(address)
    this.touch(record)
    if (wei === 0n) return
    this.rememberAccount(record)
    record.isPresent = true
    const sum = record.balance + wei
    record.balance = sum > WORD_MAX ? WORD_MAX : sum
  }

  /** Takes wei that must be there. */
  subtractBalance(address: Address, wei: bigint): void {
    const record = this.record(address)
    this.touch(record)
    if (wei === 0n) return
    assert(record.balance >= wei, 'balance below zero')
    this.rememberAccount(record)
    record.balance -= wei
  }

  setBalance(address: Address, wei: bigint): void {
    const record = this.record(address)
    this.touch(record)
    this.rememberAccount(record)
    record.isPresent = true
    record.balance = wei
  }

  setNonce(address: Address, nonce: bigint): void {
    const record = this.record(address)
    this.touch(record)
    this.rememberAccount(record)
    record.isPresent = true
    record.nonce = nonce
  }

  setCode(address: Address, code: Uint8Array): void {
    const record = this.record(address)
    this.touch(record)
    this.rememberAccount(record)
    record.isPresent = true
    record.codeHash = code.length === 0 ? EMPTY_CODE_HASH : keccak256Hash(code)
    if (code.length > 0) this.newCodes.set(record.codeHash, code)
  }

  /** Begins a contract: nonce 1 (EIP-161), and from now on "created in this transaction" (EIP-6780). */
  createContract(address: Address): void {
    const record = this.record(address)
    this.undoList.push({ kind: 'created', record, before: record.createdIn })
    record.createdIn = this.transactionNumber
    this.setNonce(address, 1n)
  }

  isCreatedInTransaction(address: Address): boolean {
    return this.record(address).createdIn === this.transactionNumber
  }

  /** Deletes the account at the end of the transaction. */
  markDestroyed(address: Address): void {
    const record = this.record(address)
    if (record.destroyedIn === this.transactionNumber) return
    this.undoList.push({ kind: 'destroyed', record, before: record.destroyedIn })
    record.destroyedIn = this.transactionNumber
    this.pendingEnd.push(record)
  }

  setStorage(address: Address, slot: bigint, value: bigint): void {
    this.writeSlot(this.slot(this.record(address), slot), value)
  }

  /** {@link setStorage} for a slot that was found before, in this transaction. */
  writeSlot(record: SlotRecord, value: bigint): void {
    if (record.originalIn !== this.transactionNumber) {
      // Not undone: after a revert `value` is the original again, and both readings agree.
      record.original = record.value
      record.originalIn = this.transactionNumber
    }
    if (record.value === value) return
    this.undoList.push({ kind: 'slot', slot: record, value: record.value })
    record.value = value
  }

  setTransientStorage(address: Address, slot: bigint, value: bigint): void {
    let slots = this.transient.get(address)
    if (slots === undefined) {
      slots = new WordMap()
      this.transient.set(address, slots)
    }
    this.undoList.push({ kind: 'transient', slots, slot, value: slots.get(slot) ?? 0n })
    slots.set(slot, value)
  }

  /** Marks warm; `true` when it was cold. */
  accessAccount(address: Address): boolean {
    const record = this.record(address)
    if (record.warmIn === this.transactionNumber) return false
    this.undoList.push({ kind: 'warmAccount', record })
    record.warmIn = this.transactionNumber
    return true
  }

  /** Marks warm; `true` when it was cold. */
  accessStorage(address: Address, slot: bigint): boolean {
    return this.warm(this.slot(this.record(address), slot))
  }

  /** {@link accessStorage} with the slot's value, and that when the transaction began. */
  accessSlot(address: Address, slot: bigint): SlotAccess {
    const record = this.slot(this.record(address), slot)
    return new SlotAccess(this, record, this.warm(record), this.original(record))
  }

  addLog(log: Log | PackedLogs): void {
    this.undoList.push({ kind: 'log' })
    this.transactionLogs.push(log)
  }

  addRefund(gas: number): void {
    this.undoList.push({ kind: 'refund', refund: this.refundCounter })
    this.refundCounter += gas
  }

  // Frames and transactions -----------------------------------------------------------------------------------------

  /** A mark to {@link revertTo}. */
  checkpoint(): number {
    return this.undoList.length
  }

  /** Takes back everything since the checkpoint. */
  revertTo(checkpoint: number): void {
    while (this.undoList.length > checkpoint) this.takeBack(this.undoList.pop() as Undo)
  }

  /**
   * Ends the transaction: deletes what was destroyed and what was touched and is empty (EIP-161), forgets everything
   * that lives for one transaction.
   * @returns the accounts deleted by SELFDESTRUCT.
   */
  endTransaction(): readonly Address[] {
    const destroyed: Address[] = []
    for (const record of this.pendingEnd) {
      if (record.destroyedIn === this.transactionNumber) {
        destroyed.push(record.address)
        // Listed once, though it was touched as well.
        record.destroyedIn = 0
      } else if (record.touchedIn !== this.transactionNumber || !record.isPresent || !isEmptyRecord(record)) {
        continue
      }
      removeRecord(record)
    }
    this.pendingEnd.length = 0
    this.undoList.length = 0
    this.transactionNumber += 1
    if (this.transient.size > 0) this.transient.clear()
    this.transactionLogs = []
    this.refundCounter = 0
    return destroyed
  }

  /** What differs from the base, between transactions. */
  diff(): StateDiff {
    const accounts = new Map<Address, Account | null>()
    const storage = new Map<Address, SlotValues>()
    const clearedStorage = new Set<Address>()
    for (const record of this.records.values()) {
      const { address, base } = record
      if (record.isStorageCleared && base !== undefined && base.storageRoot !== EMPTY_TRIE_ROOT) {
        clearedStorage.add(address)
      }
      if (record.isPresent) {
        const slots = changedSlots(record, clearedStorage.has(address))
        if (slots.size > 0) storage.set(address, slots)
        if (isAccountChanged(record) || slots.size > 0 || clearedStorage.has(address)) {
          const { nonce, balance, codeHash } = record
          accounts.set(address, {
            nonce,
            balance,
            codeHash,
            storageRoot: base?.storageRoot ?? EMPTY_TRIE_ROOT,
          })
        }
      } else if (base !== undefined) {
        accounts.set(address, null)
      }
    }
    return { accounts, storage, clearedStorage, codes: new Map(this.newCodes) }
  }

  // Inside ----------------------------------------------------------------------------------------------------------

  // Hot: every state access of the interpreter passes here.
  private record(address: Address): AccountRecord {
    const place = (address.charCodeAt(41) ^ (address.charCodeAt(40) << 2)) & (RECENT_RECORDS - 1)
    const recent = this.recent[place]
    if (recent !== undefined && recent.address === address) return recent
    const record = this.records.get(address) ?? this.load(address)
    this.recent[place] = record
    return record
  }

  private load(address: Address): AccountRecord {
    const base = this.base.account(address)
    const record: AccountRecord = {
      address,
      base,
      isPresent: base !== undefined,
      nonce: base?.nonce ?? 0n,
      balance: base?.balance ?? 0n,
      codeHash: base?.codeHash ?? EMPTY_CODE_HASH,
      slots: undefined,
      isStorageCleared: false,
      warmIn: 0,
      touchedIn: 0,
      createdIn: 0,
      destroyedIn: 0,
    }
    this.records.set(address, record)
    return record
  }

  private slot(record: AccountRecord, slot: bigint): SlotRecord {
    const known = record.slots?.get(slot)
    if (known !== undefined) return known
    const base = record.base === undefined ? 0n : this.base.storage(record.address, slot)
    const value = record.isStorageCleared ? 0n : base
    const fresh: SlotRecord = { base, value, original: 0n, originalIn: 0, warmIn: 0 }
    record.slots ??= new WordMap()
    record.slots.set(slot, fresh)
    return fresh
  }

  private original(slot: SlotRecord): bigint {
    return slot.originalIn === this.transactionNumber ? slot.original : slot.value
  }

  private warm(slot: SlotRecord): boolean {
    if (slot.warmIn === this.transactionNumber) return false
    this.undoList.push({ kind: 'warmSlot', slot })
    slot.warmIn = this.transactionNumber
    return true
  }

  private storageRoot(record: AccountRecord): Hash {
    return record.isStorageCleared ? EMPTY_TRIE_ROOT : (record.base?.storageRoot ?? EMPTY_TRIE_ROOT)
  }

  private touch(record: AccountRecord): void {
    if (record.touchedIn === this.transactionNumber) return
    this.undoList.push({ kind: 'touched', record, before: record.touchedIn })
    record.touchedIn = this.transactionNumber
    this.pendingEnd.push(record)
  }

  private rememberAccount(record: AccountRecord): void {
    const { isPresent, nonce, balance, codeHash } = record
    this.undoList.push({ kind: 'account', record, isPresent, nonce, balance, codeHash })
  }

  private takeBack(undo: Undo): void {
    switch (undo.kind) {
      case 'account':
        undo.record.isPresent = undo.isPresent
        undo.record.nonce = undo.nonce
        undo.record.balance = undo.balance
        undo.record.codeHash = undo.codeHash
        break
      case 'slot':
        undo.slot.value = undo.value
        break
      case 'warmAccount':
        undo.record.warmIn = 0
        break
      case 'warmSlot':
        undo.slot.warmIn = 0
        break
      case 'touched':
        undo.record.touchedIn = undo.before
        break
      case 'created':
        undo.record.createdIn = undo.before
        break
      case 'destroyed':
        undo.record.destroyedIn = undo.before
        break
      case 'transient':
        undo.slots.set(undo.slot, undo.value)
        break
      case 'log':
        this.transactionLogs.pop()
        break
      case 'refund':
        this.refundCounter = undo.refund
        break
    }
  }
}

/** Code hash as EXTCODEHASH reports it: zero for a dead account (EIP-1052). */
export function visibleCodeHash(journal: Journal, address: Address): Hash {
  return journal.isEmpty(address) ? ZERO_HASH : journal.codeHash(address)
}
