/**
 * Points of the curve BN254 (alt_bn128) as EIP-196 and EIP-197 encode them: big-endian words, infinity is all zeros,
 * a coordinate not below the field's prime is refused.
 */
import { bn254 } from '@noble/curves/bn254.js'
import { bigintToFixedBytes, bytesToBigint, concatBytes } from '../../../src/primitives/bytes.ts'

const { Fp, Fp2 } = bn254.fields
export const G1 = bn254.G1.Point
export const G2 = bn254.G2.Point
export type G1Point = InstanceType<typeof G1>
export type G2Point = InstanceType<typeof G2>

/** y² = x³ + 3. */
const B = 3n
/** y² = x³ + 3/(9 + i) on the twist. */
const TWIST_B = Fp2.div(Fp2.fromBigTuple([3n, 0n]), Fp2.fromBigTuple([9n, 1n]))

/** @param bytes 64 bytes x ‖ y. @returns `undefined` when they are no point of the curve, whose order is prime. */
export function decodeG1(bytes: Uint8Array): G1Point | undefined {
  const x = bytesToBigint(bytes.subarray(0, 32))
  const y = bytesToBigint(bytes.subarray(32, 64))
  if (x >= Fp.ORDER || y >= Fp.ORDER) return undefined
  if (x === 0n && y === 0n) return G1.ZERO
  return (y * y - x * x * x - B) % Fp.ORDER === 0n ? new G1(x, y, 1n) : undefined
}

/** @returns 64 bytes. */
export function encodeG1(point: G1Point): Uint8Array {
  if (point.is0()) return new Uint8Array(64)
  const { x, y } = point.toAffine()
  return concatBytes(bigintToFixedBytes(x, 32), bigintToFixedBytes(y, 32))
}

/**
 * @param bytes 128 bytes x ‖ y, the imaginary part of each before the real one.
 * @returns `undefined` when they are no point of the twist, or one outside of the subgroup of prime order.
 */
export function decodeG2(bytes: Uint8Array): G2Point | undefined {
  const [xi, xr, yi, yr] = [0, 32, 64, 96].map((at) => bytesToBigint(bytes.subarray(at, at + 32))) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ]
  if ([xi, xr, yi, yr].some((coordinate) => coordinate >= Fp.ORDER)) return undefined
  const x = Fp2.fromBigTuple([xr, xi])
  const y = Fp2.fromBigTuple([yr, yi])
  if (Fp2.is0(x) && Fp2.is0(y)) return G2.ZERO
  if (!Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), TWIST_B))) return undefined
  const point = new G2(x, y, Fp2.ONE)
  return point.isTorsionFree() ? point : undefined
}
