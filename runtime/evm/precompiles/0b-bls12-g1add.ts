/** Addition on BLS12-381's first curve (EIP-2537). */
import { addG1, decodeG1, encodeG1, G1_SIZE } from './bls12-381-points.ts'
import { precompileAddress, type Precompile } from './precompile.ts'

const GAS = 375n

export const bls12G1Add: Precompile = {
  name: 'BLS12_G1ADD',
  address: precompileAddress(0x0b),

  gas: () => GAS,

  /** Two points → their sum. Fails when either is not on the curve; any subgroup will do. */
  run(input) {
    if (input.length !== 2 * G1_SIZE) return undefined
    const a = decodeG1(input.subarray(0, G1_SIZE))
    const b = decodeG1(input.subarray(G1_SIZE))
    return a === undefined || b === undefined ? undefined : encodeG1(addG1(a, b))
  },
}
