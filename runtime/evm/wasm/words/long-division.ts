/**
 * Division by a word of one to four limbs: Knuth's algorithm D (The Art of Computer Programming 4.3.1) with digits of 64
 * bits, unrolled for each number of limbs, in locals. WebAssembly cannot divide 128 by 64 bits: a digit of the quotient is
 * estimated by the reciprocal of the divisor's highest limb, after Möller and Granlund, "Improved division by invariant
 * integers" (2011), algorithm 4. Two limbs by one, the commonest of all, get by without a reciprocal.
 */
import { present } from '../../../../src/primitives/assert.ts'
import { I64, type FunctionBody, type ValueType } from '../../../wasm/function-body.ts'
import type { Local } from '../../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../../wasm/module-writer.ts'
import { DIVISORS } from '../layout.ts'
import { WORD, WordWriter, type Word } from './word-writer.ts'

/** The last reciprocal and what it belongs to: code divides by the same number again and again. */
const LAST_RECIPROCAL = { divisor: DIVISORS, value: DIVISORS + 8 }
/** Functions by the number of limbs of the divisor, less one. */
type BySize = readonly number[]

/** Indices of functions. The highest limb of a divisor is not zero. */
export interface LongDivisions {
  /** (dividend, divisor) → quotient. */
  readonly quotients: BySize
  /** (dividend, divisor) → remainder. */
  readonly remainders: BySize
  /** (dividend of 8 limbs, divisor) → remainder. */
  readonly wideRemainders: BySize
  /** (low limb, high limb, divisor of one limb) → both limbs of the quotient, remainder. */
  readonly divideTwoLimbs: number
}

export function emitLongDivisions(module: ModuleWriter): LongDivisions {
  const reciprocal = emitReciprocal(module)
  const sizes = [1, 2, 3, 4] as const
  return {
    quotients: sizes.map((size) => emitLongDivision(module, reciprocal, 4, size, 'quotient')),
    remainders: sizes.map((size) => emitLongDivision(module, reciprocal, 4, size, 'remainder')),
    wideRemainders: sizes.map((size) => emitLongDivision(module, reciprocal, 8, size, 'remainder')),
    divideTwoLimbs: emitDivideTwoLimbs(module),
  }
}

/** Ends in the function for the number of limbs of `divisor`, which is not 0. */
export function writeDispatch(
  { body }: WordWriter,
  divisor: Word,
  parameters: readonly Local[],
  bySize: readonly number[],
): void {
  for (let size = 4; size >= 1; size--) {
    const leave = (): void => {
      for (const parameter of parameters) body.get(parameter)
      body.returnCall(present(bySize[size - 1], 'division'))
    }
    if (size === 1) leave()
    else
      body
        .get(divisor[size - 1] as Local)
        .i64Eqz()
        .i32Eqz()
        .if(leave)
  }
}

/** d → ⌊(2¹²⁸ − 1) ÷ d⌋ − 2⁶⁴, for d ≥ 2⁶³: two digits of 32 bits of the quotient (2⁶⁴ − 1 − d, 2⁶⁴ − 1) ÷ d. */
function emitReciprocal(module: ModuleWriter): number {
  const index = module.function(module.type([I64], [I64]), 'reciprocal')
  const body = module.body(index)
  const [divisor, rest] = [0, body.local(I64)]
  const digits = body.locals(I64, 2)
  body
    .i32Const(0)
    .i64Load(LAST_RECIPROCAL.divisor)
    .get(divisor)
    .i64Eq()
    .if(() => {
      body.i32Const(0).i64Load(LAST_RECIPROCAL.value).return()
    })
  const half = splitDivisor(body, divisor)
  body.get(divisor).i64Const(-1, -1).i64Xor().set(rest)
  for (const digit of digits) {
    writeHalfDigit(body, digit, rest, half, () => body.i64Const(0xffff_ffff))
  }
  const [upper, lower] = digits as [Local, Local]
  body.i32Const(0).get(divisor).i64Store(LAST_RECIPROCAL.divisor)
  body
    .i32Const(0)
    .get(upper)
    .i64Const(32)
    .i64Shl()
    .get(lower)
    .i64Or()
    .tee(rest)
    .i64Store(LAST_RECIPROCAL.value)
  body.get(rest)
  return index
}

/** A divisor whose highest bit is set, and its halves. */
interface SplitDivisor {
  readonly whole: Local
  readonly high: Local
  readonly low: Local
}

function splitDivisor(body: FunctionBody, whole: Local): SplitDivisor {
  const [high, low] = body.locals(I64, 2) as [Local, Local]
  body.get(whole).i64Const(32).i64ShrU().set(high)
  body.get(whole).i64Const(0xffff_ffff).i64And().set(low)
  return { whole, high, low }
}

/**
 * A digit of 32 bits: digit = ⌊(rest·2³² + next) ÷ divisor⌋, for rest < divisor, and `rest` becomes the remainder.
 * Estimated by the divisor's high half, then corrected at most twice.
 */
function writeHalfDigit(
  body: FunctionBody,
  digit: Local,
  rest: Local,
  { whole, high, low }: SplitDivisor,
  pushNext: () => FunctionBody,
): void {
  const rhat = body.local(I64)
  const pushShifted = (local: Local): void => {
    body.get(local).i64Const(32).i64Shl()
    pushNext().i64Or()
  }
  body.get(rest).get(high).i64DivU().set(digit)
  body.get(rest).get(digit).get(high).i64Mul().i64Sub().set(rhat)
  body.block((done) => {
    body.loop((again) => {
      body.get(digit).i64Const(32).i64ShrU().i64Eqz()
      body.get(digit).get(low).i64Mul()
      pushShifted(rhat)
      body.i64LeU().i32And().brIf(done)
      body.get(digit).i64Const(1).i64Sub().set(digit)
      body.get(rhat).get(high).i64Add().tee(rhat)
      body.i64Const(32).i64ShrU().i64Eqz().brIf(again)
    })
  })
  pushShifted(rest)
  body.get(digit).get(whole).i64Mul().i64Sub().set(rest)
}

/**
 * (low, high, divisor) → low and high limb of the quotient, remainder; the divisor is not 0. Four digits of 32 bits at
 * most, each by one of WebAssembly's own divisions.
 */
function emitDivideTwoLimbs(module: ModuleWriter): number {
  const index = module.function(module.type([I64, I64, I64], [I64, I64, I64]), 'divideTwoLimbs')
  const body = module.body(index)
  const [low, high, divisor] = [0, 1, 2]
  const [top, upper, lower, shift] = body.locals(I64, 4) as [Local, Local, Local, Local]
  const lowerHalf = (): FunctionBody => body.get(low).i64Const(0xffff_ffff).i64And()
  const upperHalf = (): FunctionBody => body.get(low).i64Const(32).i64ShrU()
  const returnQuotient = (): FunctionBody => body.get(upper).i64Const(32).i64Shl().get(lower).i64Or().get(top)
  // The highest limb of the quotient; what is left of the dividend's is less than the divisor.
  body
    .get(high)
    .get(divisor)
    .i64GeU()
    .if(() => {
      body.get(high).get(divisor).i64DivU().set(top)
      body.get(high).get(top).get(divisor).i64Mul().i64Sub().set(high)
    })
  body
    .get(divisor)
    .i64Const(32)
    .i64ShrU()
    .i64Eqz()
    .if(() => {
      for (const [digit, half] of [
        [upper, upperHalf],
        [lower, lowerHalf],
      ] as const) {
        body.get(high).i64Const(32).i64Shl()
        half().i64Or().tee(shift).get(divisor).i64DivU().set(digit)
        body.get(shift).get(digit).get(divisor).i64Mul().i64Sub().set(high)
      }
      returnQuotient().get(high).return()
    })
  body.get(divisor).i64Clz().set(shift)
  writeShiftLeft(body, [low, high], shift)
  writeShiftLeft(body, [divisor], shift)
  const split = splitDivisor(body, divisor)
  writeHalfDigit(body, upper, high, split, upperHalf)
  writeHalfDigit(body, lower, high, split, lowerHalf)
  returnQuotient().get(high).get(shift).i64ShrU()
  return index
}

/**
 * (dividend of `dividendSize` limbs, divisor) → quotient or remainder, for a divisor of exactly `divisorSize` limbs:
 * the highest one is not 0, those above are.
 */
function emitLongDivision(
  module: ModuleWriter,
  reciprocal: number,
  dividendSize: 4 | 8,
  divisorSize: 1 | 2 | 3 | 4,
  result: 'quotient' | 'remainder',
): number {
  const limbs = Array.from({ length: dividendSize }, () => I64 as ValueType)
  const name = `${result}${dividendSize}by${divisorSize}`
  const index = module.function(module.type([...limbs, ...WORD], WORD), name)
  const writer = new WordWriter(module.body(index))
  const { body } = writer
  const dividend = [...limbs.keys(), body.local(I64)]
  const divisor = Array.from({ length: divisorSize }, (_, i) => dividendSize + i)
  const highest = present(divisor.at(-1), 'limb')
  const [shift, inverse] = body.locals(I64, 2) as [Local, Local]

  body.get(highest).i64Clz().set(shift)
  writeShiftLeft(body, dividend, shift)
  writeShiftLeft(body, divisor, shift)
  body.get(highest).call(reciprocal).set(inverse)

  const quotient = writer.word()
  const digit = body.local(I64)
  for (let i = dividendSize - divisorSize; i >= 0; i--) {
    const window = dividend.slice(i, i + divisorSize + 1)
    writeDigit(writer, digit, window, divisor, inverse)
    // A dividend of 8 limbs is only reduced: its quotient is not asked for.
    if (i < 4) body.get(digit).set(present(quotient[i], 'limb'))
  }
  if (result === 'quotient') {
    writer.push(quotient)
    return index
  }
  writeShiftRight(body, dividend.slice(0, divisorSize), shift)
  for (let i = 0; i < 4; i++) {
    if (i < divisorSize) body.get(present(dividend[i], 'limb'))
    else body.i64Const(0)
  }
  return index
}

/** Shifts by less than 64 bits; what leaves the highest limb is lost. */
function writeShiftLeft(body: FunctionBody, limbs: readonly Local[], shift: Local): void {
  for (let i = limbs.length - 1; i >= 0; i--) {
    const limb = present(limbs[i], 'limb')
    body.get(limb).get(shift).i64Shl()
    const below = limbs[i - 1]
    // In two steps: a shift by 64 − 0 would be one by 0.
    if (below !== undefined) {
      body.get(below).i64Const(1).i64ShrU().i64Const(63).get(shift).i64Sub().i64ShrU().i64Or()
    }
    body.set(limb)
  }
}

function writeShiftRight(body: FunctionBody, limbs: readonly Local[], shift: Local): void {
  for (const [i, limb] of limbs.entries()) {
    body.get(limb).get(shift).i64ShrU()
    const above = limbs[i + 1]
    if (above !== undefined) {
      body.get(above).i64Const(1).i64Shl().i64Const(63).get(shift).i64Sub().i64Shl().i64Or()
    }
    body.set(limb)
  }
}

/**
 * One digit of the quotient, and `window` less its product with the divisor: steps D3 to D6. The window has one limb
 * more than the divisor, and is less than the divisor times 2⁶⁴.
 */
function writeDigit(
  writer: WordWriter,
  digit: Local,
  window: readonly Local[],
  divisor: readonly Local[],
  inverse: Local,
): void {
  const { body } = writer
  const size = divisor.length
  const [top, next] = [present(window[size], 'limb'), present(window[size - 1], 'limb')]
  const highest = present(divisor.at(-1), 'limb')
  body.i64Const(0).set(digit)
  body.block((done) => {
    body.get(top).i64Eqz().get(next).get(highest).i64LtU().i32And().brIf(done)
    if (size > 1) {
      body
        .get(top)
        .get(highest)
        .i64GeU()
        .if(
          () => body.i64Const(-1, -1).set(digit),
          () => writeEstimate(writer, digit, top, next, highest, inverse),
        )
      writeSubtractProduct(writer, digit, window, divisor)
    } else {
      writeEstimate(writer, digit, top, next, highest, inverse)
      body.get(next).get(digit).get(highest).i64Mul().i64Sub().set(next)
      body.i64Const(0).set(top)
    }
  })
}

/** digit = ⌊(top·2⁶⁴ + next) ÷ divisor⌋, for top < divisor. */
function writeEstimate(
  writer: WordWriter,
  digit: Local,
  top: Local,
  next: Local,
  divisor: Local,
  inverse: Local,
): void {
  const { body } = writer
  const [low, rest] = body.locals(I64, 2) as [Local, Local]
  // (digit, low) = inverse · top + (top + 1, next)
  writer.multiplyLimbs(low, digit, inverse, top)
  body.get(low).get(next).i64Add().tee(low).get(next).i64LtU().i64ExtendI32U()
  body.get(digit).i64Add().get(top).i64Add().i64Const(1).i64Add().set(digit)
  body
    .get(next)
    .get(digit)
    .get(divisor)
    .i64Mul()
    .i64Sub()
    .tee(rest)
    .get(low)
    .i64GtU()
    .if(() => {
      body.get(digit).i64Const(1).i64Sub().set(digit)
      body.get(rest).get(divisor).i64Add().set(rest)
    })
  body
    .get(rest)
    .get(divisor)
    .i64GeU()
    .if(() => body.get(digit).i64Const(1).i64Add().set(digit))
}

/** window −= digit · divisor; when that falls below zero, the digit was one or two too large. */
function writeSubtractProduct(
  writer: WordWriter,
  digit: Local,
  window: readonly Local[],
  divisor: readonly Local[],
): void {
  const { body } = writer
  const [low, high, carry, borrow] = body.locals(I64, 4) as [Local, Local, Local, Local]
  body.i64Const(0).set(carry)
  divisor.forEach((limb, i) => {
    const target = present(window[i], 'limb')
    writer.multiplyLimbs(low, high, digit, limb)
    // The carry out of a limb: the product's high half, and one for each of both that wrap.
    body.get(low).get(carry).i64Add().tee(low).get(carry).i64LtU().i64ExtendI32U().get(high).i64Add()
    body.get(target).get(low).i64LtU().i64ExtendI32U().i64Add().set(carry)
    body.get(target).get(low).i64Sub().set(target)
  })
  const top = present(window.at(-1), 'limb')
  body.get(top).get(carry).i64LtU().i64ExtendI32U().set(borrow)
  body.get(top).get(carry).i64Sub().set(top)
  const rest = window.slice(0, -1)
  body.block((done) => {
    body.loop((again) => {
      body.get(borrow).i64Eqz().brIf(done)
      body.get(digit).i64Const(1).i64Sub().set(digit)
      writer.addWithCarry(rest, rest, divisor)
      body.get(top).i64Add().tee(top)
      // The addition that wraps the highest limb to 0 takes the borrow back.
      body.i64Const(0).i64Ne().brIf(again)
    })
  })
}
