/** Whether a product of pairings on BN254 is one (EIP-197; price of EIP-1108). */
import { bn254Engine } from './bn254-pairing.ts'
import { decodeG1, decodeG2, type G1Point, type G2Point } from './bn254-points.ts'
import { precompileAddress, type Precompile } from './precompile.ts'

const GAS_BASE = 45_000n
const GAS_PER_PAIR = 34_000n
const PAIR_SIZE = 192

export const bn254Pairing: Precompile = {
  name: 'BN254_PAIRING',
  address: precompileAddress(0x08),

  gas: (input) => GAS_BASE + GAS_PER_PAIR * BigInt(Math.floor(input.length / PAIR_SIZE)),

  /**
   * Pairs of a G1 and a G2 point → the word 1 when e(a₁, b₁) · e(a₂, b₂) · … = 1, else the word 0; no pairs give 1.
   * Fails on a size that is no multiple of a pair's, or a point outside of its group.
   */
  run(input) {
    if (input.length % PAIR_SIZE !== 0) return undefined
    const pairs: [G1Point, G2Point][] = []
    for (let offset = 0; offset < input.length; offset += PAIR_SIZE) {
      const a = decodeG1(input.subarray(offset, offset + 64))
      const b = a && decodeG2(input.subarray(offset + 64, offset + PAIR_SIZE))
      if (a === undefined || b === undefined) return undefined
      pairs.push([a, b])
    }
    const output = new Uint8Array(32)
    output[31] = bn254Engine().isProductOne(pairs) ? 1 : 0
    return output
  },
}
