/**
 * The instructions of WebAssembly that take nothing but operands and constants, one method each, chained in the order in
 * which the machine runs them: `body.get(a).get(b).i64Add().set(sum)`. Control flow and calls are in `function-body.ts`.
 * Core Specification 2.0 §5.4; SIMD and bulk memory included.
 */
import type { ByteBuffer } from './byte-buffer.ts'

const PREFIX_BULK = 0xfc
const PREFIX_VECTOR = 0xfd

/** Index of a local; parameters come first. */
export type Local = number

export class InstructionWriter {
  protected readonly code: ByteBuffer

  constructor(code: ByteBuffer) {
    this.code = code
  }

  /** Bytes of code so far: what a compiler has to bound. */
  get size(): number {
    return this.code.size
  }

  // Locals, globals, constants.

  get(local: Local): this {
    return this.plain(0x20).index(local)
  }

  set(local: Local): this {
    return this.plain(0x21).index(local)
  }

  tee(local: Local): this {
    return this.plain(0x22).index(local)
  }

  globalGet(globalIndex: number): this {
    return this.plain(0x23).index(globalIndex)
  }

  globalSet(globalIndex: number): this {
    return this.plain(0x24).index(globalIndex)
  }

  /** @param value any integer of 32 bits, signed or not. */
  i32Const(value: number): this {
    this.code.byte(0x41)
    this.code.signed(value)
    return this
  }

  /** The halves of a 64-bit integer. Without `high`: `low` is unsigned and below 2³². */
  i64Const(low: number, high = 0): this {
    this.code.byte(0x42)
    this.code.signed64(low, high)
    return this
  }

  /** @param bytes 16 of them, lane 0 first. */
  v128Const(bytes: Uint8Array): this {
    this.vector(12)
    this.code.append(bytes)
    return this
  }

  // Vectors with lanes.

  /** Lane i of the result is lane `lanes[i]` of the two operands side by side. @param lanes 16 numbers below 32. */
  i8x16Shuffle(lanes: Uint8Array): this {
    this.vector(13)
    this.code.append(lanes)
    return this
  }

  i64x2ExtractLane(lane: 0 | 1): this {
    this.vector(29)
    this.code.byte(lane)
    return this
  }

  i64x2ReplaceLane(lane: 0 | 1): this {
    this.vector(30)
    this.code.byte(lane)
    return this
  }

  // Memory as a whole.

  memorySize(): this {
    return this.plain(0x3f).index(0)
  }

  memoryGrow(): this {
    return this.plain(0x40).index(0)
  }

  /** Target, source, size. The ranges may overlap. */
  memoryCopy(): this {
    this.code.byte(PREFIX_BULK)
    return this.index(10).index(0).index(0)
  }

  /** Target, byte, size. */
  memoryFill(): this {
    this.code.byte(PREFIX_BULK)
    return this.index(11).index(0)
  }

  // The rest: by opcode. Loads and stores take a constant offset.

  unreachable(): this {
    return this.plain(0x0)
  }
  nop(): this {
    return this.plain(0x1)
  }
  return(): this {
    return this.plain(0xf)
  }
  drop(): this {
    return this.plain(0x1a)
  }
  select(): this {
    return this.plain(0x1b)
  }
  i32Eqz(): this {
    return this.plain(0x45)
  }
  i32Eq(): this {
    return this.plain(0x46)
  }
  i32Ne(): this {
    return this.plain(0x47)
  }
  i32LtS(): this {
    return this.plain(0x48)
  }
  i32LtU(): this {
    return this.plain(0x49)
  }
  i32GtS(): this {
    return this.plain(0x4a)
  }
  i32GtU(): this {
    return this.plain(0x4b)
  }
  i32LeS(): this {
    return this.plain(0x4c)
  }
  i32LeU(): this {
    return this.plain(0x4d)
  }
  i32GeS(): this {
    return this.plain(0x4e)
  }
  i32GeU(): this {
    return this.plain(0x4f)
  }
  i64Eqz(): this {
    return this.plain(0x50)
  }
  i64Eq(): this {
    return this.plain(0x51)
  }
  i64Ne(): this {
    return this.plain(0x52)
  }
  i64LtS(): this {
    return this.plain(0x53)
  }
  i64LtU(): this {
    return this.plain(0x54)
  }
  i64GtS(): this {
    return this.plain(0x55)
  }
  i64GtU(): this {
    return this.plain(0x56)
  }
  i64LeS(): this {
    return this.plain(0x57)
  }
  i64LeU(): this {
    return this.plain(0x58)
  }
  i64GeS(): this {
    return this.plain(0x59)
  }
  i64GeU(): this {
    return this.plain(0x5a)
  }
  i32Clz(): this {
    return this.plain(0x67)
  }
  i32Ctz(): this {
    return this.plain(0x68)
  }
  i32Popcnt(): this {
    return this.plain(0x69)
  }
  i32Add(): this {
    return this.plain(0x6a)
  }
  i32Sub(): this {
    return this.plain(0x6b)
  }
  i32Mul(): this {
    return this.plain(0x6c)
  }
  i32DivU(): this {
    return this.plain(0x6e)
  }
  i32RemU(): this {
    return this.plain(0x70)
  }
  i32And(): this {
    return this.plain(0x71)
  }
  i32Or(): this {
    return this.plain(0x72)
  }
  i32Xor(): this {
    return this.plain(0x73)
  }
  i32Shl(): this {
    return this.plain(0x74)
  }
  i32ShrS(): this {
    return this.plain(0x75)
  }
  i32ShrU(): this {
    return this.plain(0x76)
  }
  i32Rotl(): this {
    return this.plain(0x77)
  }
  i64Clz(): this {
    return this.plain(0x79)
  }
  i64Ctz(): this {
    return this.plain(0x7a)
  }
  i64Popcnt(): this {
    return this.plain(0x7b)
  }
  i64Add(): this {
    return this.plain(0x7c)
  }
  i64Sub(): this {
    return this.plain(0x7d)
  }
  i64Mul(): this {
    return this.plain(0x7e)
  }
  i64DivU(): this {
    return this.plain(0x80)
  }
  i64RemU(): this {
    return this.plain(0x82)
  }
  i64And(): this {
    return this.plain(0x83)
  }
  i64Or(): this {
    return this.plain(0x84)
  }
  i64Xor(): this {
    return this.plain(0x85)
  }
  i64Shl(): this {
    return this.plain(0x86)
  }
  i64ShrS(): this {
    return this.plain(0x87)
  }
  i64ShrU(): this {
    return this.plain(0x88)
  }
  i64Rotl(): this {
    return this.plain(0x89)
  }
  i64Rotr(): this {
    return this.plain(0x8a)
  }
  i32WrapI64(): this {
    return this.plain(0xa7)
  }
  i64ExtendI32S(): this {
    return this.plain(0xac)
  }
  i64ExtendI32U(): this {
    return this.plain(0xad)
  }
  i64Extend8S(): this {
    return this.plain(0xc2)
  }
  i64Extend16S(): this {
    return this.plain(0xc3)
  }
  i64Extend32S(): this {
    return this.plain(0xc4)
  }
  v128Not(): this {
    return this.vector(77)
  }
  v128And(): this {
    return this.vector(78)
  }
  v128AndNot(): this {
    return this.vector(79)
  }
  v128Or(): this {
    return this.vector(80)
  }
  v128Xor(): this {
    return this.vector(81)
  }
  v128AnyTrue(): this {
    return this.vector(83)
  }
  i8x16Splat(): this {
    return this.vector(15)
  }
  i64x2Splat(): this {
    return this.vector(18)
  }
  i8x16Swizzle(): this {
    return this.vector(14)
  }
  i8x16AllTrue(): this {
    return this.vector(99)
  }
  i8x16LeU(): this {
    return this.vector(42)
  }
  i8x16Sub(): this {
    return this.vector(113)
  }
  i64x2AllTrue(): this {
    return this.vector(195)
  }
  i64x2Add(): this {
    return this.vector(206)
  }
  i64x2Sub(): this {
    return this.vector(209)
  }
  i64x2Mul(): this {
    return this.vector(213)
  }
  i64x2Shl(): this {
    return this.vector(203)
  }
  i64x2ShrU(): this {
    return this.vector(205)
  }
  i64x2Eq(): this {
    return this.vector(214)
  }
  i32x4Add(): this {
    return this.vector(174)
  }
  i64x2ExtmulLowI32x4U(): this {
    return this.vector(222)
  }
  i64x2ExtmulHighI32x4U(): this {
    return this.vector(223)
  }
  i32Load(offset = 0): this {
    return this.access(0x28, 2, offset)
  }
  i64Load(offset = 0): this {
    return this.access(0x29, 3, offset)
  }
  i32Load8U(offset = 0): this {
    return this.access(0x2d, 0, offset)
  }
  i32Load16U(offset = 0): this {
    return this.access(0x2f, 1, offset)
  }
  i64Load8U(offset = 0): this {
    return this.access(0x31, 0, offset)
  }
  i64Load16U(offset = 0): this {
    return this.access(0x33, 1, offset)
  }
  i64Load32U(offset = 0): this {
    return this.access(0x35, 2, offset)
  }
  i32Store(offset = 0): this {
    return this.access(0x36, 2, offset)
  }
  i64Store(offset = 0): this {
    return this.access(0x37, 3, offset)
  }
  i32Store8(offset = 0): this {
    return this.access(0x3a, 0, offset)
  }
  i32Store16(offset = 0): this {
    return this.access(0x3b, 1, offset)
  }
  i64Store8(offset = 0): this {
    return this.access(0x3c, 0, offset)
  }
  i64Store32(offset = 0): this {
    return this.access(0x3e, 2, offset)
  }
  v128Load(offset = 0): this {
    return this.vector(0).immediates(4, offset)
  }
  v128Store(offset = 0): this {
    return this.vector(11).immediates(4, offset)
  }
  v128Load64Zero(offset = 0): this {
    return this.vector(93).immediates(3, offset)
  }
  // Encoding.

  protected plain(opcode: number): this {
    this.code.byte(opcode)
    return this
  }

  protected index(value: number): this {
    this.code.unsigned(value)
    return this
  }

  private vector(opcode: number): this {
    this.code.byte(PREFIX_VECTOR)
    this.code.unsigned(opcode)
    return this
  }

  private access(opcode: number, alignment: number, offset: number): this {
    this.code.byte(opcode)
    return this.immediates(alignment, offset)
  }

  private immediates(alignment: number, offset: number): this {
    this.code.unsigned(alignment)
    this.code.unsigned(offset)
    return this
  }
}
