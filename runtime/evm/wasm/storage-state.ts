/**
 * The JavaScript side of the storage table: slots loaded from the host, dirty ones told to it, failures taken back. See
 * `storage-table.ts` for when.
 */
import { present } from '../../../src/primitives/assert.ts'
import type { Host } from '../../host.ts'
import {
  ENGINE,
  FRAME,
  SLOT,
  SLOT_FLAG,
  SLOT_SIZE,
  STORAGE_DIRTY,
  STORAGE_SLOTS,
  STORAGE_SLOTS_MAX,
  STORAGE_SLOTS_MIN,
  TRANSIENT,
} from './layout.ts'
import type { Machine } from './machine.ts'

const EPOCH_MAX = 0x7fff_ffff

/** Empties the table and makes it small. What is dirty must have been told. */
export function beginStorageEpoch(machine: Machine): void {
  const epoch = machine.field(ENGINE.storageEpoch)
  if (epoch === EPOCH_MAX) {
    machine.bytes.fill(0, STORAGE_SLOTS, STORAGE_SLOTS + STORAGE_SLOTS_MAX * SLOT_SIZE)
  }
  machine.setField(ENGINE.storageEpoch, epoch === EPOCH_MAX ? 1 : epoch + 1)
  machine.setField(ENGINE.slotMask, STORAGE_SLOTS_MIN - 1)
  machine.loadedSlots.length = 0
  machine.setField(ENGINE.undoCount, 0)
  machine.setField(ENGINE.dirtyCount, 0)
  machine.setLongField(ENGINE.refund, 0n)
}

/** Warms the slot and loads it unless it was, or was cold and nobody can pay for that. @returns 1 when it was cold. */
export function accessSlot(machine: Machine, host: Host, slot: number, canPay: boolean): number {
  const address = machine.addresses.addressOf(machine.field(slot + SLOT.account))
  const key = machine.knownWord(slot + SLOT.key)
  if (!canPay && host.accessStorage(address, key)) return 1
  const access = host.accessSlot(address, key)
  const flags = machine.field(slot + SLOT.flags)
  if ((flags & SLOT_FLAG.loaded) === 0) {
    machine.setWord(slot + SLOT.value, access.value)
    machine.setWord(slot + SLOT.original, access.original)
    machine.setField(slot + SLOT.known, machine.loadedSlots.push(access) - 1)
  }
  machine.setField(slot + SLOT.flags, flags | SLOT_FLAG.loaded | SLOT_FLAG.warm)
  return access.isCold ? 1 : 0
}

export function loadTransientSlot(machine: Machine, host: Host, slot: number): void {
  const account = machine.field(slot + SLOT.account) & ~TRANSIENT
  const address = machine.addresses.addressOf(account)
  machine.setWord(slot + SLOT.value, host.transientStorage(address, machine.word(slot + SLOT.key)))
}

/** Before the driver sees the frame's outcome: tells the host what was written. Hot: a frame each, mostly for nothing. */
export function tellStorage(machine: Machine, host: Host): void {
  const count = machine.field(ENGINE.dirtyCount)
  if (count === 0) return
  for (let i = 0; i < count; i++) {
    const slot = machine.field(STORAGE_DIRTY + 4 * i)
    machine.setField(slot + SLOT.flags, machine.field(slot + SLOT.flags) & ~SLOT_FLAG.dirty)
    const value = machine.word(slot + SLOT.value)
    const account = machine.field(slot + SLOT.account)
    // The mark of transient storage is the sign.
    if (account < 0) {
      const address = machine.addresses.addressOf(account & ~TRANSIENT)
      host.setTransientStorage(address, machine.word(slot + SLOT.key), value)
    } else {
      present(machine.loadedSlots[machine.field(slot + SLOT.known)], 'slot').write(value)
    }
  }
  machine.setField(ENGINE.dirtyCount, 0)
  // A sum of refunds fits 32 bits by far: a write gives at most 20,000, and 2¹⁶ of them fill the undo log.
  const refund = machine.field(ENGINE.refund)
  if (refund !== 0) host.addRefund(refund)
  machine.setLongField(ENGINE.refund, 0n)
}

/** The frame failed: the host hears nothing of what it wrote, its caller's `settleStorage` restores the table. */
export function forgetStorage(machine: Machine): void {
  const count = machine.field(ENGINE.dirtyCount)
  for (let i = 0; i < count; i++) {
    const slot = machine.field(STORAGE_DIRTY + 4 * i)
    machine.setField(slot + SLOT.flags, machine.field(slot + SLOT.flags) & ~SLOT_FLAG.dirty)
  }
  machine.setField(ENGINE.dirtyCount, 0)
  machine.setLongField(ENGINE.refund, 0n)
}

/** Before initcode begins: where its failure goes back to. The mark of a call is set by `takeCallGas`. */
export function markStorage(machine: Machine): void {
  machine.setField(FRAME.undoMark, machine.field(ENGINE.undoCount))
  machine.setField(FRAME.undoEpoch, machine.field(ENGINE.storageEpoch))
}

/** After a callee that failed. If the table began anew meanwhile, it may hold what the callee wrote before that. */
export function undoStorage(machine: Machine): void {
  if (machine.field(FRAME.undoEpoch) !== machine.field(ENGINE.storageEpoch)) beginStorageEpoch(machine)
  else machine.exports.undoStorage(machine.field(FRAME.undoMark))
}
