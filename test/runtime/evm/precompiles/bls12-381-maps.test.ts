/** Square roots, isogenies and maps to BLS12-381 against an audited library. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import type { WeierstrassPoint } from '@noble/curves/abstract/weierstrass.js'
import { present } from '../../../../src/primitives/assert.ts'
import { INFINITY, type AffinePoint } from '../../../../runtime/evm/precompiles/affine-points.ts'
import { mapToG1, mapToG2 } from '../../../../runtime/evm/precompiles/bls12-381-maps.ts'
import { sqrtFp, sqrtFp2 } from '../../../../runtime/evm/precompiles/bls12-381-roots.ts'
import { createIsogeny } from '../../../../runtime/evm/precompiles/isogeny.ts'
import { modularInverse } from '../../../../runtime/evm/precompiles/modular-inverse.ts'
import type { Fp2Element } from '../../../../runtime/evm/precompiles/wasm-field-fp2.ts'

const { Fp, Fp2 } = bls12_381.fields
const P = Fp.ORDER
const values = fc.oneof(fc.bigInt({ min: 0n, max: P - 1n }), fc.constantFrom(0n, 1n, 2n, P - 1n, P - 2n))
const pairs = fc.record({ c0: values, c1: values })
/** The u of zu² = −1, where the map to the curve has an exception, beside zero; on G2 −1/z is no square. */
const EXCEPTIONAL = present(sqrtFp(P - modularInverse(11n, P)), 'root')

const plain = ({ c0, c1 }: Fp2Element): Fp2Element => ({ c0, c1 })

test('roots in the prime field: every square has one, nothing else does', () => {
  assert.equal(sqrtFp(0n), 0n)
  fc.assert(
    fc.property(values, (value) => {
      const square = (value * value) % P
      const root = sqrtFp(square)
      assert.ok(root === value || root === (P - value) % P)
      if (value !== 0n) assert.equal(sqrtFp(P - square), undefined)
    }),
    { numRuns: 200 },
  )
})

test('roots in the extension: every square has one, nothing else does', () => {
  // 1 + i is no square, so that its product with a square is none.
  const xi = Fp2.fromBigTuple([1n, 1n])
  fc.assert(
    fc.property(pairs, (value) => {
      const square = plain(Fp2.sqr(value))
      const root = sqrtFp2(square)
      assert.ok(root)
      assert.deepEqual(plain(Fp2.sqr(root)), square)
      if (!Fp2.is0(value)) assert.equal(sqrtFp2(Fp2.mul(square, xi)), undefined)
    }),
    { numRuns: 200 },
  )
})

/** What the library's hasher returns is a point, and on a prime field it takes the element itself. */
function library<T>(point: unknown, encode: (value: T) => T): AffinePoint<T> {
  const mapped = point as WeierstrassPoint<T>
  if (mapped.is0()) return INFINITY
  const { x, y } = mapped.toAffine()
  return { x: encode(x), y: encode(y) }
}

function affine<T>(point: AffinePoint<T>, encode: (value: T) => T): AffinePoint<T> {
  return point === INFINITY ? point : { x: encode(point.x), y: encode(point.y) }
}

const same = (value: bigint): bigint => value

test('maps to G1 equal the library', () => {
  fc.assert(
    fc.property(fc.oneof(values, fc.constantFrom(EXCEPTIONAL, P - EXCEPTIONAL)), (u) => {
      assert.deepEqual(mapToG1(u), library(bls12_381.G1.mapToCurve(u as never), same))
    }),
    { numRuns: 100 },
  )
})

test('maps to G2 equal the library', () => {
  fc.assert(
    fc.property(fc.oneof(pairs, fc.constant({ c0: 0n, c1: 0n })), (u) => {
      const expected = library(bls12_381.G2.mapToCurve([u.c0, u.c1]), plain)
      assert.deepEqual(affine(mapToG2(u), plain), expected)
    }),
    { numRuns: 60 },
  )
})

test('an isogeny takes its kernel to infinity and other points to the curve behind it', () => {
  // y² = x³ + 4 has the points (0, ±2) of order three; what is divided by them is y² = x³ − 27 · 4.
  const isogeny = createIsogeny({
    field: Fp,
    inverse: (value) => modularInverse(value, P),
    a: 0n,
    b: 4n,
    kernel: [0n, 1n],
    scale: 1n,
  })
  assert.equal(isogeny({ x: 0n, y: 2n }), INFINITY)
  assert.equal(isogeny({ x: 0n, y: P - 2n }), INFINITY)
  const { BASE } = bls12_381.G1.Point
  for (let k = 1n; k < 20n; k++) {
    const image = isogeny(BASE.multiply(k).toAffine())
    assert.ok(image !== INFINITY)
    assert.equal(Fp.sub(Fp.sqr(image.y), Fp.pow(image.x, 3n)), P - 108n)
  }
})
