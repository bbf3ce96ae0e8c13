/**
 * Verifies that the polynomial behind a KZG commitment has the value y at z (EIP-4844).
 *
 * Of the ceremony's trusted setup this needs one point, [τ]₂: a proof π of C at z holds when
 * e(C − [y]₁, [1]₂) = e(π, [τ − z]₂), which is e(C − [y]₁ + [z]π, [−1]₂) · e(π, [τ]₂) = 1. In this form both points of
 * G2 are constants, whose part of the pairing is computed once.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { sha256 } from '@noble/hashes/sha2.js'
import {
  bigintToFixedBytes,
  bytesToBigint,
  concatBytes,
  equalBytes,
  hexToBytes,
} from '../../../src/primitives/bytes.ts'
import { bls12381Engine } from './bls12-381-pairing.ts'
import { decodeCompressedG1, sumOfProductsG1, type G1Point } from './bls12-381-points.ts'
import { precompileAddress, type Precompile } from './precompile.ts'
import type { PreparedPoint } from './wasm-pairing.ts'

const GAS = 50_000n
const INPUT_SIZE = 192
/** VERSIONED_HASH_VERSION_KZG. */
const VERSION = 0x01
const FIELD_ELEMENTS_PER_BLOB = 4_096n
const BLS_MODULUS = bls12_381.fields.Fr.ORDER

/** [τ]₂ of mainnet's ceremony, compressed: the second of `g2_monomial` in consensus-specs' trusted_setup_4096.json. */
const TAU_G2 =
  '0xb5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72' +
  '185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2'

export const pointEvaluation: Precompile = {
  name: 'KZG_POINT_EVALUATION',
  address: precompileAddress(0x0a),

  gas: () => GAS,

  /**
   * versioned hash ‖ z ‖ y ‖ commitment (48) ‖ proof (48) → two words: elements per blob, modulus of the scalar field.
   * Fails when the hash is not the commitment's, z or y is out of range, a point does not decode, the proof is wrong.
   */
  run(input) {
    if (input.length !== INPUT_SIZE) return undefined
    const commitment = input.subarray(96, 144)
    if (!equalBytes(versionedHash(commitment), input.subarray(0, 32))) return undefined
    if (!verifyKzgProof(commitment, input.subarray(32, 64), input.subarray(64, 96), input.subarray(144))) {
      return undefined
    }
    return concatBytes(bigintToFixedBytes(FIELD_ELEMENTS_PER_BLOB, 32), bigintToFixedBytes(BLS_MODULUS, 32))
  },
}

function versionedHash(commitment: Uint8Array): Uint8Array {
  const hash = sha256(commitment)
  hash[0] = VERSION
  return hash
}

/** `verify_kzg_proof` of the consensus specifications (Deneb, polynomial commitments); `false` on input out of range. */
export function verifyKzgProof(
  commitment: Uint8Array,
  z: Uint8Array,
  y: Uint8Array,
  proof: Uint8Array,
): boolean {
  const point = bytesToBigint(z)
  const value = bytesToBigint(y)
  if (point >= BLS_MODULUS || value >= BLS_MODULUS) return false
  const c = decodeCompressedG1(commitment)
  const pi = decodeCompressedG1(proof)
  if (c === undefined || pi === undefined) return false
  const { tau, minusOne } = (constants ??= prepareConstants())
  const left = sumOfProductsG1([c, GENERATOR, pi], [1n, BLS_MODULUS - value, point])
  return bls12381Engine().isProductOne([
    [left, minusOne],
    [pi, tau],
  ])
}

const GENERATOR: G1Point = bls12_381.G1.Point.BASE.toAffine()

/** The two points of G2, prepared at the first call. */
let constants: Constants | undefined

interface Constants {
  readonly tau: PreparedPoint
  readonly minusOne: PreparedPoint
}

function prepareConstants(): Constants {
  const engine = bls12381Engine()
  const G2 = bls12_381.G2.Point
  const tau = G2.fromBytes(hexToBytes(TAU_G2))
  return { tau: engine.prepare(tau.toAffine()), minusOne: engine.prepare(G2.BASE.negate().toAffine()) }
}
