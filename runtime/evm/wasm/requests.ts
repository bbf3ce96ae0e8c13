/**
 * Calls and creations that a frame in Wasm asks for: its record is complete, the operands are on its stack, memory is
 * charged and there. What depends on accounts is charged here. The counterpart of tier 0's `instructions/system.ts`.
 */
import { delegationTarget } from '../../../src/chain/delegation.ts'
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { CallKind, Outcome } from '../../outcome.ts'
import * as prices from '../gas.ts'
import { OUT_OF_GAS } from '../halts.ts'
import type { OperatingFrame } from './host-operations.ts'
import { FRAME, WORD_SIZE } from './layout.ts'
import type { Machine } from './machine.ts'

const CALL_KINDS: Readonly<Record<number, CallKind>> = {
  0xf1: 'call',
  0xf2: 'callcode',
  0xf4: 'delegatecall',
  0xfa: 'staticcall',
}
const CREATE2 = 0xf5

/** Operands that the instruction at `FRAME.operation` takes. */
export function operandCount(opcode: number): number {
  const kind = CALL_KINDS[opcode]
  if (kind === undefined) return opcode === CREATE2 ? 4 : 3
  return kind === 'call' || kind === 'callcode' ? 7 : 6
}

/** The word at a position of the stack, 0 being the top. */
function operand(machine: Machine, position: number): number {
  return machine.field(FRAME.sp) - WORD_SIZE * (position + 1)
}

/** The call at `FRAME.operation`, or running out of gas. Takes the callee's gas from the frame. */
export function takeCall(machine: Machine, frame: OperatingFrame, rules: ForkRules): Outcome {
  const { message, host } = frame
  const kind = CALL_KINDS[machine.field(FRAME.operation)] as CallKind
  const named = machine.addressAt(operand(machine, 1)).address
  let gasLeft = machine.longField(FRAME.gas)
  // Before the machine is asked again: all of it is checked against what is left in the end.
  let price = host.accessAccount(named) ? prices.COLD_ACCOUNT_SURCHARGE : 0
  if (BigInt(price) > gasLeft) return OUT_OF_GAS
  const target = rules.hasSetCode ? delegationTarget(host.code(named)) : undefined
  if (target !== undefined) {
    price += prices.WARM_ACCOUNT_ACCESS
    if (BigInt(price) > gasLeft) return OUT_OF_GAS
    if (host.accessAccount(target)) price += prices.COLD_ACCOUNT_SURCHARGE
  }
  const hasValue = kind === 'call' || kind === 'callcode'
  const value = hasValue ? machine.word(operand(machine, 2)) : 0n
  if (value !== 0n) {
    price += prices.CALL_VALUE
    if (kind === 'call' && host.isEmptyAccount(named)) price += prices.NEW_ACCOUNT
  }
  gasLeft -= BigInt(price)
  if (gasLeft < 0n) return OUT_OF_GAS
  const requested = machine.word(operand(machine, 0))
  const available = gasLeft - gasLeft / 64n
  const taken = requested < available ? requested : available
  machine.setLongField(FRAME.gas, gasLeft - taken)

  const inputAt = hasValue ? 3 : 2
  const keepsAddress = kind === 'callcode' || kind === 'delegatecall'
  return {
    kind: 'call',
    request: {
      kind,
      gas: value === 0n ? taken : taken + BigInt(prices.CALL_STIPEND),
      to: keepsAddress ? message.address : named,
      codeAddress: target ?? named,
      isDelegated: target !== undefined,
      caller: kind === 'delegatecall' ? message.caller : message.address,
      value: kind === 'delegatecall' ? message.value : value,
      transfersValue: value !== 0n,
      isStatic: kind === 'staticcall' || message.isStatic,
      input: sliceMemory(machine, operand(machine, inputAt), operand(machine, inputAt + 1)),
    },
  }
}

/** The creation at `FRAME.operation`. Takes the gas for initcode from the frame. */
export function takeCreation(machine: Machine, { message }: OperatingFrame): Outcome {
  const gasLeft = machine.longField(FRAME.gas)
  const gas = gasLeft - gasLeft / 64n
  machine.setLongField(FRAME.gas, gasLeft - gas)
  const salt = machine.field(FRAME.operation) === CREATE2 ? machine.word(operand(machine, 3)) : undefined
  return {
    kind: 'create',
    request: {
      gas,
      creator: message.address,
      value: machine.word(operand(machine, 0)),
      initcode: sliceMemory(machine, operand(machine, 1), operand(machine, 2)),
      salt,
    },
  }
}

/** Where the output of the call at `FRAME.operation` goes. The instruction has paid for `size` bytes there. */
export function outputRange(machine: Machine): { readonly address: number; readonly size: number } {
  const sizeAt = operandCount(machine.field(FRAME.operation)) - 1
  const size = machine.i32[operand(machine, sizeAt) >> 2] as number
  const offset = machine.i32[operand(machine, sizeAt - 1) >> 2] as number
  return { address: machine.field(FRAME.memoryBase) + (offset >>> 0), size: size >>> 0 }
}

/** Replaces the operands of the instruction at `FRAME.operation`; what takes the place is written by the caller. */
export function dropOperands(machine: Machine): number {
  const sp = machine.field(FRAME.sp) - WORD_SIZE * (operandCount(machine.field(FRAME.operation)) - 1)
  machine.setField(FRAME.sp, sp)
  return sp - WORD_SIZE
}

/** Both operands fit 32 bits: Wasm has touched the range. With size 0 the offset may be anything. */
function sliceMemory(machine: Machine, offsetAt: number, sizeAt: number): Uint8Array {
  const size = (machine.i32[sizeAt >> 2] as number) >>> 0
  if (size === 0) return new Uint8Array(0)
  const start = machine.field(FRAME.memoryBase) + ((machine.i32[offsetAt >> 2] as number) >>> 0)
  return machine.bytes.slice(start, start + size)
}
