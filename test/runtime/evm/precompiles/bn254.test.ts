/** The three precompiles of EIP-196 and EIP-197. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { bn254 } from '@noble/curves/bn254.js'
import { bigintToFixedBytes, concatBytes, EMPTY_BYTES, WORD_MAX } from '../../../../src/primitives/bytes.ts'
import { bn254Add } from '../../../../runtime/evm/precompiles/06-bn254-add.ts'
import { bn254Mul } from '../../../../runtime/evm/precompiles/07-bn254-mul.ts'
import { bn254Pairing } from '../../../../runtime/evm/precompiles/08-bn254-pairing.ts'

const P = bn254.fields.Fp.ORDER
const R = bn254.fields.Fr.ORDER
const { Fp2 } = bn254.fields
const word = (value: bigint): Uint8Array => bigintToFixedBytes(value, 32)
const INFINITY = new Uint8Array(64)
const G1 = concatBytes(word(1n), word(2n))
const ZERO = word(0n)
const ONE = word(1n)

type Point<T> = { is0(): boolean; toAffine(): { x: T; y: T } }

function encodeG1(point: Point<bigint>): Uint8Array {
  if (point.is0()) return INFINITY
  const { x, y } = point.toAffine()
  return concatBytes(word(x), word(y))
}

function encodeG2(point: Point<{ c0: bigint; c1: bigint }>): Uint8Array {
  if (point.is0()) return new Uint8Array(128)
  const { x, y } = point.toAffine()
  return concatBytes(word(x.c1), word(x.c0), word(y.c1), word(y.c0))
}

/** [k]G1, from the library alone. */
const g1 = (k: bigint): Uint8Array => encodeG1(bn254.G1.Point.BASE.multiplyUnsafe(((k % R) + R) % R))
const g2 = (k: bigint): Uint8Array => encodeG2(bn254.G2.Point.BASE.multiplyUnsafe(((k % R) + R) % R))

const scalars = fc.oneof(fc.bigInt({ min: 0n, max: R - 1n }), fc.constantFrom(0n, 1n, 2n, R - 1n))

test('addition is the group law, with infinity, doubling and opposite points', () => {
  fc.assert(
    fc.property(scalars, scalars, (a, b) => {
      for (const [left, right] of [
        [a, b],
        [a, a],
        [a, R - a],
        [a, 0n],
        [0n, b],
      ] as const) {
        assert.deepEqual(bn254Add.run(concatBytes(g1(left), g1(right))), g1(left + right))
      }
    }),
    { numRuns: 25 },
  )
})

test('multiplication takes any word as scalar', () => {
  const words = fc.oneof(
    fc.bigInt({ min: 0n, max: WORD_MAX }),
    fc.constantFrom(0n, 1n, R - 1n, R, R + 1n, WORD_MAX),
  )
  fc.assert(
    fc.property(scalars, words, (a, k) => {
      assert.deepEqual(bn254Mul.run(concatBytes(g1(a), word(k))), g1(a * k))
    }),
    { numRuns: 50 },
  )
})

test('missing input reads as zero, further input is ignored', () => {
  assert.deepEqual(bn254Add.run(EMPTY_BYTES), INFINITY)
  assert.deepEqual(bn254Add.run(G1), G1)
  assert.deepEqual(bn254Add.run(concatBytes(G1, G1, ONE)), g1(2n))
  assert.deepEqual(bn254Mul.run(G1), INFINITY)
  // The scalar's first byte alone stands for 2²⁴⁸.
  assert.deepEqual(bn254Mul.run(concatBytes(G1, Uint8Array.of(1))), g1(1n << 248n))
})

test('a coordinate not below the prime and a point off the curve fail', () => {
  for (const bad of [
    concatBytes(word(1n), word(3n)),
    concatBytes(word(0n), word(1n)),
    concatBytes(word(1n + P), word(2n)),
    concatBytes(word(1n), word(2n + P)),
    concatBytes(word(P), word(0n)),
    concatBytes(word(0n), word(P)),
    concatBytes(word(WORD_MAX), word(WORD_MAX)),
  ]) {
    assert.equal(bn254Add.run(concatBytes(bad, G1)), undefined)
    assert.equal(bn254Add.run(concatBytes(G1, bad)), undefined)
    assert.equal(bn254Mul.run(concatBytes(bad, ZERO)), undefined)
    assert.equal(bn254Pairing.run(concatBytes(bad, g2(1n))), undefined)
  }
})

test('pairings are bilinear: e(aP, bQ) · e(−abP, Q) = 1', () => {
  fc.assert(
    fc.property(scalars, scalars, (a, b) => {
      assert.deepEqual(bn254Pairing.run(concatBytes(g1(a), g2(b), g1(-a * b), g2(1n))), ONE)
      assert.deepEqual(bn254Pairing.run(concatBytes(g1(a), g2(b), g1(1n - a * b), g2(1n))), ZERO)
    }),
    { numRuns: 5 },
  )
})

test('no pairs, and pairs with infinity, are one', () => {
  assert.deepEqual(bn254Pairing.run(EMPTY_BYTES), ONE)
  assert.deepEqual(bn254Pairing.run(new Uint8Array(192)), ONE)
  assert.deepEqual(bn254Pairing.run(concatBytes(G1, g2(0n), INFINITY, g2(5n))), ONE)
  assert.deepEqual(bn254Pairing.run(concatBytes(G1, g2(1n))), ZERO)
})

test('a pairing of another size fails, even at the right price', () => {
  for (const size of [1, 191, 193, 383]) assert.equal(bn254Pairing.run(new Uint8Array(size)), undefined)
  assert.equal(bn254Pairing.gas(EMPTY_BYTES), 45_000n)
  assert.equal(bn254Pairing.gas(new Uint8Array(400)), 113_000n)
})

/** Points of the twist by their x, most of them outside of the subgroup: its index is about 2²⁵⁴. */
function twistPoint(c0: bigint): Uint8Array | undefined {
  const x = Fp2.fromBigTuple([c0, 1n])
  const b = Fp2.div(Fp2.fromBigTuple([3n, 0n]), Fp2.fromBigTuple([9n, 1n]))
  try {
    const y = Fp2.sqrt(Fp2.add(Fp2.mul(Fp2.sqr(x), x), b))
    return concatBytes(word(x.c1), word(x.c0), word(y.c1), word(y.c0))
  } catch {
    return undefined
  }
}

test('points off the twist or outside of its subgroup fail, beside infinity too', () => {
  const outside = Array.from({ length: 8 }, (_, i) => twistPoint(BigInt(i + 1))).filter(
    (point) => point !== undefined,
  )
  assert.ok(outside.length > 0)
  const offTwist = g2(1n)
  offTwist[127] = (offTwist[127] as number) ^ 1
  for (const bad of [...outside, offTwist]) {
    assert.equal(bn254Pairing.run(concatBytes(G1, bad)), undefined)
    assert.equal(bn254Pairing.run(concatBytes(INFINITY, bad)), undefined)
  }
  // The four coordinates of the twist, each one too large by the prime.
  for (const at of [0, 32, 64, 96]) {
    const point = g2(1n)
    const coordinate = BigInt(`0x${point.slice(at, at + 32).toHex()}`) + P
    if (coordinate > WORD_MAX) continue
    point.set(word(coordinate), at)
    assert.equal(bn254Pairing.run(concatBytes(G1, point)), undefined)
  }
})
