/** Whether a product of pairings on BLS12-381 is one (EIP-2537). */
import { bls12381Engine } from './bls12-381-pairing.ts'
import {
  decodeG1InSubgroup,
  decodeG2InSubgroup,
  G1_SIZE,
  G2_SIZE,
  type G1Point,
  type G2Point,
} from './bls12-381-points.ts'
import { precompileAddress, type Precompile } from './precompile.ts'

const GAS_BASE = 37_700n
const GAS_PER_PAIR = 32_600n
const PAIR_SIZE = G1_SIZE + G2_SIZE

export const bls12PairingCheck: Precompile = {
  name: 'BLS12_PAIRING_CHECK',
  address: precompileAddress(0x0f),

  gas: (input) => GAS_BASE + GAS_PER_PAIR * BigInt(Math.floor(input.length / PAIR_SIZE)),

  /**
   * Pairs of a G1 and a G2 point → the word 1 when e(a₁, b₁) · e(a₂, b₂) · … = 1, else the word 0.
   * Fails on no pairs, a size that is no multiple of a pair's, or a point outside of its subgroup.
   */
  run(input) {
    if (input.length === 0 || input.length % PAIR_SIZE !== 0) return undefined
    const pairs: [G1Point, G2Point][] = []
    for (let offset = 0; offset < input.length; offset += PAIR_SIZE) {
      const a = decodeG1InSubgroup(input.subarray(offset, offset + G1_SIZE))
      const b = a && decodeG2InSubgroup(input.subarray(offset + G1_SIZE, offset + PAIR_SIZE))
      if (a === undefined || b === undefined) return undefined
      pairs.push([a, b])
    }
    const output = new Uint8Array(32)
    output[31] = bls12381Engine().isProductOne(pairs) ? 1 : 0
    return output
  },
}
