/** Storage (EIP-2200, EIP-2929, EIP-3529) and transient storage (EIP-1153). */
import type { Outcome } from '../../outcome.ts'
import {
  CALL_STIPEND,
  changePrice,
  changeRefund,
  COLD_SLOAD_SURCHARGE,
  COLD_STORAGE_ACCESS,
  STORAGE_DIRTY,
} from '../gas.ts'
import { OUT_OF_GAS, STATIC_VIOLATION } from '../halts.ts'
import { charge, pop, setTop, top, type Machine } from '../machine.ts'

export function sload(machine: Machine): Outcome | void {
  const { host, message } = machine
  const slot = top(machine)
  if (host.accessStorage(message.address, slot) && !charge(machine, COLD_SLOAD_SURCHARGE)) return OUT_OF_GAS
  setTop(machine, host.storage(message.address, slot))
}

export function sstore(machine: Machine): Outcome | void {
  const { host, message } = machine
  if (message.isStatic) return STATIC_VIOLATION
  // A callee that has the stipend only must not be able to write (EIP-2200). With a reserve, `gas` is far above it.
  if (machine.gas <= CALL_STIPEND) return OUT_OF_GAS
  const slot = pop(machine)
  const value = pop(machine)
  if (host.accessStorage(message.address, slot) && !charge(machine, COLD_STORAGE_ACCESS)) return OUT_OF_GAS
  const current = host.storage(message.address, slot)
  if (value === current) return charge(machine, STORAGE_DIRTY) ? undefined : OUT_OF_GAS
  const original = host.originalStorage(message.address, slot)
  if (!charge(machine, changePrice(original, current))) return OUT_OF_GAS
  const refund = changeRefund(original, current, value)
  if (refund !== 0) host.addRefund(refund)
  host.setStorage(message.address, slot, value)
}

export function tload(machine: Machine): void {
  setTop(machine, machine.host.transientStorage(machine.message.address, top(machine)))
}

export function tstore(machine: Machine): Outcome | void {
  const { host, message } = machine
  if (message.isStatic) return STATIC_VIOLATION
  host.setTransientStorage(message.address, pop(machine), pop(machine))
}
