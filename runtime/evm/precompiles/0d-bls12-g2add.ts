/** Addition on BLS12-381's second curve (EIP-2537). */
import { addG2, decodeG2, encodeG2, G2_SIZE } from './bls12-381-points.ts'
import { precompileAddress, type Precompile } from './precompile.ts'

const GAS = 600n

export const bls12G2Add: Precompile = {
  name: 'BLS12_G2ADD',
  address: precompileAddress(0x0d),

  gas: () => GAS,

  /** Two points → their sum. Fails when either is not on the curve; any subgroup will do. */
  run(input) {
    if (input.length !== 2 * G2_SIZE) return undefined
    const a = decodeG2(input.subarray(0, G2_SIZE))
    const b = decodeG2(input.subarray(G2_SIZE))
    return a === undefined || b === undefined ? undefined : encodeG2(addG2(a, b))
  },
}
