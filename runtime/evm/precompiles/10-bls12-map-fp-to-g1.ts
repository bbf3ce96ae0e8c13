/** Maps a field element to BLS12-381's G1 (EIP-2537; RFC 9380 §6.6.3, cofactor cleared). */
import { mapToG1 } from './bls12-381-maps.ts'
import { decodeFp, encodeG1, FP_SIZE } from './bls12-381-points.ts'
import { precompileAddress, type Precompile } from './precompile.ts'

const GAS = 5_500n

export const bls12MapFpToG1: Precompile = {
  name: 'BLS12_MAP_FP_TO_G1',
  address: precompileAddress(0x10),

  gas: () => GAS,

  /** A field element → a point of the subgroup. Fails on another size, or an element that is out of range. */
  run(input) {
    if (input.length !== FP_SIZE) return undefined
    const element = decodeFp(input)
    return element === undefined ? undefined : encodeG1(mapToG1(element))
  },
}
