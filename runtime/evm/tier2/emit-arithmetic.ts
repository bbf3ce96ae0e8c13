/** Sums, products and quotients of words: inline where it takes a few instructions a limb, else by a call. */
import type { FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import { smallNumberOf } from './constant.ts'
import { isZeroLimb, limbCount, type Held } from './held-values.ts'
import type { Operation } from './ir.ts'
import { LIMBS, type LimbWriter } from './limb-writer.ts'

/** Emits a pure operation on what its operands are held in; the result has no more than `bits` bits. */
export type WordEmitter = (writer: LimbWriter, operands: readonly [Held, Held], bits: number) => Held

function called(name: 'sdiv' | 'smod' | 'addmod' | 'mulmod'): WordEmitter {
  return (writer, operands, bits) => writer.callFunction(name, bits, ...operands)
}

export const ARITHMETIC_EMITTERS: Partial<Record<Operation, WordEmitter>> = {
  add: (writer, [a, b], bits) => add(writer, a, b, bits),
  sub: (writer, [a, b]) => subtract(writer, a, b),
  mul: (writer, [a, b], bits) => multiply(writer, a, b, bits),
  div: (writer, [a, b], bits) => divide(writer, 'div', a, b, bits),
  mod: (writer, [a, b], bits) => divide(writer, 'mod', a, b, bits),
  sdiv: called('sdiv'),
  smod: called('smod'),
  addmod: called('addmod'),
  mulmod: called('mulmod'),
  signextend: (writer, [index, word]) => signExtend(writer, index, word),
}

function add(writer: LimbWriter, a: Held, b: Held, bits: number): Held {
  const { body, values } = writer
  const carry = values.takeBool()
  const count = Math.ceil(bits / 64)
  let carries = false
  const sum = writer.perLimb(bits, (i) => {
    const isLast = i === count - 1
    const [aIsZero, bIsZero] = [isZeroLimb(a, i), isZeroLimb(b, i)]
    if (aIsZero && bIsZero) {
      if (carries) body.get(carry).i64ExtendI32U()
      else body.i64Const(0)
      carries = false
      return undefined
    }
    if (aIsZero || bIsZero) {
      const other = aIsZero ? b : a
      if (!carries) return writer.sameLimb(other, i)
      writer.limb(other, i)
      body.get(carry).i64ExtendI32U().i64Add()
      // It carries on only from all ones to zero.
      return isLast ? undefined : noteCarry(writer, () => writer.limb(other, i).i64LtU(), carry)
    }
    writer.limb(a, i)
    writer.limb(b, i).i64Add()
    if (!carries) {
      carries = true
      return isLast ? undefined : noteCarry(writer, () => writer.limb(b, i).i64LtU(), carry)
    }
    const partial = values.takeLimb()
    body.tee(partial).get(carry).i64ExtendI32U().i64Add()
    const compare = (): FunctionBody => {
      body.get(partial).i64LtU().get(partial)
      return writer.limb(b, i).i64LtU().i32Or()
    }
    const limb = isLast ? undefined : noteCarry(writer, compare, carry)
    values.releaseLimb(partial)
    return limb
  })
  values.releaseBool(carry)
  return sum
}

/** Pops a limb of the result, pushes it again, and lets `compare` make the carry of it. @returns where the limb is. */
function noteCarry(writer: LimbWriter, compare: () => FunctionBody, carry: Local): Local {
  const { body, values } = writer
  const result = values.takeLimb()
  body.tee(result)
  compare()
  body.set(carry)
  return result
}

function subtract(writer: LimbWriter, a: Held, b: Held): Held {
  const { body, values } = writer
  const borrow = values.takeBool()
  let borrows = false
  const difference = writer.perLimb(256, (i) => {
    const isLast = i === LIMBS - 1
    const [aIsZero, bIsZero] = [isZeroLimb(a, i), isZeroLimb(b, i)]
    if (!borrows) {
      if (bIsZero) {
        return writer.sameLimb(a, i)
      }
      writer.limb(a, i)
      writer.limb(b, i).i64Sub()
      if (!isLast) {
        writer.limb(a, i)
        writer.limb(b, i).i64LtU().set(borrow)
        borrows = true
      }
    } else if (bIsZero) {
      writer.limb(a, i)
      body.get(borrow).i64ExtendI32U().i64Sub()
      if (!isLast && !aIsZero) {
        writer.limb(a, i).i64Eqz().get(borrow).i32And().set(borrow)
      }
    } else {
      const partial = values.takeLimb()
      writer.limb(a, i)
      writer.limb(b, i).i64Sub().tee(partial).get(borrow).i64ExtendI32U().i64Sub()
      if (!isLast) {
        writer.limb(a, i)
        writer.limb(b, i).i64LtU()
        body.get(partial).i64Eqz().get(borrow).i32And().i32Or().set(borrow)
      }
      values.releaseLimb(partial)
    }
    return undefined
  })
  values.releaseBool(borrow)
  return difference
}

function multiply(writer: LimbWriter, a: Held, b: Held, bits: number): Held {
  const { body, functions } = writer
  if (bits <= 64) {
    writer.limb(a, 0)
    writer.limb(b, 0)
    body.i64Mul()
    return { kind: 'limbs', limbs: [writer.toLimb()] }
  }
  writer.word(a)
  writer.word(b)
  body.call(functions.mul)
  return writer.toWord(bits)
}

/** Words below 2⁶⁴ are divided inline, which is what contracts do most. */
function divide(writer: LimbWriter, name: 'div' | 'mod', a: Held, b: Held, bits: number): Held {
  const { body } = writer
  const fitsAlways = limbCount(a) <= 1 && limbCount(b) <= 1
  const neverFits = b.kind === 'constant' && limbCount(b) > 1
  if (neverFits) return writer.callFunction(name, bits, a, b)
  const limbs = writer.values.takeLimbs(Math.ceil(bits / 64))
  const short = (): void => {
    // Dividing by zero gives zero: the divisor is replaced, then the quotient.
    writer.limb(a, 0)
    writer.limb(b, 0)
    if (b.kind !== 'constant') {
      writer.limb(b, 0).i64Eqz().i64ExtendI32U().i64Or()
    }
    if (name === 'div') body.i64DivU()
    else body.i64RemU()
    if (b.kind !== 'constant') {
      body.i64Const(0)
      writer.limb(b, 0).i64Const(0).i64Ne().select()
    }
    for (const [i, local] of limbs.entries()) {
      if (i === 0) body.set(local)
      else body.i64Const(0).set(local)
    }
  }
  if (fitsAlways) {
    short()
  } else {
    const hasHighA = writer.orFrom(a, 1)
    const hasHighB = writer.orFrom(b, 1)
    if (hasHighA && hasHighB) body.i64Or()
    body.i64Eqz().if(short, () => {
      writer.word(a)
      writer.word(b)
      body.call(writer.functions[name])
      for (let i = LIMBS - 1; i >= 0; i--) {
        const local = limbs[i]
        if (local === undefined) body.drop()
        else body.set(local)
      }
    })
  }
  return { kind: 'limbs', limbs }
}

function signExtend(writer: LimbWriter, index: Held, word: Held): Held {
  const { body } = writer
  const byte = index.kind === 'constant' ? smallNumberOf(index.constant) : undefined
  if (byte === undefined || byte > 30) {
    writer.saturated(index)
    writer.word(word)
    body.call(writer.functions.signextend)
    return writer.toWord(256)
  }
  const [top, unused] = [byte >> 3, 63 - 8 * (byte & 7) - 7]
  let signLocal: Local | undefined
  return writer.perLimb(256, (i) => {
    if (i < top) {
      return writer.sameLimb(word, i)
    }
    if (i === top) {
      writer.limb(word, i)
      if (unused > 0) body.i64Const(unused).i64Shl().i64Const(unused).i64ShrS()
      signLocal = writer.toLimb()
      return signLocal
    }
    body
      .get(signLocal as Local)
      .i64Const(63)
      .i64ShrS()
    return undefined
  })
}
