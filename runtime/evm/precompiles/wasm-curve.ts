/**
 * Sums of products of points and scalars on a curve y² = x³ + ax + b, a = 0 or −3, over a field in Wasm.
 *
 * Points are in Jacobian coordinates, (X, Y, Z) for (X/Z², Y/Z³), Z = 0 for infinity. The formulas are those of the
 * Explicit-Formulas Database (dbl-2009-l, dbl-2001-b, add-1998-cmo-2); they are not complete, so that the cases of equal
 * and opposite points are taken apart here. Nothing is secret: the time depends on the values.
 */
import { INFINITY, type AffinePoint } from './affine-points.ts'
import type { FieldArithmetic } from './wasm-field.ts'
import { bigintToFixedBytes } from '../../../src/primitives/bytes.ts'

/** Points that share one run of doublings; more are summed in chunks, which bounds the memory for their multiples. */
const CHUNK_SIZE_MAX = 64
/** Digits of scalars are odd and below 2⁴ in amount, so that P, 3P, … 15P are enough. */
const WINDOW_SIZE = 5
const MULTIPLE_COUNT = 1 << (WINDOW_SIZE - 2)
const SCALAR_SIZE = 32

export interface WasmCurve<T> {
  /**
   * k₁·P₁ + k₂·P₂ + …
   * @param points on the curve, of any subgroup.
   * @param scalars as many, each at least 0 and below 2²⁵⁶.
   */
  sumOfProducts(points: readonly AffinePoint<T>[], scalars: readonly bigint[]): AffinePoint<T>
}

/** Memory for a curve over a prime field and one over its extension, in pages. @param elementSize of the prime field. */
export function memoryPages(elementSize: number): number {
  const elementCount = 3 * (CHUNK_SIZE_MAX * MULTIPLE_COUNT + 3) + 16
  return Math.ceil((3 * elementCount * elementSize) / 65_536)
}

export function createWasmCurve<T>(field: FieldArithmetic<T>, a: 0 | -3, one: T): WasmCurve<T> {
  const points = createPointArithmetic(field, a)
  const pointSize = 3 * field.size
  const tables = field.allocate(3 * CHUNK_SIZE_MAX * MULTIPLE_COUNT)
  const sum = field.allocate(3)
  const total = field.allocate(3)
  const double = field.allocate(3)

  /** P, 3P, 5P, … at `table`. */
  const writeMultiples = (table: number, { x, y }: { readonly x: T; readonly y: T }): void => {
    field.write(table, x)
    field.write(table + field.size, y)
    field.write(table + 2 * field.size, one)
    points.double(double, table)
    for (let i = 1; i < MULTIPLE_COUNT; i++) {
      points.add(table + i * pointSize, table + (i - 1) * pointSize, double, false)
    }
  }

  /** Adds the products of at most {@link CHUNK_SIZE_MAX} points to `total` (Straus). */
  const addChunk = (chunk: readonly { readonly x: T; readonly y: T }[], scalars: readonly bigint[]): void => {
    const tableSize = MULTIPLE_COUNT * pointSize
    for (const [i, point] of chunk.entries()) writeMultiples(tables + i * tableSize, point)
    const digits = scalars.map(nonAdjacentForm)
    field.sub(sum + 2 * field.size, sum, sum)
    const top = Math.max(...digits.map((row) => row.findLastIndex((digit) => digit !== 0)))
    for (let bit = top; bit >= 0; bit--) {
      points.double(sum, sum)
      for (const [i, row] of digits.entries()) {
        const digit = row[bit] as number
        if (digit === 0) continue
        const multiple = tables + i * tableSize + (Math.abs(digit) >> 1) * pointSize
        points.add(sum, sum, multiple, digit < 0)
      }
    }
    points.add(total, total, sum, false)
  }

  return {
    sumOfProducts(inputs, scalars) {
      const [finite, factors]: [{ readonly x: T; readonly y: T }[], bigint[]] = [[], []]
      for (const [i, point] of inputs.entries()) {
        if (point === INFINITY) continue
        finite.push(point)
        factors.push(scalars[i] as bigint)
      }
      field.sub(total + 2 * field.size, total, total)
      for (let i = 0; i < finite.length; i += CHUNK_SIZE_MAX) {
        addChunk(finite.slice(i, i + CHUNK_SIZE_MAX), factors.slice(i, i + CHUNK_SIZE_MAX))
      }
      return points.toAffine(total)
    },
  }
}

interface PointArithmetic<T> {
  double(result: number, p: number): void
  /** p + q, or p − q. */
  add(result: number, p: number, q: number, isNegated: boolean): void
  toAffine(p: number): AffinePoint<T>
}

/** Hot: some 1,700 field operations per product; each is a call into Wasm without allocation. */
function createPointArithmetic<T>(field: FieldArithmetic<T>, a: 0 | -3): PointArithmetic<T> {
  const { size } = field
  const [y, z] = [size, 2 * size]
  const t = Array.from({ length: 8 }, () => field.allocate(1))
  const [t0, t1, t2, t3, t4, t5, t6, t7] = t as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const zero = field.allocate(1)

  /** M = 3X² + aZ⁴, S = 4XY²: X' = M² − 2S, Y' = M(S − X') − 8Y⁴, Z' = 2YZ. Infinity stays what it is. */
  const double = (result: number, p: number): void => {
    field.sqr(t0, p + y)
    field.mul(t1, p, t0)
    field.add(t1, t1, t1)
    field.add(t1, t1, t1)
    if (a === 0) {
      field.sqr(t2, p)
    } else {
      // 3X² − 3Z⁴ = 3(X − Z²)(X + Z²).
      field.sqr(t4, p + z)
      field.sub(t3, p, t4)
      field.add(t4, p, t4)
      field.mul(t2, t3, t4)
    }
    field.add(t3, t2, t2)
    field.add(t2, t2, t3)
    field.mul(t4, p + y, p + z)
    field.add(result + z, t4, t4)
    field.sqr(t3, t2)
    field.sub(t3, t3, t1)
    field.sub(result, t3, t1)
    field.sub(t1, t1, result)
    field.mul(t1, t1, t2)
    field.add(t0, t0, t0)
    field.sqr(t0, t0)
    field.add(t0, t0, t0)
    field.sub(result + y, t1, t0)
  }

  /** U₁ = X₁Z₂², S₁ = Y₁Z₂³, H = X₂Z₁² − U₁, R = Y₂Z₁³ − S₁: X' = R² − H³ − 2U₁H², Y' = R(U₁H² − X') − S₁H³, Z' = HZ₁Z₂. */
  const add = (result: number, p: number, q: number, isNegated: boolean): void => {
    if (field.isZero(q + z)) {
      field.copy(result, p, 3)
      return
    }
    if (field.isZero(p + z)) {
      field.copy(result, q, 3)
      if (isNegated) field.sub(result + y, zero, result + y)
      return
    }
    field.sqr(t0, p + z)
    field.sqr(t1, q + z)
    field.mul(t2, p, t1)
    field.mul(t3, q, t0)
    field.mul(t0, t0, p + z)
    field.mul(t1, t1, q + z)
    field.mul(t4, p + y, t1)
    field.mul(t5, q + y, t0)
    if (isNegated) field.sub(t5, zero, t5)
    field.sub(t3, t3, t2)
    field.sub(t5, t5, t4)
    if (field.isZero(t3)) {
      if (field.isZero(t5)) double(result, p)
      else field.copy(result + z, zero, 1)
      return
    }
    field.mul(t6, p + z, q + z)
    field.mul(result + z, t6, t3)
    field.sqr(t6, t3)
    field.mul(t7, t6, t3)
    field.mul(t2, t2, t6)
    field.sqr(t6, t5)
    field.sub(t6, t6, t7)
    field.sub(t6, t6, t2)
    field.sub(result, t6, t2)
    field.sub(t2, t2, result)
    field.mul(t2, t2, t5)
    field.mul(t4, t4, t7)
    field.sub(result + y, t2, t4)
  }

  const toAffine = (p: number): AffinePoint<T> => {
    if (field.isZero(p + z)) return INFINITY
    field.write(t0, field.inverse(field.read(p + z)))
    field.sqr(t1, t0)
    field.mul(t2, p, t1)
    field.mul(t1, t1, t0)
    field.mul(t3, p + y, t1)
    return { x: field.read(t2), y: field.read(t3) }
  }

  return { double, add, toAffine }
}

/**
 * Digits of a scalar in windowed non-adjacent form, by bit: odd or zero, below 2⁴ in amount, each nonzero one followed
 * by at least four zeros; so one bit in six costs an addition.
 */
function nonAdjacentForm(scalar: bigint): Int8Array {
  const bytes = bigintToFixedBytes(scalar, SCALAR_SIZE)
  const bitAt = (index: number): number => {
    const byte = bytes[SCALAR_SIZE - 1 - (index >> 3)]
    return byte === undefined ? 0 : (byte >> (index & 7)) & 1
  }
  const digits = new Int8Array(8 * SCALAR_SIZE + 1)
  let carry = 0
  let bit = 0
  while (bit < digits.length) {
    if (bitAt(bit) === carry) {
      bit++
      continue
    }
    let window = carry
    for (let i = 0; i < WINDOW_SIZE; i++) window += 2 ** i * bitAt(bit + i)
    carry = window >= 2 ** (WINDOW_SIZE - 1) ? 1 : 0
    digits[bit] = window - carry * 2 ** WINDOW_SIZE
    bit += WINDOW_SIZE
  }
  return digits
}
