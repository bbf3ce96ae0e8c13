/** Verifies an ECDSA signature over secp256r1 (EIP-7951, Osaka). */
import { p256 } from '@noble/curves/nist.js'
import { concatBytes, EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import { precompileAddress, type Precompile } from './precompile.ts'

const GAS = 6_900n
const INPUT_SIZE = 160
const UNCOMPRESSED = Uint8Array.of(0x04)

export const p256verify: Precompile = {
  name: 'P256VERIFY',
  address: precompileAddress(0x100),

  gas: () => GAS,

  /** hash ‖ r ‖ s ‖ x ‖ y, words → the word 1, or nothing when invalid for whatever reason. Never fails. */
  run(input) {
    if (input.length !== INPUT_SIZE || !isValid(input)) return EMPTY_BYTES
    const output = new Uint8Array(32)
    output[31] = 1
    return output
  },
}

function isValid(input: Uint8Array): boolean {
  const publicKey = concatBytes(UNCOMPRESSED, input.subarray(96, 160))
  try {
    return p256.verify(input.subarray(32, 96), input.subarray(0, 32), publicKey, {
      prehash: false,
      lowS: false,
    })
  } catch {
    // r or s out of range, a coordinate out of range, a point off the curve.
    return false
  }
}
