/** Whether a product of pairings on BN254 is one (EIP-197; price of EIP-1108). */
import { bn254 } from '@noble/curves/bn254.js'
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
    const pairs: { g1: G1Point; g2: G2Point }[] = []
    for (let offset = 0; offset < input.length; offset += PAIR_SIZE) {
      const g1 = decodeG1(input.subarray(offset, offset + 64))
      const g2 = g1 && decodeG2(input.subarray(offset + 64, offset + PAIR_SIZE))
      if (g1 === undefined || g2 === undefined) return undefined
      // A pairing with infinity is one.
      if (!g1.is0() && !g2.is0()) pairs.push({ g1, g2 })
    }
    const output = new Uint8Array(32)
    output[31] = isProductOne(pairs) ? 1 : 0
    return output
  },
}

function isProductOne(pairs: readonly { g1: G1Point; g2: G2Point }[]): boolean {
  const { Fp12 } = bn254.fields
  const lines = pairs.map(({ g1, g2 }): Parameters<typeof bn254.millerLoopBatch>[0][number] => {
    const { x, y } = g1.toAffine()
    return [bn254.utils.calcPairingPrecomputes(g2), x, y]
  })
  return Fp12.eql(Fp12.finalExponentiate(bn254.millerLoopBatch(lines)), Fp12.ONE)
}
