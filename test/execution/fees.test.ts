/** Prices that follow from the parent block (EIP-1559, 4844, 7691, 7918). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Header } from '../../src/chain/block.ts'
import { FORKS } from '../../src/chain/forks.ts'
import { blobBaseFee, GAS_PER_BLOB, nextBaseFee, nextExcessBlobGas } from '../../src/execution/fees.ts'

function parent(fields: Partial<Header>): Header {
  return { gasLimit: 30_000_000n, gasUsed: 15_000_000n, baseFeePerGas: 1_000_000_000n, ...fields } as Header
}

describe('base fee', () => {
  test('stays at half full blocks, moves by an eighth at the extremes, rises by at least 1', () => {
    assert.equal(nextBaseFee(parent({})), 1_000_000_000n)
    assert.equal(nextBaseFee(parent({ gasUsed: 30_000_000n })), 1_125_000_000n)
    assert.equal(nextBaseFee(parent({ gasUsed: 0n })), 875_000_000n)
    assert.equal(nextBaseFee(parent({ gasUsed: 15_000_001n, baseFeePerGas: 7n })), 8n)
  })
})

describe('blob base fee', () => {
  test('is 1 wei without excess and grows by e for each update fraction', () => {
    assert.equal(blobBaseFee(0n, FORKS.cancun), 1n)
    assert.equal(blobBaseFee(3_338_477n * 10n, FORKS.cancun), 22_026n, 'floor of e¹⁰')
    assert.equal(blobBaseFee(5_007_716n * 10n, FORKS.prague), 22_026n)
  })

  test('excess falls to 0 below the target and carries what is above it', () => {
    assert.equal(
      nextExcessBlobGas(parent({ excessBlobGas: 0n, blobGasUsed: 3n * GAS_PER_BLOB }), FORKS.cancun),
      0n,
    )
    const above = parent({ excessBlobGas: GAS_PER_BLOB, blobGasUsed: 6n * GAS_PER_BLOB })
    assert.equal(nextExcessBlobGas(above, FORKS.cancun), 4n * GAS_PER_BLOB)
  })

  test('is held up by the execution price from Osaka on (EIP-7918)', () => {
    const expensive = parent({ excessBlobGas: 6n * GAS_PER_BLOB, blobGasUsed: 6n * GAS_PER_BLOB })
    assert.equal(nextExcessBlobGas(expensive, FORKS.prague), 6n * GAS_PER_BLOB)
    assert.equal(nextExcessBlobGas(expensive, FORKS.osaka), 8n * GAS_PER_BLOB, '6 + 6 · (9 − 6) / 9')
    const cheap = { ...expensive, baseFeePerGas: 1n }
    assert.equal(nextExcessBlobGas(cheap, FORKS.osaka), 6n * GAS_PER_BLOB)
  })
})
