/**
 * Field elements and points of the curve BLS12-381 as EIP-2537 encodes them: a coordinate takes 64 bytes, big-endian,
 * below the field's prime; infinity is all zeros. Subgroups are checked where the EIP says so: not by additions.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bigintToFixedBytes, bytesToBigint, concatBytes } from '../../../src/primitives/bytes.ts'

const { Fp, Fp2, Fr } = bls12_381.fields
export const G1 = bls12_381.G1.Point
export const G2 = bls12_381.G2.Point
export type G1Point = InstanceType<typeof G1>
export type G2Point = InstanceType<typeof G2>
export type Fp2Element = ReturnType<typeof Fp2.sqr>

export const FP_SIZE = 64
export const G1_SIZE = 2 * FP_SIZE
export const G2_SIZE = 4 * FP_SIZE
export const SCALAR_SIZE = 32

/** y² = x³ + 4. */
const B = 4n
/** y² = x³ + 4(1 + i) on the twist. */
const TWIST_B = Fp2.fromBigTuple([4n, 4n])

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
  if (x === 0n && y === 0n) return G1.ZERO
  return (y * y - x * x * x - B) % Fp.ORDER === 0n ? new G1(x, y, 1n) : undefined
}

/** A point of the subgroup of prime order. @param bytes 128. @returns `undefined` when they are none. */
export function decodeG1InSubgroup(bytes: Uint8Array): G1Point | undefined {
  const point = decodeG1(bytes)
  return point?.isTorsionFree() ? point : undefined
}

/** @returns 128 bytes. */
export function encodeG1(point: G1Point): Uint8Array {
  if (point.is0()) return new Uint8Array(G1_SIZE)
  const { x, y } = point.toAffine()
  return concatBytes(bigintToFixedBytes(x, FP_SIZE), bigintToFixedBytes(y, FP_SIZE))
}

/** A point of the twist, of any subgroup. @param bytes 256. @returns `undefined` when they are none. */
export function decodeG2(bytes: Uint8Array): G2Point | undefined {
  const x = decodeFp2(bytes.subarray(0, 2 * FP_SIZE))
  const y = decodeFp2(bytes.subarray(2 * FP_SIZE, G2_SIZE))
  if (x === undefined || y === undefined) return undefined
  if (Fp2.is0(x) && Fp2.is0(y)) return G2.ZERO
  return Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), TWIST_B)) ? new G2(x, y, Fp2.ONE) : undefined
}

/** A point of the subgroup of prime order. @param bytes 256. @returns `undefined` when they are none. */
export function decodeG2InSubgroup(bytes: Uint8Array): G2Point | undefined {
  const point = decodeG2(bytes)
  return point?.isTorsionFree() ? point : undefined
}

/** @returns 256 bytes. */
export function encodeG2(point: G2Point): Uint8Array {
  if (point.is0()) return new Uint8Array(G2_SIZE)
  const { x, y } = point.toAffine()
  return concatBytes(...[x.c0, x.c1, y.c0, y.c1].map((part) => bigintToFixedBytes(part, FP_SIZE)))
}

/** Any word; the group repeats after its order. @param bytes 32. */
export function decodeScalar(bytes: Uint8Array): bigint {
  return bytesToBigint(bytes) % Fr.ORDER
}

/** Whether e(a₁, b₁) · e(a₂, b₂) · … = 1. */
export function isPairingProductOne(pairs: readonly (readonly [G1Point, G2Point])[]): boolean {
  const { Fp12 } = bls12_381.fields
  const lines: Parameters<typeof bls12_381.millerLoopBatch>[0] = []
  for (const [a, b] of pairs) {
    // A pairing with infinity is one.
    if (a.is0() || b.is0()) continue
    const { x, y } = a.toAffine()
    lines.push([bls12_381.utils.calcPairingPrecomputes(b), x, y])
  }
  return Fp12.eql(Fp12.finalExponentiate(bls12_381.millerLoopBatch(lines)), Fp12.ONE)
}

/** RFC 9380 §6.6.3 with the cofactor cleared. */
export function mapToG1(element: bigint): G1Point {
  // The library's types name one list of scalars and affine coordinates; on a prime field it takes the scalar itself,
  // and it always returns a point (its `createHasher`).
  return bls12_381.G1.mapToCurve(element as never) as unknown as G1Point
}

/** As {@link mapToG1}. */
export function mapToG2(element: Fp2Element): G2Point {
  return bls12_381.G2.mapToCurve([element.c0, element.c1]) as unknown as G2Point
}
