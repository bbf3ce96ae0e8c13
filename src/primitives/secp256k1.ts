/**
 * ECDSA over secp256k1 (SEC 2 §2.4.1) with public key recovery (SEC 1 §4.1.6), as Ethereum signs transactions:
 * 32-byte hashes in, RFC 6979 nonces, s in the lower half of the order.
 *
 * Two implementations answer alike (the tests compare them): native bindings where they load, else portable code.
 * The package `secp256k1` brings a portable half of its own on top of `elliptic`; it is passed over because that
 * library had signature bugs again and again, and takes 35 ms to load.
 */
import { assert } from './assert.ts'
import { bigintToFixedBytes, bytesToAddress, bytesToBigint, concatBytes, type Address } from './bytes.ts'
import { AevirError } from './errors.ts'
import { HASH_SPACE, hashInPlace, hashMemory } from './keccak.ts'

/** The order n of the group. */
export const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/** What {@link secp256k1Backend} is chosen from. Callers use the functions below. */
export interface Secp256k1Backend {
  readonly name: 'native' | 'portable'
  /** 64 bytes x ‖ y, or `undefined` when `signature` (64 bytes r ‖ s) recovers to no point. */
  recover(hash: Uint8Array, signature: Uint8Array, yParity: 0 | 1): Uint8Array | undefined
  sign(hash: Uint8Array, privateKey: Uint8Array): { signature: Uint8Array; recoveryId: number }
  /** 64 bytes x ‖ y. */
  publicKey(privateKey: Uint8Array): Uint8Array
}

/** The implementation this process runs on, for logs and benchmarks. */
export const secp256k1Backend: Secp256k1Backend = await loadBackend()

async function loadBackend(): Promise<Secp256k1Backend> {
  try {
    return (await import('./secp256k1-native.ts')).nativeSecp256k1
  } catch {
    // No addon for this machine. Why does not matter: the portable half computes the same.
    return (await import('./secp256k1-portable.ts')).portableSecp256k1
  }
}

export interface EcdsaSignature {
  readonly r: bigint
  /** At most half of {@link SECP256K1_ORDER} when made by {@link sign}. */
  readonly s: bigint
  /** Whether the y of the nonce's point is odd. */
  readonly yParity: 0 | 1
}

export class InvalidPrivateKeyError extends AevirError {
  override readonly code = 'INVALID_PRIVATE_KEY'
}

/**
 * The public key a signature was made with, as 64 bytes x ‖ y. Every s below the order is accepted: EIP-2's lower half
 * is a rule of transactions, not of the curve.
 * @param hash 32 bytes.
 * @returns `undefined` when r or s is zero or not below the order, or when no key fits.
 */
export function recoverPublicKey(
  hash: Uint8Array,
  r: bigint,
  s: bigint,
  yParity: 0 | 1,
): Uint8Array | undefined {
  assert(hash.length === 32, 'a signed hash has 32 bytes')
  if (r <= 0n || r >= SECP256K1_ORDER || s <= 0n || s >= SECP256K1_ORDER) return undefined
  const signature = concatBytes(bigintToFixedBytes(r, 32), bigintToFixedBytes(s, 32))
  return secp256k1Backend.recover(hash, signature, yParity)
}

/** The account a signature belongs to; `undefined` as in {@link recoverPublicKey}. */
export function recoverAddress(hash: Uint8Array, r: bigint, s: bigint, yParity: 0 | 1): Address | undefined {
  const publicKey = recoverPublicKey(hash, r, s, yParity)
  return publicKey === undefined ? undefined : publicKeyToAddress(publicKey)
}

/**
 * @param hash 32 bytes.
 * @param privateKey 32 bytes.
 * @throws InvalidPrivateKeyError when the key is zero, not below the order, or of another size.
 */
export function sign(hash: Uint8Array, privateKey: Uint8Array): EcdsaSignature {
  assert(hash.length === 32, 'a signed hash has 32 bytes')
  checkPrivateKey(privateKey)
  const { signature, recoveryId } = secp256k1Backend.sign(hash, privateKey)
  // 2 and 3 stand for an r that overflowed the order: nobody can find such a nonce (probability 2⁻¹²⁸).
  assert(recoveryId === 0 || recoveryId === 1, 'the recovery id is a parity')
  return {
    r: bytesToBigint(signature.subarray(0, 32)),
    s: bytesToBigint(signature.subarray(32)),
    yParity: recoveryId,
  }
}

/** @param publicKey 64 bytes x ‖ y. */
export function publicKeyToAddress(publicKey: Uint8Array): Address {
  assert(publicKey.length === 64, 'a public key has 64 bytes')
  // Hot: in place, for a view of a new digest would move that out of V8's heap first.
  hashMemory.set(publicKey, HASH_SPACE)
  hashInPlace(HASH_SPACE, HASH_SPACE + 64, HASH_SPACE)
  return bytesToAddress(hashMemory.subarray(HASH_SPACE + 12, HASH_SPACE + 32))
}

/** @throws InvalidPrivateKeyError as {@link sign}. */
export function privateKeyToAddress(privateKey: Uint8Array): Address {
  checkPrivateKey(privateKey)
  return publicKeyToAddress(secp256k1Backend.publicKey(privateKey))
}

function checkPrivateKey(privateKey: Uint8Array): void {
  if (privateKey.length !== 32) {
    throw new InvalidPrivateKeyError(`a private key has 32 bytes, not ${privateKey.length}`)
  }
  const scalar = bytesToBigint(privateKey)
  if (scalar === 0n || scalar >= SECP256K1_ORDER) {
    throw new InvalidPrivateKeyError('the private key is zero or not below the order of the group')
  }
}
