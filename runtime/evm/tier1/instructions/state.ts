/** Storage, logs, calls, creations and SELFDESTRUCT of the interpreter in Wasm. */
import type { Instruction } from '../../opcodes.ts'
import { CALL_STIPEND, INITCODE_SIZE_MAX, INITCODE_WORD, KECCAK_WORD, LOG_DATA_BYTE } from '../../gas.ts'
import { FRAME, STATUS } from '../../wasm/layout.ts'
import type { Emit } from '../interpreter.ts'
import type { InterpreterWriter } from '../interpreter-writer.ts'

const log: Emit = (writer, instruction) => {
  writer.haltIfStatic()
  writer.pushRangeEnd(0, 1)
  writer.touch(instruction.gas)
  writer.pushLimb(1)
  writer.body.i64Const(LOG_DATA_BYTE).i64Mul()
  writer.chargeAmount()
  writer.pushMemoryAddress(0)
  writer.pushLimb(1)
  writer.body.i32WrapI64()
  writer.pushAddress(1)
  writer.body.i32Const(instruction.inputs - 2).call(writer.callees.runtime.appendLog)
  writer.drop(instruction.inputs)
  writer.next()
}

/** Leaves for the driver to run other code; what depends on accounts is charged outside. */
function request(writer: InterpreterWriter, { byte, inputs }: Instruction, status: number): void {
  const { body } = writer
  body.i32Const(0).i32Const(byte).i32Store(FRAME.operation)
  body.i32Const(0)
  writer.pushAddress(inputs - 1)
  body.i32Store(FRAME.resultAt)
  writer.exit(status)
}

/** @param input position of the offset of the call data; its size, and offset and size for the output follow. */
function call(writer: InterpreterWriter, instruction: Instruction, input: number): void {
  const { body, end, extra } = writer
  writer.pushRangeEnd(input, input + 1)
  body.set(extra)
  writer.pushRangeEnd(input + 2, input + 3)
  body.tee(end).get(extra).get(end).get(extra).i64GtU().select()
  writer.touch(instruction.gas)
  body.i32Const(0)
  writer.pushLimb(input + 2)
  body.i64Store32(FRAME.outputOffset).i32Const(0)
  writer.pushLimb(input + 3)
  body.i64Store32(FRAME.outputSize)
  request(writer, instruction, STATUS.call)
}

const create: Emit = (writer, instruction) => {
  const { body } = writer
  const { name, gas } = instruction
  writer.haltIfStatic()
  writer.pushSaturated(2)
  body.i64Const(INITCODE_SIZE_MAX).i64GtU()
  writer.haltIf('invalidInitcodeSize')
  writer.pushRangeEnd(1, 2)
  writer.touch(gas)
  writer.chargeWords(INITCODE_WORD + (name === 'CREATE2' ? KECCAK_WORD : 0), 2)
  body.i32Const(0).i32Const(0).i32Store(FRAME.outputSize)
  request(writer, instruction, STATUS.create)
}

export const STATE: Readonly<Record<string, Emit>> = {
  SLOAD: (writer) => {
    const { body, gas } = writer
    writer.pushAddress(0)
    body.get(gas).call(writer.callees.runtime.storageLoad).tee(gas).i64Const(0).i64LtS()
    writer.haltIf('outOfGas')
    writer.next()
  },
  SSTORE: (writer) => {
    const { body, sp, gas } = writer
    writer.haltIfStatic()
    // A callee that has the stipend only must not be able to write (EIP-2200).
    body.get(gas).i64Const(CALL_STIPEND).i64LeS()
    writer.haltIf('outOfGas')
    body.get(sp).get(gas).call(writer.callees.runtime.storageStore).tee(gas).i64Const(0).i64LtS()
    writer.haltIf('outOfGas')
    writer.drop(2)
    writer.next()
  },
  TLOAD: (writer) => {
    writer.pushAddress(0)
    writer.body.call(writer.callees.runtime.transientLoad)
    writer.next()
  },
  TSTORE: (writer) => {
    writer.haltIfStatic()
    writer.body.get(writer.sp).call(writer.callees.runtime.transientStore)
    writer.drop(2)
    writer.next()
  },
  LOG0: log,
  LOG1: log,
  LOG2: log,
  LOG3: log,
  LOG4: log,
  CALL: (writer, instruction) => {
    const { body, a, index } = writer
    body
      .i32Const(0)
      .i32Load(FRAME.isStatic)
      .if(() => {
        writer.pushAddress(2)
        body.set(index)
        writer.words.load(a, index)
        writer.words.isZero(a)
        body.i32Eqz()
        writer.haltIf('staticViolation')
      })
    call(writer, instruction, 3)
  },
  CALLCODE: (writer, instruction) => call(writer, instruction, 3),
  DELEGATECALL: (writer, instruction) => call(writer, instruction, 2),
  STATICCALL: (writer, instruction) => call(writer, instruction, 2),
  CREATE: create,
  CREATE2: create,
  SELFDESTRUCT: (writer, { byte }) => {
    writer.haltIfStatic()
    writer.callHost(byte)
    writer.body.i32Const(0).i32Const(0).i32Store(FRAME.outputSize)
    writer.exit(STATUS.return)
  },
}
