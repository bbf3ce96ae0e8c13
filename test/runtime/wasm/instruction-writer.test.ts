/** Each instruction of the writer does what its name says: operands at the edges, against the same on bigints. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { I32, I64, V128, type FunctionBody, type ValueType } from '../../../runtime/wasm/function-body.ts'
import { ModuleWriter } from '../../../runtime/wasm/module-writer.ts'

type Run = (...operands: (number | bigint)[]) => number | bigint

/** A function that takes operands, then runs `write`. */
function functionOf(
  parameters: readonly ValueType[],
  result: ValueType,
  write: (body: FunctionBody) => void,
): Run {
  const module = new ModuleWriter()
  module.memory({ initial: 1 })
  const index = module.function(module.type(parameters, [result]))
  const body = module.body(index)
  for (const parameter of parameters.keys()) body.get(parameter)
  write(body)
  module.exportFunction('run', index)
  return new WebAssembly.Instance(new WebAssembly.Module(module.finish())).exports['run'] as Run
}

type Binary = (a: bigint, b: bigint, bits: number) => bigint

const signed = (value: bigint, bits: number): bigint => BigInt.asIntN(bits, value)
const truth = (value: boolean): bigint => (value ? 1n : 0n)
const rotate = (a: bigint, by: bigint, bits: number): bigint => {
  const count = by % BigInt(bits)
  return (a << count) | (a >> (BigInt(bits) - count))
}

/** Names without the type in front; operands unsigned. Comparisons give 32 bits. */
const BINARY: Readonly<Record<string, Binary>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  DivU: (a, b) => a / b,
  RemU: (a, b) => a % b,
  And: (a, b) => a & b,
  Or: (a, b) => a | b,
  Xor: (a, b) => a ^ b,
  Shl: (a, b, bits) => a << (b % BigInt(bits)),
  ShrS: (a, b, bits) => signed(a, bits) >> (b % BigInt(bits)),
  ShrU: (a, b, bits) => a >> (b % BigInt(bits)),
  Rotl: rotate,
  Eq: (a, b) => truth(a === b),
  Ne: (a, b) => truth(a !== b),
  LtS: (a, b, bits) => truth(signed(a, bits) < signed(b, bits)),
  LtU: (a, b) => truth(a < b),
  GtS: (a, b, bits) => truth(signed(a, bits) > signed(b, bits)),
  GtU: (a, b) => truth(a > b),
  LeS: (a, b, bits) => truth(signed(a, bits) <= signed(b, bits)),
  LeU: (a, b) => truth(a <= b),
  GeS: (a, b, bits) => truth(signed(a, bits) >= signed(b, bits)),
  GeU: (a, b) => truth(a >= b),
}

const digits = (a: bigint, bits: number): string => a.toString(2).padStart(bits, '0')
const UNARY: Readonly<Record<string, (a: bigint, bits: number) => bigint>> = {
  Eqz: (a) => truth(a === 0n),
  Clz: (a, bits) => BigInt(a === 0n ? bits : digits(a, bits).indexOf('1')),
  Ctz: (a, bits) => BigInt(a === 0n ? bits : bits - 1 - digits(a, bits).lastIndexOf('1')),
  Popcnt: (a, bits) => BigInt(digits(a, bits).replaceAll('0', '').length),
}

const IS_CONDITION = /^(?:Eq|Ne|Lt|Gt|Le|Ge)/

/** Runs the method of that name. */
function write(body: FunctionBody, name: string): void {
  const method = (body as unknown as Record<string, (() => unknown) | undefined>)[name]
  assert(method !== undefined, name)
  method.call(body)
}

for (const bits of [32, 64] as const) {
  const type = bits === 32 ? I32 : I64
  const edges = [
    0n,
    1n,
    2n,
    31n,
    33n,
    63n,
    1n << 31n,
    (1n << BigInt(bits)) - 1n,
    (1n << BigInt(bits - 1)) - 1n,
  ]
  const operand = (value: bigint): number | bigint => (bits === 32 ? Number(value) : value)

  suite(`instructions of ${bits} bits`, () => {
    for (const [name, reference] of Object.entries(BINARY)) {
      test(name, () => {
        const result = IS_CONDITION.test(name) ? I32 : type
        const run = functionOf([type, type], result, (body) => write(body, `i${bits}${name}`))
        for (const a of edges) {
          for (const b of edges) {
            if (b === 0n && /^(?:Div|Rem)/.test(name)) continue
            const actual = BigInt.asUintN(bits, BigInt(run(operand(a), operand(b))))
            assert.equal(actual, BigInt.asUintN(bits, reference(a, b, bits)), `${a} ${name} ${b}`)
          }
        }
      })
    }
    for (const [name, reference] of Object.entries(UNARY)) {
      test(name, () => {
        const result = name === 'Eqz' ? I32 : type
        const run = functionOf([type], result, (body) => write(body, `i${bits}${name}`))
        for (const a of edges) assert.equal(BigInt(run(operand(a))), reference(a, bits), `${name} ${a}`)
      })
    }
  })
}

suite('instructions between types', () => {
  const value = 0x8182_8384_8586_8788n
  const cases: [name: string, from: ValueType, to: ValueType, expected: bigint][] = [
    ['i32WrapI64', I64, I32, 0x8586_8788n],
    ['i64ExtendI32S', I32, I64, 0xffff_ffff_8586_8788n],
    ['i64ExtendI32U', I32, I64, 0x8586_8788n],
    ['i64Extend8S', I64, I64, 0xffff_ffff_ffff_ff88n],
    ['i64Extend16S', I64, I64, 0xffff_ffff_ffff_8788n],
    ['i64Extend32S', I64, I64, 0xffff_ffff_8586_8788n],
  ]
  for (const [name, from, to, expected] of cases) {
    test(name, () => {
      const run = functionOf([from], to, (body) => write(body, name))
      const result = run(from === I32 ? Number(value & 0xffff_ffffn) : value)
      assert.equal(BigInt.asUintN(to === I32 ? 32 : 64, BigInt(result)), expected)
    })
  }
})

test('loads and stores take and give as many bytes as they say, at an offset', () => {
  const value = 0x8182_8384_8586_8788n
  const sizes: [store: string, load: string, bytes: number][] = [
    ['i64Store', 'i64Load', 8],
    ['i64Store32', 'i64Load32U', 4],
    ['i64Store8', 'i64Load8U', 1],
  ]
  for (const [store, load, bytes] of sizes) {
    const run = functionOf([I64], I64, (body) => {
      body.drop().i32Const(0).i64Const(-1, -1).i64Store(100)
      body.i32Const(4).get(0)
      ;(body as unknown as Record<string, (offset: number) => void>)[store]?.(96)
      body.i32Const(2)
      ;(body as unknown as Record<string, (offset: number) => void>)[load]?.(98)
    })
    assert.equal(BigInt.asUintN(64, BigInt(run(value))), BigInt.asUintN(8 * bytes, value), store)
  }
  const narrow = functionOf([I32], I32, (body) => {
    body.drop().i32Const(0).get(0).i32Store(8)
    body.i32Const(0).get(0).i32Store16(16).i32Const(0).get(0).i32Store8(24)
    body.i32Const(0).i32Load(8).i32Const(0).i32Load16U(16).i32Add().i32Const(0).i32Load8U(24).i32Add()
  })
  assert.equal(BigInt(narrow(0x1828384)), 0x1828384n + 0x8384n + 0x84n)
  const vector = functionOf([I64], I64, (body) => {
    const half = body.local(V128)
    body.i64x2Splat().set(half).i32Const(32).get(half).v128Store(16)
    body.i32Const(40).v128Load(8).i64x2ExtractLane(1)
  })
  assert.equal(BigInt.asUintN(64, BigInt(vector(value))), value)
})

suite('instructions on vectors', () => {
  const [a, b] = [0xf0f0_0000_1234_5678n, 0x0ff0_ffff_8765_4321n]
  const cases: [name: string, expected: bigint][] = [
    ['v128And', a & b],
    ['v128AndNot', a & ~b],
    ['v128Or', a | b],
    ['v128Xor', a ^ b],
    ['i64x2Add', a + b],
    ['i64x2Sub', a - b],
    ['i64x2Mul', a * b],
    ['i64x2Eq', 0n],
    ['i64x2ExtmulLowI32x4U', (a & 0xffff_ffffn) * (b & 0xffff_ffffn)],
    ['i32x4Add', ((((a >> 32n) + (b >> 32n)) & 0xffff_ffffn) << 32n) | ((a + b) & 0xffff_ffffn)],
  ]
  for (const [name, expected] of cases) {
    test(name, () => {
      const run = functionOf([I64, I64], I64, (body) => {
        body.drop().drop().get(0).i64x2Splat().get(1).i64x2Splat()
        write(body, name)
        body.i64x2ExtractLane(0)
      })
      assert.equal(BigInt.asUintN(64, BigInt(run(a, b))), BigInt.asUintN(64, expected))
    })
  }

  test('shifts, splats, replacements and conditions', () => {
    const number = (write: (body: FunctionBody) => void, result: ValueType = I64): bigint =>
      BigInt.asUintN(64, BigInt(functionOf([], result, write)()))
    assert.equal(
      number((body) => body.i64Const(3).i64x2Splat().i32Const(4).i64x2Shl().i64x2ExtractLane(1)),
      48n,
    )
    assert.equal(
      number((body) => body.i64Const(48).i64x2Splat().i32Const(4).i64x2ShrU().i64x2ExtractLane(1)),
      3n,
    )
    assert.equal(
      number((body) => body.i32Const(0xab).i8x16Splat().i64x2ExtractLane(0)),
      0xabab_abab_abab_ababn,
    )
    assert.equal(
      number((body) => body.i64Const(1).i64x2Splat().i64Const(9).i64x2ReplaceLane(1).i64x2ExtractLane(1)),
      9n,
    )
    assert.equal(
      number((body) => body.i64Const(0).i64x2Splat().v128Not().i64x2ExtractLane(0)),
      2n ** 64n - 1n,
    )
    assert.equal(
      number((body) => body.v128Const(new Uint8Array(16)).v128AnyTrue(), I32),
      0n,
    )
    assert.equal(
      number((body) => body.i64Const(0, 1).i64x2Splat().v128AnyTrue(), I32),
      1n,
    )
    assert.equal(
      number((body) => body.i64Const(0, 1).i64x2Splat().i64x2AllTrue(), I32),
      1n,
    )
    assert.equal(
      number((body) => body.i64Const(0, 1).i64x2Splat().i8x16AllTrue(), I32),
      0n,
    )
  })
})
