/** Sums and products modulo a word, of which no bit is lost before: ADDMOD, MULMOD. */
import { I64 } from '../../../wasm/function-body.ts'
import type { Local } from '../../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../../wasm/module-writer.ts'
import { writeDispatch, type LongDivisions } from './long-division.ts'
import { writeProduct } from './multiply.ts'
import { parameterWord, WORD, WordWriter, type Word } from './word-writer.ts'

/** Indices of functions: three words in, one out; 0 where the modulus is. */
export interface ModularFunctions {
  readonly addmod: number
  readonly mulmod: number
}

export function emitModular(module: ModuleWriter, long: LongDivisions): ModularFunctions {
  return { addmod: emitAddModulo(module, long), mulmod: emitMultiplyModulo(module, long) }
}

/** (a, b, n) → (a + b) mod n. */
function emitAddModulo(module: ModuleWriter, { wideRemainders }: LongDivisions): number {
  const index = module.function(module.type([...WORD, ...WORD, ...WORD], WORD), 'addmod')
  const writer = new WordWriter(module.body(index))
  const { body } = writer
  const [a, b, modulus] = [parameterWord(0), parameterWord(4), parameterWord(8)]
  const sum = body.locals(I64, 8)
  const low = sum.slice(0, 4) as unknown as Word
  const carry = sum[4] as Local
  writeZeroWhenZero(writer, modulus)
  writer.addWithCarry(low, a, b)
  body.set(carry)
  // Both are reduced, as in all code for elliptic curves: the sum is less than 2·n.
  writer.isLess(a, modulus)
  writer.isLess(b, modulus)
  body.i32And().if(() => {
    body.get(carry).i64Eqz()
    writer.isLess(low, modulus)
    body.i32And().if(() => {
      writer.push(low)
      body.return()
    })
    writer.subtract(low, low, modulus)
    writer.push(low)
    body.return()
  })
  writeDispatch(writer, modulus, [...sum, ...modulus], wideRemainders)
  return index
}

/** (a, b, n) → (a · b) mod n. */
function emitMultiplyModulo(module: ModuleWriter, { wideRemainders }: LongDivisions): number {
  const index = module.function(module.type([...WORD, ...WORD, ...WORD], WORD), 'mulmod')
  const writer = new WordWriter(module.body(index))
  const { body } = writer
  const [a, b, modulus] = [parameterWord(0), parameterWord(4), parameterWord(8)]
  const product = body.locals(I64, 8)
  writeZeroWhenZero(writer, modulus)
  // Doubling and the like, a third of what formulas for curves multiply: a fourth of the work.
  writer.orOf([a[1], a[2], a[3]])
  body.i64Eqz().if(
    () => writeProduct(writer, product, [a[0]], b),
    () => {
      writer.orOf([b[1], b[2], b[3]])
      body.i64Eqz().if(
        () => writeProduct(writer, product, [b[0]], a),
        () => writeProduct(writer, product, a, b),
      )
    },
  )
  writeDispatch(writer, modulus, [...product, ...modulus], wideRemainders)
  return index
}

function writeZeroWhenZero(writer: WordWriter, modulus: Word): void {
  writer.isZero(modulus)
  writer.body.if(() => {
    writer.body.i64Const(0).i64Const(0).i64Const(0).i64Const(0).return()
  })
}
