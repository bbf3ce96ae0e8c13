/** The pairing of BN254, see `wasm-pairing.ts`; the curve's parameter x is 4965661367192848881. */
import { bn254 } from '@noble/curves/bn254.js'
import { signedDigits } from './signed-digits.ts'
import { createPairing, type CyclotomicGroup, type Pairing } from './wasm-pairing.ts'

const X = 4965661367192848881n

let pairing: Pairing | undefined

/** Made at the first call: some milliseconds that most chains never need. */
export function bn254Engine(): Pairing {
  const { Fp, Fp2 } = bn254.fields
  return (pairing ??= createPairing({
    modulus: Fp.ORDER,
    xi: 9,
    twist: 'divisive',
    twistB: Fp2.div(Fp2.fromBigTuple([3n, 0n]), Fp2.fromBigTuple([9n, 1n])),
    loop: 6n * X + 2n,
    endsWithFrobenius: true,
    raiseToHardPart,
  }))
}

const X_DIGITS = signedDigits(X)

/**
 * 2x(6x² + 3x + 1)(p⁴ − p² + 1)/r = (1 + 6x + 12x² + 12x³) + (4x + 6x² + 12x³)p + (6x + 6x² + 12x³)p²
 *   + (−1 + 4x + 6x² + 12x³)p³ (Fuentes-Castañeda, Knapp, Rodríguez-Henríquez, "Faster Hashing to G2", SAC 2011).
 */
function raiseToHardPart(group: CyclotomicGroup, f: number): void {
  const [t0, t1, t2, t3, t4] = group.t
  // t0 = 2x, t1 = 6x, t2 = 6x², t3 = 12x³ as exponents.
  group.power(t0, f, X_DIGITS)
  group.sqr(t0, t0)
  group.sqr(t1, t0)
  group.mul(t1, t1, t0)
  group.power(t2, t1, X_DIGITS)
  group.sqr(t4, t2)
  group.power(t3, t4, X_DIGITS)
  // t1 = 6x + 6x² + 12x³, t0 = 4x + 6x² + 12x³.
  group.mul(t1, t1, t2)
  group.mul(t1, t1, t3)
  group.inverse(t0, t0)
  group.mul(t0, t0, t1)
  group.mul(t2, t2, t1)
  group.mul(t2, t2, f)
  group.frobenius(t3, t0)
  group.mul(t2, t2, t3)
  group.frobenius(t1, t1)
  group.frobenius(t1, t1)
  group.mul(t2, t2, t1)
  group.inverse(f, f)
  group.mul(f, f, t0)
  for (let i = 0; i < 3; i++) group.frobenius(f, f)
  group.mul(f, f, t2)
}
