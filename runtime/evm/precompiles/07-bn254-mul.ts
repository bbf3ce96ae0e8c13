/** Multiplication by a scalar on BN254's G1 (EIP-196; price of EIP-1108). Missing input reads as zero. */
import { bytesToBigint } from '../../../src/primitives/bytes.ts'
import { decodeG1, encodeG1, multiplyG1 } from './bn254-points.ts'
import { paddedSlice, precompileAddress, type Precompile } from './precompile.ts'

const GAS = 6_000n

export const bn254Mul: Precompile = {
  name: 'BN254_MUL',
  address: precompileAddress(0x07),

  gas: () => GAS,

  /** A point and any word as scalar → their product. Fails when the point is not on the curve. */
  run(input) {
    const point = decodeG1(paddedSlice(input, 0, 64))
    if (point === undefined) return undefined
    return encodeG1(multiplyG1(point, bytesToBigint(paddedSlice(input, 64, 32))))
  },
}
