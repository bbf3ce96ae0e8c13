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
    shl: emitLeft(module),
    shr: emitRight(module, 'shr'),
    sar: emitRight(module, 'sar'),
    byte: emitByte(module),
    signextend: emitSignExtend(module),
    clz: emitCountLeadingZeros(module),
  }
}

function begin(module: ModuleWriter, name: string): { index: number; writer: WordWriter; word: Word } {
  const index = module.function(module.type([I64, ...WORD], WORD), name)
  return { index, writer: new WordWriter(module.body(index)), word: parameterWord(1) }
}

function emitLeft(module: ModuleWriter): number {
  const { index, writer, word } = begin(module, 'shl')
  const { body } = writer
  const count = 0
  body
    .get(count)
    .i64Const(255)
    .i64GtU()
    .if(() => {
      body.i64Const(0).i64Const(0).i64Const(0).i64Const(0).return()
    })
  // Whole limbs, by two and by one; then bits. A shift takes its count modulo 64.
  body
    .get(count)
    .i64Const(128)
    .i64And()
    .i64Eqz()
    .i32Eqz()
    .if(() => {
      body.get(word[1]).set(word[3]).get(word[0]).set(word[2])
      body.i64Const(0).set(word[1]).i64Const(0).set(word[0])
    })
  body
    .get(count)
    .i64Const(64)
    .i64And()
    .i64Eqz()
    .i32Eqz()
    .if(() => {
      body.get(word[2]).set(word[3]).get(word[1]).set(word[2]).get(word[0]).set(word[1])
      body.i64Const(0).set(word[0])
    })
  const rest = body.local(I64)
  body.i64Const(63).get(count).i64Const(63).i64And().i64Sub().set(rest)
  body.get(word[0]).get(count).i64Shl()
  for (let i = 1; i < 4; i++) {
    body
      .get(word[i] as Local)
      .get(count)
      .i64Shl()
    body
      .get(word[i - 1] as Local)
      .i64Const(1)
      .i64ShrU()
      .get(rest)
      .i64ShrU()
      .i64Or()
  }
  return index
}

/** SHR fills with zeros, SAR with the sign. */
function emitRight(module: ModuleWriter, name: 'shr' | 'sar'): number {
  const { index, writer, word } = begin(module, name)
  const { body } = writer
  const count = 0
  const fill = body.local(I64)
  if (name === 'sar') body.get(word[3]).i64Const(63).i64ShrS().set(fill)
  body
    .get(count)
    .i64Const(255)
    .i64GtU()
    .if(() => {
      body.get(fill).get(fill).get(fill).get(fill).return()
    })
  body
    .get(count)
    .i64Const(128)
    .i64And()
    .i64Eqz()
    .i32Eqz()
    .if(() => {
      body.get(word[2]).set(word[0]).get(word[3]).set(word[1])
      body.get(fill).set(word[2]).get(fill).set(word[3])
    })
  body
    .get(count)
    .i64Const(64)
    .i64And()
    .i64Eqz()
    .i32Eqz()
    .if(() => {
      body.get(word[1]).set(word[0]).get(word[2]).set(word[1]).get(word[3]).set(word[2])
      body.get(fill).set(word[3])
    })
  const rest = body.local(I64)
  body.i64Const(63).get(count).i64Const(63).i64And().i64Sub().set(rest)
  for (let i = 0; i < 3; i++) {
    body
      .get(word[i] as Local)
      .get(count)
      .i64ShrU()
    body
      .get(word[i + 1] as Local)
      .i64Const(1)
      .i64Shl()
      .get(rest)
      .i64Shl()
      .i64Or()
  }
  body.get(word[3]).get(count)
  if (name === 'sar') body.i64ShrS()
  else body.i64ShrU()
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
