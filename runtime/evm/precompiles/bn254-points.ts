/**
 * Points of the curve BN254 (alt_bn128) as EIP-196 and EIP-197 encode them: big-endian words, infinity is all zeros,
 * a coordinate not below the field's prime is refused.
 */
import { bn254 } from '@noble/curves/bn254.js'
import { bigintToFixedBytes, bytesToBigint, concatBytes } from '../../../src/primitives/bytes.ts'
import { addAffine, equalPoints, INFINITY, type AffinePoint } from './affine-points.ts'
import { modularInverse } from './modular-inverse.ts'
import { createWasmCurve, memoryPages, type WasmCurve } from './wasm-curve.ts'
import { createQuadraticExtension, type Fp2Element } from './wasm-field-fp2.ts'
import { createPrimeField } from './wasm-field.ts'

const { Fp, Fp2 } = bn254.fields
export type G1Point = AffinePoint<bigint>
export type G2Point = AffinePoint<Fp2Element>

/** y² = x³ + 3. */
const B = 3n
/** The twist's ξ = 9 + i: y² = x³ + 3/ξ. */
const XI = Fp2.fromBigTuple([9n, 1n])
const TWIST_B = Fp2.div(Fp2.fromBigTuple([3n, 0n]), XI)
/** The parameter of the family of curves. */
const X = 4965661367192848881n

/** @param bytes 64 bytes x ‖ y. @returns `undefined` when they are no point of the curve, whose order is prime. */
export function decodeG1(bytes: Uint8Array): G1Point | undefined {
  const x = bytesToBigint(bytes.subarray(0, 32))
  const y = bytesToBigint(bytes.subarray(32, 64))
  if (x >= Fp.ORDER || y >= Fp.ORDER) return undefined
  if (x === 0n && y === 0n) return INFINITY
  return (y * y - x * x * x - B) % Fp.ORDER === 0n ? { x, y } : undefined
}

/** @returns 64 bytes. */
export function encodeG1(point: G1Point): Uint8Array {
  if (point === INFINITY) return new Uint8Array(64)
  return concatBytes(bigintToFixedBytes(point.x, 32), bigintToFixedBytes(point.y, 32))
}

/**
 * @param bytes 128 bytes x ‖ y, the imaginary part of each before the real one.
 * @returns `undefined` when they are no point of the twist, or one outside of the subgroup of prime order.
 */
export function decodeG2(bytes: Uint8Array): G2Point | undefined {
  const x = decodeFp2(bytes.subarray(0, 64))
  const y = decodeFp2(bytes.subarray(64, 128))
  if (x === undefined || y === undefined) return undefined
  if (Fp2.is0(x) && Fp2.is0(y)) return INFINITY
  if (!Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), TWIST_B))) return undefined
  return isInSubgroup(x, y) ? { x, y } : undefined
}

function decodeFp2(bytes: Uint8Array): Fp2Element | undefined {
  const c1 = bytesToBigint(bytes.subarray(0, 32))
  const c0 = bytesToBigint(bytes.subarray(32, 64))
  return c0 < Fp.ORDER && c1 < Fp.ORDER ? { c0, c1 } : undefined
}

export function addG1(a: G1Point, b: G1Point): G1Point {
  return addAffine(Fp, (value) => modularInverse(value, Fp.ORDER), a, b)
}

/** @param scalar at least 0 and below 2²⁵⁶. */
export function multiplyG1(point: G1Point, scalar: bigint): G1Point {
  return (curves ??= createCurves()).g1.sumOfProducts([point], [scalar])
}

interface Curves {
  readonly g1: WasmCurve<bigint>
  readonly g2: WasmCurve<Fp2Element>
  /** ψ(x, y) = (x̄·ξ^((p − 1)/3), ȳ·ξ^((p − 1)/2)): the Frobenius map carried over to the twist. */
  readonly psi: { readonly x: Fp2Element; readonly y: Fp2Element }
}

/** Made at the first call: a millisecond that most chains never need. */
let curves: Curves | undefined

function createCurves(): Curves {
  const field = createPrimeField(Fp.ORDER, memoryPages(72))
  return {
    g1: createWasmCurve(field, 0, Fp.ONE),
    g2: createWasmCurve(createQuadraticExtension(field), 0, Fp2.ONE),
    psi: { x: Fp2.pow(XI, (Fp.ORDER - 1n) / 3n), y: Fp2.pow(XI, (Fp.ORDER - 1n) / 2n) },
  }
}

/**
 * ψ² − tψ + p = 0 on the twist, with the curve's trace t = 6X² + 1. So where ψ(Q) = [6X²]Q = [t − 1]Q, also
 * [(t − 1)² − t(t − 1) + p]Q = [p + 1 − t]Q = [r]Q = 0; and on the subgroup ψ has that eigenvalue.
 */
function isInSubgroup(x: Fp2Element, y: Fp2Element): boolean {
  const { g2, psi } = (curves ??= createCurves())
  const image = { x: Fp2.mul(Fp2.frobeniusMap(x, 1), psi.x), y: Fp2.mul(Fp2.frobeniusMap(y, 1), psi.y) }
  return equalPoints(Fp2, g2.sumOfProducts([{ x, y }], [6n * X * X]), image)
}
