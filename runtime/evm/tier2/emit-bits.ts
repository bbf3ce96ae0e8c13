/** Comparisons, logic and shifts of words, inline but for shifts by a number that is not known. */
import type { WordEmitter } from './emit-arithmetic.ts'
import { isLimbFull, smallNumberOf } from './constant.ts'
import { isZeroLimb, limbCount, type Held } from './held-values.ts'
import type { Operation } from './ir.ts'
import { LIMBS, type LimbWriter } from './limb-writer.ts'

export const BIT_EMITTERS: Partial<Record<Operation, WordEmitter>> = {
  lt: (writer, [a, b]) => less(writer, a, b),
  slt: (writer, [a, b]) => signedLess(writer, a, b),
  eq: (writer, [a, b]) => equal(writer, a, b),
  iszero(writer, [a]) {
    writer.truth(a)
    writer.body.i32Eqz()
    return writer.toBool()
  },
  and: (writer, [a, b], bits) => and(writer, a, b, bits),
  or: (writer, [a, b], bits) => orOrXor(writer, 'or', a, b, bits),
  xor: (writer, [a, b], bits) => orOrXor(writer, 'xor', a, b, bits),
  not: (writer, [a]) => writer.perLimb(256, (i) => void writer.limb(a, i).i64Const(-1, -1).i64Xor()),
  byte: (writer, [index, word]) => byte(writer, index, word),
  shl: (writer, [count, word], bits) => shift(writer, 'shl', count, word, bits),
  shr: (writer, [count, word], bits) => shift(writer, 'shr', count, word, bits),
  sar: (writer, [count, word], bits) => shift(writer, 'sar', count, word, bits),
  clz(writer, [a]) {
    writer.word(a)
    writer.body.call(writer.functions.clz)
    return { kind: 'limbs', limbs: [writer.toLimb()] }
  },
}

function less(writer: LimbWriter, a: Held, b: Held): Held {
  const count = Math.max(limbCount(a), limbCount(b), 1)
  writer.limb(a, 0)
  writer.limb(b, 0).i64LtU()
  for (let i = 1; i < count; i++) {
    if (isZeroLimb(b, i) && isZeroLimb(a, i)) continue
    if (isZeroLimb(b, i)) {
      writer.limb(a, i).i64Eqz().i32And()
    } else if (isZeroLimb(a, i)) {
      writer.limb(b, i).i64Const(0).i64Ne().i32Or()
    } else {
      writer.limb(a, i)
      writer.limb(b, i).i64Eq().i32And()
      writer.limb(a, i)
      writer.limb(b, i).i64LtU().i32Or()
    }
  }
  return writer.toBool()
}

function signedLess(writer: LimbWriter, a: Held, b: Held): Held {
  if (b.kind === 'constant' && b.constant.bits === 0) {
    writer.limb(a, 3).i64Const(0).i64LtS()
    return writer.toBool()
  }
  writer.limb(a, 0)
  writer.limb(b, 0).i64LtU()
  for (let i = 1; i < LIMBS; i++) {
    writer.limb(a, i)
    writer.limb(b, i).i64Eq().i32And()
    writer.limb(a, i)
    writer.limb(b, i)
    if (i === LIMBS - 1) writer.body.i64LtS().i32Or()
    else writer.body.i64LtU().i32Or()
  }
  return writer.toBool()
}

function equal(writer: LimbWriter, a: Held, b: Held): Held {
  const { body } = writer
  if (a.kind === 'bool' && b.kind === 'bool') {
    body.get(a.local).get(b.local).i32Eq()
    return writer.toBool()
  }
  const count = Math.max(limbCount(a), limbCount(b), 1)
  if (count === 1) {
    writer.limb(a, 0)
    writer.limb(b, 0).i64Eq()
    return writer.toBool()
  }
  let isFirst = true
  for (let i = 0; i < count; i++) {
    if (isZeroLimb(a, i) && isZeroLimb(b, i)) continue
    if (isZeroLimb(a, i)) {
      writer.limb(b, i)
    } else if (isZeroLimb(b, i)) {
      writer.limb(a, i)
    } else {
      writer.limb(a, i)
      writer.limb(b, i).i64Xor()
    }
    if (!isFirst) body.i64Or()
    isFirst = false
  }
  body.i64Eqz()
  return writer.toBool()
}

function and(writer: LimbWriter, a: Held, b: Held, bits: number): Held {
  return writer.perLimb(bits, (i) => {
    if (b.kind === 'constant' && isLimbFull(b.constant, i)) return writer.sameLimb(a, i)
    if (a.kind === 'constant' && isLimbFull(a.constant, i)) return writer.sameLimb(b, i)
    if (isZeroLimb(a, i) || isZeroLimb(b, i)) {
      writer.body.i64Const(0)
    } else {
      writer.limb(a, i)
      writer.limb(b, i).i64And()
    }
    return undefined
  })
}

function orOrXor(writer: LimbWriter, operation: 'or' | 'xor', a: Held, b: Held, bits: number): Held {
  return writer.perLimb(bits, (i) => {
    const [aIsZero, bIsZero] = [isZeroLimb(a, i), isZeroLimb(b, i)]
    if (aIsZero || bIsZero) {
      const other = aIsZero ? b : a
      return writer.sameLimb(other, i)
    }
    writer.limb(a, i)
    writer.limb(b, i)
    if (operation === 'or') writer.body.i64Or()
    else writer.body.i64Xor()
    return undefined
  })
}

function byte(writer: LimbWriter, index: Held, word: Held): Held {
  const { body } = writer
  const known = index.kind === 'constant' ? smallNumberOf(index.constant) : undefined
  if (known === undefined) {
    writer.saturated(index)
    writer.word(word)
    body.call(writer.functions.byte)
  } else {
    const shift = 8 * (31 - known)
    writer.limb(word, shift >> 6)
    if (shift % 64 > 0) body.i64Const(shift % 64).i64ShrU()
    body.i64Const(0xff).i64And()
  }
  return { kind: 'limbs', limbs: [writer.toLimb()] }
}

function shift(
  writer: LimbWriter,
  operation: 'shl' | 'shr' | 'sar',
  count: Held,
  word: Held,
  bits: number,
): Held {
  const known = count.kind === 'constant' ? (smallNumberOf(count.constant) ?? 256) : undefined
  if (known === undefined) {
    writer.saturated(count)
    writer.word(word)
    writer.body.call(writer.functions[operation])
    return writer.toWord(bits)
  }
  if (operation === 'shl') return shiftLeft(writer, known, word, bits)
  return operation === 'shr' ? shiftRight(writer, known, word, bits) : shiftSigned(writer, known, word)
}

function shiftLeft(writer: LimbWriter, count: number, word: Held, bits: number): Held {
  const { body } = writer
  const [limbs, rest] = [count >> 6, count & 63]
  return writer.perLimb(bits, (i) => {
    const from = i - limbs
    const hasUpper = from >= 0 && !isZeroLimb(word, from)
    const hasLower = rest > 0 && from >= 1 && !isZeroLimb(word, from - 1)
    if (rest === 0 && hasUpper) {
      return writer.sameLimb(word, from)
    }
    if (hasUpper) writer.limb(word, from).i64Const(rest).i64Shl()
    if (hasLower)
      writer
        .limb(word, from - 1)
        .i64Const(64 - rest)
        .i64ShrU()
    if (hasUpper && hasLower) body.i64Or()
    if (!hasUpper && !hasLower) body.i64Const(0)
    return undefined
  })
}

function shiftRight(writer: LimbWriter, count: number, word: Held, bits: number): Held {
  const { body } = writer
  const [limbs, rest] = [count >> 6, count & 63]
  return writer.perLimb(bits, (i) => {
    const from = i + limbs
    const hasLower = from < LIMBS && !isZeroLimb(word, from)
    const hasUpper = rest > 0 && from + 1 < LIMBS && !isZeroLimb(word, from + 1)
    if (rest === 0 && hasLower) {
      return writer.sameLimb(word, from)
    }
    if (hasLower) writer.limb(word, from).i64Const(rest).i64ShrU()
    if (hasUpper)
      writer
        .limb(word, from + 1)
        .i64Const(64 - rest)
        .i64Shl()
    if (hasUpper && hasLower) body.i64Or()
    if (!hasUpper && !hasLower) body.i64Const(0)
    return undefined
  })
}

/** A word whose sign may be set. */
function shiftSigned(writer: LimbWriter, count: number, word: Held): Held {
  const shift = Math.min(count, 255)
  const [limbs, rest] = [shift >> 6, shift & 63]
  return writer.perLimb(256, (i) => {
    const from = i + limbs
    if (from >= LIMBS) {
      writer
        .limb(word, LIMBS - 1)
        .i64Const(63)
        .i64ShrS()
    } else if (from === LIMBS - 1) {
      writer.limb(word, from).i64Const(rest).i64ShrS()
    } else {
      writer.limb(word, from).i64Const(rest).i64ShrU()
      if (rest > 0)
        writer
          .limb(word, from + 1)
          .i64Const(64 - rest)
          .i64Shl()
          .i64Or()
    }
    return undefined
  })
}
