/** Processes over libp2p as operators start them: a short version of `npm run network-test`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withDirectory } from '../../storage/stores.ts'
import { runScenario } from './scenario.ts'

test('a network of processes goes through crashes and a partition, and loses nothing that was sealed', async (context) => {
  await withDirectory(async (directory) => {
    const { faults, missing, verdict } = await runScenario({
      directory,
      executors: 4,
      witnesses: 4,
      perSecond: 10,
      calmMs: 2_000,
      outageMs: 2_000,
      partitionMs: 3_000,
      afterMs: 1_000,
      onProgress: (line) => context.diagnostic(line),
    })
    assert.equal(faults.length, 4)
    assert.equal(missing, 0)
    assert.ok(verdict.sealedTransactions > 0)
  })
})
