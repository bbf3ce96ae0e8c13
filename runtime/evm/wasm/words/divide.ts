/**
 * Quotients and remainders: DIV, SDIV, MOD, SMOD. What fits two limbs by one is done at once; the rest goes to the long
 * division for the divisor's number of limbs.
 */
import { I64, type FunctionBody } from '../../../wasm/function-body.ts'
import type { Local } from '../../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../../wasm/module-writer.ts'
import { writeDispatch, type LongDivisions } from './long-division.ts'
import { parameterWord, WORD, WordWriter, type Word } from './word-writer.ts'

/** Indices of functions: two words in, one out; 0 where the divisor is. */
export interface DivisionFunctions {
  readonly div: number
  readonly sdiv: number
  readonly mod: number
  readonly smod: number
}

export function emitDivisions(module: ModuleWriter, long: LongDivisions): DivisionFunctions {
  const div = emitDivision(module, 'div', long)
  const mod = emitDivision(module, 'mod', long)
  return {
    div,
    mod,
    sdiv: emitSigned(module, 'sdiv', div, long),
    smod: emitSigned(module, 'smod', mod, long),
  }
}

type Result = 'quotient' | 'remainder'

function emitDivision(module: ModuleWriter, name: 'div' | 'mod', long: LongDivisions): number {
  const index = module.function(module.type([...WORD, ...WORD], WORD), name)
  const writer = new WordWriter(module.body(index))
  const { body } = writer
  const [a, b] = [parameterWord(0), parameterWord(4)]
  const result = name === 'div' ? 'quotient' : 'remainder'
  isNarrow(writer, a, b)
  body.if(() => {
    writeNarrow(writer, result, a, b[0], long)
    writer.push(a)
    body.return()
  })
  writer.isZero(b)
  body.if(() => {
    writer.setZero(a)
    writer.push(a)
    body.return()
  })
  writeDispatch(writer, b, [...a, ...b], name === 'div' ? long.quotients : long.remainders)
  return index
}

/** Signs taken off and put on again: the quotient's is that of both, the remainder's that of the dividend. */
function emitSigned(
  module: ModuleWriter,
  name: 'sdiv' | 'smod',
  unsigned: number,
  long: LongDivisions,
): number {
  const index = module.function(module.type([...WORD, ...WORD], WORD), name)
  const writer = new WordWriter(module.body(index))
  const { body } = writer
  const [a, b] = [parameterWord(0), parameterWord(4)]
  const sign = body.local(I64)
  body.get(a[3])
  if (name === 'sdiv') body.get(b[3]).i64Xor()
  body.set(sign)
  for (const operand of [a, b]) {
    body
      .get(operand[3])
      .i64Const(0)
      .i64LtS()
      .if(() => writer.negate(operand, operand))
  }
  isNarrow(writer, a, b)
  body.if(
    () => writeNarrow(writer, name === 'sdiv' ? 'quotient' : 'remainder', a, b[0], long),
    () => {
      writer.push(a)
      writer.push(b)
      body.call(unsigned)
      writer.pop(a)
    },
  )
  body
    .get(sign)
    .i64Const(0)
    .i64LtS()
    .if(() => writer.negate(a, a))
  writer.push(a)
  return index
}

/** Pushes whether a has at most two limbs, and b one. */
function isNarrow(writer: WordWriter, a: Word, b: Word): void {
  writer.orOf([a[2], a[3], b[1], b[2], b[3]])
  writer.body.i64Eqz()
}

/** Replaces the two low limbs of a, which has no others. */
function writeNarrow(
  { body }: WordWriter,
  result: Result,
  a: Word,
  divisor: Local,
  { divideTwoLimbs }: LongDivisions,
): void {
  const divide = (): FunctionBody => (result === 'quotient' ? body.i64DivU() : body.i64RemU())
  const divideLow = (): void => {
    body.get(a[0]).get(divisor)
    divide().set(a[0])
  }
  const divideBoth = (): void => {
    body.get(a[0]).get(a[1]).get(divisor).call(divideTwoLimbs)
    if (result === 'quotient') body.drop().set(a[1]).set(a[0])
    else body.set(a[0]).drop().drop().i64Const(0).set(a[1])
  }
  body
    .get(divisor)
    .i64Eqz()
    .if(
      () => body.i64Const(0).set(a[0]).i64Const(0).set(a[1]),
      () => body.get(a[1]).i64Eqz().if(divideLow, divideBoth),
    )
}
