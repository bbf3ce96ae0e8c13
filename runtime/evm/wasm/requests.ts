/**
 * Calls and creations that a frame in Wasm asks for: its record is complete, the operands are on its stack, memory is
 * charged and there. What depends on accounts is charged here. The counterpart of tier 0's `instructions/system.ts`.
 */
import { delegationTarget } from '../../../src/chain/delegation.ts'
import { EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { CallKind, Outcome } from '../../outcome.ts'
import * as prices from '../gas.ts'
import type { OperatingFrame } from './host-operations.ts'
import { FRAME, WORD_SIZE } from './layout.ts'
import type { Machine } from './machine.ts'
import { ResidentCall } from './resident-values.ts'
import { markStorage } from './storage-state.ts'

const CREATE = 0xf0
const CREATE2 = 0xf5

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

/**
 * The call at `FRAME.operation`; `undefined` when it runs out of gas. Takes the callee's gas from the frame. Hot: once a
 * call.
 * @param before the frame's last one, which is over.
 */
export function takeCall(
  machine: Machine,
  frame: OperatingFrame,
  rules: ForkRules,
  before: ResidentCall | undefined,
): ResidentCall | undefined {
  const { message, host } = frame
  const kind = callKindOf(machine.field(FRAME.operation))
  const sp = machine.field(FRAME.sp)
  const named = machine.addresses.knownAt(machine.i32, sp - 2 * WORD_SIZE)
  const { address } = named
  const gasLeft = machine.gasLeft()
  let price = host.accessAccount(address) ? prices.COLD_ACCOUNT_SURCHARGE : 0
  if (price > gasLeft) return undefined
  const target = rules.hasSetCode ? delegationTarget(host.code(address)) : undefined
  if (target !== undefined) {
    price += prices.WARM_ACCOUNT_ACCESS
    if (price > gasLeft) return undefined
    if (host.accessAccount(target)) price += prices.COLD_ACCOUNT_SURCHARGE
  }
  const hasValue = kind === 'call' || kind === 'callcode'
  const value = !hasValue || machine.isZero(sp - 3 * WORD_SIZE) ? 0n : machine.word(sp - 3 * WORD_SIZE)
  if (value !== 0n) {
    price += prices.CALL_VALUE
    if (kind === 'call' && host.isEmptyAccount(address)) price += prices.NEW_ACCOUNT
  }
  const stipend = value === 0n ? 0 : prices.CALL_STIPEND
  if (machine.exports.takeCallGas(price, sp - WORD_SIZE, stipend) === 0) return undefined
  const keepsAddress = kind === 'callcode' || kind === 'delegatecall'
  const call = before ?? new ResidentCall(machine, address, named)
  call.kind = kind
  call.to = keepsAddress ? message.address : address
  call.codeAddress = target ?? address
  call.isDelegated = target !== undefined
  call.caller = kind === 'delegatecall' ? message.caller : message.address
  call.value = kind === 'delegatecall' ? message.value : value
  call.transfersValue = value !== 0n
  call.isStatic = kind === 'staticcall' || message.isStatic
  call.named = named
  const offsetAt = sp - (hasValue ? 4 : 3) * WORD_SIZE
  call.inputAt = rangeStart(machine, offsetAt)
  call.inputSize = rangeSize(machine, offsetAt)
  call.ask()
  return call
}

/** The creation at `FRAME.operation`. Takes the gas for initcode from the frame. */
export function takeCreation(machine: Machine, { message }: OperatingFrame): Outcome {
  const sp = machine.field(FRAME.sp)
  markStorage(machine)
  const [start, size] = [rangeStart(machine, sp - 2 * WORD_SIZE), rangeSize(machine, sp - 2 * WORD_SIZE)]
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
 * Where a range begins whose offset is the word at `offsetAt`. It fits 32 bits, as Wasm has touched the range. With size 0
 * the offset may be anything.
 */
function rangeStart(machine: Machine, offsetAt: number): number {
  return machine.field(FRAME.memoryBase) + (machine.field(offsetAt) >>> 0)
}

/** Its size is the word below. */
function rangeSize(machine: Machine, offsetAt: number): number {
  return machine.field(offsetAt - WORD_SIZE) >>> 0
}
