/**
 * What consensus asks of signatures. Votes are small and many, certificates are aggregates of them: whatever signs here
 * must be able to add signatures of one message into one, which verifies against the sum of the keys.
 *
 * Nodes use BLS (`bls.ts`); the simulator uses a cheap stand-in, so that it spends its time on the protocol.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '../primitives/bytes.ts'
import { AevirError } from '../primitives/errors.ts'

/** Signs with one secret key. Deterministic: the same message gives the same bytes. */
export interface Signer {
  readonly publicKey: Uint8Array
  /** @returns {@link SignatureScheme.signatureSize} bytes. */
  sign(message: Uint8Array): Uint8Array
}

/** Public keys that were checked once and are used by index from then on. */
export interface Keyring {
  readonly size: number
  /** False for any input that is not a signature of `message` by the key at `index`. */
  verify(index: number, message: Uint8Array, signature: Uint8Array): boolean
  /**
   * Whether `signature` is the sum of signatures of `message` by exactly these keys. Says nothing about the parts it was
   * made of: two wrong ones may cancel out. False for no keys at all.
   */
  verifyAggregate(indexes: readonly number[], message: Uint8Array, signature: Uint8Array): boolean
}

export interface SignatureScheme {
  readonly name: string
  readonly publicKeySize: number
  readonly signatureSize: number
  /** @throws InvalidKeyError */
  signer(secretKey: Uint8Array): Signer
  /** @throws InvalidKeyError when a key is malformed, the identity, or outside the group. */
  keyring(publicKeys: readonly Uint8Array[]): Keyring
  /** The sum of signatures, or `undefined` when one of them is no signature at all, or none is given. */
  aggregate(signatures: readonly Uint8Array[]): Uint8Array | undefined
}

export class InvalidKeyError extends AevirError {
  override readonly code = 'INVALID_CONSENSUS_KEY'
}

const POSSESSION_TAG = new TextEncoder().encode('AEVIR_POSSESSION_V1')

/**
 * What proves that a key's owner knows its secret: a signature of the key itself. Without it, somebody could register
 * the difference of his own key and everybody else's, and sign for all of them alone.
 */
export function provePossession(signer: Signer): Uint8Array {
  return signer.sign(possessionMessage(signer.publicKey))
}

/** False for a bad key as well as for a bad proof. */
export function verifyPossession(scheme: SignatureScheme, publicKey: Uint8Array, proof: Uint8Array): boolean {
  try {
    return scheme.keyring([publicKey]).verify(0, possessionMessage(publicKey), proof)
  } catch (error) {
    if (error instanceof InvalidKeyError) return false
    throw error
  }
}

/**
 * The standard hashes proofs to the curve under a tag of their own (draft-irtf-cfrg-bls-signature §3.3); the native
 * library has one tag only, so the separation is in the message. No vote begins with this tag (`simplex/signing.ts`).
 */
function possessionMessage(publicKey: Uint8Array): Uint8Array {
  return sha256(concatBytes(POSSESSION_TAG, publicKey))
}
