/** The pairing of BLS12-381, see `wasm-pairing.ts`; the curve's parameter x is −0xd201000000010000. */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { signedDigits } from './signed-digits.ts'
import { createPairing, type CyclotomicGroup, type Pairing } from './wasm-pairing.ts'

const X_ABSOLUTE = 0xd201000000010000n

let pairing: Pairing | undefined

/** Made at the first call: some milliseconds that most chains never need. */
export function bls12381Engine(): Pairing {
  return (pairing ??= createPairing({
    modulus: bls12_381.fields.Fp.ORDER,
    xi: 1,
    twist: 'multiplicative',
    twistB: { c0: 4n, c1: 4n },
    loop: X_ABSOLUTE,
    endsWithFrobenius: false,
    raiseToHardPart,
  }))
}

const X_DIGITS = signedDigits(X_ABSOLUTE)
const X_MINUS_1_DIGITS = signedDigits(X_ABSOLUTE + 1n)

/**
 * 3(p⁴ − p² + 1)/r = (x − 1)²(x + p)(x² + p² − 1) + 3 (Hayashida, Hayasaka, Teruya, eprint.iacr.org/2020/875).
 * x and x − 1 are negative: of two powers by absolute values the signs cancel, after one an inverse is taken.
 */
function raiseToHardPart(group: CyclotomicGroup, f: number): void {
  const [t0, t1, t2] = group.t
  group.power(t1, f, X_MINUS_1_DIGITS)
  group.power(t0, t1, X_MINUS_1_DIGITS)
  group.power(t1, t0, X_DIGITS)
  group.inverse(t1, t1)
  group.frobenius(t0, t0)
  group.mul(t0, t0, t1)
  group.power(t1, t0, X_DIGITS)
  group.power(t2, t1, X_DIGITS)
  group.frobenius(t1, t0)
  group.frobenius(t1, t1)
  group.inverse(t0, t0)
  group.mul(t0, t0, t1)
  group.mul(t0, t0, t2)
  group.sqr(t1, f)
  group.mul(f, f, t1)
  group.mul(f, f, t0)
}
