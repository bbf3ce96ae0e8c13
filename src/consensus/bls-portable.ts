/**
 * BLS signatures by @noble/curves (audited, JavaScript): for machines without the native addon, and the oracle in tests.
 * See `bls.ts`.
 */
import type { WeierstrassPoint } from '@noble/curves/abstract/weierstrass.js'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { InvalidKeyError, type Keyring, type SignatureScheme, type Signer } from './signature-scheme.ts'

const SECRET_KEY_SIZE = 32
const PUBLIC_KEY_SIZE = 48
const SIGNATURE_SIZE = 96
const CIPHERSUITE = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_'

const signatures = bls12_381.longSignatures
const { Fr } = bls12_381.fields
type G2Point = ReturnType<typeof signatures.hash>
type G1Point = WeierstrassPoint<bigint>

export const portableBls: SignatureScheme = {
  name: 'bls-portable',
  publicKeySize: PUBLIC_KEY_SIZE,
  signatureSize: SIGNATURE_SIZE,
  signer,
  keyring,
  aggregate(parts) {
    const points = parts.map(parseSignature)
    if (points.length === 0 || !points.every((point) => point !== undefined)) return undefined
    return points.reduce((sum, point) => sum.add(point)).toBytes()
  },
}

function hashToCurve(message: Uint8Array): G2Point {
  return signatures.hash(message, CIPHERSUITE)
}

function signer(secretKey: Uint8Array): Signer {
  if (secretKey.length !== SECRET_KEY_SIZE) throw new InvalidKeyError('a BLS secret key has 32 bytes')
  const scalar = BigInt(`0x${secretKey.toHex()}`)
  if (!Fr.isValidNot0(scalar)) {
    throw new InvalidKeyError('a BLS secret key is above zero and below the order of the group')
  }
  return {
    publicKey: bls12_381.G1.Point.BASE.multiply(scalar).toBytes(),
    sign: (message) => hashToCurve(message).multiply(scalar).toBytes(),
  }
}

function keyring(publicKeys: readonly Uint8Array[]): Keyring {
  const keys = publicKeys.map(parsePublicKey)
  return {
    size: keys.length,
    verify: (index, message, signature) => verifySum(keys.slice(index, index + 1), message, signature),
    verifyAggregate(indexes, message, signature) {
      const signers = indexes.flatMap((index) => keys[index] ?? [])
      return signers.length === indexes.length && verifySum(signers, message, signature)
    },
  }
}

function verifySum(keys: readonly G1Point[], message: Uint8Array, signature: Uint8Array): boolean {
  const point = parseSignature(signature)
  if (point === undefined || keys.length === 0) return false
  const sum = keys.reduce((total, key) => total.add(key))
  // Keys that cancel out would sign everything with the identity, which no signature here can be.
  return !sum.is0() && signatures.verify(point, hashToCurve(message), sum)
}

function parsePublicKey(bytes: Uint8Array): G1Point {
  if (bytes.length !== PUBLIC_KEY_SIZE) throw new InvalidKeyError('a BLS public key has 48 bytes')
  let point: G1Point
  try {
    point = bls12_381.G1.Point.fromBytes(bytes)
    point.assertValidity()
  } catch (cause) {
    throw new InvalidKeyError('a BLS public key is a point of the group', { cause })
  }
  if (point.is0()) throw new InvalidKeyError('a BLS public key is not the identity')
  return point
}

function parseSignature(bytes: Uint8Array): G2Point | undefined {
  if (bytes.length !== SIGNATURE_SIZE) return undefined
  try {
    const point = bls12_381.G2.Point.fromBytes(bytes)
    point.assertValidity()
    return point.is0() ? undefined : point
  } catch {
    // Anybody may send bytes that are no point: that is an answer, not a failure.
    return undefined
  }
}
