/**
 * Why a frame failed, in the words of geth. Some of these name the instruction and the stack it found, so the last
 * step of each open frame is remembered.
 */
import { present, unreachable } from '../../primitives/assert.ts'
import {
  INSTRUCTION_SETS,
  STACK_LIMIT,
  type EvmFork,
  type Instruction,
} from '../../../runtime/evm/opcodes.ts'
import { CALL_STIPEND, INITCODE_SIZE_MAX } from '../../../runtime/evm/gas.ts'
import type { StepView } from '../../../runtime/host.ts'
import type { HaltReason } from '../../../runtime/outcome.ts'
import type { FrameFailure, FrameKind } from '../tracing.ts'
import { CODE_SIZE_MAX } from '../driver.ts'
import { opcodeOf, operand } from './tracer.ts'

type Refusal = Extract<FrameFailure, { kind: 'refused' }>['reason']

const REFUSALS: Readonly<Record<Refusal, string>> = {
  depth: 'max call depth exceeded',
  balance: 'insufficient balance for transfer',
  nonce: 'nonce uint64 overflow',
}

/** Texts that need nothing but the reason. */
const HALTS: Readonly<Record<HaltReason, string>> = {
  outOfGas: 'out of gas',
  stackUnderflow: 'stack underflow',
  stackOverflow: 'stack overflow',
  invalidJump: 'invalid jump destination',
  invalidOpcode: 'invalid opcode',
  staticViolation: 'write protection',
  returnDataOutOfBounds: 'return data out of bounds',
  invalidInitcodeSize: 'max initcode size exceeded',
  invalidCode: 'invalid code: must not begin with 0xef',
  codeSizeExceeded: 'max code size exceeded',
  nonceOverflow: 'nonce uint64 overflow',
  addressCollision: 'contract address collision',
  precompileFailed: 'precompile failed',
}

/** Why a frame failed, as far as that can be said without its last instruction. */
export function haltText(reason: HaltReason): string {
  return HALTS[reason]
}

const SSTORE = opcodeOf('SSTORE')
const CREATE = opcodeOf('CREATE')
const CREATE2 = opcodeOf('CREATE2')
const RETURN = opcodeOf('RETURN')

/** A frame that is open, with what is worth knowing of its last step. */
interface OpenFrame {
  readonly kind: FrameKind
  opcode: number
  stackSize: number
  gas: bigint
  /** Operand of the last creation or RETURN: bytes of initcode, or of the code to be. */
  codeSize: bigint
  /** Whether the last step itself stopped the frame. */
  isFaulted: boolean
}

export class FrameErrors {
  private readonly frames: OpenFrame[] = []
  private instructions: readonly (Instruction | undefined)[] = INSTRUCTION_SETS.cancun

  start(fork: EvmFork): void {
    this.instructions = INSTRUCTION_SETS[fork]
  }

  enter(kind: FrameKind): void {
    this.frames.push({ kind, opcode: 0, stackSize: 0, gas: 0n, codeSize: 0n, isFaulted: false })
  }

  // Hot: once a step of a traced run.
  step(view: StepView): void {
    const frame = this.frames[this.frames.length - 1] as OpenFrame
    frame.opcode = view.opcode
    frame.stackSize = view.stackSize
    frame.gas = view.gas
    if (view.opcode === CREATE || view.opcode === CREATE2) frame.codeSize = operand(view, 2) ?? 0n
    else if (view.opcode === RETURN) frame.codeSize = operand(view, 1) ?? 0n
  }

  fault(): void {
    present(this.frames.at(-1), 'frame of a fault').isFaulted = true
  }

  /** Ends the frame that was entered last. @returns the text, or `undefined` when it succeeded. */
  exit(failure: FrameFailure | undefined): string | undefined {
    const text = failure === undefined ? undefined : this.textOf(failure)
    this.frames.pop()
    return text
  }

  /** Why the frame that was entered last fails. */
  textOf(failure: FrameFailure): string {
    const frame = present(this.frames.at(-1), 'frame that fails')
    switch (failure.kind) {
      case 'revert':
        return 'execution reverted'
      case 'refused':
        return REFUSALS[failure.reason]
      case 'halt':
        return frame.isFaulted ? this.instructionText(frame, failure.reason) : endText(frame, failure.reason)
      default:
        return unreachable(failure)
    }
  }

  /** Why an instruction could not run. */
  private instructionText(frame: OpenFrame, reason: HaltReason): string {
    const { opcode, stackSize } = frame
    const { inputs, outputs } = this.instructions[opcode] ?? { inputs: 0, outputs: 0 }
    if (reason === 'stackUnderflow') return `stack underflow (${stackSize} <=> ${inputs})`
    if (reason === 'stackOverflow')
      return `stack limit reached ${stackSize} (${STACK_LIMIT + inputs - outputs})`
    if (reason === 'invalidOpcode') return `invalid opcode: ${opcodeName(opcode, this.instructions)}`
    if (reason === 'invalidInitcodeSize') {
      return `${HALTS[reason]}: code size ${frame.codeSize} limit ${INITCODE_SIZE_MAX}`
    }
    // EIP-2200: SSTORE wants more than the stipend of a call, however cheap it would be.
    if (reason === 'outOfGas' && opcode === SSTORE && frame.gas <= BigInt(CALL_STIPEND)) {
      return 'out of gas: not enough gas for reentrancy sentry'
    }
    return HALTS[reason]
  }
}

/** Why a frame failed whose instructions were all fine: a precompile, or code that could not be laid down. */
function endText({ kind, codeSize }: OpenFrame, reason: HaltReason): string {
  const isCreation = kind === 'create' || kind === 'create2'
  if (reason === 'codeSizeExceeded') return `${HALTS[reason]}: code size ${codeSize} limit ${CODE_SIZE_MAX}`
  return isCreation && reason === 'outOfGas' ? 'contract creation code storage out of gas' : HALTS[reason]
}

/** The instruction's name, or the number where the fork has none. */
export function opcodeName(opcode: number, instructions: readonly (Instruction | undefined)[]): string {
  return instructions[opcode]?.name ?? `opcode 0x${opcode.toString(16)} not defined`
}
