/** Memory of the interpreter in Wasm, and everything that copies into it or hashes it. */
import { REVERSE_BYTES } from '../../wasm/words/word-writer.ts'
import { COPY_WORD, KECCAK_WORD } from '../../gas.ts'
import { FRAME } from '../../wasm/layout.ts'
import type { Emit } from '../interpreter.ts'

/** From the bytes at the address in one field, as many as another field says; zeros behind them. */
function copyFrom(address: number, size: number): Emit {
  return (writer, { gas }) => {
    const { body } = writer
    writer.pushRangeEnd(0, 2)
    writer.touch(gas)
    writer.chargeWords(COPY_WORD, 2)
    writer.pushLimb(2)
    body
      .i64Eqz()
      .i32Eqz()
      .if(() => {
        writer.pushMemoryAddress(0)
        body.i32Const(0).i32Load(address).i32Const(0).i32Load(size)
        writer.pushSaturated(1)
        writer.pushLimb(2)
        body.i32WrapI64().call(writer.callees.runtime.copyPadded)
      })
    writer.drop(3)
    writer.next()
  }
}

export const MEMORY: Readonly<Record<string, Emit>> = {
  MLOAD: (writer, { gas }) => {
    const { body, a, index, sp, high } = writer
    writer.load(a)
    writer.touchAt(a, 32, gas)
    body.get(index)
    writer.loadReversed(0)
    body.set(high).get(sp).i32Const(32).i32Sub().get(index)
    writer.loadReversed(16)
    body.v128Store(0).get(sp).i32Const(32).i32Sub().get(high).v128Store(16)
    writer.next()
  },
  MSTORE: (writer, { gas }) => {
    const { body, a, index, low } = writer
    writer.load(a)
    writer.touchAt(a, 32, gas)
    for (const half of [0, 16]) {
      body.get(index)
      writer.pushAddress(1)
      body
        .v128Load(16 - half)
        .tee(low)
        .get(low)
        .i8x16Shuffle(REVERSE_BYTES)
        .v128Store(half)
    }
    writer.drop(2)
    writer.next()
  },
  MSTORE8: (writer, { gas }) => {
    const { body, a, index } = writer
    writer.load(a)
    writer.touchAt(a, 1, gas)
    body.get(index)
    writer.pushLimb(1)
    body.i64Store8()
    writer.drop(2)
    writer.next()
  },
  MCOPY: (writer, { gas }) => {
    const { body, end, extra } = writer
    // The larger end of both.
    writer.pushRangeEnd(0, 2)
    body.set(extra)
    writer.pushRangeEnd(1, 2)
    body.tee(end).get(extra).get(end).get(extra).i64GtU().select()
    writer.touch(gas)
    writer.chargeWords(COPY_WORD, 2)
    writer.pushLimb(2)
    body
      .i64Eqz()
      .i32Eqz()
      .if(() => {
        writer.pushMemoryAddress(0)
        writer.pushMemoryAddress(1)
        writer.pushLimb(2)
        body.i32WrapI64().memoryCopy()
      })
    writer.drop(3)
    writer.next()
  },
  KECCAK256: (writer, { gas }) => {
    const { body, a } = writer
    writer.pushRangeEnd(0, 1)
    writer.touch(gas)
    writer.chargeWords(KECCAK_WORD, 1)
    writer.pushMemoryAddress(0)
    writer.pushLimb(1)
    body.i32WrapI64().call(writer.callees.runtime.keccak256)
    writer.words.pop(a)
    writer.replace(1, a)
    writer.next()
  },
  CALLDATALOAD: (writer) => {
    writer.pushSaturated(0)
    writer.body.call(writer.callees.runtime.callDataLoad)
    writer.words.pop(writer.a)
    writer.replace(0, writer.a)
    writer.next()
  },
  CALLDATACOPY: copyFrom(FRAME.input, FRAME.inputSize),
  CODECOPY: copyFrom(FRAME.code, FRAME.codeSize),
  RETURNDATACOPY: (writer, instruction) => {
    const { body } = writer
    // Unlike other copies, reading behind the end is an error (EIP-211), whatever the size.
    writer.pushSaturated(1)
    body.tee(writer.end)
    writer.pushSaturated(2)
    body.tee(writer.extra).i64Or().i64Const(32).i64ShrU().i64Eqz().i32Eqz()
    writer.haltIf('returnDataOutOfBounds')
    body.get(writer.end).get(writer.extra).i64Add().i32Const(0).i64Load32U(FRAME.returnDataSize).i64GtU()
    writer.haltIf('returnDataOutOfBounds')
    writer.pushRangeEnd(0, 2)
    writer.touch(instruction.gas)
    writer.chargeWords(COPY_WORD, 2)
    writer.pushLimb(2)
    body
      .i64Eqz()
      .i32Eqz()
      .if(() => writer.callHost(instruction.byte))
    writer.drop(3)
    writer.next()
  },
  EXTCODECOPY: (writer, instruction) => {
    writer.pushRangeEnd(1, 3)
    writer.touch(instruction.gas)
    writer.chargeWords(COPY_WORD, 3)
    writer.callHost(instruction.byte)
    writer.drop(4)
    writer.next()
  },
}
