/** Points of a curve y² = x³ + ax + b in affine coordinates, as precompiles decode and encode them. */
import type { IField } from '@noble/curves/abstract/modular.js'

/** The neutral element, which has no coordinates. */
export const INFINITY = 'infinity'

/** `T` is an element of the field: a `bigint`, or a pair of them. */
export type AffinePoint<T> = { readonly x: T; readonly y: T } | typeof INFINITY

/** The field a curve is over, less its inverses: those of the library are slow. */
export type AffineField<T> = Pick<IField<T>, 'add' | 'sub' | 'mul' | 'sqr' | 'eql' | 'is0'>

/** The sum of two points of any curve with a = 0. */
export function addAffine<T>(
  field: AffineField<T>,
  inverse: (value: T) => T,
  p: AffinePoint<T>,
  q: AffinePoint<T>,
): AffinePoint<T> {
  if (p === INFINITY) return q
  if (q === INFINITY) return p
  let numerator = field.sub(q.y, p.y)
  let denominator = field.sub(q.x, p.x)
  if (field.is0(denominator)) {
    // Opposite points, or a point of order two and itself: the line is vertical.
    if (!field.is0(numerator) || field.is0(p.y)) return INFINITY
    const square = field.sqr(p.x)
    numerator = field.add(field.add(square, square), square)
    denominator = field.add(p.y, p.y)
  }
  const slope = field.mul(numerator, inverse(denominator))
  const x = field.sub(field.sub(field.sqr(slope), p.x), q.x)
  return { x, y: field.sub(field.mul(slope, field.sub(p.x, x)), p.y) }
}

export function equalPoints<T>(field: AffineField<T>, p: AffinePoint<T>, q: AffinePoint<T>): boolean {
  if (p === INFINITY || q === INFINITY) return p === q
  return field.eql(p.x, q.x) && field.eql(p.y, q.y)
}
