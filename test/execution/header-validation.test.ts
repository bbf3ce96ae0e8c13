/** What a chain's own policy relaxes about headers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { devGenesis } from '../../src/chain/dev-genesis.ts'
import { InvalidBlockError } from '../../src/execution/errors.ts'
import { nextBaseFee } from '../../src/execution/fees.ts'
import { validateHeader } from '../../src/execution/header-validation.ts'
import { executedGenesis } from '../../src/node/genesis-ledger.ts'

const GENESIS = devGenesis({ timestamp: 1_600_000_000n })

test('a second belongs to one block, unless the policy lets blocks share it; time never goes back', () => {
  const { header: parent, hash: parentHash } = executedGenesis(GENESIS).block
  const after = (seconds: bigint) => ({
    ...parent,
    parentHash,
    number: 1n,
    timestamp: parent.timestamp + seconds,
    baseFeePerGas: nextBaseFee(parent),
  })
  const validate = (seconds: bigint, hasSharedSeconds: boolean) => (): void =>
    validateHeader(after(seconds), parent, GENESIS.config, { hasFreeLimits: false, hasSharedSeconds })
  const isRefusal = (error: unknown): boolean =>
    error instanceof InvalidBlockError && error.reason === 'timestamp'
  assert.throws(validate(0n, false), isRefusal)
  assert.throws(validate(-1n, true), isRefusal)
  assert.doesNotThrow(validate(0n, true))
  assert.doesNotThrow(validate(1n, false))
})
