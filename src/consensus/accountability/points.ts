/**
 * BLS keys and signatures as the precompiled contracts of EIP-2537 take them: from the compressed form, which nodes
 * exchange, to coordinates of 64 bytes.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bigintToFixedBytes, concatBytes } from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'

const COORDINATE_SIZE = 64

/** Bytes that are no point of their group, or the identity. */
export class InvalidPointError extends AevirError {
  override readonly code = 'INVALID_POINT'
}

/** @param compressed 48 bytes. @returns 128 bytes. @throws InvalidPointError */
export function expandPublicKey(compressed: Uint8Array): Uint8Array {
  const { x, y } = affine('a public key', bls12_381.G1.Point, compressed)
  return coordinates(x, y)
}

/** @param compressed 96 bytes. @returns 256 bytes. @throws InvalidPointError */
export function expandSignature(compressed: Uint8Array): Uint8Array {
  const { x, y } = affine('a signature', bls12_381.G2.Point, compressed)
  return coordinates(x.c0, x.c1, y.c0, y.c1)
}

interface Point<Field> {
  assertValidity(): void
  is0(): boolean
  toAffine(): { readonly x: Field; readonly y: Field }
}

interface Curve<Field> {
  readonly Fp: { readonly BYTES: number }
  fromBytes(bytes: Uint8Array): Point<Field>
}

function affine<Field>(what: string, curve: Curve<Field>, bytes: Uint8Array): { x: Field; y: Field } {
  // The library would take the uncompressed form as well.
  if (bytes.length !== curve.Fp.BYTES) {
    throw new InvalidPointError(`${what} has ${curve.Fp.BYTES} bytes, not ${bytes.length}`)
  }
  let point: Point<Field>
  try {
    point = curve.fromBytes(bytes)
    // Also checks the subgroup.
    point.assertValidity()
  } catch (cause) {
    throw new InvalidPointError(`${what} is a point of its group`, { cause })
  }
  if (point.is0()) throw new InvalidPointError(`${what} is not the identity`)
  return point.toAffine()
}

function coordinates(...values: readonly bigint[]): Uint8Array {
  return concatBytes(...values.map((value) => bigintToFixedBytes(value, COORDINATE_SIZE)))
}
