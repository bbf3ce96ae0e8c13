/**
 * Arithmetic modulo a prime in generated Wasm: several times faster than `bigint`, which allocates every result and
 * divides for every remainder. An element is the address of its limbs in the module's memory.
 *
 * Elements are in Montgomery's form, x·R mod p with R = 2^(limbs · bits), in the range 0 … 2p − 1, so that a product
 * needs no final subtraction (R > 4p, and R > 16p where factors are sums). Limbs have 28 or 29 bits in 64: the sums of products that make up a product of
 * elements fit without a carry in between.
 */
import { assert, present } from '../../../src/primitives/assert.ts'
import { modularInverse } from './modular-inverse.ts'
import {
  assemble,
  const64,
  get,
  I32,
  I64,
  instantiate,
  load64,
  OP,
  set,
  store64,
  type Code,
  type WasmFunction,
} from './wasm-assembler.ts'
import { createProgram, type Program, type Routine } from './wasm-program.ts'

/** Elements at addresses; operands may be the same, and the result may be one of them. */
export interface FieldArithmetic<T> {
  /** The prime p, of an extension too. */
  readonly modulus: bigint
  /** Bytes of an element. */
  readonly size: number
  /** Room for `count` elements in a row, for good. @returns the address of the first one, which is zero. */
  allocate(count: number): number
  write(address: number, value: T): void
  /** The element's value in its least form. */
  read(address: number): T
  copy(result: number, a: number, count: number): void
  add(result: number, a: number, b: number): void
  sub(result: number, a: number, b: number): void
  mul(result: number, a: number, b: number): void
  sqr(result: number, a: number): void
  isZero(a: number): boolean
  /** Of a value, not of an element. */
  inverse(value: T): T
}

export interface PrimeField extends FieldArithmetic<bigint> {
  /** A routine of the program that the field was created with, by its name. */
  routine(name: string): Routine
}

interface Exports {
  add(result: number, a: number, b: number): void
  sub(result: number, a: number, b: number): void
  mul(result: number, a: number, b: number): void
  /** 1 or 0. */
  isZero(a: number): number
}

/** The shape of elements: everything that the generated code depends on. */
interface Layout {
  readonly modulus: bigint
  readonly limbCount: number
  readonly limbBits: number
}

/** Functions of every field's module, in this order. */
const PRIMITIVES = ['mul', 'add', 'sub', 'isZero', 'copy', 'addFactors']
const LIMB_SIZE = 8
const PAGE_SIZE = 65_536

/**
 * A program for elements of a field. Its primitives are `mul`, `add`, `sub` of result and operands, `copy` of result and
 * operand, and `addFactors`: a sum that is a factor of one product, and nothing else, see {@link addFactorsFunction}.
 */
export function createFieldProgram(modulus: bigint): Program {
  return createProgram(PRIMITIVES, layoutOf(modulus).limbCount * LIMB_SIZE)
}

/**
 * @param modulus an odd prime of at most 384 bits.
 * @param memoryPages 64 KiB each: the most that {@link FieldArithmetic.allocate} can hand out.
 * @param program of routines over elements, from {@link createFieldProgram}.
 */
export function createPrimeField(
  modulus: bigint,
  memoryPages: number,
  program: Program = createFieldProgram(modulus),
): PrimeField {
  const layout = layoutOf(modulus)
  const { limbCount, limbBits } = layout
  const primitives = [
    mulFunction(layout),
    addFunction(layout),
    subFunction(layout),
    isZeroFunction(layout),
    copyFunction(layout),
    addFactorsFunction(layout),
  ]
  const exports = instantiate<Exports & Record<string, Routine>>(
    assemble([...primitives, ...program.functions()], memoryPages),
  )
  const { memory, mul, add, sub, isZero } = exports
  const limbs = new BigUint64Array(memory.buffer)
  const factor = (1n << BigInt(limbCount * limbBits)) % modulus
  const factorInverse = modularInverse(factor, modulus)
  const size = limbCount * LIMB_SIZE
  let allocated = program.allocatedSize()

  return {
    size,
    allocate(count) {
      const address = allocated
      allocated += count * size
      assert(allocated <= memoryPages * PAGE_SIZE, 'the field has room for its elements')
      return address
    },
    write(address, value) {
      const element = (value * factor) % modulus
      for (let i = 0; i < limbCount; i++) limbs[address / LIMB_SIZE + i] = limbOf(layout, element, i)
    },
    read(address) {
      let element = 0n
      for (let i = limbCount - 1; i >= 0; i--) {
        element = (element << BigInt(limbBits)) | (limbs[address / LIMB_SIZE + i] as bigint)
      }
      return (element * factorInverse) % modulus
    },
    copy(result, a, count) {
      const [from, to] = [a / LIMB_SIZE, result / LIMB_SIZE]
      limbs.copyWithin(to, from, from + count * limbCount)
    },
    add,
    sub,
    mul,
    sqr: (result, a) => mul(result, a, a),
    isZero: (a) => isZero(a) === 1,
    inverse: (value) => modularInverse(value, modulus),
    modulus,
    routine: (name) => present(exports[name], name),
  }
}

function layoutOf(modulus: bigint): Layout {
  const bits = modulus.toString(2).length
  // A column sums limbCount products of factors' limbs, themselves sums of two, and as many with the prime's limbs:
  // 9 · (2⁶⁰ + 2⁵⁸) and 14 · (2⁵⁸ + 2⁵⁶) stay below 2⁶⁴, with room for what is carried in.
  const limbBits = bits <= 258 ? 29 : 28
  const limbCount = Math.ceil((bits + 4) / limbBits)
  assert(
    limbCount * (2 ** (2 * limbBits + 2) + 2 ** (2 * limbBits)) < 0.9 * 2 ** 64,
    'columns do not overflow',
  )
  return { modulus, limbCount, limbBits }
}

function limbOf({ limbBits }: Layout, value: bigint, index: number): bigint {
  return BigInt.asUintN(limbBits, value >> BigInt(limbBits * index))
}

const RESULT = 0
const LEFT = 1
const RIGHT = 2
/** The first local behind three parameters. */
const LOCALS = 3

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const i64s = (count: number): number[] => range(count).map(() => I64)
const limbAt = (parameter: number, index: number): Code => [get(parameter), load64(LIMB_SIZE * index)]

/**
 * Montgomery's product a·b/R mod p, below 2p for factors below 2p each:
 *   for each limb aᵢ: t += aᵢ·b; m = −t₀/p₀ mod 2^bits; t += m·p, which clears t₀; t is shifted down by a limb.
 * The shift is a renaming: column c of t lives in local c mod limbs.
 */
function mulFunction(layout: Layout): WasmFunction {
  const { modulus, limbCount, limbBits } = layout
  const mask = const64((1n << BigInt(limbBits)) - 1n)
  const bits = const64(BigInt(limbBits))
  const radix = 1n << BigInt(limbBits)
  const negatedInverse = radix - modularInverse(modulus % radix, radix)
  const column = (index: number): number => LOCALS + (index % limbCount)
  const right = (index: number): number => LOCALS + limbCount + index
  const factor = LOCALS + 2 * limbCount

  const addProducts = (i: number): Code => [
    [limbAt(LEFT, i), set(factor)],
    range(limbCount).map((j) => {
      const isFresh = i === 0 || j === limbCount - 1
      const product: Code = [get(factor), get(right(j)), OP.i64Mul]
      return [isFresh ? product : [product, get(column(i + j)), OP.i64Add], set(column(i + j))]
    }),
  ]
  const reduce = (i: number): Code => [
    [get(column(i)), const64(negatedInverse), OP.i64Mul, mask, OP.i64And, set(factor)],
    range(limbCount).map((j) => [
      [get(column(i + j)), get(factor), const64(limbOf(layout, modulus, j)), OP.i64Mul, OP.i64Add],
      // What is left of column i above its cleared bits belongs to the next one.
      j === 1 ? [get(column(i)), bits, OP.i64ShrU, OP.i64Add] : [],
      set(column(i + j)),
    ]),
  ]
  const topColumn = 2 * limbCount - 1
  return {
    name: 'mul',
    params: [I32, I32, I32],
    results: [],
    locals: i64s(2 * limbCount + 1),
    body: [
      range(limbCount).map((j) => [limbAt(RIGHT, j), set(right(j))]),
      range(limbCount).map((i) => [addProducts(i), reduce(i)]),
      [const64(0n), set(column(topColumn))],
      carryAndStore(layout, (index) => column(limbCount + index)),
    ],
  }
}

/** a + b, less 2p unless that is negative. */
function addFunction(layout: Layout): WasmFunction {
  const limb = (j: number): Code => [
    [limbAt(LEFT, j), limbAt(RIGHT, j), OP.i64Add],
    [const64(limbOf(layout, 2n * layout.modulus, j)), OP.i64Sub],
  ]
  return sumFunction(layout, 'add', limb)
}

/** a − b, plus 2p when that is negative. */
function subFunction(layout: Layout): WasmFunction {
  return sumFunction(layout, 'sub', (j) => [limbAt(LEFT, j), limbAt(RIGHT, j), OP.i64Sub])
}

/**
 * a + b, neither below 2p nor with limbs below 2^bits. A product takes two of them: its columns sum as many products of
 * limbs one bit longer each, and R > 16p keeps it below 2p.
 */
function addFactorsFunction({ limbCount }: Layout): WasmFunction {
  const limb = (j: number): Code => [limbAt(LEFT, j), limbAt(RIGHT, j), OP.i64Add]
  return {
    name: 'addFactors',
    params: [I32, I32, I32],
    results: [],
    locals: [],
    body: range(limbCount).map((j) => [get(RESULT), limb(j), store64(LIMB_SIZE * j)]),
  }
}

function copyFunction({ limbCount }: Layout): WasmFunction {
  return {
    name: 'copy',
    params: [I32, I32],
    results: [],
    locals: [],
    body: range(limbCount).map((j) => [get(RESULT), limbAt(LEFT, j), store64(LIMB_SIZE * j)]),
  }
}

/** Adds 2p to a sum when it is negative: the last borrow is then all ones, and masks the limbs of 2p. */
function sumFunction(layout: Layout, name: string, limb: (index: number) => Code): WasmFunction {
  const { limbCount, limbBits } = layout
  const bits = const64(BigInt(limbBits))
  const sum = (index: number): number => LOCALS + index
  const sign = LOCALS + limbCount
  const borrow = (index: number): Code =>
    index === 0 ? [] : [get(sum(index - 1)), bits, OP.i64ShrS, OP.i64Add]
  const masked = (index: number): Code => [
    const64((1n << BigInt(limbBits)) - 1n),
    OP.i64And,
    [get(sign), const64(limbOf(layout, 2n * layout.modulus, index)), OP.i64And],
    OP.i64Add,
  ]
  return {
    name,
    params: [I32, I32, I32],
    results: [],
    locals: i64s(limbCount + 1),
    body: [
      range(limbCount).map((j) => [limb(j), borrow(j), set(sum(j))]),
      [get(sum(limbCount - 1)), const64(63n), OP.i64ShrS, set(sign)],
      range(limbCount).map((j) => [
        get(sum(j)),
        j < limbCount - 1 ? masked(j) : addSigned(layout, sign),
        set(sum(j)),
      ]),
      carryAndStore(layout, sum),
    ],
  }
}

/** The top limb carries the sign: it is not masked before 2p is added. */
function addSigned(layout: Layout, sign: number): Code {
  const top = limbOf(layout, 2n * layout.modulus, layout.limbCount - 1)
  return [get(sign), const64(top), OP.i64And, OP.i64Add]
}

/** Brings limbs back to their bits, from the lowest up, and stores them. */
function carryAndStore({ limbCount, limbBits }: Layout, local: (index: number) => number): Code {
  const mask = const64((1n << BigInt(limbBits)) - 1n)
  const carry: Code = [const64(BigInt(limbBits)), OP.i64ShrU]
  return range(limbCount).map((j) => {
    const isTop = j === limbCount - 1
    return [
      [get(RESULT), get(local(j)), isTop ? [] : [mask, OP.i64And], store64(LIMB_SIZE * j)],
      isTop ? [] : [get(local(j)), carry, get(local(j + 1)), OP.i64Add, set(local(j + 1))],
    ]
  })
}

/** Zero has two forms below 2p: 0 and p. */
function isZeroFunction(layout: Layout): WasmFunction {
  const operand = 0
  const differsFrom = (value: bigint): Code => [
    const64(0n),
    range(layout.limbCount).map((j) => [
      limbAt(operand, j),
      [const64(limbOf(layout, value, j)), OP.i64Xor, OP.i64Or],
    ]),
  ]
  return {
    name: 'isZero',
    params: [I32],
    results: [I32],
    locals: [],
    body: [differsFrom(0n), OP.i64Eqz, differsFrom(layout.modulus), OP.i64Eqz, OP.i32Or],
  }
}
