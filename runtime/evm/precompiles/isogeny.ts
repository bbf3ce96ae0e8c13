/**
 * Maps between curves with a kernel of odd order, derived from the kernel: what RFC 9380 tabulates as four lists of
 * coefficients follows from one short polynomial (D. Kohel, "Endomorphism rings of elliptic curves over finite fields",
 * 1996, §2.4).
 */
import type { IField } from '@noble/curves/abstract/modular.js'
import { INFINITY, type AffinePoint } from './affine-points.ts'

/** A field of characteristic above the degree; inverses come apart, those of the library are slow. */
export type MapField<T> = Pick<IField<T>, 'ZERO' | 'ONE' | 'add' | 'sub' | 'mul' | 'sqr' | 'neg' | 'is0'>

export interface IsogenyParameters<T> {
  readonly field: MapField<T>
  inverse(value: T): T
  /** Of the curve y² = x³ + ax + b that points come from. */
  readonly a: T
  readonly b: T
  /** Coefficients from the constant up, the last one 1: its roots are the x of the kernel's points, save infinity. */
  readonly kernel: readonly T[]
  /** The isomorphism behind the isogeny: (x, y) → (scale²·x, scale³·y). */
  readonly scale: T
}

/** Coefficients from the constant up. */
type Polynomial<T> = readonly T[]

/**
 * With h the kernel's polynomial, d its degree, s the sum of its roots, f = x³ + ax + b:
 *   N = ((2d + 1)x − 2s)h² − 2f'h'h − 4f(h''h − h'²), and (x, y) → (N/h², y·(N/h²)') = (N/h², y·(N'h − 2Nh')/h³).
 */
export function createIsogeny<T>({
  field,
  inverse,
  a,
  b,
  kernel: h,
  scale,
}: IsogenyParameters<T>): (point: { readonly x: T; readonly y: T }) => AffinePoint<T> {
  const { constant, plus, times, derivative, at } = polynomials(field)
  const degree = h.length - 1
  const f = [b, a, field.ZERO, field.ONE]
  const h1 = derivative(h)
  const bend = plus(times(derivative(h1), h), times(constant(-1), times(h1, h1)))
  // The coefficient below the first is −s.
  const line = [field.mul(h[degree - 1] as T, 2n), field.mul(field.ONE, BigInt(2 * degree + 1))]
  const n = plus(
    plus(times(line, times(h, h)), times(constant(-2), times(derivative(f), times(h1, h)))),
    times(constant(-4), times(f, bend)),
  )
  const m = plus(times(derivative(n), h), times(constant(-2), times(n, h1)))
  const square = field.sqr(scale)
  const xNumerator = times([square], n)
  const yNumerator = times([field.mul(square, scale)], m)

  return ({ x, y }) => {
    const denominator = at(h, x)
    if (field.is0(denominator)) return INFINITY
    const i = inverse(denominator)
    const i2 = field.sqr(i)
    return {
      x: field.mul(at(xNumerator, x), i2),
      y: field.mul(field.mul(y, at(yNumerator, x)), field.mul(i2, i)),
    }
  }
}

interface Polynomials<T> {
  constant(value: number): Polynomial<T>
  plus(p: Polynomial<T>, q: Polynomial<T>): Polynomial<T>
  times(p: Polynomial<T>, q: Polynomial<T>): Polynomial<T>
  derivative(p: Polynomial<T>): Polynomial<T>
  at(p: Polynomial<T>, x: T): T
}

function polynomials<T>(field: MapField<T>): Polynomials<T> {
  return {
    constant: (value) => {
      const amount = field.mul(field.ONE, BigInt(Math.abs(value)))
      return [value < 0 ? field.neg(amount) : amount]
    },
    plus: (p, q) =>
      Array.from({ length: Math.max(p.length, q.length) }, (_, n) =>
        field.add(p[n] ?? field.ZERO, q[n] ?? field.ZERO),
      ),
    times(p, q) {
      const product = Array<T>(Math.max(0, p.length + q.length - 1)).fill(field.ZERO)
      for (const [n, left] of p.entries()) {
        for (const [k, right] of q.entries()) {
          product[n + k] = field.add(product[n + k] as T, field.mul(left, right))
        }
      }
      // Products with an empty polynomial are empty: it is zero.
      return p.length === 0 || q.length === 0 ? [] : product
    },
    derivative: (p) => p.slice(1).map((coefficient, n) => field.mul(coefficient, BigInt(n + 1))),
    at: (p, x) => p.reduceRight((sum, coefficient) => field.add(field.mul(sum, x), coefficient), field.ZERO),
  }
}
