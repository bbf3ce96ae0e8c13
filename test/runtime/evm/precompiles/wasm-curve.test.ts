/** Generated field arithmetic and what stands on it, against plain integers and an audited library. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bn254 } from '@noble/curves/bn254.js'
import { p256 } from '@noble/curves/nist.js'
import type { WeierstrassPoint } from '@noble/curves/abstract/weierstrass.js'
import { WORD_MAX } from '../../../../src/primitives/bytes.ts'
import { INFINITY, type AffinePoint } from '../../../../runtime/evm/precompiles/affine-points.ts'
import { modularInverse } from '../../../../runtime/evm/precompiles/modular-inverse.ts'
import {
  createWasmCurve,
  memoryPages,
  type WasmCurve,
} from '../../../../runtime/evm/precompiles/wasm-curve.ts'
import { createPrimeField, type FieldArithmetic } from '../../../../runtime/evm/precompiles/wasm-field.ts'
import { createQuadraticExtension } from '../../../../runtime/evm/precompiles/wasm-field-fp2.ts'

const PRIMES = [
  { name: 'BN254', p: bn254.fields.Fp.ORDER },
  { name: 'P-256', p: p256.Point.Fp.ORDER },
  { name: 'BLS12-381', p: bls12_381.fields.Fp.ORDER },
] as const

/** Values whose limbs are full, empty, or one short of a carry. */
function elements(p: bigint): fc.Arbitrary<bigint> {
  const edges = [0n, 1n, 2n, p - 1n, p - 2n, p >> 1n, (p >> 1n) + 1n]
  for (const bits of [28n, 29n, 56n, 58n, 112n, 224n, 252n])
    edges.push(1n << bits, (1n << bits) - 1n, p - (1n << bits))
  return fc.oneof(
    fc.bigInt({ min: 0n, max: p - 1n }),
    fc.constantFrom(...edges.map((value) => ((value % p) + p) % p)),
  )
}

interface Operation {
  onIntegers(value: bigint, operand: bigint): bigint
  /** In place. */
  inWasm(value: number, operand: number): void
}

function operationsOf(
  field: FieldArithmetic<bigint>,
): Record<'add' | 'sub' | 'subFrom' | 'mul' | 'sqr', Operation> {
  return {
    add: { onIntegers: (x, y) => x + y, inWasm: (x, y) => field.add(x, x, y) },
    sub: { onIntegers: (x, y) => x - y, inWasm: (x, y) => field.sub(x, x, y) },
    subFrom: { onIntegers: (x, y) => y - x, inWasm: (x, y) => field.sub(x, y, x) },
    mul: { onIntegers: (x, y) => x * y, inWasm: (x, y) => field.mul(x, y, x) },
    sqr: { onIntegers: (x) => x * x, inWasm: (x) => field.sqr(x, x) },
  }
}

for (const { name, p } of PRIMES) {
  test(`${name}: inverses`, () => {
    fc.assert(
      fc.property(elements(p), (value) => {
        const inverse = modularInverse(value, p)
        assert.ok(inverse >= 0n && inverse < p)
        assert.equal((value * inverse) % p, value === 0n ? 0n : 1n)
      }),
      { numRuns: 1_000 },
    )
  })

  test(`${name}: chains of operations in Wasm equal those on integers`, () => {
    const field = createPrimeField(p, 1)
    const [a, b, result] = [field.allocate(1), field.allocate(1), field.allocate(1)]
    const operations = operationsOf(field)
    const chains = fc.array(fc.constantFrom('add', 'sub', 'subFrom', 'mul', 'sqr'), {
      minLength: 1,
      maxLength: 30,
    })
    fc.assert(
      fc.property(elements(p), elements(p), chains, (left, right, chain) => {
        field.write(a, left)
        field.write(b, right)
        field.copy(result, a, 1)
        let expected = left
        // Nothing is brought to its least form between the operations.
        for (const operation of chain) {
          expected = operations[operation].onIntegers(expected, right)
          operations[operation].inWasm(result, b)
          expected = ((expected % p) + p) % p
          assert.equal(field.isZero(result), expected === 0n)
        }
        assert.equal(field.read(result), expected)
        assert.equal(field.read(b), right)
      }),
      { numRuns: 500 },
    )
  })
}

for (const { name, p } of PRIMES) {
  test(`${name}: products of sums that were not brought below 2p`, () => {
    const field = createPrimeField(p, 1)
    const [a, b, left, right] = Array.from({ length: 4 }, () => field.allocate(1)) as [
      number,
      number,
      number,
      number,
    ]
    const addFactors = field.routine('addFactors')
    fc.assert(
      fc.property(elements(p), elements(p), (x, y) => {
        field.write(a, x)
        field.write(b, y)
        // Differences and their opposites: one of them is above p.
        field.sub(left, a, b)
        field.sub(right, b, a)
        addFactors(left, left, left)
        addFactors(right, right, right)
        const double = 2n * (x - y)
        const square = (double * double) % p
        for (const [one, other] of [
          [left, left],
          [left, right],
          [right, right],
        ] as const) {
          field.mul(a, one, other)
          assert.equal(field.read(a), one === other ? square : (p - square) % p)
        }
      }),
      { numRuns: 500 },
    )
  })
}

test('the extension by i² = −1 equals the library', () => {
  const { Fp, Fp2 } = bls12_381.fields
  const field = createQuadraticExtension(createPrimeField(Fp.ORDER, 1))
  const [a, b, result] = [field.allocate(1), field.allocate(1), field.allocate(1)]
  const pairs = fc.record({ c0: elements(Fp.ORDER), c1: elements(Fp.ORDER) })
  fc.assert(
    fc.property(pairs, pairs, (left, right) => {
      field.write(a, left)
      field.write(b, right)
      field.mul(result, a, b)
      assert.deepEqual(field.read(result), { ...Fp2.mul(left, right) })
      field.sqr(result, a)
      assert.deepEqual(field.read(result), { ...Fp2.sqr(left) })
      // The result in place of an operand.
      field.mul(a, a, b)
      field.sub(b, a, b)
      assert.deepEqual(field.read(b), { ...Fp2.sub(Fp2.mul(left, right), right) })
      if (!Fp2.is0(left)) assert.deepEqual({ ...Fp2.mul(field.inverse(left), left) }, { ...Fp2.ONE })
    }),
    { numRuns: 300 },
  )
})

const P256_FIELD = createPrimeField(p256.Point.Fp.ORDER, memoryPages(72))
const BLS_FIELD = createPrimeField(bls12_381.fields.Fp.ORDER, memoryPages(112))

/** [k₁]G, [k₂]G, … of the library, and their sum of products by either way. */
function checkSum<T>(
  curve: WasmCurve<T>,
  base: WeierstrassPoint<T>,
  zero: WeierstrassPoint<T>,
  order: bigint,
  items: readonly (readonly [k: bigint, scalar: bigint])[],
): void {
  const affine = (point: WeierstrassPoint<T>): AffinePoint<T> => {
    if (point.is0()) return INFINITY
    const { x, y } = point.toAffine()
    return { x, y }
  }
  const points = items.map(([k]) => affine(base.multiplyUnsafe(k % order)))
  const sum = items.reduce((total, [k, scalar]) => total + k * scalar, 0n) % order
  const expected = affine(sum === 0n ? zero : base.multiplyUnsafe(sum))
  assert.deepEqual(
    JSON.parse(
      serialize(
        curve.sumOfProducts(
          points,
          items.map(([, scalar]) => scalar),
        ),
      ),
    ),
    JSON.parse(serialize(expected)),
  )
}

/** Elements of extensions compare by their coefficients. */
function serialize(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? inner.toString(16) : inner,
  )
}

const CURVES = [
  {
    name: 'P-256, a = −3',
    check: (items: readonly (readonly [bigint, bigint])[]) =>
      checkSum(createdP256, p256.Point.BASE, p256.Point.ZERO, p256.Point.Fn.ORDER, items),
    order: p256.Point.Fn.ORDER,
  },
  {
    name: 'BLS12-381 G2, a = 0',
    check: (items: readonly (readonly [bigint, bigint])[]) =>
      checkSum(createdG2, bls12_381.G2.Point.BASE, bls12_381.G2.Point.ZERO, bls12_381.fields.Fr.ORDER, items),
    order: bls12_381.fields.Fr.ORDER,
  },
] as const
const createdP256 = createWasmCurve(P256_FIELD, -3, 1n)
const createdG2 = createWasmCurve(createQuadraticExtension(BLS_FIELD), 0, { c0: 1n, c1: 0n })

for (const { name, check, order } of CURVES) {
  const scalars = fc.oneof(
    fc.bigInt({ min: 0n, max: WORD_MAX }),
    fc.constantFrom(0n, 1n, 2n, 15n, 16n, 17n, 31n, 32n, order - 1n, order, order + 1n, WORD_MAX, 1n << 255n),
  )
  // Few points: equal and opposite ones meet often, in tables and in sums.
  const factors = fc.constantFrom(0n, 1n, 2n, 3n, order - 1n, order - 2n, 123456789n)

  test(`${name}: sums of products`, () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(factors, scalars), { maxLength: 5 }), (items) => check(items)),
      { numRuns: 60 },
    )
  })

  test(`${name}: more points than share one run of doublings`, () => {
    check(Array.from({ length: 130 }, (_, i) => [BigInt(i), WORD_MAX - BigInt(i) ** 30n]))
  })
}
