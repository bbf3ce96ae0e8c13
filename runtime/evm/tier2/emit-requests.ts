/**
 * Calls and creations: what they cost before the driver looks at accounts, and how the frame is left for it. The
 * instruction's operands stay on the stack, as tier 1 leaves them.
 */
import { present } from '../../../src/primitives/assert.ts'
import { INITCODE_SIZE_MAX, INITCODE_WORD, KECCAK_WORD } from '../gas.ts'
import { FRAME, STATUS } from '../wasm/layout.ts'
import type { Held } from './held-values.ts'
import type { Exit } from './ir.ts'
import type { RegionWriter } from './region-writer.ts'

type Request = Extract<Exit, { kind: 'request' }>

const CREATE = 0xf0
const CALL = 0xf1
const CALLCODE = 0xf2
const CREATE2 = 0xf5

/** Charges, checks, and makes the memory that the instruction names. */
export function emitRequest(writer: RegionWriter, { opcode, gas, operands }: Request): void {
  const { values } = writer
  const held = operands.map((operand) => values.of(operand))
  writer.charge(gas)
  if (isCreation(opcode)) emitCreation(writer, opcode, held)
  else emitCall(writer, opcode, held)
  for (const operand of operands) values.used(operand)
}

function isCreation(opcode: number): boolean {
  return opcode === CREATE || opcode === CREATE2
}

function emitCall(writer: RegionWriter, opcode: number, operands: readonly Held[]): void {
  const { body, words } = writer
  const operand = (index: number): Held => present(operands[index], 'operand')
  if (opcode === CALL) {
    body.i32Const(0).i32Load(FRAME.isStatic)
    words.truth(operand(2))
    body.i32And()
    writer.haltIf('staticViolation')
  }
  const input = opcode === CALL || opcode === CALLCODE ? 3 : 2
  writer.touchRange(operand(input), operand(input + 1), writer.address)
  writer.touchRange(operand(input + 2), operand(input + 3), writer.address)
  body.i32Const(0)
  words
    .limb(operand(input + 2), 0)
    .i64Store32(FRAME.outputOffset)
    .i32Const(0)
  words.limb(operand(input + 3), 0).i64Store32(FRAME.outputSize)
}

function emitCreation(writer: RegionWriter, opcode: number, operands: readonly Held[]): void {
  const { body, words } = writer
  const [offset, size] = [present(operands[1], 'offset'), present(operands[2], 'size')]
  body.i32Const(0).i32Load(FRAME.isStatic)
  writer.haltIf('staticViolation')
  words.saturated(size)
  body.i64Const(INITCODE_SIZE_MAX).i64GtU()
  writer.haltIf('invalidInitcodeSize')
  writer.touchRange(offset, size, writer.address)
  writer.chargeWords(INITCODE_WORD + (opcode === CREATE2 ? KECCAK_WORD : 0), size)
  body.i32Const(0).i32Const(0).i32Store(FRAME.outputSize)
}

/** Completes the record, the stack being in memory, and leaves for the driver. */
export function suspend(writer: RegionWriter, { opcode, offset, operands, spill }: Request): void {
  const { body, gas } = writer
  body.i32Const(0).i32Const(opcode).i32Store(FRAME.operation)
  body
    .i32Const(0)
    .i32Const(offset + 1)
    .i32Store(FRAME.pc)
  body.i32Const(0)
  writer.pushSlotAddress(spill.height)
  body.i32Store(FRAME.sp).i32Const(0)
  writer.pushSlotAddress(spill.height - operands.length)
  body.i32Store(FRAME.resultAt)
  body.i32Const(0).get(gas).i64Store(FRAME.gas)
  body.i32Const(isCreation(opcode) ? STATUS.create : STATUS.call).return()
}
