/**
 * Arithmetic on words held in locals, written inline: what takes a few instructions a limb, and the pieces of what takes
 * more (`multiply.ts`, `divide.ts`). A word is four locals of 64 bits, lowest limb first. A target may be an operand.
 */
import type { FunctionBody } from '../../../wasm/function-body.ts'
import { I64 } from '../../../wasm/function-body.ts'
import type { Local } from '../../../wasm/instruction-writer.ts'

/** Limbs, lowest first. */
export type Word = readonly [Local, Local, Local, Local]

/** The types of a word's limbs, as parameters or results. */
export const WORD = [I64, I64, I64, I64] as const

/** The parameters from `first` on as a word. */
export function parameterWord(first: Local): Word {
  return [first, first + 1, first + 2, first + 3]
}

/** Reverses 16 bytes. */
export const REVERSE_BYTES: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 15 - i)

export class WordWriter {
  readonly body: FunctionBody
  /** Scratch of the methods: nothing in it lives from one method to the next. */
  private readonly temporaries: Local[] = []

  constructor(body: FunctionBody) {
    this.body = body
  }

  word(): Word {
    const { body } = this
    return [body.local(I64), body.local(I64), body.local(I64), body.local(I64)]
  }

  /** Pushes the limbs, lowest first. */
  push(word: Word): void {
    for (const limb of word) this.body.get(limb)
  }

  /** Pops what {@link push} or a call left. */
  pop(word: Word): void {
    for (const limb of word.toReversed()) this.body.set(limb)
  }

  copy(target: Word, source: Word): void {
    this.push(source)
    this.pop(target)
  }

  setZero(target: Word): void {
    for (const limb of target) this.body.i64Const(0).set(limb)
  }

  /** Loads a little-endian word. @param address local of 32 bits. */
  load(target: Word, address: Local, offset = 0): void {
    target.forEach((limb, i) =>
      this.body
        .get(address)
        .i64Load(offset + 8 * i)
        .set(limb),
    )
  }

  store(address: Local, source: Word, offset = 0): void {
    source.forEach((limb, i) =>
      this.body
        .get(address)
        .get(limb)
        .i64Store(offset + 8 * i),
    )
  }

  /** Pushes whether the word is zero. */
  isZero(word: Word): void {
    this.orOf(word)
    this.body.i64Eqz()
  }

  /** Pushes the OR of some limbs. */
  orOf(limbs: readonly Local[]): void {
    limbs.forEach((limb, i) => {
      this.body.get(limb)
      if (i > 0) this.body.i64Or()
    })
  }

  add(target: Word, a: Word, b: Word): void {
    this.addWithCarry(target, a, b)
    this.body.drop()
  }

  /** Pushes the carry, 0 or 1, as 64 bits. */
  addWithCarry(target: readonly Local[], a: readonly Local[], b: readonly Local[]): void {
    const { body } = this
    const [sum, carry, first] = this.temporary(3) as [Local, Local, Local]
    target.forEach((limb, i) => {
      const [x, y] = [a[i] as Local, b[i] as Local]
      body.get(x).get(y).i64Add().tee(sum).get(x).i64LtU().i64ExtendI32U()
      if (i > 0) {
        body.set(first).get(sum).get(carry).i64Add().tee(sum).get(carry).i64LtU().i64ExtendI32U()
        body.get(first).i64Or()
      }
      body.set(carry).get(sum).set(limb)
    })
    body.get(carry)
  }

  subtract(target: Word, a: Word, b: Word): void {
    this.subtractWithBorrow(target, a, b)
    this.body.drop()
  }

  /** Pushes the borrow, 0 or 1, as 64 bits. */
  subtractWithBorrow(target: readonly Local[], a: readonly Local[], b: readonly Local[]): void {
    const { body } = this
    const [difference, borrow, first] = this.temporary(3) as [Local, Local, Local]
    target.forEach((limb, i) => {
      const [x, y] = [a[i] as Local, b[i] as Local]
      body.get(x).get(y).i64LtU().i64ExtendI32U()
      if (i === 0) {
        body.get(x).get(y).i64Sub().set(difference).set(borrow)
      } else {
        body.set(first).get(x).get(y).i64Sub().tee(difference).get(borrow).i64LtU().i64ExtendI32U()
        body.get(difference).get(borrow).i64Sub().set(difference)
        body.get(first).i64Or().set(borrow)
      }
      body.get(difference).set(limb)
    })
    body.get(borrow)
  }

  /** Two's complement. */
  negate(target: Word, a: Word): void {
    const { body } = this
    const [carry] = this.temporary(4) as [Local]
    body.i64Const(1).set(carry)
    // ~x + carry overflows only when x was zero and a carry came in.
    target.forEach((limb, i) => {
      body
        .get(a[i] as Local)
        .i64Const(-1, -1)
        .i64Xor()
        .get(carry)
        .i64Add()
        .tee(limb)
      body.i64Eqz().i64ExtendI32U().get(carry).i64And().set(carry)
    })
  }

  /** Pushes whether a < b, unsigned, as 32 bits. */
  isLess(a: Word, b: Word): void {
    const { body } = this
    const [borrow] = this.temporary(4) as [Local]
    // The borrow of a − b without the difference.
    a.forEach((x, i) => {
      const y = b[i] as Local
      body.get(x).get(y).i64LtU()
      if (i > 0) body.get(x).get(y).i64Eq().get(borrow).i32WrapI64().i32And().i32Or()
      if (i < 3) body.i64ExtendI32U().set(borrow)
    })
  }

  /** The product of two limbs. `low` and `high` may be operands. */
  multiplyLimbs(low: Local, high: Local, a: Local, b: Local): void {
    const { body } = this
    const [aHigh, bLow, bHigh, cross, middle] = this.temporary(8).slice(3) as [
      Local,
      Local,
      Local,
      Local,
      Local,
    ]
    const half = (x: Local): FunctionBody => body.get(x).i64Const(0xffff_ffff).i64And()
    // With a = aH·2³² + aL and b alike: aL·bL, aL·bH, aH·bL, aH·bH; no sum below exceeds 64 bits.
    body.get(a).i64Const(32).i64ShrU().set(aHigh)
    half(b).set(bLow)
    body.get(b).i64Const(32).i64ShrU().set(bHigh)
    half(a).get(bLow).i64Mul().i64Const(32).i64ShrU().get(aHigh).get(bLow).i64Mul().i64Add().set(middle)
    half(a).get(bHigh).i64Mul()
    half(middle).i64Add().set(cross)
    body.get(a).get(b).i64Mul()
    body.get(aHigh).get(bHigh).i64Mul().get(middle).i64Const(32).i64ShrU().i64Add()
    body.get(cross).i64Const(32).i64ShrU().i64Add().set(high)
    body.set(low)
  }

  private temporary(count: number): Local[] {
    while (this.temporaries.length < count) this.temporaries.push(this.body.local(I64))
    return this.temporaries
  }
}
