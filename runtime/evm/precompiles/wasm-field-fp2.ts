/** The quadratic extension p² of a field in Wasm by i² = −1, as both pairing curves have it. */
import { modularInverse } from './modular-inverse.ts'
import type { FieldArithmetic } from './wasm-field.ts'

/** c0 + c1·i. */
export interface Fp2Element {
  readonly c0: bigint
  readonly c1: bigint
}

/** Elements are two of `base` in a row, the real part first. */
export function createQuadraticExtension(base: FieldArithmetic<bigint>): FieldArithmetic<Fp2Element> {
  const half = base.size
  const t0 = base.allocate(1)
  const t1 = base.allocate(1)
  const t2 = base.allocate(1)

  return {
    modulus: base.modulus,
    size: 2 * half,
    allocate: (count) => base.allocate(2 * count),
    write(address, { c0, c1 }) {
      base.write(address, c0)
      base.write(address + half, c1)
    },
    read: (address) => ({ c0: base.read(address), c1: base.read(address + half) }),
    copy: (result, a, count) => base.copy(result, a, 2 * count),
    add(result, a, b) {
      base.add(result, a, b)
      base.add(result + half, a + half, b + half)
    },
    sub(result, a, b) {
      base.sub(result, a, b)
      base.sub(result + half, a + half, b + half)
    },
    /** Karatsuba: c0 = a0·b0 − a1·b1, c1 = (a0 + a1)(b0 + b1) − a0·b0 − a1·b1. */
    mul(result, a, b) {
      base.add(t0, a, a + half)
      base.add(t1, b, b + half)
      base.mul(t2, t0, t1)
      base.mul(t0, a, b)
      base.mul(t1, a + half, b + half)
      base.sub(result, t0, t1)
      base.sub(t2, t2, t0)
      base.sub(result + half, t2, t1)
    },
    /** c0 = (a0 + a1)(a0 − a1), c1 = 2·a0·a1. */
    sqr(result, a) {
      base.add(t0, a, a + half)
      base.sub(t1, a, a + half)
      base.mul(t2, a, a + half)
      base.mul(result, t0, t1)
      base.add(result + half, t2, t2)
    },
    isZero: (a) => base.isZero(a) && base.isZero(a + half),
    inverse: (value) => inverseFp2(value, base.modulus),
  }
}

/** (c0 − c1·i) / (c0² + c1²). */
export function inverseFp2({ c0, c1 }: Fp2Element, modulus: bigint): Fp2Element {
  const norm = modularInverse((c0 * c0 + c1 * c1) % modulus, modulus)
  return { c0: (c0 * norm) % modulus, c1: ((modulus - c1) * norm) % modulus }
}

/** @param exponent at least 0. */
export function powerFp2(base: Fp2Element, exponent: bigint, modulus: bigint): Fp2Element {
  const mul = (a: Fp2Element, b: Fp2Element): Fp2Element => ({
    c0: (a.c0 * b.c0 + (modulus - a.c1) * b.c1) % modulus,
    c1: (a.c0 * b.c1 + a.c1 * b.c0) % modulus,
  })
  let result: Fp2Element = { c0: 1n, c1: 0n }
  for (const bit of exponent.toString(2)) {
    result = mul(result, result)
    if (bit === '1') result = mul(result, base)
  }
  return result
}
