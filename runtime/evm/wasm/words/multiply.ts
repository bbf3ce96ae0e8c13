/**
 * Products: MUL, the 512 bits of MULMOD, EXP. Schoolbook by rows, unrolled: 16 products of limbs, of which V8 makes four
 * multiplications each, as WebAssembly has none with a result of 128 bits that it would compile to one.
 */
import { present } from '../../../../src/primitives/assert.ts'
import { I32, I64 } from '../../../wasm/function-body.ts'
import type { Local } from '../../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../../wasm/module-writer.ts'
import { parameterWord, WORD, WordWriter, type Word } from './word-writer.ts'

/**
 * Writes the lowest limbs of a · b, as many as there are, to `target`, which is neither operand; limbs above the product
 * stay as they are. Row by row: target += a[i] · b · 2^(64·i).
 */
export function writeProduct(
  writer: WordWriter,
  target: readonly Local[],
  a: readonly Local[],
  b: readonly Local[],
): void {
  const { body } = writer
  const size = target.length
  const [low, high, carry] = body.locals(I64, 3) as [Local, Local, Local]
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < b.length && i + j < size; j++) {
      const limb = present(target[i + j], 'limb')
      const [x, y] = [present(a[i], 'limb'), present(b[j], 'limb')]
      if (i + j === size - 1) {
        // The last limb: nothing carries out of it.
        body.get(x).get(y).i64Mul()
        if (i > 0) body.get(limb).i64Add()
        if (j > 0) body.get(carry).i64Add()
        body.set(limb)
        continue
      }
      writer.multiplyLimbs(low, high, x, y)
      for (const addend of [...(i > 0 ? [limb] : []), ...(j > 0 ? [carry] : [])]) {
        body.get(low).get(addend).i64Add().tee(low)
        body.get(addend).i64LtU().i64ExtendI32U().get(high).i64Add().set(high)
      }
      body.get(low).set(limb)
      body.get(high).set(carry)
    }
    if (i + b.length < size) body.get(carry).set(present(target[i + b.length], 'limb'))
  }
}

/** (a, b) → a · b mod 2²⁵⁶. */
export function emitMultiply(module: ModuleWriter): number {
  const index = module.function(module.type([...WORD, ...WORD], WORD), 'mul')
  const writer = new WordWriter(module.body(index))
  const { body } = writer
  const [a, b] = [parameterWord(0), parameterWord(4)]
  // Most products are of small factors, unsigned or signed.
  writer.orOf([a[1], a[2], a[3], b[1], b[2], b[3]])
  body.i64Eqz().if(() => {
    writer.multiplyLimbs(a[0], b[0], a[0], b[0])
    body.get(a[0]).get(b[0]).i64Const(0).i64Const(0).return()
  })
  writeSmallSignedProduct(writer, a, b)
  const product = writer.word()
  writeProduct(writer, product, a, b)
  writer.push(product)
  return index
}

/** Returns the product when both factors are numbers of 64 bits with a sign. */
function writeSmallSignedProduct(writer: WordWriter, a: Word, b: Word): void {
  const { body } = writer
  const [signA, signB, low, high] = body.locals(I64, 4) as [Local, Local, Local, Local]
  let isFirst = true
  for (const [word, sign] of [
    [a, signA],
    [b, signB],
  ] as const) {
    body.get(word[0]).i64Const(63).i64ShrS().set(sign)
    for (const limb of word.slice(1)) {
      body.get(limb).get(sign).i64Xor()
      if (!isFirst) body.i64Or()
      isFirst = false
    }
  }
  body.i64Eqz().if(() => {
    writer.multiplyLimbs(low, high, a[0], b[0])
    // Without its sign, a negative factor was 2⁶⁴ too large: the other one is taken off the high limb.
    body.get(low).get(high)
    body.get(b[0]).get(signA).i64And().i64Sub()
    body.get(a[0]).get(signB).i64And().i64Sub().tee(high)
    body.get(high).i64Const(63).i64ShrS().tee(high).get(high).return()
  })
}

/** (base, exponent) → base^exponent mod 2²⁵⁶, by squaring from the highest bit of the exponent down. */
export function emitExponentiate(module: ModuleWriter, multiply: number): number {
  const index = module.function(module.type([...WORD, ...WORD], WORD), 'exp')
  const writer = new WordWriter(module.body(index))
  const { body } = writer
  const [base, exponent] = [parameterWord(0), parameterWord(4)]
  const result = writer.word()
  const bitsLeft = body.local(I32)

  // 2^n, the mask of packed fields: one bit.
  body.get(base[0]).i64Const(2).i64Eq()
  writer.orOf([base[1], base[2], base[3]])
  body
    .i64Eqz()
    .i32And()
    .if(() => {
      for (const [i, limb] of result.entries()) {
        body.i64Const(1).get(exponent[0]).i64Shl().i64Const(0)
        body.get(exponent[0]).i64Const(6).i64ShrU().i64Const(i).i64Eq()
        writer.orOf([exponent[1], exponent[2], exponent[3]])
        body.i64Eqz().i32And().select().set(limb)
      }
      writer.push(result)
      body.return()
    })

  body.i64Const(1).set(result[0])
  body.i32Const(256).set(bitsLeft)
  // Shift the exponent so that its highest bit is bit 255, by limbs first.
  body.block((done) => {
    body.loop((again) => {
      body.get(bitsLeft).i32Eqz().brIf(done)
      body.get(exponent[3]).i64Eqz().i32Eqz().brIf(done)
      body.get(exponent[2]).set(exponent[3]).get(exponent[1]).set(exponent[2])
      body.get(exponent[0]).set(exponent[1]).i64Const(0).set(exponent[0])
      body.get(bitsLeft).i32Const(64).i32Sub().set(bitsLeft).br(again)
    })
  })
  const shiftLeftOnce = (): void => {
    for (let i = 3; i > 0; i--) {
      const [limb, below] = [exponent[i] as Local, exponent[i - 1] as Local]
      body.get(limb).i64Const(1).i64Shl().get(below).i64Const(63).i64ShrU().i64Or().set(limb)
    }
    body.get(exponent[0]).i64Const(1).i64Shl().set(exponent[0])
    body.get(bitsLeft).i32Const(1).i32Sub().set(bitsLeft)
  }
  body.block((done) => {
    body.loop((again) => {
      body.get(bitsLeft).i32Eqz().brIf(done)
      body.get(exponent[3]).i64Const(0).i64LtS().brIf(done)
      shiftLeftOnce()
      body.br(again)
    })
  })
  body.block((done) => {
    body.loop((again) => {
      body.get(bitsLeft).i32Eqz().brIf(done)
      writer.push(result)
      writer.push(result)
      body.call(multiply)
      writer.pop(result)
      body
        .get(exponent[3])
        .i64Const(0)
        .i64LtS()
        .if(() => {
          writer.push(result)
          writer.push(base)
          body.call(multiply)
          writer.pop(result)
        })
      shiftLeftOnce()
      body.br(again)
    })
  })
  writer.push(result)
  return index
}
