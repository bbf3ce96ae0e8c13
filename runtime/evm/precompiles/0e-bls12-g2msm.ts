/** Multi-scalar multiplication on BLS12-381's G2 (EIP-2537). */
import { decodeItems, G2_DISCOUNTS, msmGas } from './bls12-381-msm.ts'
import { decodeG2InSubgroup, encodeG2, G2_SIZE, SCALAR_SIZE, sumOfProductsG2 } from './bls12-381-points.ts'
import { precompileAddress, type Precompile } from './precompile.ts'

const GAS_PER_ITEM = 22_500n
const ITEM_SIZE = G2_SIZE + SCALAR_SIZE

export const bls12G2Msm: Precompile = {
  name: 'BLS12_G2MSM',
  address: precompileAddress(0x0e),

  gas: (input) => msmGas(Math.floor(input.length / ITEM_SIZE), GAS_PER_ITEM, G2_DISCOUNTS),

  /** Items of a point and a scalar → the sum of their products. Fails on none, or a point outside of the subgroup. */
  run(input) {
    const items = decodeItems(input, G2_SIZE, decodeG2InSubgroup)
    return items && encodeG2(sumOfProductsG2(items.points, items.scalars))
  },
}
