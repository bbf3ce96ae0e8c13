/** Addition on BN254's G1 (EIP-196; price of EIP-1108). Missing input reads as zero. */
import { addG1, decodeG1, encodeG1 } from './bn254-points.ts'
import { paddedSlice, precompileAddress, type Precompile } from './precompile.ts'

const GAS = 150n

export const bn254Add: Precompile = {
  name: 'BN254_ADD',
  address: precompileAddress(0x06),

  gas: () => GAS,

  /** Two points → their sum. Fails when either is not on the curve. */
  run(input) {
    const a = decodeG1(paddedSlice(input, 0, 64))
    const b = decodeG1(paddedSlice(input, 64, 64))
    return a === undefined || b === undefined ? undefined : encodeG1(addG1(a, b))
  },
}
