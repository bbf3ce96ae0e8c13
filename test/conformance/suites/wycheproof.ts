/**
 * Wycheproof's ECDSA vectors with signatures of fixed form (IEEE P1363), on the two curves that contracts can reach:
 * secp256r1 through P256VERIFY (EIP-7951), secp256k1 by recovering the signer, as transactions and ECRECOVER do.
 */
import { createHash } from 'node:crypto'
import {
  bytesToBigint,
  concatBytes,
  equalBytes,
  hexToBytes,
  wordToAddress,
} from '../../../src/primitives/bytes.ts'
import { recoverPublicKey, SECP256K1_ORDER } from '../../../src/primitives/secp256k1.ts'
import { precompilesOf } from '../../../runtime/evm/precompiles/table.ts'
import { readFixtureText } from '../fixture-files.ts'
import { expectEqual, SkippedCase, type Suite } from '../suite.ts'

interface WycheproofFile {
  readonly testGroups: readonly WycheproofGroup[]
}

interface WycheproofGroup {
  readonly publicKey: { readonly curve: string; readonly uncompressed: string }
  readonly sha: string
  readonly tests: readonly WycheproofVector[]
}

interface WycheproofVector {
  readonly tcId: number
  readonly comment: string
  readonly msg: string
  readonly sig: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

const P256VERIFY = wordToAddress(0x100n)
/** p of secp256k1: coordinates lie below it (SEC 2, §2.4.1). */
const FIELD_ORDER = 2n ** 256n - 2n ** 32n - 977n
const HASH_SIZE = 32
const SIGNATURE_SIZE = 64

export const wycheproofSuite: Suite = {
  *cases({ files }) {
    for (const file of files) {
      const { testGroups } = JSON.parse(readFixtureText(file)) as WycheproofFile
      for (const group of testGroups) {
        for (const vector of group.tests) {
          yield { id: `${file.label}#${vector.tcId} ${vector.comment}`, run: () => runVector(group, vector) }
        }
      }
    }
  },
}

function runVector({ publicKey, sha }: WycheproofGroup, { msg, sig, result }: WycheproofVector): void {
  const key = hexToBytes(`0x${publicKey.uncompressed}`).subarray(1)
  const signature = hexToBytes(`0x${sig}`)
  const isValid = verify(publicKey.curve, digest(sha, hexToBytes(`0x${msg}`)), signature, key)
  if (!isValid && result === 'valid' && publicKey.curve === 'secp256k1' && isReduced(signature)) {
    throw new SkippedCase('signatures whose r stands for x = r + n: Ethereum has no recovery id for them')
  }
  expectEqual(isValid, result === 'valid', 'validity of the signature')
}

/** Whether r may be the remainder of an x-coordinate above the group's order. */
function isReduced(signature: Uint8Array): boolean {
  return bytesToBigint(signature.subarray(0, 32)) < FIELD_ORDER - SECP256K1_ORDER
}

/** @param key both coordinates, 64 bytes. */
function verify(curve: string, hash: Uint8Array, signature: Uint8Array, key: Uint8Array): boolean {
  // What a caller of either function has to see to: both take r and s of 32 bytes each.
  if (signature.length !== SIGNATURE_SIZE) return false
  if (curve === 'secp256r1') {
    const output = precompilesOf('osaka')
      .get(P256VERIFY)
      ?.run(concatBytes(hash, signature, key))
    return output !== undefined && output.length > 0
  }
  if (curve !== 'secp256k1') throw new SkippedCase(`signatures on ${curve}`)
  return isSignerRecovered(hash, signature, key)
}

function isSignerRecovered(hash: Uint8Array, signature: Uint8Array, key: Uint8Array): boolean {
  const [r, s] = [bytesToBigint(signature.subarray(0, 32)), bytesToBigint(signature.subarray(32))]
  return ([0, 1] as const).some((yParity) => {
    const recovered = recoverPublicKey(hash, r, s, yParity)
    return recovered !== undefined && equalBytes(recovered.subarray(-key.length), key)
  })
}

/** The leftmost 256 bits of the message's hash (FIPS 186-5, §6.4.2). */
function digest(name: string, message: Uint8Array): Uint8Array {
  const isExtendable = name.startsWith('SHAKE')
  const algorithm = isExtendable ? name : name.replace(/^SHA-(\d+)$/, 'sha$1')
  const hash = createHash(algorithm, isExtendable ? { outputLength: name === 'SHAKE128' ? 32 : 64 } : {})
  return hash.update(message).digest().subarray(0, HASH_SIZE)
}
