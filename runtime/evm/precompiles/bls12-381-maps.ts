/**
 * Maps of field elements to the subgroups of BLS12-381: the simplified map of Shallue, van de Woestijne and Ulas for a
 * curve with ab ≠ 0, an isogeny from that curve, and a multiplication that clears the cofactor (RFC 9380 §6.6.3, §8.8).
 */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { present } from '../../../src/primitives/assert.ts'
import { INFINITY, type AffinePoint } from './affine-points.ts'
import {
  frobeniusG2,
  sumOfProductsG1,
  sumOfProductsG2,
  X_ABSOLUTE,
  type G1Point,
  type G2Point,
} from './bls12-381-points.ts'
import { sqrtFp, sqrtFp2 } from './bls12-381-roots.ts'
import { createIsogeny, type IsogenyParameters } from './isogeny.ts'
import { modularInverse } from './modular-inverse.ts'
import { inverseFp2, type Fp2Element } from './wasm-field-fp2.ts'

const { Fp, Fp2 } = bls12_381.fields

/** The curve y² = x³ + ax + b and its isogeny, as RFC 9380 §8.8 chose them. */
interface MapParameters<T> extends IsogenyParameters<T> {
  /** No square, and such that the map is defined everywhere. */
  readonly z: T
  /** Any root, `undefined` when there is none. */
  sqrt(value: T): T | undefined
  /** `sgn0` of RFC 9380 §4.1. */
  isOdd(value: T): boolean
}

/** The kernel's polynomial: its square is the denominator of x in RFC 9380's appendix E.2. */
const g1Parameters = (): MapParameters<bigint> => ({
  field: Fp,
  inverse: (value) => modularInverse(value, Fp.ORDER),
  a: 0x144698a3b8e9433d693a02c96d4982b0ea985383ee66a8d8e8981aefd881ac98936f8da0e0f97f5cf428082d584c1dn,
  b: 0x12e2908d11688030018b12e8753eee3b2016c1f0f24f4070a0b9c14fcef35ef55a23215a316ceaa5d1cc48e98e172be0n,
  kernel: [
    0x133341fb0962a34cb0504a9c4fada0a5090d38679b4c040d5d1c3afb023a3409fcc0815fea66d8b02bbef9c8b5a66e07n,
    0x264908af037bcede00d054cf5d4775e83eb6cf63c76b969f8ed174fb59fcff78d201f46f6cfc4ed6552e59ce75177b0n,
    0x1335c502c1f54c49aceea65e87fd7203ba0f626f305fc0cfd606a5dae9f3c8e81a4b3b69600129fabd307c69bf319d39n,
    0x94440f65f408a6e930e16e3e92dd17bf60d6e9679a8d3d58593de55ac23703042d609537eb3549aac234d896ca82944n,
    0x4afe09d5cf4956a23b6b71f59d2b3407b415a774b7be81bbb6fa99cbc798e0ac98ba725a5bc328016b1c268b4766e85n,
    1n,
  ],
  scale: modularInverse(11n, Fp.ORDER),
  z: 11n,
  sqrt: sqrtFp,
  isOdd: (value) => (value & 1n) === 1n,
})

/** a = 240i, b = 1012(1 + i), z = −(2 + i), the kernel's x is 6i − 6. */
const g2Parameters = (): MapParameters<Fp2Element> => ({
  field: Fp2,
  inverse: (value) => inverseFp2(value, Fp.ORDER),
  a: { c0: 0n, c1: 240n },
  b: { c0: 1012n, c1: 1012n },
  kernel: [
    { c0: 6n, c1: Fp.ORDER - 6n },
    { c0: 1n, c1: 0n },
  ],
  scale: { c0: Fp.ORDER - modularInverse(3n, Fp.ORDER), c1: 0n },
  z: { c0: Fp.ORDER - 2n, c1: Fp.ORDER - 1n },
  sqrt: sqrtFp2,
  isOdd: ({ c0, c1 }) => ((c0 === 0n ? c1 : c0) & 1n) === 1n,
})

/** Made at the first call. */
let mapToCurve1: ((element: bigint) => G1Point) | undefined
let mapToCurve2: ((element: Fp2Element) => G2Point) | undefined

/** `map_to_curve` and `clear_cofactor` of BLS12381G1: a point of the subgroup. */
export function mapToG1(element: bigint): G1Point {
  mapToCurve1 ??= createMap(g1Parameters())
  // h_eff = 1 − x.
  return sumOfProductsG1([mapToCurve1(element)], [X_ABSOLUTE + 1n])
}

/**
 * `map_to_curve` and `clear_cofactor` of BLS12381G2: a point of the subgroup. The multiplication by h_eff is
 * [x² − x − 1]P + [x − 1]ψ(P) + [2]ψ²(P) (Budroni, Pintore, eprint.iacr.org/2017/419, §4.1), x being negative.
 */
export function mapToG2(element: Fp2Element): G2Point {
  mapToCurve2 ??= createMap(g2Parameters())
  const point = mapToCurve2(element)
  const image = frobeniusG2(point)
  const minusImage = image === INFINITY ? INFINITY : { x: image.x, y: Fp2.neg(image.y) }
  return sumOfProductsG2(
    [point, minusImage, frobeniusG2(image)],
    [X_ABSOLUTE * X_ABSOLUTE + X_ABSOLUTE - 1n, X_ABSOLUTE + 1n, 2n],
  )
}

/**
 * RFC 9380 §6.6.2: x₁ = −(b/a)(1 + 1/(z²u⁴ + zu²)), or b/(za) where that is not defined, and x₂ = zu²x₁: one of them is
 * on the curve. y has the parity of u.
 */
function createMap<T>(parameters: MapParameters<T>): (element: T) => AffinePoint<T> {
  const { field, inverse, a, b, z, sqrt, isOdd } = parameters
  const isogeny = createIsogeny(parameters)
  const minusBOverA = field.neg(field.mul(b, inverse(a)))
  const exceptional = field.mul(b, inverse(field.mul(z, a)))
  const squareOfY = (x: T): T => field.add(field.mul(field.add(field.sqr(x), a), x), b)

  return (u) => {
    const zu2 = field.mul(z, field.sqr(u))
    const denominator = field.add(field.sqr(zu2), zu2)
    let x = exceptional
    if (!field.is0(denominator)) x = field.mul(minusBOverA, field.add(field.ONE, inverse(denominator)))
    let y = sqrt(squareOfY(x))
    if (y === undefined) {
      x = field.mul(zu2, x)
      y = present(sqrt(squareOfY(x)), 'root for x₂')
    }
    return isogeny({ x, y: isOdd(y) === isOdd(u) ? y : field.neg(y) })
  }
}
