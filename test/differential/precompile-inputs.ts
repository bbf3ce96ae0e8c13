/** Inputs for precompiled contracts that get beyond the first check, most of the time. */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bn254 } from '@noble/curves/bn254.js'
import { p256 } from '@noble/curves/nist.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bigintToFixedBytes, concatBytes } from '../../src/primitives/bytes.ts'
import { sign } from '../../src/primitives/secp256k1.ts'
import type { Prng } from '../support/prng.ts'

type InputOf = (prng: Prng) => Uint8Array

/** Scalars of the points that are used; computed once. */
const SCALARS = [1n, 2n, 3n, 0x1234_5678_9abcn]
const BN254_G1 = SCALARS.map((scalar) => encodeBnG1(bn254.G1.Point.BASE.multiply(scalar)))
const BN254_G1_NEGATED = SCALARS.map((scalar) => encodeBnG1(bn254.G1.Point.BASE.multiply(scalar).negate()))
const BN254_G2 = SCALARS.map((scalar) => encodeBnG2(bn254.G2.Point.BASE.multiply(scalar)))
const BLS_G1 = SCALARS.map((scalar) => encodeBlsG1(bls12_381.G1.Point.BASE.multiply(scalar)))
const BLS_G1_NEGATED = SCALARS.map((scalar) => encodeBlsG1(bls12_381.G1.Point.BASE.multiply(scalar).negate()))
const BLS_G2 = SCALARS.map((scalar) => encodeBlsG2(bls12_381.G2.Point.BASE.multiply(scalar)))
const BLS_FIELD_ORDER = bls12_381.fields.Fp.ORDER

/** How often a precompile is chosen: pairings cost the reference tens of milliseconds. */
export const PRECOMPILE_WEIGHTS: readonly (readonly [weight: number, address: number])[] = [
  [12, 1],
  [6, 2],
  [4, 3],
  [10, 4],
  [12, 5],
  [8, 6],
  [5, 7],
  [1, 8],
  [10, 9],
  [2, 0x0a],
  [4, 0x0b],
  [1, 0x0c],
  [4, 0x0d],
  [1, 0x0e],
  [1, 0x0f],
  [1, 0x10],
  [1, 0x11],
  [3, 0x12],
  [4, 0x100],
]

const INPUTS: Readonly<Record<number, InputOf>> = {
  1: ecrecover,
  5: modexp,
  6: (prng) => concatBytes(bnPoint(prng), bnPoint(prng)),
  7: (prng) => concatBytes(bnPoint(prng), scalar(prng)),
  8: bnPairing,
  9: blake2f,
  0x0a: pointEvaluation,
  0x0b: (prng) => concatBytes(prng.pick(BLS_G1), prng.pick(BLS_G1_NEGATED)),
  0x0c: (prng) => concatBytes(...pairs(prng, () => concatBytes(prng.pick(BLS_G1), scalar(prng)))),
  0x0d: (prng) => concatBytes(prng.pick(BLS_G2), prng.pick(BLS_G2)),
  0x0e: (prng) => concatBytes(prng.pick(BLS_G2), scalar(prng)),
  0x0f: blsPairing,
  0x10: blsFieldElement,
  0x11: (prng) => concatBytes(blsFieldElement(prng), blsFieldElement(prng)),
  0x100: p256verify,
}

/** An input for the precompile at an address: mostly valid, sometimes damaged, cut or lengthened. */
export function precompileInput(prng: Prng, address: number): Uint8Array {
  const input = (INPUTS[address] ?? anyBytes)(prng)
  if (prng.chance(0.8)) return input
  if (prng.chance(0.3)) return input.subarray(0, prng.below(input.length + 1))
  if (prng.chance(0.3)) return concatBytes(input, prng.bytes(prng.between(1, 40)))
  const damaged = input.slice()
  if (damaged.length > 0) damaged[prng.below(damaged.length)] = prng.below(256)
  return damaged
}

function anyBytes(prng: Prng): Uint8Array {
  return prng.bytes(prng.pick([0, 1, 31, 32, 33, 64, 127, 200]))
}

function scalar(prng: Prng): Uint8Array {
  return prng.chance(0.3) ? bigintToFixedBytes(BigInt(prng.below(4)), 32) : prng.bytes(32)
}

function pairs<T>(prng: Prng, of: () => T): T[] {
  return prng.times(
    prng.weighted([
      [1, 0],
      [6, 1],
      [3, 2],
    ]),
    of,
  )
}

function ecrecover(prng: Prng): Uint8Array {
  const hash = prng.bytes(32)
  const key = bigintToFixedBytes(prng.integer(31) + 1n, 32)
  const { r, s, yParity } = sign(hash, key)
  const v = prng.chance(0.9) ? 27n + BigInt(yParity) : prng.integer(2)
  return concatBytes(hash, bigintToFixedBytes(v, 32), bigintToFixedBytes(r, 32), bigintToFixedBytes(s, 32))
}

function modexp(prng: Prng): Uint8Array {
  const size = (): number =>
    prng.weighted([
      [6, prng.below(34)],
      [2, prng.below(100)],
      [1, 0],
    ])
  const [base, exponent, modulus] = [size(), size(), size()]
  const claimed = (actual: number): Uint8Array =>
    bigintToFixedBytes(prng.chance(0.97) ? BigInt(actual) : prng.integer(prng.pick([2, 5, 32])), 32)
  return concatBytes(
    claimed(base),
    claimed(exponent),
    claimed(modulus),
    prng.bytes(base + exponent + modulus),
  )
}

function blake2f(prng: Prng): Uint8Array {
  const rounds = bigintToFixedBytes(BigInt(prng.below(30)), 4)
  return concatBytes(
    rounds,
    prng.bytes(208),
    Uint8Array.of(
      prng.weighted([
        [5, 0],
        [5, 1],
        [1, 2],
      ]),
    ),
  )
}

/** The polynomial 0 has the value 0 everywhere, and the proof of it is the point at infinity. */
function pointEvaluation(prng: Prng): Uint8Array {
  const infinity = new Uint8Array(48)
  infinity[0] = 0xc0
  const hash = sha256(infinity)
  hash[0] = 1
  const z = concatBytes(Uint8Array.of(0), prng.bytes(31))
  return concatBytes(hash, z, new Uint8Array(32), infinity, infinity)
}

function p256verify(prng: Prng): Uint8Array {
  const { secretKey, publicKey } = p256.keygen(bigintToFixedBytes(prng.integer(40) + 1n, 48))
  const hash = prng.bytes(32)
  const signature = p256.sign(hash, secretKey, { prehash: false })
  const point = p256.Point.fromBytes(publicKey).toBytes(false)
  return concatBytes(hash, signature, point.subarray(1))
}

// Points ------------------------------------------------------------------------------------------------------------

function bnPoint(prng: Prng): Uint8Array {
  if (prng.chance(0.1)) return new Uint8Array(64)
  return prng.pick(prng.chance(0.5) ? BN254_G1 : BN254_G1_NEGATED)
}

/** e(P, Q) · e(−P, Q) is one; other pairs are not. */
function bnPairing(prng: Prng): Uint8Array {
  const [index, q] = [prng.below(SCALARS.length), prng.pick(BN254_G2)]
  const [p, minusP] = [BN254_G1[index] ?? new Uint8Array(64), BN254_G1_NEGATED[index] ?? new Uint8Array(64)]
  if (prng.chance(0.5)) return concatBytes(p, q, minusP, q)
  return concatBytes(...pairs(prng, () => concatBytes(bnPoint(prng), prng.pick(BN254_G2))))
}

function blsPairing(prng: Prng): Uint8Array {
  const [index, q] = [prng.below(SCALARS.length), prng.pick(BLS_G2)]
  const [p, minusP] = [BLS_G1[index] ?? new Uint8Array(128), BLS_G1_NEGATED[index] ?? new Uint8Array(128)]
  return prng.chance(0.5) ? concatBytes(p, q, minusP, q) : concatBytes(p, q)
}

function blsFieldElement(prng: Prng): Uint8Array {
  const value = prng.integer(48)
  return bigintToFixedBytes(prng.chance(0.9) ? value % BLS_FIELD_ORDER : value, 64)
}

function encodeBnG1(point: InstanceType<typeof bn254.G1.Point>): Uint8Array {
  const { x, y } = point.toAffine()
  return concatBytes(bigintToFixedBytes(x, 32), bigintToFixedBytes(y, 32))
}

/** Imaginary parts first (EIP-197). */
function encodeBnG2(point: InstanceType<typeof bn254.G2.Point>): Uint8Array {
  const { x, y } = point.toAffine()
  return concatBytes(...[x.c1, x.c0, y.c1, y.c0].map((value) => bigintToFixedBytes(value, 32)))
}

function encodeBlsG1(point: InstanceType<typeof bls12_381.G1.Point>): Uint8Array {
  const { x, y } = point.toAffine()
  return concatBytes(bigintToFixedBytes(x, 64), bigintToFixedBytes(y, 64))
}

/** Real parts first (EIP-2537). */
function encodeBlsG2(point: InstanceType<typeof bls12_381.G2.Point>): Uint8Array {
  const { x, y } = point.toAffine()
  return concatBytes(...[x.c0, x.c1, y.c0, y.c1].map((value) => bigintToFixedBytes(value, 64)))
}
