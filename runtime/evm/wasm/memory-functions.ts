/**
 * EVM memory inside of linear memory: growing and paying for it, copying into it with zeros behind the end of the source,
 * reading call data.
 */
import { I32, I64 } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import { MEMORY_SIZE_MAX } from '../memory.ts'
import { FRAME, MEMORY_END, PAGE_SIZE, SCRATCH, ZERO_AHEAD } from './layout.ts'
import { REVERSE_BYTES, WORD } from './words/word-writer.ts'

/** Linear memory grows by at least this many pages: a step costs a system call and moves the JavaScript views. */
const GROWTH_PAGES = 64

/** What {@link MemoryFunctions.expandMemory} answers when the arena has no more, −2⁶³: tier 0 must go on. */
export const ARENA_IS_FULL: readonly [low: number, high: number] = [0, 0x8000_0000]

/** Indices of functions. */
export interface MemoryFunctions {
  /**
   * (end: i64, gas: i64) → gas left, negative when out of gas. Makes the frame's memory reach to `end`, which is above
   * `FRAME.memorySize`, in whole words.
   */
  readonly expandMemory: number
  /**
   * (address of a word that is an offset: i32, address of one that is a size: i32) → where the range ends: 0 when it is
   * empty, and something above the largest memory when either is too large.
   */
  readonly rangeEnd: number
  /** (target: i32, source: i32, sourceSize: i32, sourceOffset: i64, size: i32): zeros behind the end of the source. */
  readonly copyPadded: number
  /** (offset: i64) → word. */
  readonly callDataLoad: number
}

export function emitMemoryFunctions(module: ModuleWriter): MemoryFunctions {
  const copyPadded = emitCopyPadded(module)
  return {
    copyPadded,
    expandMemory: emitExpandMemory(module),
    rangeEnd: emitRangeEnd(module),
    callDataLoad: emitCallDataLoad(module, copyPadded),
  }
}

function emitExpandMemory(module: ModuleWriter): number {
  const index = module.function(module.type([I64, I64], [I64]), 'expandMemory')
  const body = module.body(index)
  const [end, gas] = [0, 1]
  const [words, oldWords] = body.locals(I64, 2) as [Local, Local]
  const [top, zeroEnd, zeroed] = body.locals(I32, 3) as [Local, Local, Local]

  // 3·w + ⌊w² ÷ 512⌋ of the new size less that of the old one. Sizes up to 2³² bytes are priced, larger ones are out of
  // gas whatever there is of it: no word count above 2²⁷ is squared.
  body
    .get(end)
    .i64Const(0, MEMORY_SIZE_MAX / 2 ** 32)
    .i64GtU()
    .if(() => body.i64Const(-1, -1).return())
  body.get(end).i64Const(31).i64Add().i64Const(5).i64ShrU().set(words)
  body.i32Const(0).i64Load32U(FRAME.memorySize).i64Const(5).i64ShrU().set(oldWords)
  body.get(gas)
  body.get(words).get(oldWords).i64Sub().i64Const(3).i64Mul().i64Sub()
  body.get(words).get(words).i64Mul().i64Const(9).i64ShrU().i64Sub()
  body.get(oldWords).get(oldWords).i64Mul().i64Const(9).i64ShrU().i64Add()
  body
    .tee(gas)
    .i64Const(0)
    .i64LtS()
    .if(() => body.i64Const(-1, -1).return())

  body.get(words).i64Const(5).i64Shl().i32Const(0).i64Load32U(FRAME.memoryBase).i64Add().tee(end)
  body
    .i64Const(MEMORY_END - ZERO_AHEAD)
    .i64GtU()
    .if(() => body.i64Const(...ARENA_IS_FULL).return())
  body.get(end).i32WrapI64().tee(top)
  body
    .i32Const(0)
    .i32Load(FRAME.zeroEnd)
    .tee(zeroEnd)
    .i32GtU()
    .if(() => {
      body
        .get(top)
        .i32Const(ZERO_AHEAD - 1)
        .i32Add()
        .i32Const(-ZERO_AHEAD)
        .i32And()
        .set(zeroed)
      body
        .memorySize()
        .i32Const(16)
        .i32Shl()
        .get(zeroed)
        .i32LtU()
        .if(() => {
          // As much as is missing and some more; when that is too much, exactly what is missing.
          const missing = body.local(I32)
          body.get(zeroed).memorySize().i32Const(16).i32Shl().i32Sub()
          body
            .i32Const(PAGE_SIZE - 1)
            .i32Add()
            .i32Const(16)
            .i32ShrU()
            .tee(missing)
          body
            .i32Const(GROWTH_PAGES)
            .i32Add()
            .memoryGrow()
            .i32Const(-1)
            .i32Eq()
            .if(() => {
              body
                .get(missing)
                .memoryGrow()
                .i32Const(-1)
                .i32Eq()
                .if(() => body.i64Const(...ARENA_IS_FULL).return())
            })
        })
      body.get(zeroEnd).i32Const(0).get(zeroed).get(zeroEnd).i32Sub().memoryFill()
      body.i32Const(0).get(zeroed).i32Store(FRAME.zeroEnd)
    })
  body.i32Const(0).get(words).i64Const(5).i64Shl().i64Store32(FRAME.memorySize)
  body.get(gas)
  return index
}

function emitRangeEnd(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32], [I64]), 'rangeEnd')
  const body = module.body(index)
  const [offset, size] = [0, 1]
  const pushHighLimbs = (address: Local): void => {
    body.get(address).i64Load(8).get(address).i64Load(16).i64Or().get(address).i64Load(24).i64Or()
  }
  pushHighLimbs(size)
  body
    .get(size)
    .i64Load()
    .i64Or()
    .i64Eqz()
    .if(() => body.i64Const(0).return())
  pushHighLimbs(size)
  pushHighLimbs(offset)
  body.get(size).i64Load().get(offset).i64Load().i64Or().i64Const(33).i64ShrU()
  body
    .i64Or()
    .i64Or()
    .i64Eqz()
    .if(
      () => body.get(offset).i64Load().get(size).i64Load().i64Add(),
      () => body.i64Const(0, 0x100),
      I64,
    )
  return index
}

function emitCopyPadded(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32, I32, I64, I32], []), 'copyPadded')
  const body = module.body(index)
  const [target, source, sourceSize, sourceOffset, size] = [0, 1, 2, 3, 4]
  const available = body.local(I32)
  body
    .get(sourceOffset)
    .get(sourceSize)
    .i64ExtendI32U()
    .i64LtU()
    .if(() => {
      body.get(sourceSize).get(sourceOffset).i32WrapI64().i32Sub().tee(available).get(size)
      body.get(available).get(size).i32LtU().select().set(available)
      body.get(target).get(source).get(sourceOffset).i32WrapI64().i32Add().get(available).memoryCopy()
    })
  body
    .get(available)
    .get(size)
    .i32LtU()
    .if(() => {
      body.get(target).get(available).i32Add().i32Const(0).get(size).get(available).i32Sub().memoryFill()
    })
  return index
}

function emitCallDataLoad(module: ModuleWriter, copyPadded: number): number {
  const index = module.function(module.type([I64], WORD), 'callDataLoad')
  const body = module.body(index)
  const offset = 0
  const address = body.local(I32)
  body.get(offset).i64Const(32).i64Add().i32Const(0).i64Load32U(FRAME.inputSize).i64LeU()
  body
    .get(offset)
    .i32Const(0)
    .i64Load32U(FRAME.inputSize)
    .i64LtU()
    .i32And()
    .if(
      () => body.i32Const(0).i32Load(FRAME.input).get(offset).i32WrapI64().i32Add().set(address),
      () => {
        body.i32Const(SCRATCH).i32Const(0).i32Load(FRAME.input).i32Const(0).i32Load(FRAME.inputSize)
        body.get(offset).i32Const(32).call(copyPadded)
        body.i32Const(SCRATCH).set(address)
      },
    )
  const half = body.local(0x7b)
  for (const from of [16, 0]) {
    body.get(address).v128Load(from).tee(half).get(half).i8x16Shuffle(REVERSE_BYTES).tee(half)
    body.i64x2ExtractLane(0).get(half).i64x2ExtractLane(1)
  }
  return index
}
