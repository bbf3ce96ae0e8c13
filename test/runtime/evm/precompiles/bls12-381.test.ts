/** The seven precompiles of EIP-2537. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bigintToFixedBytes, concatBytes, EMPTY_BYTES, WORD_MAX } from '../../../../src/primitives/bytes.ts'
import { bls12G1Add } from '../../../../runtime/evm/precompiles/0b-bls12-g1add.ts'
import { bls12G1Msm } from '../../../../runtime/evm/precompiles/0c-bls12-g1msm.ts'
import { bls12G2Add } from '../../../../runtime/evm/precompiles/0d-bls12-g2add.ts'
import { bls12G2Msm } from '../../../../runtime/evm/precompiles/0e-bls12-g2msm.ts'
import { bls12PairingCheck } from '../../../../runtime/evm/precompiles/0f-bls12-pairing-check.ts'
import { bls12MapFpToG1 } from '../../../../runtime/evm/precompiles/10-bls12-map-fp-to-g1.ts'
import { bls12MapFp2ToG2 } from '../../../../runtime/evm/precompiles/11-bls12-map-fp2-to-g2.ts'

const { Fp, Fp2, Fr } = bls12_381.fields
const P = Fp.ORDER
const R = Fr.ORDER
const fp = (value: bigint): Uint8Array => bigintToFixedBytes(value, 64)
const word = (value: bigint): Uint8Array => bigintToFixedBytes(value, 32)
const ZERO = word(0n)
const ONE = word(1n)
const INFINITY_1 = new Uint8Array(128)
const INFINITY_2 = new Uint8Array(256)

function g1(k: bigint): Uint8Array {
  const point = bls12_381.G1.Point.BASE.multiplyUnsafe(((k % R) + R) % R)
  if (point.is0()) return INFINITY_1
  const { x, y } = point.toAffine()
  return concatBytes(fp(x), fp(y))
}

function g2(k: bigint): Uint8Array {
  const point = bls12_381.G2.Point.BASE.multiplyUnsafe(((k % R) + R) % R)
  if (point.is0()) return INFINITY_2
  const { x, y } = point.toAffine()
  return concatBytes(fp(x.c0), fp(x.c1), fp(y.c0), fp(y.c1))
}

/** A point of the first curve outside of the subgroup: y² = 4³ + 4. */
const OUTSIDE_1 = concatBytes(fp(4n), fp(Fp.sqrt(68n)))
/** A point of the second one. */
const OUTSIDE_2 = (() => {
  const x = Fp2.fromBigTuple([2n, 0n])
  const y = Fp2.sqrt(Fp2.add(Fp2.mul(Fp2.sqr(x), x), Fp2.fromBigTuple([4n, 4n])))
  return concatBytes(fp(x.c0), fp(x.c1), fp(y.c0), fp(y.c1))
})()

const scalars = fc.oneof(fc.bigInt({ min: 0n, max: R - 1n }), fc.constantFrom(0n, 1n, 2n, R - 1n))
const words = fc.oneof(
  fc.bigInt({ min: 0n, max: WORD_MAX }),
  fc.constantFrom(0n, 1n, R - 1n, R, R + 1n, WORD_MAX),
)

/** Both groups behind one face. */
const GROUPS = [
  { name: 'G1', add: bls12G1Add, msm: bls12G1Msm, point: g1, outside: OUTSIDE_1, infinity: INFINITY_1 },
  { name: 'G2', add: bls12G2Add, msm: bls12G2Msm, point: g2, outside: OUTSIDE_2, infinity: INFINITY_2 },
] as const

for (const { name, add, msm, point, outside, infinity } of GROUPS) {
  test(`${name}: addition is the group law, with infinity, doubling and opposite points`, () => {
    fc.assert(
      fc.property(scalars, scalars, (a, b) => {
        for (const [left, right] of [
          [a, b],
          [a, a],
          [a, R - a],
          [a, 0n],
          [0n, b],
        ] as const) {
          assert.deepEqual(add.run(concatBytes(point(left), point(right))), point(left + right))
        }
      }),
      { numRuns: 10 },
    )
  })

  test(`${name}: addition takes points outside of the subgroup, multiplication does not`, () => {
    const sum = add.run(concatBytes(outside, point(1n)))
    assert.ok(sum)
    const minusOne = point(-1n)
    assert.deepEqual(add.run(concatBytes(sum, minusOne)), outside)
    assert.equal(msm.run(concatBytes(outside, word(1n))), undefined)
    assert.equal(msm.run(concatBytes(point(1n), word(1n), outside, word(0n))), undefined)
  })

  test(`${name}: a multi-scalar multiplication is the sum of products, scalars being any words`, () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(scalars, words), { minLength: 1, maxLength: 6 }), (items) => {
        const input = concatBytes(...items.flatMap(([a, k]) => [point(a), word(k)]))
        const sum = items.reduce((total, [a, k]) => total + a * k, 0n)
        assert.deepEqual(msm.run(input), point(sum))
      }),
      { numRuns: 15 },
    )
  })

  test(`${name}: equal and opposite points in one multiplication`, () => {
    const [a, k] = [12345n, 2n * R - 7n]
    const input = concatBytes(point(a), word(k), point(a), word(k), point(-a), word(k), point(-a), word(k))
    assert.deepEqual(msm.run(input), infinity)
    assert.deepEqual(msm.run(input.subarray(0, input.length / 2)), point(2n * a * k))
  })

  test(`${name}: another size, a coordinate out of range or a point off the curve fails`, () => {
    for (const size of [0, infinity.length, 2 * infinity.length - 1, 2 * infinity.length + 1]) {
      assert.equal(add.run(new Uint8Array(size)), undefined)
    }
    for (const size of [0, infinity.length, infinity.length + 31, infinity.length + 33]) {
      assert.equal(msm.run(new Uint8Array(size)), undefined)
    }
    const valid = point(1n)
    for (let at = 0; at < valid.length; at += 64) {
      const coordinate = BigInt(`0x${valid.slice(at, at + 64).toHex()}`)
      for (const bad of [coordinate + P, coordinate + (1n << 384n), coordinate ^ 1n]) {
        const input = valid.slice()
        input.set(fp(bad), at)
        assert.equal(add.run(concatBytes(input, valid)), undefined)
        assert.equal(add.run(concatBytes(valid, input)), undefined)
        assert.equal(msm.run(concatBytes(input, ZERO)), undefined)
      }
    }
  })
}

const prices = (count: number): bigint[] => [
  bls12G1Msm.gas(new Uint8Array(160 * count)),
  bls12G2Msm.gas(new Uint8Array(288 * count)),
]

test('prices of multi-scalar multiplications: discounts up to 128 items, then the last one', () => {
  assert.deepEqual(prices(0), [0n, 0n])
  assert.deepEqual(prices(1), [12_000n, 22_500n])
  assert.deepEqual(prices(2), [22_776n, 45_000n])
  assert.deepEqual(prices(128), [797_184n, 1_509_120n])
  assert.deepEqual(prices(200), [1_245_600n, 2_358_000n])
})

test('pairings are bilinear: e(aP, bQ) · e(−abP, Q) = 1', () => {
  fc.assert(
    fc.property(scalars, scalars, (a, b) => {
      assert.deepEqual(bls12PairingCheck.run(concatBytes(g1(a), g2(b), g1(-a * b), g2(1n))), ONE)
      assert.deepEqual(bls12PairingCheck.run(concatBytes(g1(a), g2(b), g1(1n - a * b), g2(1n))), ZERO)
    }),
    { numRuns: 5 },
  )
})

test('pairs with infinity are one, no pairs fail', () => {
  assert.deepEqual(bls12PairingCheck.run(concatBytes(g1(1n), INFINITY_2, INFINITY_1, g2(5n))), ONE)
  assert.deepEqual(bls12PairingCheck.run(concatBytes(g1(1n), g2(1n))), ZERO)
  assert.equal(bls12PairingCheck.run(EMPTY_BYTES), undefined)
  for (const size of [383, 385]) assert.equal(bls12PairingCheck.run(new Uint8Array(size)), undefined)
  assert.equal(bls12PairingCheck.gas(new Uint8Array(768)), 102_900n)
})

test('a pairing with a point outside of its subgroup fails, beside infinity too', () => {
  for (const [a, b] of [
    [OUTSIDE_1, g2(1n)],
    [OUTSIDE_1, INFINITY_2],
    [g1(1n), OUTSIDE_2],
    [INFINITY_1, OUTSIDE_2],
  ] as const) {
    assert.equal(bls12PairingCheck.run(concatBytes(a, b)), undefined)
  }
})

test('maps reach the subgroup, and refuse elements out of range', () => {
  const elements = fc.oneof(fc.bigInt({ min: 0n, max: P - 1n }), fc.constantFrom(0n, 1n, P - 1n))
  fc.assert(
    fc.property(elements, elements, (a, b) => {
      const [one, two] = [bls12MapFpToG1.run(fp(a)), bls12MapFp2ToG2.run(concatBytes(fp(a), fp(b)))]
      assert.ok(one && two)
      // Only points of the subgroup can be multiplied.
      assert.deepEqual(bls12G1Msm.run(concatBytes(one, ONE)), one)
      assert.deepEqual(bls12G2Msm.run(concatBytes(two, ONE)), two)
    }),
    { numRuns: 10 },
  )
  for (const bad of [P, 1n << 384n, (1n << 512n) - 1n]) {
    assert.equal(bls12MapFpToG1.run(fp(bad)), undefined)
    assert.equal(bls12MapFp2ToG2.run(concatBytes(fp(bad), fp(0n))), undefined)
    assert.equal(bls12MapFp2ToG2.run(concatBytes(fp(0n), fp(bad))), undefined)
  }
  for (const size of [0, 63, 65, 127, 129]) {
    assert.equal(bls12MapFpToG1.run(new Uint8Array(size)), undefined)
    assert.equal(bls12MapFp2ToG2.run(new Uint8Array(size)), undefined)
  }
})
