/**
 * Field elements and points of the curve BLS12-381 as EIP-2537 encodes them: a coordinate takes 64 bytes, big-endian,
 * below the field's prime; infinity is all zeros. Subgroups are checked where the EIP says so: not by additions.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bigintToFixedBytes, bytesToBigint, concatBytes } from '../../../src/primitives/bytes.ts'
import { addAffine, equalPoints, INFINITY, type AffinePoint } from './affine-points.ts'
import { sqrtFp } from './bls12-381-roots.ts'
import { modularInverse } from './modular-inverse.ts'
import { createWasmCurve, memoryPages, type WasmCurve } from './wasm-curve.ts'
import { createQuadraticExtension, inverseFp2, type Fp2Element } from './wasm-field-fp2.ts'
import { createPrimeField } from './wasm-field.ts'

const { Fp, Fp2 } = bls12_381.fields
export type G1Point = AffinePoint<bigint>
export type G2Point = AffinePoint<Fp2Element>

export const FP_SIZE = 64
export const G1_SIZE = 2 * FP_SIZE
export const G2_SIZE = 4 * FP_SIZE
export const SCALAR_SIZE = 32

/** y² = x³ + 4. */
const B = 4n
/** y² = x³ + 4(1 + i) on the twist. */
const TWIST_B = Fp2.fromBigTuple([4n, 4n])
/** The parameter x of the family of curves, without its sign, which is negative. */
export const X_ABSOLUTE = 0xd201000000010000n
/** A third root of one modulo p. */
const BETA = 0x5f19672fdf76ce51ba69c6076a0f77eaddb3a93be6f89688de17d813620a00022e01fffffffefffen

/** @param bytes 64. @returns `undefined` when they are not below the prime. */
export function decodeFp(bytes: Uint8Array): bigint | undefined {
  const value = bytesToBigint(bytes)
  return value < Fp.ORDER ? value : undefined
}

/** @param bytes 128, the real part before the imaginary one. @returns `undefined` when either is out of range. */
export function decodeFp2(bytes: Uint8Array): Fp2Element | undefined {
  const c0 = decodeFp(bytes.subarray(0, FP_SIZE))
  const c1 = decodeFp(bytes.subarray(FP_SIZE, 2 * FP_SIZE))
  return c0 === undefined || c1 === undefined ? undefined : { c0, c1 }
}

/** A point of the curve, of any subgroup. @param bytes 128. @returns `undefined` when they are none. */
export function decodeG1(bytes: Uint8Array): G1Point | undefined {
  const x = decodeFp(bytes.subarray(0, FP_SIZE))
  const y = decodeFp(bytes.subarray(FP_SIZE, G1_SIZE))
  if (x === undefined || y === undefined) return undefined
  if (x === 0n && y === 0n) return INFINITY
  return (y * y - x * x * x - B) % Fp.ORDER === 0n ? { x, y } : undefined
}

/** A point of the subgroup of prime order. @param bytes 128. @returns `undefined` when they are none. */
export function decodeG1InSubgroup(bytes: Uint8Array): G1Point | undefined {
  const point = decodeG1(bytes)
  return point !== undefined && isInG1(point) ? point : undefined
}

/**
 * A point of the subgroup in the compressed form of the Zcash protocol: x in 48 bytes, in whose top bits stand: that it
 * is this form, whether it is infinity, whether y is the larger of the two roots.
 * @returns `undefined` when the bytes are no point, or not in their one valid form.
 */
export function decodeCompressedG1(bytes: Uint8Array): G1Point | undefined {
  const flags = (bytes[0] as number) >> 5
  const isCompressed = (flags & 0b100) !== 0
  const isInfinity = (flags & 0b010) !== 0
  const isLarger = (flags & 0b001) !== 0
  const x = BigInt.asUintN(381, bytesToBigint(bytes))
  if (!isCompressed || x >= Fp.ORDER) return undefined
  if (isInfinity) return !isLarger && x === 0n ? INFINITY : undefined
  const square = (x * x * x + B) % Fp.ORDER
  const root = sqrtFp(square)
  if (root === undefined) return undefined
  const point = { x, y: root > Fp.ORDER / 2n === isLarger ? root : Fp.neg(root) }
  return isInG1(point) ? point : undefined
}

/** @returns 128 bytes. */
export function encodeG1(point: G1Point): Uint8Array {
  if (point === INFINITY) return new Uint8Array(G1_SIZE)
  const { x, y } = point
  return concatBytes(bigintToFixedBytes(x, FP_SIZE), bigintToFixedBytes(y, FP_SIZE))
}

/** A point of the twist, of any subgroup. @param bytes 256. @returns `undefined` when they are none. */
export function decodeG2(bytes: Uint8Array): G2Point | undefined {
  const x = decodeFp2(bytes.subarray(0, 2 * FP_SIZE))
  const y = decodeFp2(bytes.subarray(2 * FP_SIZE, G2_SIZE))
  if (x === undefined || y === undefined) return undefined
  if (Fp2.is0(x) && Fp2.is0(y)) return INFINITY
  return Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), TWIST_B)) ? { x, y } : undefined
}

/** A point of the subgroup of prime order. @param bytes 256. @returns `undefined` when they are none. */
export function decodeG2InSubgroup(bytes: Uint8Array): G2Point | undefined {
  const point = decodeG2(bytes)
  return point !== undefined && isInG2(point) ? point : undefined
}

/** @returns 256 bytes. */
export function encodeG2(point: G2Point): Uint8Array {
  if (point === INFINITY) return new Uint8Array(G2_SIZE)
  const { x, y } = point
  return concatBytes(...[x.c0, x.c1, y.c0, y.c1].map((part) => bigintToFixedBytes(part, FP_SIZE)))
}

export function addG1(a: G1Point, b: G1Point): G1Point {
  return addAffine(Fp, (value) => modularInverse(value, Fp.ORDER), a, b)
}

export function addG2(a: G2Point, b: G2Point): G2Point {
  return addAffine(Fp2, (value) => inverseFp2(value, Fp.ORDER), a, b)
}

/** k₁·P₁ + k₂·P₂ + … @param scalars at least 0 and below 2²⁵⁶. */
export function sumOfProductsG1(points: readonly G1Point[], scalars: readonly bigint[]): G1Point {
  return (curves ??= createCurves()).g1.sumOfProducts(points, scalars)
}

/** As {@link sumOfProductsG1}. */
export function sumOfProductsG2(points: readonly G2Point[], scalars: readonly bigint[]): G2Point {
  return (curves ??= createCurves()).g2.sumOfProducts(points, scalars)
}

/**
 * φ(x, y) = (βx, y) satisfies φ² + φ + 1 = 0 on the curve. So where φ(P) = [−x²]P, also [x⁴ − x² + 1]P = [r]P = 0; and on
 * the subgroup φ has that eigenvalue.
 */
function isInG1(point: G1Point): boolean {
  if (point === INFINITY) return true
  const minusImage = { x: Fp.mul(point.x, BETA), y: Fp.neg(point.y) }
  return equalPoints(Fp, sumOfProductsG1([point], [X_ABSOLUTE * X_ABSOLUTE]), minusImage)
}

/** ψ is multiplication by x on the subgroup and nowhere else (M. Scott, eprint.iacr.org/2021/1130, §4). */
function isInG2(point: G2Point): boolean {
  const image = frobeniusG2(point)
  if (image === INFINITY) return true
  return equalPoints(Fp2, sumOfProductsG2([point], [X_ABSOLUTE]), { x: image.x, y: Fp2.neg(image.y) })
}

/** ψ(x, y) = (x̄/ξ^((p − 1)/3), ȳ/ξ^((p − 1)/2)) with ξ = 1 + i: the Frobenius map carried over to the twist. */
export function frobeniusG2(point: G2Point): G2Point {
  if (point === INFINITY) return INFINITY
  const { psi } = (curves ??= createCurves())
  return {
    x: Fp2.mul(Fp2.frobeniusMap(point.x, 1), psi.x),
    y: Fp2.mul(Fp2.frobeniusMap(point.y, 1), psi.y),
  }
}

interface Curves {
  readonly g1: WasmCurve<bigint>
  readonly g2: WasmCurve<Fp2Element>
  /** Factors of ψ, see {@link frobeniusG2}. */
  readonly psi: { readonly x: Fp2Element; readonly y: Fp2Element }
}

/** Made at the first call: two milliseconds that most chains never need. */
let curves: Curves | undefined

function createCurves(): Curves {
  const field = createPrimeField(Fp.ORDER, memoryPages(112))
  const xi = Fp2.fromBigTuple([1n, 1n])
  return {
    g1: createWasmCurve(field, 0, Fp.ONE),
    g2: createWasmCurve(createQuadraticExtension(field), 0, Fp2.ONE),
    psi: {
      x: inverseFp2(Fp2.pow(xi, (Fp.ORDER - 1n) / 3n), Fp.ORDER),
      y: inverseFp2(Fp2.pow(xi, (Fp.ORDER - 1n) / 2n), Fp.ORDER),
    },
  }
}
