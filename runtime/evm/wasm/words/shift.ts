/**
 * Shifts by a variable number of bits, and what counts or picks bits: SHL, SHR, SAR, BYTE, SIGNEXTEND, CLZ. A count comes
 * as 64 bits; whoever has a word saturates it.
 */
import { I64, type FunctionBody } from '../../../wasm/function-body.ts'
import type { Local } from '../../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../../wasm/module-writer.ts'
import { parameterWord, WORD, WordWriter, type Word } from './word-writer.ts'

/** Indices of functions. */
export interface ShiftFunctions {
  /** (count, word) → word, as all shifts. */
  readonly shl: number
  readonly shr: number
  readonly sar: number
  /** (index from the highest byte, word) → the byte as 64 bits. */
  readonly byte: number
  /** (index from the lowest byte, word) → word. */
  readonly signextend: number
  /** word → 64 bits. */
  readonly clz: number
}

export function emitShifts(module: ModuleWriter): ShiftFunctions {
  return {
    shl: emitShift(module, 'shl'),
    shr: emitShift(module, 'shr'),
    sar: emitShift(module, 'sar'),
    byte: emitByte(module),
    signextend: emitSignExtend(module),
    clz: emitCountLeadingZeros(module),
  }
}

function begin(module: ModuleWriter, name: string): { index: number; writer: WordWriter; word: Word } {
  const index = module.function(module.type([I64, ...WORD], WORD), name)
  return { index, writer: new WordWriter(module.body(index)), word: parameterWord(1) }
}

/** SAR fills with the sign, the others with zeros. */
function emitShift(module: ModuleWriter, name: 'shl' | 'shr' | 'sar'): number {
  const { index, writer, word } = begin(module, name)
  const { body } = writer
  const count = 0
  const [fill, rest] = body.locals(I64, 2) as [Local, Local]
  /** From the limb that bits leave at to the one where others come in. */
  const limbs = name === 'shl' ? word.toReversed() : word
  if (name === 'sar') body.get(word[3]).i64Const(63).i64ShrS().set(fill)
  body
    .get(count)
    .i64Const(255)
    .i64GtU()
    .if(() => {
      body.get(fill).get(fill).get(fill).get(fill).return()
    })
  // Whole limbs, by two and by one; then bits. A shift takes its count modulo 64.
  for (const distance of [2, 1]) {
    body
      .get(count)
      .i64Const(64 * distance)
      .i64And()
      .i64Eqz()
      .i32Eqz()
      .if(() => {
        for (const [i, limb] of limbs.entries()) body.get(limbs[i + distance] ?? fill).set(limb)
      })
  }
  body.i64Const(63).get(count).i64Const(63).i64And().i64Sub().set(rest)
  for (const limb of word) {
    const next = limbs[limbs.indexOf(limb) + 1]
    body.get(limb).get(count)
    if (name === 'shl') body.i64Shl()
    else if (name === 'sar' && next === undefined) body.i64ShrS()
    else body.i64ShrU()
    if (next === undefined) continue
    // In two steps: the other way by 64 − 0 would be by 0.
    body.get(next).i64Const(1)
    if (name === 'shl') body.i64ShrU().get(rest).i64ShrU().i64Or()
    else body.i64Shl().get(rest).i64Shl().i64Or()
  }
  return index
}

/** Pushes limb `number` (a local, 0 … 3). */
function pushLimb(body: FunctionBody, word: Word, number: Local): void {
  const isOdd = (): FunctionBody => body.get(number).i64Const(1).i64And().i32WrapI64()
  body.get(word[3]).get(word[2])
  isOdd().select()
  body.get(word[1]).get(word[0])
  isOdd().select()
  body.get(number).i64Const(1).i64GtU().select()
}

function emitByte(module: ModuleWriter): number {
  const index = module.function(module.type([I64, ...WORD], [I64]), 'byte')
  const body = module.body(index)
  const position = 0
  const limb = body.local(I64)
  body
    .get(position)
    .i64Const(31)
    .i64GtU()
    .if(() => body.i64Const(0).return())
  // From the lowest byte now.
  body.i64Const(31).get(position).i64Sub().tee(position).i64Const(3).i64ShrU().set(limb)
  pushLimb(body, parameterWord(1), limb)
  body.get(position).i64Const(3).i64Shl().i64ShrU().i64Const(255).i64And()
  return index
}

function emitSignExtend(module: ModuleWriter): number {
  const { index, writer, word } = begin(module, 'signextend')
  const { body } = writer
  const position = 0
  const [limb, extended, fill] = body.locals(I64, 3) as [Local, Local, Local]
  body
    .get(position)
    .i64Const(30)
    .i64GtU()
    .if(() => {
      writer.push(word)
      body.return()
    })
  body.get(position).i64Const(3).i64ShrU().set(limb)
  // The limb with the sign: up until its byte is the highest one, and down again.
  const shift = body.local(I64)
  body.i64Const(56).get(position).i64Const(7).i64And().i64Const(3).i64Shl().i64Sub().set(shift)
  pushLimb(body, word, limb)
  body.get(shift).i64Shl().tee(extended).i64Const(63).i64ShrS().set(fill)
  body.get(extended).get(shift).i64ShrS().set(extended)
  for (const [i, own] of word.entries()) {
    // Below the limb with the sign: as it was; that limb: extended; above: the sign.
    body.get(extended).get(own).get(limb).i64Const(i).i64Eq().select()
    body.get(fill).get(limb).i64Const(i).i64GeU().select()
  }
  return index
}

function emitCountLeadingZeros(module: ModuleWriter): number {
  const index = module.function(module.type(WORD, [I64]), 'clz')
  const body = module.body(index)
  for (let i = 3; i > 0; i--) {
    body
      .get(i)
      .i64Eqz()
      .i32Eqz()
      .if(() => {
        body
          .get(i)
          .i64Clz()
          .i64Const(64 * (3 - i))
          .i64Add()
          .return()
      })
  }
  body.get(0).i64Clz().i64Const(192).i64Add()
  return index
}
