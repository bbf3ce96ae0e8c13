/**
 * BLS for many members in one process. What a key of this process signed is known to be a signature of that key: it is
 * remembered instead of being checked by each of the others, which would take a millisecond each time, and so are the sums
 * of such signatures. Everything else is checked as always. Keys, signatures and sums are the same bytes as everywhere.
 *
 * For development networks, where 72 nodes share two cores. It needs the native library; without it, `bls.ts` has to do.
 */
import { aggregateSignatures, SecretKey, type Signature } from '@chainsafe/blst'
import { bytesToHex, type Hex } from '../primitives/bytes.ts'
import { nativeBls } from './bls-native.ts'
import type { Keyring, SignatureScheme, Signer } from './signature-scheme.ts'

/** Signatures, and sums, that are remembered: those of some 30 views of 72 nodes. Older ones are checked again. */
const REMEMBERED_MAX = 8_192
const KEYRINGS_MAX = 16

interface Made {
  readonly publicKey: Hex
  readonly message: Hex
  readonly point: Signature
}

interface Sum {
  readonly message: Hex
  /** Of those who signed, in order. */
  readonly publicKeys: string
}

export function rememberingBls(): SignatureScheme {
  const memory = new SignatureMemory()
  const keyrings = new Map<string, Keyring>()
  return {
    name: 'bls-remembering',
    publicKeySize: nativeBls.publicKeySize,
    signatureSize: nativeBls.signatureSize,
    signer: (secretKey) => signer(memory, secretKey),
    keyring: (publicKeys) => {
      const names = publicKeys.map((key) => bytesToHex(key))
      const id = names.join()
      const known = keyrings.get(id) ?? keyring(memory, publicKeys, names)
      keyrings.set(id, known)
      dropOldest(keyrings, KEYRINGS_MAX)
      return known
    },
    aggregate: (signatures) => memory.aggregate(signatures) ?? nativeBls.aggregate(signatures),
  }
}

function signer(memory: SignatureMemory, secretKey: Uint8Array): Signer {
  // Refuses what is no key.
  const { publicKey } = nativeBls.signer(secretKey)
  const secret = SecretKey.fromBytes(secretKey)
  const name = bytesToHex(publicKey)
  return {
    publicKey,
    sign: (message) => {
      const point = secret.sign(message)
      const signature = point.toBytes()
      memory.add(signature, { publicKey: name, message: bytesToHex(message), point })
      return signature
    },
  }
}

function keyring(memory: SignatureMemory, publicKeys: readonly Uint8Array[], names: readonly Hex[]): Keyring {
  const inner = nativeBls.keyring(publicKeys)
  return {
    size: inner.size,
    verify: (index, message, signature) =>
      memory.isMade(names[index], message, signature) || inner.verify(index, message, signature),
    verifyAggregate: (indexes, message, signature) => {
      const signers = indexes.flatMap((index) => names[index] ?? [])
      const isKnown = signers.length === indexes.length && memory.isSum(signers, message, signature)
      return isKnown || inner.verifyAggregate(indexes, message, signature)
    },
  }
}

class SignatureMemory {
  /** By the bytes of the signature. */
  readonly #made = new Map<Hex, Made>()
  readonly #sums = new Map<Hex, Sum>()

  add(signature: Uint8Array, made: Made): void {
    this.#made.set(bytesToHex(signature), made)
    dropOldest(this.#made, REMEMBERED_MAX)
  }

  isMade(publicKey: Hex | undefined, message: Uint8Array, signature: Uint8Array): boolean {
    const made = this.#made.get(bytesToHex(signature))
    return made !== undefined && made.publicKey === publicKey && made.message === bytesToHex(message)
  }

  isSum(publicKeys: readonly Hex[], message: Uint8Array, signature: Uint8Array): boolean {
    const sum = this.#sums.get(bytesToHex(signature))
    if (sum === undefined || sum.message !== bytesToHex(message)) return false
    return sum.publicKeys === inOrder(publicKeys)
  }

  /** The sum of signatures that are all remembered. */
  aggregate(signatures: readonly Uint8Array[]): Uint8Array | undefined {
    const parts = signatures.map((signature) => this.#made.get(bytesToHex(signature)))
    const known = parts.filter((part) => part !== undefined)
    const [first] = known
    if (first === undefined || known.length !== parts.length) return undefined
    const points = known.map(({ point }) => point)
    const signature = aggregateSignatures(points, false).toBytes()
    if (known.every(({ message }) => message === first.message)) {
      const publicKeys = inOrder(known.map(({ publicKey }) => publicKey))
      this.#sums.set(bytesToHex(signature), { message: first.message, publicKeys })
      dropOldest(this.#sums, REMEMBERED_MAX)
    }
    return signature
  }
}

function inOrder(names: readonly Hex[]): string {
  return names.toSorted().join()
}

function dropOldest(map: Map<string, unknown>, sizeMax: number): void {
  if (map.size <= sizeMax) return
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
