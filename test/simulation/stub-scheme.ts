/**
 * A stand-in for BLS that costs nothing: a signature is a 64-bit mix of key and message, a sum is a sum. Anybody could
 * forge it; the simulated liars do not try to, they sign with their own keys only.
 */
import type { Keyring, SignatureScheme, Signer } from '../../src/consensus/signature-scheme.ts'
import { SIGNATURE_SIZE } from '../../src/consensus/simplex/wire.ts'

const KEY_SIZE = 48

export const stubScheme: SignatureScheme = {
  name: 'stub',
  publicKeySize: KEY_SIZE,
  signatureSize: SIGNATURE_SIZE,
  signer: (secretKey) => stubSigner(keyNumber(secretKey)),
  keyring(publicKeys): Keyring {
    const keys = publicKeys.map(keyNumber)
    return {
      size: keys.length,
      verify: (index, message, signature) => isSumOf(keys, [index], message, signature),
      verifyAggregate: (indexes, message, signature) => isSumOf(keys, indexes, message, signature),
    }
  },
  aggregate(signatures) {
    if (signatures.length === 0 || signatures.some(({ length }) => length !== SIGNATURE_SIZE))
      return undefined
    let low = 0
    let high = 0
    for (const signature of signatures) {
      low = (low + readWord(signature, 0)) >>> 0
      high = (high + readWord(signature, 4)) >>> 0
    }
    return encode(low, high)
  },
}

/** The key with this number. */
export function stubPublicKey(number: number): Uint8Array {
  const key = new Uint8Array(KEY_SIZE)
  new DataView(key.buffer).setUint32(0, number)
  return key
}

/** Of members who have the keys with the numbers of their seats. */
export function stubKeyring(size: number): Keyring {
  return stubScheme.keyring(Array.from({ length: size }, (_, seat) => stubPublicKey(seat)))
}

export function stubSigner(number: number): Signer {
  return {
    publicKey: stubPublicKey(number),
    sign: (message) => encode(mix(number, message, 0x9e3779b9), mix(number, message, 0x85ebca6b)),
  }
}

function isSumOf(
  keys: readonly number[],
  indexes: readonly number[],
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== SIGNATURE_SIZE || indexes.length === 0) return false
  let low = 0
  let high = 0
  for (const index of indexes) {
    const key = keys[index]
    if (key === undefined) return false
    low = (low + mix(key, message, 0x9e3779b9)) >>> 0
    high = (high + mix(key, message, 0x85ebca6b)) >>> 0
  }
  return readWord(signature, 0) === low && readWord(signature, 4) === high
}

function mix(key: number, message: Uint8Array, salt: number): number {
  let hash = Math.imul(key + 1, salt)
  for (let i = 0; i < message.length; i += 4) {
    hash = Math.imul(hash ^ readWord(message, i), 0xcc9e2d51)
    hash ^= hash >>> 15
  }
  return hash >>> 0
}

function readWord(bytes: Uint8Array, offset: number): number {
  const [a, b, c, d] = [bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]]
  return (((a ?? 0) << 24) | ((b ?? 0) << 16) | ((c ?? 0) << 8) | (d ?? 0)) >>> 0
}

function encode(low: number, high: number): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_SIZE)
  const view = new DataView(signature.buffer)
  view.setUint32(0, low)
  view.setUint32(4, high)
  return signature
}

function keyNumber(bytes: Uint8Array): number {
  return readWord(bytes, 0)
}
