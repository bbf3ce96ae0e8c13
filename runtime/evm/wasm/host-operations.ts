/**
 * What instructions in Wasm ask JavaScript to do, by opcode: everything that has to do with accounts and what is not in
 * linear memory. Fixed gas, memory and what depends on sizes is charged before, in Wasm.
 *
 * An operation finds its operands on the EVM stack below `sp`, and leaves its result where the lowest of them was. It
 * answers with the gas to charge on top, at most `gas`, or with the negative of a status when the frame halts.
 */
import { assert } from '../../../src/primitives/assert.ts'
import type { Address } from '../../../src/primitives/bytes.ts'
import type { Host, Message } from '../../host.ts'
import * as prices from '../gas.ts'
import { FRAME, haltStatus, WORD_SIZE } from './layout.ts'
import { LOG_OPERATION } from './logs.ts'
import { tellLargeLog, tellLogs } from './log-state.ts'
import type { Machine } from './machine.ts'
import { accessSlot, beginStorageEpoch, loadTransientSlot, tellStorage } from './storage-state.ts'
import { SLOT_OPERATION } from './storage-slots.ts'

/** The frame that runs, as operations need it. */
export interface OperatingFrame {
  readonly message: Message
  readonly host: Host
  /** RETURNDATACOPY with its operands below `sp`: what is copied is there, and has room. */
  copyReturnData(sp: number): void
}

const OUT_OF_GAS = -haltStatus('outOfGas')

export function operate(
  machine: Machine,
  frame: OperatingFrame,
  opcode: number,
  sp: number,
  gas: number,
): number {
  machine.refresh()
  const { host, message } = frame
  const top = sp - WORD_SIZE
  switch (opcode) {
    case 0x31:
      return ofAccount(machine, host, top, gas, balanceOf)
    case 0x3b:
      return ofAccount(machine, host, top, gas, codeSizeOf)
    case 0x3f:
      return ofAccount(machine, host, top, gas, codeHashOf)
    case 0x3c:
      return copyExternalCode(machine, host, sp, gas)
    case 0x3e:
      frame.copyReturnData(sp)
      return 0
    case 0x40:
      machine.setWord(top, BigInt(host.blockHash(machine.word(top))))
      return 0
    case 0x47:
      machine.setWord(sp, host.balance(message.address))
      return 0
    case 0x49:
      machine.setWord(top, blobHash(host, machine.word(top)))
      return 0
    case 0x54:
      return loadStorage(machine, frame, top, gas)
    case 0x55:
      return storeStorage(machine, frame, sp, gas)
    case 0x5c:
      machine.setWord(top, host.transientStorage(message.address, machine.word(top)))
      return 0
    case 0x5d:
      host.setTransientStorage(message.address, machine.word(top), machine.word(top - WORD_SIZE))
      return 0
    case SLOT_OPERATION.access:
      return accessSlot(machine, host, sp, gas === 1)
    case SLOT_OPERATION.loadTransient:
      loadTransientSlot(machine, host, sp)
      return 0
    case SLOT_OPERATION.restart:
      tellStorage(machine, host)
      beginStorageEpoch(machine)
      return 0
    case LOG_OPERATION.tell:
      tellLogs(machine, frame)
      return 0
    case LOG_OPERATION.tellLarge:
      tellLogs(machine, frame)
      tellLargeLog(machine, frame, sp, gas)
      return 0
    case 0xff:
      // A tracer sees it after what was logged before.
      tellLogs(machine, frame)
      return selfDestruct(machine, frame, top, gas)
    default:
      assert(false, 'an operation of the host')
  }
}

/** Replaces an address by something about the account, after paying for the access (EIP-2929). */
function ofAccount(
  machine: Machine,
  host: Host,
  at: number,
  gas: number,
  read: (host: Host, address: Address) => bigint,
): number {
  const address = machine.addressAt(at)
  const price = host.accessAccount(address) ? prices.COLD_ACCOUNT_SURCHARGE : 0
  if (price > gas) return OUT_OF_GAS
  machine.setWord(at, read(host, address))
  return price
}

function balanceOf(host: Host, address: Address): bigint {
  return host.balance(address)
}

function codeSizeOf(host: Host, address: Address): bigint {
  return BigInt(host.code(address).length)
}

function codeHashOf(host: Host, address: Address): bigint {
  return BigInt(host.codeHash(address))
}

/** EIP-4844; zero beyond the last blob. */
function blobHash(host: Host, index: bigint): bigint {
  const hashes = host.transaction.blobVersionedHashes
  const hash = index < BigInt(hashes.length) ? hashes[Number(index)] : undefined
  return hash === undefined ? 0n : BigInt(hash)
}

function copyExternalCode(machine: Machine, host: Host, sp: number, gas: number): number {
  const address = machine.addressAt(sp - WORD_SIZE)
  const price = host.accessAccount(address) ? prices.COLD_ACCOUNT_SURCHARGE : 0
  if (price > gas) return OUT_OF_GAS
  copyOut(machine, host.code(address), sp - WORD_SIZE)
  return price
}

/** Target, source and size below `sp`; memory is there. Zeros behind the end of the source. */
function copyOut(machine: Machine, source: Uint8Array, sp: number): void {
  const size = Number(machine.word(sp - 3 * WORD_SIZE))
  if (size === 0) return
  const target = machine.field(FRAME.memoryBase) + Number(machine.word(sp - WORD_SIZE))
  const sourceOffset = Number(machine.word(sp - 2 * WORD_SIZE))
  const available = Math.max(0, Math.min(size, source.length - sourceOffset))
  if (available > 0) machine.bytes.set(source.subarray(sourceOffset, sourceOffset + available), target)
  machine.bytes.fill(0, target + available, target + size)
}

function loadStorage(machine: Machine, { host, message }: OperatingFrame, top: number, gas: number): number {
  const slot = machine.word(top)
  const price = host.accessStorage(message.address, slot) ? prices.COLD_SLOAD_SURCHARGE : 0
  if (price > gas) return OUT_OF_GAS
  machine.setWord(top, host.storage(message.address, slot))
  return price
}

/** The stipend and static calls were looked at before. */
function storeStorage(machine: Machine, { host, message }: OperatingFrame, sp: number, gas: number): number {
  const slot = machine.word(sp - WORD_SIZE)
  const value = machine.word(sp - 2 * WORD_SIZE)
  const { address } = message
  const access = host.accessStorage(address, slot) ? prices.COLD_STORAGE_ACCESS : 0
  if (access > gas) return OUT_OF_GAS
  const current = host.storage(address, slot)
  if (value === current)
    return access + prices.STORAGE_DIRTY > gas ? OUT_OF_GAS : access + prices.STORAGE_DIRTY
  const original = host.originalStorage(address, slot)
  const price = access + prices.changePrice(original, current)
  if (price > gas) return OUT_OF_GAS
  const refund = prices.changeRefund(original, current, value)
  if (refund !== 0) host.addRefund(refund)
  host.setStorage(address, slot, value)
  return price
}

function selfDestruct(machine: Machine, { host, message }: OperatingFrame, top: number, gas: number): number {
  const beneficiary = machine.addressAt(top)
  let price = host.accessAccount(beneficiary) ? prices.COLD_ACCOUNT_ACCESS : 0
  if (price > gas) return OUT_OF_GAS
  if (host.isEmptyAccount(beneficiary) && host.balance(message.address) !== 0n) price += prices.NEW_ACCOUNT
  if (price > gas) return OUT_OF_GAS
  host.selfDestruct(message.address, beneficiary)
  return price
}
