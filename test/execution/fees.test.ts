/** Prices that follow from the parent block (EIP-1559, 4844, 7691, 7918). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WORD_MAX, ZERO_ADDRESS } from '../../src/primitives/bytes.ts'
import type { Header } from '../../src/chain/block.ts'
import { FORKS, rulesAt } from '../../src/chain/forks.ts'
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

  test('ends at the largest word, without counting up to it', () => {
    assert.equal(blobBaseFee(2n ** 64n - 1n, FORKS.cancun), WORD_MAX)
    assert.ok(blobBaseFee(3_338_477n * 177n, FORKS.cancun) < WORD_MAX, 'e¹⁷⁷ is just below 2²⁵⁶')
    assert.equal(blobBaseFee(3_338_477n * 178n, FORKS.cancun), WORD_MAX)
  })

  test('follows the parameters of the fork that the next block is in (EIP-7892)', () => {
    const config = {
      chainId: 1n,
      forks: [
        { name: 'osaka', timestamp: 0n },
        { name: 'bpo1', timestamp: 1_000n },
      ],
      blobSchedule: { bpo1: { target: 12, max: 18, baseFeeUpdateFraction: 10_000_000n } },
      depositContractAddress: ZERO_ADDRESS,
    } as const
    const last = parent({
      excessBlobGas: 20n * GAS_PER_BLOB,
      blobGasUsed: 9n * GAS_PER_BLOB,
      baseFeePerGas: 1n,
    })
    assert.equal(nextExcessBlobGas(last, rulesAt(config, 999n)), (20n + 9n - 6n) * GAS_PER_BLOB)
    assert.equal(nextExcessBlobGas(last, rulesAt(config, 1_000n)), (20n + 9n - 12n) * GAS_PER_BLOB)
    const excess = 100_000_000n
    assert.equal(blobBaseFee(excess, rulesAt(config, 1_000n)), 22_026n, 'floor of e¹⁰')
    // The reserve price compares with the parent's excess at the child's parameters.
    const expensive = { ...last, baseFeePerGas: 1_000_000_000n }
    assert.equal(
      nextExcessBlobGas(expensive, rulesAt(config, 1_000n)),
      20n * GAS_PER_BLOB + (9n * GAS_PER_BLOB * 6n) / 18n,
    )
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
