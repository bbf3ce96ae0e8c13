/** `aevir db verify` and `aevir db stats` on databases that are sound, missing, foreign or damaged. */
import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openLmdbStore } from '../../src/storage/lmdb-store.ts'
import { numberKey } from '../../src/storage/schema.ts'
import { outputOf, refusalOf, runAevir, withScratch } from '../support/cli.ts'
import { startDevNode } from '../support/dev-node.ts'

const COMMANDS = [
  ['db', 'verify', '--data'],
  ['db', 'stats', '--data'],
] as const

async function makeChain(directory: string): Promise<void> {
  const node = await startDevNode({ directory })
  await node.rpc('eth_sendTransaction', {
    from: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
    to: '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
  })
  await node.rpc('evm_mine')
  assert.equal(await node.stop(), 0)
}

describe('a sound database', () => {
  test('is said to be sound, and measured', () =>
    withScratch(async (directory) => {
      await makeChain(directory)
      assert.match(
        await outputOf(['db', 'verify', '--data', directory]),
        /^head 2: 3 blocks, 1 transactions, \d+ accounts, .* history records\nthe database is sound\n$/,
      )
      const report = JSON.parse(await outputOf(['db', 'verify', '--data', directory, '--json'])) as object
      assert.deepEqual(
        { ...report, trieNodes: 0, slots: 0, accounts: 0, historyRecords: 0 },
        {
          ...{ head: 2, blocks: 3, transactions: 1, proposals: 0, seals: 0, findings: [], findingCount: 0 },
          ...{ trieNodes: 0, slots: 0, accounts: 0, historyRecords: 0 },
        },
      )
      const text = await outputOf(['db', 'stats', '--data', directory])
      assert.match(text, /^headers +3 entries +\d+ bytes$/m)
      assert.match(text, /^file of \d+ bytes, \d+ in use; 1 transactions, \d+ bytes each$/m)
      const statistics = JSON.parse(await outputOf(['db', 'stats', '--data', directory, '--json'])) as {
        tables: Record<string, { entries: number }>
      }
      assert.equal(statistics.tables['transactions']?.entries, 1)
    }))

  test('is found through the environment', () =>
    withScratch(async (directory) => {
      await makeChain(directory)
      assert.match(await outputOf(['db', 'verify'], { env: { AEVIR_DATA: directory } }), /sound/)
    }))
})

describe('a database that is not there', () => {
  for (const command of COMMANDS) {
    test(`is not made by ${command.slice(0, 2).join(' ')}`, () =>
      withScratch(async (directory) => {
        for (const data of [directory, join(directory, 'none')]) {
          assert.match(
            await refusalOf([...command, data]),
            /no database in .*: name the directory of a chain/,
          )
        }
        assert.deepEqual(readdirSync(directory), [])
      }))
  }
})

describe('what is no database of a node', () => {
  test('is refused, be it a file of something else or a database without a chain', () =>
    withScratch(async (directory) => {
      writeFileSync(join(directory, 'data.mdb'), 'a letter')
      for (const command of COMMANDS) {
        assert.match(await refusalOf([...command, directory]), /is no database of this program/)
      }
      const foreign = join(directory, 'foreign')
      await openLmdbStore(foreign).close()
      assert.match(await refusalOf(['db', 'verify', '--data', foreign]), /damaged: it holds no chain/)
    }))
})

describe('a damaged database', () => {
  test('is told finding by finding, with exit code 1', () =>
    withScratch(async (directory) => {
      await makeChain(directory)
      const store = openLmdbStore(directory)
      store.write((transaction) => transaction.delete('receipts', numberKey(1n)))
      await store.close()
      const { exitCode, stdout, stderr } = await runAevir(['db', 'verify', '--data', directory])
      assert.deepEqual([exitCode, stderr], [1, ''])
      assert.match(stdout, /^ {2}block 1: its receipts are missing/m)
      assert.match(stdout, /\d+ problems: restore a copy, or start over with --reset\n$/)
      const asJson = await runAevir(['db', 'verify', '--data', directory, '--json'])
      const { findings, findingCount } = JSON.parse(asJson.stdout) as {
        findings: string[]
        findingCount: number
      }
      assert.deepEqual([asJson.exitCode, findings.length], [1, findingCount])
    }))
})
