/** BLS signatures by blst (assembly, through bindings): what nodes run on. See `bls.ts`. */
import {
  aggregateSignatures,
  fastAggregateVerify,
  PUBLIC_KEY_LENGTH_COMPRESSED,
  PublicKey,
  SECRET_KEY_LENGTH,
  SecretKey,
  Signature,
  SIGNATURE_LENGTH_COMPRESSED,
  verify,
} from '@chainsafe/blst'
import { InvalidKeyError, type Keyring, type SignatureScheme, type Signer } from './signature-scheme.ts'

export const nativeBls: SignatureScheme = {
  name: 'bls-native',
  publicKeySize: PUBLIC_KEY_LENGTH_COMPRESSED,
  signatureSize: SIGNATURE_LENGTH_COMPRESSED,
  signer,
  keyring,
  aggregate(signatures) {
    const parsed = signatures.map(parseSignature)
    if (parsed.length === 0 || !parsed.every((signature) => signature !== undefined)) return undefined
    return aggregateSignatures(parsed, false).toBytes()
  },
}

function signer(secretKey: Uint8Array): Signer {
  const secret = parseSecretKey(secretKey)
  return {
    publicKey: secret.toPublicKey().toBytes(),
    sign: (message) => secret.sign(message).toBytes(),
  }
}

function parseSecretKey(bytes: Uint8Array): SecretKey {
  if (bytes.length !== SECRET_KEY_LENGTH) throw new InvalidKeyError('a BLS secret key has 32 bytes')
  try {
    return SecretKey.fromBytes(bytes)
  } catch (cause) {
    throw new InvalidKeyError('a BLS secret key is above zero and below the order of the group', { cause })
  }
}

function keyring(publicKeys: readonly Uint8Array[]): Keyring {
  const keys = publicKeys.map(parsePublicKey)
  return {
    size: keys.length,
    verify(index, message, signature) {
      const key = keys[index]
      const parsed = parseSignature(signature)
      return key !== undefined && parsed !== undefined && verify(message, key, parsed, false, false)
    },
    verifyAggregate(indexes, message, signature) {
      const parsed = parseSignature(signature)
      const signers = indexes.flatMap((index) => keys[index] ?? [])
      if (parsed === undefined || signers.length === 0 || signers.length !== indexes.length) return false
      return fastAggregateVerify(message, signers, parsed, false)
    },
  }
}

function parsePublicKey(bytes: Uint8Array): PublicKey {
  // The library would take the uncompressed form as well: one key, one encoding.
  if (bytes.length !== PUBLIC_KEY_LENGTH_COMPRESSED) {
    throw new InvalidKeyError('a BLS public key has 48 bytes')
  }
  try {
    return PublicKey.fromBytes(bytes, true)
  } catch (cause) {
    throw new InvalidKeyError('a BLS public key is a point of the group, and not the identity', { cause })
  }
}

function parseSignature(bytes: Uint8Array): Signature | undefined {
  if (bytes.length !== SIGNATURE_LENGTH_COMPRESSED) return undefined
  try {
    return Signature.fromBytes(bytes, true, true)
  } catch {
    // Anybody may send bytes that are no point: that is an answer, not a failure.
    return undefined
  }
}
