/** Maps an element of the quadratic extension to BLS12-381's G2 (EIP-2537; RFC 9380 §6.6.3, cofactor cleared). */
import { mapToG2 } from './bls12-381-maps.ts'
import { decodeFp2, encodeG2, FP_SIZE } from './bls12-381-points.ts'
import { precompileAddress, type Precompile } from './precompile.ts'

const GAS = 23_800n

export const bls12MapFp2ToG2: Precompile = {
  name: 'BLS12_MAP_FP2_TO_G2',
  address: precompileAddress(0x11),

  gas: () => GAS,

  /** An element → a point of the subgroup. Fails on another size, or an element that is out of range. */
  run(input) {
    if (input.length !== 2 * FP_SIZE) return undefined
    const element = decodeFp2(input)
    return element && encodeG2(mapToG2(element))
  },
}
