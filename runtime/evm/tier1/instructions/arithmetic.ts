/** Arithmetic, comparison and bitwise instructions (0x01 … 0x1e) of the interpreter in Wasm. */
import { EXP_BYTE } from '../../gas.ts'
import type { RuntimeFunction } from '../../wasm/runtime-module.ts'
import type { Word, WordWriter } from '../../wasm/words/word-writer.ts'
import type { Emit } from '../interpreter.ts'
import type { InterpreterWriter } from '../interpreter-writer.ts'

/** Of two operands, inline. */
function inline(write: (words: WordWriter, target: Word, a: Word, b: Word) => void): Emit {
  return (writer) => {
    writer.load(writer.a, writer.b)
    write(writer.words, writer.a, writer.a, writer.b)
    writer.replace(1, writer.a)
    writer.next()
  }
}

/** Of `operandCount` words, by a function. */
function called(name: RuntimeFunction, operandCount: 2 | 3): Emit {
  return (writer) => {
    const operands = [writer.a, writer.b, writer.c].slice(0, operandCount)
    writer.load(...operands)
    for (const operand of operands) writer.words.push(operand)
    writer.body.call(writer.callees.runtime[name])
    writer.words.pop(writer.a)
    writer.replace(operandCount - 1, writer.a)
    writer.next()
  }
}

/** Of a count and a word, by a function. */
function counted(name: RuntimeFunction): Emit {
  return (writer) => {
    const { body } = writer
    writer.load(writer.a, writer.b)
    pushCount(writer)
    writer.words.push(writer.b)
    body.call(writer.callees.runtime[name])
    writer.words.pop(writer.a)
    writer.replace(1, writer.a)
    writer.next()
  }
}

/** Pushes the word in `a` as 64 bits, all ones when it has more. */
function pushCount({ body, words, a }: InterpreterWriter): void {
  body.i64Const(-1, -1).get(a[0])
  words.orOf([a[1], a[2], a[3]])
  body.i64Eqz().i32Eqz().select()
}

/** Of two operands: a condition. */
function compared(push: (writer: InterpreterWriter) => void): Emit {
  return (writer) => {
    writer.load(writer.a, writer.b)
    push(writer)
    writer.body.i64ExtendI32U().set(writer.extra)
    writer.replaceBySmall(1, writer.extra)
    writer.next()
  }
}

/** Of two operands: by halves of words. */
function bitwise(name: 'v128And' | 'v128Or' | 'v128Xor'): Emit {
  return (writer) => {
    const { body, index } = writer
    writer.pushAddress(1)
    body.set(index)
    for (const half of [0, 16]) {
      body
        .get(index)
        .get(index)
        .v128Load(half)
        .get(index)
        .v128Load(half + 32)
      body[name]().v128Store(half)
    }
    writer.drop(1)
    writer.next()
  }
}

/** Signed a < b: unsigned with the signs inverted. */
function pushSignedLess({ words, body }: InterpreterWriter, a: Word, b: Word): void {
  for (const word of [a, b]) body.get(word[3]).i64Const(0, 0x8000_0000).i64Xor().set(word[3])
  words.isLess(a, b)
}

export const ARITHMETIC: Readonly<Record<string, Emit>> = {
  ADD: inline((words, target, a, b) => words.add(target, a, b)),
  MUL: called('mul', 2),
  SUB: inline((words, target, a, b) => words.subtract(target, a, b)),
  DIV: called('div', 2),
  SDIV: called('sdiv', 2),
  MOD: called('mod', 2),
  SMOD: called('smod', 2),
  ADDMOD: called('addmod', 3),
  MULMOD: called('mulmod', 3),
  EXP: (writer, instruction) => {
    const { body, a, b, callees } = writer
    writer.load(a, b)
    // Bytes of the exponent: those of 256 bits less the leading zero bytes.
    writer.words.push(b)
    body.i64Const(32)
    body.set(writer.end).call(callees.runtime.clz).set(writer.extra)
    body.get(writer.end).get(writer.extra).i64Const(3).i64ShrU().i64Sub().i64Const(EXP_BYTE).i64Mul()
    writer.chargeAmount()
    called('exp', 2)(writer, instruction)
  },
  SIGNEXTEND: counted('signextend'),
  LT: compared(({ words, a, b }) => words.isLess(a, b)),
  GT: compared(({ words, a, b }) => words.isLess(b, a)),
  SLT: compared((writer) => pushSignedLess(writer, writer.a, writer.b)),
  SGT: compared((writer) => pushSignedLess(writer, writer.b, writer.a)),
  EQ: compared(({ body, a, b }) => {
    a.forEach((limb, i) => {
      body
        .get(limb)
        .get(b[i] ?? limb)
        .i64Xor()
      if (i > 0) body.i64Or()
    })
    body.i64Eqz()
  }),
  ISZERO: (writer) => {
    writer.load(writer.a)
    writer.words.isZero(writer.a)
    writer.body.i64ExtendI32U().set(writer.extra)
    writer.replaceBySmall(0, writer.extra)
    writer.next()
  },
  AND: bitwise('v128And'),
  OR: bitwise('v128Or'),
  XOR: bitwise('v128Xor'),
  NOT: (writer) => {
    const { body, index } = writer
    writer.pushAddress(0)
    body.set(index)
    for (const half of [0, 16]) body.get(index).get(index).v128Load(half).v128Not().v128Store(half)
    writer.next()
  },
  BYTE: (writer) => {
    writer.load(writer.a, writer.b)
    pushCount(writer)
    writer.words.push(writer.b)
    writer.body.call(writer.callees.runtime.byte).set(writer.extra)
    writer.replaceBySmall(1, writer.extra)
    writer.next()
  },
  SHL: counted('shl'),
  SHR: counted('shr'),
  SAR: counted('sar'),
  CLZ: (writer) => {
    writer.load(writer.a)
    writer.words.push(writer.a)
    writer.body.call(writer.callees.runtime.clz).set(writer.extra)
    writer.replaceBySmall(0, writer.extra)
    writer.next()
  },
}
