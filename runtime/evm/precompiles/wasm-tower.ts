/**
 * The tower of extensions that pairings take their values in, as routines in Wasm:
 *   Fp2 = Fp[i]/(i² + 1), Fp6 = Fp2[v]/(v³ − ξ), Fp12 = Fp6[w]/(w² − v), ξ = k + i.
 * An element is the row of its coefficients, those of lower powers first. The formulas are Karatsuba's throughout; see
 * Devegili, Ó hÉigeartaigh, Scott, Dahab, "Multiplication and Squaring on Pairing-Friendly Fields"
 * (eprint.iacr.org/2006/471). Operands may be the same, and the result may be one of them.
 */
import type { Program, Routine } from './wasm-program.ts'

/** What records operations on elements of one field of the tower: `(result, a, b)`, or `(result, a)`. */
interface Operations {
  readonly size: number
  readonly add: Routine
  readonly sub: Routine
  readonly mul: Routine
}

export interface Fp2Operations extends Operations {
  readonly sqr: Routine
  /** Times an element of the prime field. */
  readonly scale: Routine
  /** Times ξ. */
  readonly mulByXi: Routine
  readonly conjugate: Routine
  readonly copy: Routine
}

interface Fp6Operations extends Operations {
  /** Times v. */
  readonly mulByV: Routine
  /** `(result, a, b0)`: times an element of Fp2. */
  readonly scale: Routine
  /** `(result, a, b1)`: times b1·v. */
  readonly mulBy1: Routine
  /** `(result, a, b0, b1)`: times b0 + b1·v. */
  readonly mulBy01: Routine
}

export interface Tower {
  readonly fp2: Fp2Operations
  readonly fp6: Fp6Operations
  readonly fp12: { readonly size: number }
  /** Of the size of Fp12, never written. */
  readonly zero: number
  /** Six constants of Fp2 to be written once: ξ^(n(p − 1)/6), the factor of wⁿ under the Frobenius map. */
  readonly gammas: number
}

/**
 * Defines, of addresses in Fp12: `fp12Mul(result, a, b)`, `fp12Sqr`, `fp12Conjugate`, `fp12Frobenius`,
 * `fp12CyclotomicSqr` of `(result, a)`, and the three parts of an inverse.
 * @param xi k, the real part of ξ.
 */
export function recordTower(program: Program, xi: number): Tower {
  const zero = program.allocate(12)
  const gammas = program.allocate(12)
  const fp2 = recordFp2(program, xi, zero)
  const fp6 = recordFp6(program, fp2)
  recordFp12(program, fp2, fp6, zero)
  recordFrobenius(program, fp2, gammas)
  recordCyclotomicSqr(program, fp2)
  recordInverse(program, fp2, fp6, zero)
  return { fp2, fp6, fp12: { size: 2 * fp6.size }, zero, gammas }
}

/** `count` places for elements of `size` bytes. */
export function scratch(program: Program, size: number, count: number): number[] {
  return Array.from({ length: count }, () => program.allocate(size / program.elementSize))
}

function recordFp2(program: Program, xi: number, zero: number): Fp2Operations {
  const { elementSize: half } = program
  const [mul, add, sub] = [program.primitive('mul'), program.primitive('add'), program.primitive('sub')]
  const [copy, addFactors] = [program.primitive('copy'), program.primitive('addFactors')]
  const [t0, t1, t2] = scratch(program, half, 3) as [number, number, number]
  /** k·a by doublings: where it is, `result` or `a` itself. */
  const times = (result: number, a: number): number => {
    let product = a
    for (const bit of xi.toString(2).slice(1)) {
      add(result, product, product)
      product = result
      if (bit === '1') add(result, result, a)
    }
    return product
  }
  return {
    size: 2 * half,
    add: program.define('fp2Add', 3, (result: number, a: number, b: number) => {
      add(result, a, b)
      add(result + half, a + half, b + half)
    }),
    sub: program.define('fp2Sub', 3, (result: number, a: number, b: number) => {
      sub(result, a, b)
      sub(result + half, a + half, b + half)
    }),
    mul: program.define('fp2Mul', 3, (result: number, a: number, b: number) => {
      addFactors(t0, a, a + half)
      addFactors(t1, b, b + half)
      mul(t2, t0, t1)
      mul(t0, a, b)
      mul(t1, a + half, b + half)
      sub(result, t0, t1)
      sub(t2, t2, t0)
      sub(result + half, t2, t1)
    }),
    sqr: program.define('fp2Sqr', 2, (result: number, a: number) => {
      addFactors(t0, a, a + half)
      sub(t1, a, a + half)
      mul(t2, a, a + half)
      mul(result, t0, t1)
      add(result + half, t2, t2)
    }),
    scale: program.define('fp2Scale', 3, (result: number, a: number, factor: number) => {
      mul(result, a, factor)
      mul(result + half, a + half, factor)
    }),
    // (k + i)(c0 + c1·i) = k·c0 − c1 + (k·c1 + c0)·i.
    mulByXi: program.define('fp2MulByXi', 2, (result: number, a: number) => {
      sub(t0, times(t0, a), a + half)
      add(result + half, times(t1, a + half), a)
      copy(result, t0)
    }),
    conjugate: program.define('fp2Conjugate', 2, (result: number, a: number) => {
      copy(result, a)
      sub(result + half, zero, a + half)
    }),
    copy: program.define('fp2Copy', 2, (result: number, a: number) => {
      copy(result, a)
      copy(result + half, a + half)
    }),
  }
}

function recordFp6(program: Program, fp2: Fp2Operations): Fp6Operations {
  const { size: one } = fp2
  const two = 2 * one
  const [t0, t1, t2, t3, t4, t5] = scratch(program, one, 6) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  /** (a + b)(c + d). */
  const mulSums = (result: number, a: number, b: number, c: number, d: number): void => {
    fp2.add(result, a, b)
    fp2.add(t5, c, d)
    fp2.mul(result, result, t5)
  }
  const each = (operation: Routine): Routine => {
    return (result: number, a: number, b: number) => {
      for (const at of [0, one, two]) operation(result + at, a + at, b + at)
    }
  }
  return {
    size: 3 * one,
    add: program.define('fp6Add', 3, each(fp2.add)),
    sub: program.define('fp6Sub', 3, each(fp2.sub)),
    mul: program.define('fp6Mul', 3, (result: number, a: number, b: number) => {
      fp2.mul(t0, a, b)
      fp2.mul(t1, a + one, b + one)
      fp2.mul(t2, a + two, b + two)
      // c0 = a0b0 + ξ((a1 + a2)(b1 + b2) − a1b1 − a2b2).
      mulSums(t3, a + one, a + two, b + one, b + two)
      fp2.sub(t3, t3, t1)
      fp2.sub(t3, t3, t2)
      fp2.mulByXi(t3, t3)
      fp2.add(t3, t3, t0)
      // c1 = (a0 + a1)(b0 + b1) − a0b0 − a1b1 + ξ·a2b2.
      mulSums(t4, a, a + one, b, b + one)
      fp2.sub(t4, t4, t0)
      fp2.sub(t4, t4, t1)
      // c2 = (a0 + a2)(b0 + b2) − a0b0 − a2b2 + a1b1, the last use of the operands.
      fp2.sub(t1, t1, t0)
      mulSums(t0, a, a + two, b, b + two)
      fp2.sub(t0, t0, t2)
      fp2.add(result + two, t0, t1)
      fp2.mulByXi(t2, t2)
      fp2.add(result + one, t4, t2)
      fp2.copy(result, t3)
    }),
    mulByV: program.define('fp6MulByV', 2, (result: number, a: number) => {
      fp2.mulByXi(t0, a + two)
      fp2.copy(result + two, a + one)
      fp2.copy(result + one, a)
      fp2.copy(result, t0)
    }),
    scale: program.define('fp6Scale', 3, (result: number, a: number, b0: number) => {
      fp2.copy(t0, b0)
      for (const at of [0, one, two]) fp2.mul(result + at, a + at, t0)
    }),
    mulBy1: program.define('fp6MulBy1', 3, (result: number, a: number, b1: number) => {
      fp2.mul(t0, a + two, b1)
      fp2.mul(t1, a, b1)
      fp2.mul(result + two, a + one, b1)
      fp2.copy(result + one, t1)
      fp2.mulByXi(result, t0)
    }),
    mulBy01: program.define('fp6MulBy01', 4, (result: number, a: number, b0: number, b1: number) => {
      fp2.mul(t0, a, b0)
      fp2.mul(t1, a + one, b1)
      // As the product, with b2 = 0.
      fp2.add(t3, a + one, a + two)
      fp2.mul(t3, t3, b1)
      fp2.sub(t3, t3, t1)
      fp2.mulByXi(t3, t3)
      mulSums(t4, a, a + one, b0, b1)
      fp2.sub(t4, t4, t0)
      fp2.sub(t4, t4, t1)
      fp2.add(t2, a, a + two)
      fp2.mul(t2, t2, b0)
      fp2.sub(t2, t2, t0)
      fp2.add(result + two, t2, t1)
      fp2.copy(result + one, t4)
      fp2.add(result, t3, t0)
    }),
  }
}

function recordFp12(program: Program, fp2: Fp2Operations, fp6: Fp6Operations, zero: number): void {
  const { size: half } = fp6
  const [t0, t1, t2] = scratch(program, half, 3) as [number, number, number]
  program.define('fp12Mul', 3, (result: number, a: number, b: number) => {
    fp6.add(t0, a, a + half)
    fp6.add(t1, b, b + half)
    fp6.mul(t2, t0, t1)
    fp6.mul(t0, a, b)
    fp6.mul(t1, a + half, b + half)
    fp6.sub(t2, t2, t0)
    fp6.sub(result + half, t2, t1)
    fp6.mulByV(t1, t1)
    fp6.add(result, t0, t1)
  })
  // c0 = (a0 + a1)(a0 + v·a1) − a0a1 − v·a0a1, c1 = 2·a0a1.
  program.define('fp12Sqr', 2, (result: number, a: number) => {
    fp6.mulByV(t1, a + half)
    fp6.add(t1, t1, a)
    fp6.add(t0, a, a + half)
    fp6.mul(t2, a, a + half)
    fp6.mul(t0, t0, t1)
    fp6.sub(t0, t0, t2)
    fp6.mulByV(t1, t2)
    fp6.sub(result, t0, t1)
    fp6.add(result + half, t2, t2)
  })
  program.define('fp12Conjugate', 2, (result: number, a: number) => {
    for (let at = 0; at < half; at += fp2.size) fp2.copy(result + at, a + at)
    fp6.sub(result + half, zero, a + half)
  })
}

/** Offsets of the coefficients of w⁰, w¹, … w⁵: v is w². */
function powersOfW({ size: one }: Fp2Operations): readonly [number, number, number, number, number, number] {
  return [0, 3 * one, one, 4 * one, 2 * one, 5 * one]
}

/** a^p: (g·wⁿ)^p = ḡ·ξ^(n(p − 1)/6)·wⁿ. */
function recordFrobenius(program: Program, fp2: Fp2Operations, gammas: number): void {
  program.define('fp12Frobenius', 2, (result: number, a: number) => {
    for (const [n, at] of powersOfW(fp2).entries()) {
      fp2.conjugate(result + at, a + at)
      fp2.mul(result + at, result + at, gammas + n * fp2.size)
    }
  })
}

/**
 * The square of an element whose conjugate is its inverse, half the price of any other
 * (Granger, Scott, eprint.iacr.org/2009/565): squares of a + b·w³ over Fp2.
 */
function recordCyclotomicSqr(program: Program, fp2: Fp2Operations): void {
  const [w0, w1, w2, w3, w4, w5] = powersOfW(fp2)
  const [a2, b2, t0] = scratch(program, fp2.size, 3) as [number, number, number]
  const squares = scratch(program, fp2.size, 6) as [number, number, number, number, number, number]
  /** (a² + ξb², 2ab). */
  const sqrPair = (real: number, imaginary: number, a: number, b: number): void => {
    fp2.add(t0, a, b)
    fp2.sqr(t0, t0)
    fp2.sqr(a2, a)
    fp2.sqr(b2, b)
    fp2.sub(t0, t0, a2)
    fp2.sub(imaginary, t0, b2)
    fp2.mulByXi(b2, b2)
    fp2.add(real, a2, b2)
  }
  program.define('fp12CyclotomicSqr', 2, (result: number, a: number) => {
    const [s0, s1, s2, s3, s4, s5] = squares
    sqrPair(s0, s1, a + w0, a + w3)
    sqrPair(s2, s3, a + w1, a + w4)
    sqrPair(s4, s5, a + w2, a + w5)
    fp2.mulByXi(s5, s5)
    // 3s − 2a for even powers, 3s + 2a for odd ones.
    for (const [at, square, combine] of [
      [w0, s0, fp2.sub],
      [w2, s2, fp2.sub],
      [w4, s4, fp2.sub],
      [w1, s5, fp2.add],
      [w3, s1, fp2.add],
      [w5, s3, fp2.add],
    ] as const) {
      combine(t0, square, a + at)
      fp2.add(t0, t0, t0)
      fp2.add(result + at, t0, square)
    }
  })
}

/**
 * 1/(a0 + a1·w) = (a0 − a1·w)/n with n = a0² − v·a1², and 1/n = n̂/N with an N in Fp2, in two parts around the
 * inversion of N: `fp12Norm(n̂, N, a)` and `fp12Quotient(result, a, n̂, 1/N)`.
 */
function recordInverse(program: Program, fp2: Fp2Operations, fp6: Fp6Operations, zero: number): void {
  const { size: one } = fp2
  const half = fp6.size
  const [n, square] = scratch(program, half, 2) as [number, number]
  const [t0, t1] = scratch(program, one, 2) as [number, number]
  const [n0, n1, n2] = [n, n + one, n + 2 * one]
  program.define('fp12Norm', 3, (adjoint: number, norm: number, a: number) => {
    fp6.mul(n, a, a)
    fp6.mul(square, a + half, a + half)
    fp6.mulByV(square, square)
    fp6.sub(n, n, square)
    // n̂ = (n0² − ξ·n1n2, ξ·n2² − n0n1, n1² − n0n2).
    fp2.sqr(adjoint, n0)
    fp2.mul(t0, n1, n2)
    fp2.mulByXi(t0, t0)
    fp2.sub(adjoint, adjoint, t0)
    fp2.sqr(t0, n2)
    fp2.mulByXi(t0, t0)
    fp2.mul(t1, n0, n1)
    fp2.sub(adjoint + one, t0, t1)
    fp2.sqr(t0, n1)
    fp2.mul(t1, n0, n2)
    fp2.sub(adjoint + 2 * one, t0, t1)
    // N = n0·n̂0 + ξ(n2·n̂1 + n1·n̂2).
    fp2.mul(t0, n2, adjoint + one)
    fp2.mul(t1, n1, adjoint + 2 * one)
    fp2.add(t0, t0, t1)
    fp2.mulByXi(t0, t0)
    fp2.mul(t1, n0, adjoint)
    fp2.add(norm, t0, t1)
  })
  program.define('fp12Quotient', 4, (result: number, a: number, adjoint: number, normInverse: number) => {
    fp6.scale(square, adjoint, normInverse)
    fp6.mul(result, a, square)
    fp6.mul(result + half, a + half, square)
    fp6.sub(result + half, zero, result + half)
  })
}
