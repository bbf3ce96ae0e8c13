/** The tower of fields and the pairings in Wasm, against an audited library. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bn254 } from '@noble/curves/bn254.js'
import { INFINITY } from '../../../../runtime/evm/precompiles/affine-points.ts'
import { bls12381Engine } from '../../../../runtime/evm/precompiles/bls12-381-pairing.ts'
import { bn254Engine } from '../../../../runtime/evm/precompiles/bn254-pairing.ts'
import { signedDigits } from '../../../../runtime/evm/precompiles/signed-digits.ts'
import { inverseFp2, powerFp2 } from '../../../../runtime/evm/precompiles/wasm-field-fp2.ts'
import { createFieldProgram, createPrimeField } from '../../../../runtime/evm/precompiles/wasm-field.ts'
import { recordTower } from '../../../../runtime/evm/precompiles/wasm-tower.ts'

type Fp12 = typeof bls12_381.fields.Fp12.ONE

const CURVES = [
  { name: 'BLS12-381', curve: bls12_381, engine: bls12381Engine, xi: 1 },
  { name: 'BN254', curve: bn254, engine: bn254Engine, xi: 9 },
] as const

/** Coefficients in the order of memory. */
function coefficients({ c0, c1 }: Fp12): readonly bigint[] {
  return [c0, c1].flatMap(({ c0: a, c1: b, c2: c }) => [a, b, c]).flatMap((pair) => [pair.c0, pair.c1])
}

/** Full and sparse elements. */
function elements(p: bigint): fc.Arbitrary<bigint[]> {
  const coefficient = fc.oneof(fc.bigInt({ min: 0n, max: p - 1n }), fc.constantFrom(0n, 1n, p - 1n))
  return fc.array(coefficient, { minLength: 12, maxLength: 12 })
}

function createTower(p: bigint, xi: number) {
  const program = createFieldProgram(p)
  const tower = recordTower(program, xi)
  const field = createPrimeField(p, 2, program)
  const gamma = powerFp2({ c0: BigInt(xi), c1: 1n }, (p - 1n) / 6n, p)
  for (let n = 0; n < 6; n++) {
    const { c0, c1 } = powerFp2(gamma, BigInt(n), p)
    field.write(tower.gammas + n * tower.fp2.size, c0)
    field.write(tower.gammas + n * tower.fp2.size + field.size, c1)
  }
  const write = (address: number, values: readonly bigint[]): void => {
    for (const [n, value] of values.entries()) field.write(address + n * field.size, value)
  }
  const read = (address: number, count = 12): bigint[] =>
    Array.from({ length: count }, (_, n) => field.read(address + n * field.size))
  return { field, write, read }
}

for (const { name, curve, xi } of CURVES) {
  const { Fp, Fp12 } = curve.fields
  const p = Fp.ORDER
  const { field, write, read } = createTower(p, xi)
  const [a, b, result] = [field.allocate(12), field.allocate(12), field.allocate(12)]
  const run = (routine: string, ...addresses: number[]): void => field.routine(routine)(...addresses)
  const value = (values: readonly bigint[]): Fp12 =>
    Fp12.fromBigTwelve(values as Parameters<typeof Fp12.fromBigTwelve>[0])

  test(`${name}: products, squares, conjugates and Frobenius maps in Fp12`, () => {
    fc.assert(
      fc.property(elements(p), elements(p), (left, right) => {
        const [x, y] = [value(left), value(right)]
        write(a, left)
        write(b, right)
        run('fp12Mul', result, a, b)
        assert.deepEqual(read(result), coefficients(Fp12.mul(x, y)))
        run('fp12Sqr', result, a)
        assert.deepEqual(read(result), coefficients(Fp12.sqr(x)))
        run('fp12Conjugate', result, a)
        assert.deepEqual(read(result), coefficients(Fp12.conjugate(x)))
        run('fp12Frobenius', result, a)
        assert.deepEqual(read(result), coefficients(Fp12.frobeniusMap(x, 1)))
        assert.deepEqual(read(a), left)
        // The result in place of an operand, and one operand twice.
        run('fp12Mul', b, a, b)
        assert.deepEqual(read(b), coefficients(Fp12.mul(x, y)))
        run('fp12Mul', a, a, b)
        assert.deepEqual(read(a), coefficients(Fp12.mul(x, Fp12.mul(x, y))))
        run('fp12Frobenius', b, b)
        assert.deepEqual(read(b), coefficients(Fp12.frobeniusMap(Fp12.mul(x, y), 1)))
        run('fp12Sqr', b, b)
        run('fp12Mul', b, b, b)
        assert.deepEqual(read(b), coefficients(Fp12.pow(Fp12.frobeniusMap(Fp12.mul(x, y), 1), 4n)))
      }),
      { numRuns: 60 },
    )
  })

  test(`${name}: inverses in Fp12, and squares where they are conjugates`, () => {
    const [adjoint, norm] = [field.allocate(6), field.allocate(2)]
    fc.assert(
      fc.property(elements(p), (values) => {
        const x = value(values)
        fc.pre(!Fp12.is0(x))
        write(a, values)
        run('fp12Norm', adjoint, norm, a)
        const [c0, c1] = read(norm, 2) as [bigint, bigint]
        const inverse = inverseFp2({ c0, c1 }, p)
        write(norm, [inverse.c0, inverse.c1])
        run('fp12Quotient', result, a, adjoint, norm)
        assert.deepEqual(read(result), coefficients(Fp12.inv(x)))
        const once = Fp12.mul(Fp12.conjugate(x), Fp12.inv(x))
        const cyclotomic = Fp12.mul(Fp12.frobeniusMap(once, 2), once)
        write(a, coefficients(cyclotomic))
        run('fp12CyclotomicSqr', a, a)
        assert.deepEqual(read(a), coefficients(Fp12.sqr(cyclotomic)))
      }),
      { numRuns: 60 },
    )
  })
}

test('signed digits make up their number, no two neighbours being nonzero', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 1n << 128n }), (number) => {
      const digits = signedDigits(number)
      assert.equal(
        digits.reduce((sum, digit) => 2n * sum + BigInt(digit), 0n),
        number,
      )
      assert.equal(digits[0], 1)
      for (const [i, digit] of digits.entries()) assert.ok(digit === 0 || (digits[i + 1] ?? 0) === 0)
    }),
  )
})

for (const { name, curve, engine } of CURVES) {
  const { Fr, Fp12 } = curve.fields
  const r = Fr.ORDER
  /** Sums to no or one value often; a pair of logarithms has the pairing e(G, H)^(a·b). */
  const logarithms = fc.oneof(
    fc.constantFrom(0n, 1n, 2n, r - 1n, r - 2n),
    fc.bigInt({ min: 0n, max: r - 1n }),
  )
  const g1 = (k: bigint) => (k === 0n ? INFINITY : curve.G1.Point.BASE.multiply(k).toAffine())
  const g2 = (k: bigint) => (k === 0n ? INFINITY : curve.G2.Point.BASE.multiply(k).toAffine())

  test(`${name}: products of pairings are one where the library says so`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(logarithms, logarithms), { maxLength: 4 }),
        fc.boolean(),
        (items, balanced) => {
          const sum = items.reduce((total, [a, b]) => total + a * b, 0n) % r
          const all = balanced ? [...items, [(r - sum) % r, 1n] as const] : items
          const finite = all.filter(([a, b]) => a !== 0n && b !== 0n)
          const expected = curve.pairingBatch(
            finite.map(([a, b]) => ({
              g1: curve.G1.Point.BASE.multiply(a),
              g2: curve.G2.Point.BASE.multiply(b),
            })),
          )
          const pairs = all.map(([a, b]) => [g1(a), g2(b)] as const)
          assert.equal(engine().isProductOne(pairs), Fp12.eql(expected, Fp12.ONE))
          assert.ok(!balanced || engine().isProductOne(pairs))
        },
      ),
      { numRuns: 15 },
    )
  })

  test(`${name}: more pairs than share one run of squarings`, () => {
    for (const count of [31, 32, 33, 70]) {
      const items = Array.from({ length: count }, (_, i) => [BigInt(i % 5), BigInt((3 * i) % 7)] as const)
      const sum = items.reduce((total, [a, b]) => total + a * b, 0n)
      const pairs = items.map(([a, b]) => [g1(a), g2(b)] as const)
      assert.ok(engine().isProductOne([...pairs, [g1(r - sum), g2(1n)]]))
      assert.ok(!engine().isProductOne([...pairs, [g1(r - sum - 1n), g2(1n)]]))
    }
  })

  test(`${name}: a prepared point is worth itself, beside others too`, () => {
    const prepared = engine().prepare(curve.G2.Point.BASE.multiply(5n).toAffine())
    assert.ok(
      engine().isProductOne([
        [g1(3n), prepared],
        [g1(r - 5n), g2(3n)],
      ]),
    )
    assert.ok(
      !engine().isProductOne([
        [g1(3n), prepared],
        [g1(r - 5n), g2(2n)],
      ]),
    )
    assert.ok(
      engine().isProductOne([
        [g1(7n), prepared],
        [g1(r - 7n), prepared],
      ]),
    )
    assert.ok(engine().isProductOne([[INFINITY, prepared]]))
    assert.ok(!engine().isProductOne([[g1(1n), prepared]]))
  })
}
