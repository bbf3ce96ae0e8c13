/** Recovers the account that signed a hash (yellow paper, appendix E.1). Missing input reads as zero. */
import { bytesToBigint, EMPTY_BYTES, hexToBytes } from '../../../src/primitives/bytes.ts'
import { recoverAddress } from '../../../src/primitives/secp256k1.ts'
import { paddedSlice, precompileAddress, type Precompile } from './precompile.ts'

const GAS = 3_000n

export const ecrecover: Precompile = {
  name: 'ECREC',
  address: precompileAddress(0x01),

  gas: () => GAS,

  /** hash ‖ v ‖ r ‖ s, words → the address as a word, or nothing when the signature is invalid. Never fails. */
  run(input) {
    const v = bytesToBigint(paddedSlice(input, 32, 32))
    if (v !== 27n && v !== 28n) return EMPTY_BYTES
    const r = bytesToBigint(paddedSlice(input, 64, 32))
    const s = bytesToBigint(paddedSlice(input, 96, 32))
    const signer = recoverAddress(paddedSlice(input, 0, 32), r, s, v === 27n ? 0 : 1)
    if (signer === undefined) return EMPTY_BYTES
    const output = new Uint8Array(32)
    output.set(hexToBytes(signer), 12)
    return output
  },
}
