/**
 * Calls and creations that a frame in Wasm asks for: its record is complete, the operands are on its stack, memory is
 * charged and there. What depends on accounts is charged here. The counterpart of tier 0's `instructions/system.ts`.
 */
import { delegationTarget } from '../../../src/chain/delegation.ts'
import { EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { CallKind, Outcome } from '../../outcome.ts'
import * as prices from '../gas.ts'
import { OUT_OF_GAS } from '../halts.ts'
import type { OperatingFrame } from './host-operations.ts'
import { FRAME, WORD_SIZE } from './layout.ts'
import type { Machine } from './machine.ts'
import { markStorage } from './storage-state.ts'

const CREATE = 0xf0
const CREATE2 = 0xf5
const STIPEND = BigInt(prices.CALL_STIPEND)

function callKindOf(opcode: number): CallKind {
  if (opcode === 0xf1) return 'call'
  if (opcode === 0xfa) return 'staticcall'
  return opcode === 0xf4 ? 'delegatecall' : 'callcode'
}

/** Whether the frame waits for a creation. */
export function isCreation(machine: Machine): boolean {
  const opcode = machine.field(FRAME.operation)
  return opcode === CREATE || opcode === CREATE2
}

/** The call at `FRAME.operation`, or running out of gas. Takes the callee's gas from the frame. Hot: once a call. */
export function takeCall(machine: Machine, frame: OperatingFrame, rules: ForkRules): Outcome {
  const { message, host } = frame
  const kind = callKindOf(machine.field(FRAME.operation))
  const sp = machine.field(FRAME.sp)
  const named = machine.addressAt(sp - 2 * WORD_SIZE)
  const gasLeft = machine.gasLeft()
  let price = host.accessAccount(named) ? prices.COLD_ACCOUNT_SURCHARGE : 0
  if (price > gasLeft) return OUT_OF_GAS
  const target = rules.hasSetCode ? delegationTarget(host.code(named)) : undefined
  if (target !== undefined) {
    price += prices.WARM_ACCOUNT_ACCESS
    if (price > gasLeft) return OUT_OF_GAS
    if (host.accessAccount(target)) price += prices.COLD_ACCOUNT_SURCHARGE
  }
  const hasValue = kind === 'call' || kind === 'callcode'
  const value = hasValue ? machine.word(sp - 3 * WORD_SIZE) : 0n
  if (value !== 0n) {
    price += prices.CALL_VALUE
    if (kind === 'call' && host.isEmptyAccount(named)) price += prices.NEW_ACCOUNT
  }
  const gas = machine.exports.takeCallGas(price, sp - WORD_SIZE)
  if (gas < 0n) return OUT_OF_GAS
  const [start, size] = rangeAt(machine, sp - (hasValue ? 4 : 3) * WORD_SIZE)
  const keepsAddress = kind === 'callcode' || kind === 'delegatecall'
  return {
    kind: 'call',
    request: {
      kind,
      gas: value === 0n ? gas : gas + STIPEND,
      to: keepsAddress ? message.address : named,
      codeAddress: target ?? named,
      isDelegated: target !== undefined,
      caller: kind === 'delegatecall' ? message.caller : message.address,
      value: kind === 'delegatecall' ? message.value : value,
      transfersValue: value !== 0n,
      isStatic: kind === 'staticcall' || message.isStatic,
      input: machine.handOver(start, size),
    },
  }
}

/** The creation at `FRAME.operation`. Takes the gas for initcode from the frame. */
export function takeCreation(machine: Machine, { message }: OperatingFrame): Outcome {
  const sp = machine.field(FRAME.sp)
  markStorage(machine)
  const [start, size] = rangeAt(machine, sp - 2 * WORD_SIZE)
  const salt = machine.field(FRAME.operation) === CREATE2 ? machine.word(sp - 4 * WORD_SIZE) : undefined
  return {
    kind: 'create',
    request: {
      gas: machine.takeAllGas(),
      creator: message.address,
      value: machine.word(sp - WORD_SIZE),
      initcode: size === 0 ? EMPTY_BYTES : machine.bytes.slice(start, start + size),
      salt,
    },
  }
}

/**
 * Where the range begins and its size, whose offset is the word at `offsetAt` and whose size lies below. Both fit 32 bits:
 * Wasm has touched the range. With size 0 the offset may be anything.
 */
function rangeAt(machine: Machine, offsetAt: number): [start: number, size: number] {
  const start = machine.field(FRAME.memoryBase) + (machine.field(offsetAt) >>> 0)
  return [start, machine.field(offsetAt - WORD_SIZE) >>> 0]
}
