/** Memory, and everything that copies into it or hashes it. */
import { EMPTY_BYTES, bytesToBigint } from '../../../src/primitives/bytes.ts'
import { keccak256 as hash } from '../../../src/primitives/keccak.ts'
import type { Outcome } from '../../outcome.ts'
import { COPY_WORD, KECCAK_WORD } from '../gas.ts'
import { OUT_OF_GAS, RETURN_DATA_OUT_OF_BOUNDS } from '../halts.ts'
import { chargeWords, expandMemory, pop, popNumber, push, setTop, top, type Machine } from '../machine.ts'
import { copyToMemory, readWord, writeWord } from '../memory.ts'
import { accessAccount, popAddress } from '../access.ts'

export function mload(machine: Machine): Outcome | void {
  const offset = Number(top(machine))
  if (!expandMemory(machine, offset, 32)) return OUT_OF_GAS
  setTop(machine, readWord(machine.memory.view, offset))
}

export function mstore(machine: Machine): Outcome | void {
  const offset = popNumber(machine)
  const word = pop(machine)
  if (!expandMemory(machine, offset, 32)) return OUT_OF_GAS
  writeWord(machine.memory.view, offset, word)
}

export function mstore8(machine: Machine): Outcome | void {
  const offset = popNumber(machine)
  const word = pop(machine)
  if (!expandMemory(machine, offset, 1)) return OUT_OF_GAS
  machine.memory.bytes[offset] = Number(word & 0xffn)
}

export function msize(machine: Machine): void {
  push(machine, BigInt(machine.memory.size))
}

export function mcopy(machine: Machine): Outcome | void {
  const target = popNumber(machine)
  const source = popNumber(machine)
  const size = popNumber(machine)
  if (!chargeWords(machine, COPY_WORD, size)) return OUT_OF_GAS
  if (!expandMemory(machine, Math.max(target, source), size)) return OUT_OF_GAS
  if (size > 0) machine.memory.bytes.copyWithin(target, source, source + size)
}

export function keccak256(machine: Machine): Outcome | void {
  const offset = popNumber(machine)
  const size = Number(top(machine))
  if (!chargeWords(machine, KECCAK_WORD, size)) return OUT_OF_GAS
  if (!expandMemory(machine, offset, size)) return OUT_OF_GAS
  const input = size === 0 ? EMPTY_BYTES : machine.memory.bytes.subarray(offset, offset + size)
  setTop(machine, bytesToBigint(hash(input)))
}

export function calldataload(machine: Machine): void {
  const { input } = machine.message
  const offset = Number(top(machine))
  const bytes = input.subarray(offset, offset + 32)
  const missing = BigInt(8 * (32 - bytes.length))
  setTop(machine, bytesToBigint(bytes) << missing)
}

export function calldatacopy(machine: Machine): Outcome | void {
  return copy(machine, machine.message.input)
}

export function codecopy(machine: Machine): Outcome | void {
  return copy(machine, machine.message.code)
}

export function extcodecopy(machine: Machine): Outcome | void {
  const address = popAddress(machine)
  if (!accessAccount(machine, address)) return OUT_OF_GAS
  return copy(machine, machine.host.code(address))
}

/** Unlike other copies, reading behind the end is an error (EIP-211). */
export function returndatacopy(machine: Machine): Outcome | void {
  const sourceOffset = Number(machine.stack[machine.stackSize - 2])
  const size = Number(machine.stack[machine.stackSize - 3])
  if (sourceOffset + size > machine.returnData.length) return RETURN_DATA_OUT_OF_BOUNDS
  return copy(machine, machine.returnData)
}

/** Takes target, source and size from the stack and copies, zeros behind the end of `source`. */
function copy(machine: Machine, source: Uint8Array): Outcome | void {
  const offset = popNumber(machine)
  const sourceOffset = popNumber(machine)
  const size = popNumber(machine)
  if (!chargeWords(machine, COPY_WORD, size)) return OUT_OF_GAS
  if (!expandMemory(machine, offset, size)) return OUT_OF_GAS
  copyToMemory(machine.memory, offset, source, sourceOffset, size)
}
