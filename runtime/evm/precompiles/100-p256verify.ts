/** Verifies an ECDSA signature over secp256r1 (EIP-7951, Osaka; FIPS 186-5 §6.4.2). */
import { bytesToBigint, EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import { INFINITY } from './affine-points.ts'
import { modularInverse } from './modular-inverse.ts'
import { precompileAddress, type Precompile } from './precompile.ts'
import { createWasmCurve, memoryPages, type WasmCurve } from './wasm-curve.ts'
import { createPrimeField } from './wasm-field.ts'

const GAS = 6_900n
const INPUT_SIZE = 160

/** y² = x³ − 3x + b over the field of p elements; n points, generator G (NIST SP 800-186 §3.2.1.3). */
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn
const GENERATOR = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
}

export const p256verify: Precompile = {
  name: 'P256VERIFY',
  address: precompileAddress(0x100),

  gas: () => GAS,

  /** hash ‖ r ‖ s ‖ x ‖ y, words → the word 1, or nothing when invalid for whatever reason. Never fails. */
  run(input) {
    if (input.length !== INPUT_SIZE) return EMPTY_BYTES
    const [hash, r, s, x, y] = [0, 32, 64, 96, 128].map((at) => bytesToBigint(input.subarray(at, at + 32)))
    if (!isValid(hash as bigint, r as bigint, s as bigint, { x: x as bigint, y: y as bigint }))
      return EMPTY_BYTES
    const output = new Uint8Array(32)
    output[31] = 1
    return output
  },
}

/** Made at the first call. */
let curve: WasmCurve<bigint> | undefined

function isValid(
  hash: bigint,
  r: bigint,
  s: bigint,
  key: { readonly x: bigint; readonly y: bigint },
): boolean {
  if (r === 0n || r >= N || s === 0n || s >= N) return false
  if (key.x >= P || key.y >= P) return false
  // Infinity, (0, 0), fails here too, b not being zero. The order is prime: there are no small subgroups.
  if ((key.y * key.y - key.x * (key.x * key.x - 3n) - B) % P !== 0n) return false
  const inverse = modularInverse(s, N)
  curve ??= createWasmCurve(createPrimeField(P, memoryPages(72)), -3, 1n)
  const point = curve.sumOfProducts([GENERATOR, key], [(hash * inverse) % N, (r * inverse) % N])
  return point !== INFINITY && point.x % N === r
}
