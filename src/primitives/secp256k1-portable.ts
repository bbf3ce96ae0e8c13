/** secp256k1 in JavaScript (@noble/curves, audited): for machines without the native addon, and the oracle in tests. */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { concatBytes } from './bytes.ts'
import type { Secp256k1Backend } from './secp256k1.ts'

export const portableSecp256k1: Secp256k1Backend = {
  name: 'portable',

  recover(hash, signature, yParity) {
    try {
      const recovered = concatBytes(Uint8Array.of(yParity), signature)
      const compressed = secp256k1.recoverPublicKey(recovered, hash, { prehash: false })
      return secp256k1.Point.fromBytes(compressed).toBytes(false).subarray(1)
    } catch {
      // Sizes are fixed by the caller, so what is left to fail is the signature itself.
      return undefined
    }
  },

  sign(hash, privateKey) {
    const recovered = secp256k1.sign(hash, privateKey, { prehash: false, lowS: true, format: 'recovered' })
    return { signature: recovered.subarray(1), recoveryId: recovered[0] as number }
  },

  publicKey(privateKey) {
    return secp256k1.getPublicKey(privateKey, false).subarray(1)
  },
}
