/**
 * Instructions that hand over to other code: the CALL family, CREATE, CREATE2, SELFDESTRUCT. A call or a creation
 * suspends the frame with a request, after all of its costs were charged; balance, depth, nonce and collisions are for
 * the driver to judge, which resumes the frame with a failure and the gas.
 *
 * Sources: EIP-150, EIP-2929, EIP-3860, EIP-6780, EIP-7702.
 */
import { EMPTY_BYTES, type Address } from '../../../src/primitives/bytes.ts'
import { delegationTarget } from '../../../src/chain/delegation.ts'
import type { CallKind, Outcome } from '../../outcome.ts'
import { accessAccount, popAddress } from '../access.ts'
import * as prices from '../gas.ts'
import { INVALID_INITCODE_SIZE, OUT_OF_GAS, STATIC_VIOLATION } from '../halts.ts'
import {
  charge,
  chargeWords,
  expandMemory,
  gasLeft,
  pop,
  popNumber,
  takeCallGas,
  type Handler,
  type Machine,
} from '../machine.ts'
import { sliceMemory, viewMemory } from '../memory.ts'

export const call: Handler = (machine) => {
  const requestedGas = pop(machine)
  const to = popAddress(machine)
  const value = pop(machine)
  if (value !== 0n && machine.message.isStatic) return STATIC_VIOLATION
  return requestCall(machine, { kind: 'call', requestedGas, operand: to, value })
}

export const callcode: Handler = (machine) => {
  const requestedGas = pop(machine)
  const operand = popAddress(machine)
  return requestCall(machine, { kind: 'callcode', requestedGas, operand, value: pop(machine) })
}

export const delegatecall: Handler = (machine) => {
  const requestedGas = pop(machine)
  return requestCall(machine, { kind: 'delegatecall', requestedGas, operand: popAddress(machine), value: 0n })
}

export const staticcall: Handler = (machine) => {
  const requestedGas = pop(machine)
  return requestCall(machine, { kind: 'staticcall', requestedGas, operand: popAddress(machine), value: 0n })
}

/** The operands in which members of the family differ; the four offsets and sizes are still on the stack. */
interface CallOperands {
  readonly kind: CallKind
  readonly requestedGas: bigint
  /** The account named by the instruction: whose code runs, before delegation. */
  readonly operand: Address
  /** Moved by the call, in wei. */
  readonly value: bigint
}

function requestCall(machine: Machine, { kind, requestedGas, operand, value }: CallOperands): Outcome {
  const { message, host } = machine
  const inputOffset = popNumber(machine)
  const inputSize = popNumber(machine)
  const returnOffset = popNumber(machine)
  const returnSize = popNumber(machine)
  if (!expandMemory(machine, inputOffset, inputSize)) return OUT_OF_GAS
  if (!expandMemory(machine, returnOffset, returnSize)) return OUT_OF_GAS
  if (!accessAccount(machine, operand)) return OUT_OF_GAS

  const target = machine.rules.hasSetCode ? delegationTarget(host.code(operand)) : undefined
  if (target !== undefined && !accessTarget(machine, target)) return OUT_OF_GAS
  if (value !== 0n) {
    const createsAccount = kind === 'call' && host.isEmptyAccount(operand)
    if (!charge(machine, prices.CALL_VALUE + (createsAccount ? prices.NEW_ACCOUNT : 0))) return OUT_OF_GAS
  }
  const stipend = value === 0n ? 0n : BigInt(prices.CALL_STIPEND)
  const gas = takeCallGas(machine, requestedGas) + stipend

  const keepsAddress = kind === 'callcode' || kind === 'delegatecall'
  machine.pending = { kind: 'call', returnOffset, returnSize }
  return {
    kind: 'call',
    request: {
      kind,
      gas,
      to: keepsAddress ? message.address : operand,
      codeAddress: target ?? operand,
      isDelegated: target !== undefined,
      caller: kind === 'delegatecall' ? message.caller : message.address,
      value: kind === 'delegatecall' ? message.value : value,
      transfersValue: value !== 0n,
      isStatic: kind === 'staticcall' || message.isStatic,
      // The memory stays as it is until the frame is resumed.
      input: viewMemory(machine.memory, inputOffset, inputSize),
    },
  }
}

/** Resolving a delegation (EIP-7702), one hop only, is one more access, charged in full. */
function accessTarget(machine: Machine, target: Address): boolean {
  return charge(machine, prices.WARM_ACCOUNT_ACCESS) && accessAccount(machine, target)
}

export const create: Handler = (machine) => {
  if (machine.message.isStatic) return STATIC_VIOLATION
  const value = pop(machine)
  const offset = popNumber(machine)
  const size = popNumber(machine)
  return requestCreate(machine, value, offset, size, undefined)
}

export const create2: Handler = (machine) => {
  if (machine.message.isStatic) return STATIC_VIOLATION
  const value = pop(machine)
  const offset = popNumber(machine)
  const size = popNumber(machine)
  return requestCreate(machine, value, offset, size, pop(machine))
}

function requestCreate(
  machine: Machine,
  value: bigint,
  offset: number,
  size: number,
  salt: bigint | undefined,
): Outcome {
  if (size > prices.INITCODE_SIZE_MAX) return INVALID_INITCODE_SIZE
  const wordPrice = prices.INITCODE_WORD + (salt === undefined ? 0 : prices.KECCAK_WORD)
  if (!chargeWords(machine, wordPrice, size)) return OUT_OF_GAS
  if (!expandMemory(machine, offset, size)) return OUT_OF_GAS
  const initcode = sliceMemory(machine.memory, offset, size)
  const gas = takeCallGas(machine, gasLeft(machine))
  machine.pending = { kind: 'create' }
  return { kind: 'create', request: { gas, creator: machine.message.address, value, initcode, salt } }
}

export const selfdestruct: Handler = (machine) => {
  const { host, message } = machine
  if (message.isStatic) return STATIC_VIOLATION
  const beneficiary = popAddress(machine)
  if (host.accessAccount(beneficiary) && !charge(machine, prices.COLD_ACCOUNT_ACCESS)) return OUT_OF_GAS
  const createsAccount = host.isEmptyAccount(beneficiary) && host.balance(message.address) !== 0n
  if (createsAccount && !charge(machine, prices.NEW_ACCOUNT)) return OUT_OF_GAS
  host.selfDestruct(message.address, beneficiary)
  return { kind: 'return', gasLeft: gasLeft(machine), output: EMPTY_BYTES }
}
