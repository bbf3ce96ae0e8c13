/** Square roots modulo BLS12-381's prime p ≡ 3 (mod 4) and in its quadratic extension, with powers taken in Wasm. */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import type { Fp2Element } from './wasm-field-fp2.ts'
import { createPrimeField } from './wasm-field.ts'

const P = bls12_381.fields.Fp.ORDER
const HALF = (P + 1n) / 2n
const WINDOW_BITS = 4

/** A root of a value below p; `undefined` when there is none. */
export function sqrtFp(value: bigint): bigint | undefined {
  const root = (value * quarterPower(value)) % P
  return (root * root) % P === value ? root : undefined
}

/**
 * A root of a + bi; `undefined` when there is none.
 *
 * With n a root of the norm a² + b², x² = (a + n)/2 and y = b/2x give (x + yi)² = a + bi. Where that x² is no square,
 * −x² is; with its root in place of x, the other solution is y − xi. So two powers are enough.
 */
export function sqrtFp2({ c0: a, c1: b }: Fp2Element): Fp2Element | undefined {
  if (b === 0n) {
    const root = sqrtFp(a)
    // −1 is no square, so that either a or −a is.
    return root === undefined ? { c0: 0n, c1: sqrtFp(P - a) as bigint } : { c0: root, c1: 0n }
  }
  const n = sqrtFp((a * a + b * b) % P)
  if (n === undefined) return undefined
  const square = ((a + n) * HALF) % P
  const power = quarterPower(square)
  const x = (square * power) % P
  const y = (((b * power) % P) * HALF) % P
  return (x * x) % P === square ? { c0: x, c1: y } : { c0: y, c1: P - x }
}

/** value^((p − 3)/4): 1/√value where value is a square, and 1/√−value, or its opposite, where it is none. */
function quarterPower(value: bigint): bigint {
  return (power ??= createPower((P - 3n) / 4n))(value)
}

/** Made at the first call: a millisecond that most chains never need. */
let power: ((value: bigint) => bigint) | undefined

/** Hot: some 480 products in Wasm, 45 µs, where bigints take 130. */
function createPower(exponent: bigint): (value: bigint) => bigint {
  const field = createPrimeField(P, 1)
  const powers = field.allocate(1 << WINDOW_BITS)
  const result = field.allocate(1)
  const digits = Array.from(exponent.toString(1 << WINDOW_BITS), (digit) =>
    Number.parseInt(digit, 1 << WINDOW_BITS),
  )
  return (value) => {
    field.write(powers, 1n)
    field.write(powers + field.size, value)
    for (let n = 2; n < 1 << WINDOW_BITS; n++) {
      field.mul(powers + n * field.size, powers + (n - 1) * field.size, powers + field.size)
    }
    field.copy(result, powers, 1)
    for (const digit of digits) {
      for (let n = 0; n < WINDOW_BITS; n++) field.sqr(result, result)
      if (digit !== 0) field.mul(result, result, powers + digit * field.size)
    }
    return field.read(result)
  }
}
