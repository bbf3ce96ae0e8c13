/** The stack and the flow of control of the interpreter in Wasm: PUSH, DUP, SWAP, POP, jumps, and the ends of a frame. */
import { I32 } from '../../../wasm/function-body.ts'
import { pushMapped } from '../../wasm/jump-targets.ts'
import { FRAME, JUMP_TARGETS, STATUS, WORD_SIZE } from '../../wasm/layout.ts'
import type { Emit } from '../interpreter.ts'
import type { InterpreterWriter } from '../interpreter-writer.ts'

/** Price of the JUMPDEST at which a jump arrives: it is passed at once. */
const JUMPDEST_GAS = 1

function family(name: string, first: number, last: number, emit: Emit): Record<string, Emit> {
  const emitters: Record<string, Emit> = {}
  for (let i = first; i <= last; i++) emitters[`${name}${i}`] = emit
  return emitters
}

/** PUSH1 … PUSH8: a big-endian number of so many bytes that begins at the pc. */
const pushSmall: Emit = (writer, { immediateSize: size }) => {
  const { body, pc, extra } = writer
  let shift = 8 * size
  for (let i = 0; i < size; i++) {
    shift -= 8
    body.get(pc).i64Load8U(i)
    if (shift > 0) body.i64Const(shift).i64Shl()
    if (i > 0) body.i64Or()
  }
  body.set(extra)
  body.get(pc).i32Const(size).i32Add().set(pc)
  writer.pushSmall(extra)
  writer.next()
}

/** PUSH9 … PUSH32: halves that end where the immediate and its upper half end, less what lies before the immediate. */
const pushLarge: Emit = (writer, { immediateSize: size }) => {
  const { body, pc, sp, index } = writer
  body
    .get(pc)
    .i32Const(size - 32)
    .i32Add()
    .set(index)
  const writeHalf = (from: number, byteCount: number): void => {
    if (byteCount <= 0) {
      body.v128Const(new Uint8Array(16))
      return
    }
    body.get(index)
    writer.loadReversed(from)
    if (byteCount < 16) body.v128Const(new Uint8Array(16).fill(0xff, 0, byteCount)).v128And()
  }
  body.get(sp)
  writeHalf(16, size)
  body.v128Store(0).get(sp)
  writeHalf(0, size - 16)
  body.v128Store(16)
  body.get(pc).i32Const(size).i32Add().set(pc)
  writer.grow()
  writer.next()
}

const dup: Emit = (writer, { inputs: depth }) => {
  const { body, sp, index } = writer
  writer.pushAddress(depth - 1)
  body.set(index)
  for (const half of [0, 16]) body.get(sp).get(index).v128Load(half).v128Store(half)
  writer.grow()
  writer.next()
}

const swap: Emit = (writer, { inputs }) => {
  const { body, index, low, high } = writer
  const distance = WORD_SIZE * (inputs - 1)
  writer.pushAddress(inputs - 1)
  body.set(index)
  for (const half of [0, 16]) {
    body
      .get(index)
      .v128Load(half)
      .set(low)
      .get(index)
      .v128Load(distance + half)
      .set(high)
    body
      .get(index)
      .get(high)
      .v128Store(half)
      .get(index)
      .get(low)
      .v128Store(distance + half)
  }
  writer.next()
}

/** To the target in the word at position 0; `drop` words leave the stack. Arrives behind the JUMPDEST. */
function jump(writer: InterpreterWriter, drop: number): void {
  const { body, extra, index } = writer
  writer.pushSaturated(0)
  body.tee(extra).i32Const(0).i64Load32U(FRAME.codeSize).i64GeU()
  writer.haltIf('invalidJump')
  body.get(extra).i32WrapI64().set(index)
  body
    .i32Const(0)
    .i32Load(FRAME.jumpTargets)
    .i32Load(JUMP_TARGETS.searchesLeft)
    .if(
      () => body.get(index).call(writer.callees.runtime.isJumpTarget),
      () => pushMapped(body, index),
      I32,
    )
  body.i32Eqz()
  writer.haltIf('invalidJump')
  writer.drop(drop)
  body.get(writer.code).get(index).i32Add().i32Const(1).i32Add().set(writer.pc)
  writer.charge(JUMPDEST_GAS)
  writer.countJump(JUMPDEST_GAS)
  writer.next()
}

/** Pushes 64 bits that come from the pushed 32 and goes on. */
function pushNumber(writer: InterpreterWriter): void {
  writer.body.i64ExtendI32U().set(writer.extra)
  writer.pushSmall(writer.extra)
  writer.next()
}

function end(status: number): Emit {
  return (writer, { gas }) => {
    const { body } = writer
    writer.pushRangeEnd(0, 1)
    writer.touch(gas)
    body.i32Const(0)
    writer.pushLimb(0)
    body.i64Store32(FRAME.outputOffset).i32Const(0)
    writer.pushLimb(1)
    body.i64Store32(FRAME.outputSize)
    writer.exit(status)
  }
}

export const FLOW: Readonly<Record<string, Emit>> = {
  POP: (writer) => {
    writer.drop(1)
    writer.next()
  },
  PUSH0: (writer) => {
    writer.body.i64Const(0).set(writer.extra)
    writer.pushSmall(writer.extra)
    writer.next()
  },
  ...family('PUSH', 1, 8, pushSmall),
  ...family('PUSH', 9, 32, pushLarge),
  ...family('DUP', 1, 16, dup),
  ...family('SWAP', 1, 16, swap),
  JUMP: (writer) => jump(writer, 1),
  JUMPI: (writer) => {
    const { body, index } = writer
    writer.pushAddress(1)
    body.set(index)
    for (const [i, offset] of [0, 8, 16, 24].entries()) {
      body.get(index).i64Load(offset)
      if (i > 0) body.i64Or()
    }
    body.i64Eqz().if(() => {
      writer.drop(2)
      writer.next()
    })
    jump(writer, 2)
  },
  JUMPDEST: (writer) => writer.next(),
  PC: (writer) => {
    writer.body.get(writer.pc).get(writer.code).i32Sub().i32Const(1).i32Sub()
    pushNumber(writer)
  },
  MSIZE: (writer) => {
    writer.pushSmall(writer.memorySize)
    writer.next()
  },
  GAS: (writer) => {
    writer.pushSmall(writer.gas)
    writer.next()
  },
  STOP: (writer) => {
    writer.body.i32Const(0).i32Const(0).i32Store(FRAME.outputSize)
    writer.exit(STATUS.return)
  },
  RETURN: end(STATUS.return),
  REVERT: end(STATUS.revert),
  INVALID: (writer) => writer.halt('invalidOpcode'),
}
