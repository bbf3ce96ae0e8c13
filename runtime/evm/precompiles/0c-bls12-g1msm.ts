/** Multi-scalar multiplication on BLS12-381's G1 (EIP-2537). */
import { decodeItems, G1_DISCOUNTS, msmGas } from './bls12-381-msm.ts'
import { decodeG1InSubgroup, encodeG1, G1_SIZE, SCALAR_SIZE, sumOfProductsG1 } from './bls12-381-points.ts'
import { precompileAddress, type Precompile } from './precompile.ts'

const GAS_PER_ITEM = 12_000n
const ITEM_SIZE = G1_SIZE + SCALAR_SIZE

export const bls12G1Msm: Precompile = {
  name: 'BLS12_G1MSM',
  address: precompileAddress(0x0c),

  gas: (input) => msmGas(Math.floor(input.length / ITEM_SIZE), GAS_PER_ITEM, G1_DISCOUNTS),

  /** Items of a point and a scalar → the sum of their products. Fails on none, or a point outside of the subgroup. */
  run(input) {
    const items = decodeItems(input, G1_SIZE, decodeG1InSubgroup)
    return items && encodeG1(sumOfProductsG1(items.points, items.scalars))
  },
}
