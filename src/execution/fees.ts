/** Prices that follow from the parent block: base fee (EIP-1559) and blob base fee (EIP-4844, 7691, 7918). */
import { WORD_MAX } from '../primitives/bytes.ts'
import type { Header } from '../chain/block.ts'
import type { ForkRules } from '../chain/forks.ts'

/** Gas of one blob (EIP-4844). */
export const GAS_PER_BLOB = 131_072n
const BLOB_BASE_FEE_MIN = 1n
const BASE_FEE_CHANGE_DENOMINATOR = 8n
const ELASTICITY = 2n

/** Base fee of the block after `parent`, in wei per gas (EIP-1559). */
export function nextBaseFee(parent: Header): bigint {
  const fee = parent.baseFeePerGas ?? 0n
  const target = parent.gasLimit / ELASTICITY
  if (parent.gasUsed === target || target === 0n) return fee
  if (parent.gasUsed > target) {
    const increase = (fee * (parent.gasUsed - target)) / target / BASE_FEE_CHANGE_DENOMINATOR
    return fee + (increase > 0n ? increase : 1n)
  }
  return fee - (fee * (target - parent.gasUsed)) / target / BASE_FEE_CHANGE_DENOMINATOR
}

/** Price of blob gas, in wei, at most 2²⁵⁶ − 1 (EIP-4844): what costs more than that nobody can pay for. */
export function blobBaseFee(excessBlobGas: bigint, rules: ForkRules): bigint {
  return fakeExponential(BLOB_BASE_FEE_MIN, excessBlobGas, rules.blobs.baseFeeUpdateFraction)
}

/**
 * Excess blob gas of the block after `parent`, by the rules of that block (EIP-4844). From Osaka on a blob is never
 * cheaper than the execution gas its handling costs: then the excess falls more slowly (EIP-7918).
 */
export function nextExcessBlobGas(parent: Header, rules: ForkRules): bigint {
  const used = parent.blobGasUsed ?? 0n
  const excess = (parent.excessBlobGas ?? 0n) + used
  const target = BigInt(rules.blobs.target) * GAS_PER_BLOB
  if (excess < target) return 0n
  const baseFee = parent.baseFeePerGas ?? 0n
  if (rules.blobBaseCost * baseFee > GAS_PER_BLOB * blobBaseFee(parent.excessBlobGas ?? 0n, rules)) {
    return (
      (parent.excessBlobGas ?? 0n) +
      (used * BigInt(rules.blobs.max - rules.blobs.target)) / BigInt(rules.blobs.max)
    )
  }
  return excess - target
}

/**
 * Integer approximation of factor · e^(numerator / denominator) by its Taylor series (EIP-4844). The series ends once it
 * has passed the largest word: an excess of 2⁶⁴ in a genesis file would otherwise ask for 10¹³ terms.
 */
function fakeExponential(factor: bigint, numerator: bigint, denominator: bigint): bigint {
  const outputMax = WORD_MAX * denominator
  let output = 0n
  let term = factor * denominator
  for (let i = 1n; term > 0n && output < outputMax; i++) {
    output += term
    term = (term * numerator) / (denominator * i)
  }
  return output < outputMax ? output / denominator : WORD_MAX
}
