/** A verification finds what was damaged, names it, and finds nothing in a sound database. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToHex, hexToBytes, wordToAddress } from '../../src/primitives/bytes.ts'
import { CorruptDatabaseError } from '../../src/storage/database-errors.ts'
import type { KeyValueStore } from '../../src/storage/key-value-store.ts'
import { ledgerStatistics } from '../../src/storage/statistics.ts'
import { HISTORIC_TABLES, type TableName } from '../../src/storage/tables.ts'
import type { VerifyProgress } from '../../src/storage/findings.ts'
import { verifyLedger } from '../../src/storage/verify.ts'
import { MemoryStore } from '../../src/storage/memory-store.ts'
import { appendBusyBlock, openSample } from './sample-chain.ts'

const BLOCKS = 6
const HISTORY_BLOCKS = 4

function busyStore(): KeyValueStore {
  const store = new MemoryStore()
  const ledger = openSample(store, HISTORY_BLOCKS)
  for (let i = 0; i < BLOCKS; i++) appendBusyBlock(ledger, 12)
  return store
}

/** Changes one byte of every value in turn, or removes the entry, and expects to be told. */
const DAMAGES: Readonly<Record<string, (value: Uint8Array) => Uint8Array | undefined>> = {
  'a changed first byte': (value) => value.with(0, (value[0] ?? 0) ^ 1),
  'a changed last byte': (value) => value.with(value.length - 1, (value.at(-1) ?? 0) ^ 1),
  'a missing entry': () => undefined,
}

test('a sound database has no findings, and everything in it was seen', () => {
  const progress: VerifyProgress[] = []
  const report = verifyLedger(busyStore(), (step) => progress.push(step))
  assert.deepEqual(report.findings, [])
  assert.equal(report.findingCount, 0)
  assert.equal(report.head, BigInt(BLOCKS))
  assert.equal(report.blocks, BLOCKS + 1)
  assert.equal(report.transactions, 12 * BLOCKS)
  // Alice, the contract of the genesis, one contract a block, and twelve accounts in each of five blocks.
  assert.equal(report.accounts, 2 + BLOCKS + 12 * 5)
  assert.equal(report.slots, 2 + 2 * BLOCKS)
  assert.ok(report.trieNodes > report.accounts)
  assert.ok(report.historyRecords > 0)
  assert.deepEqual([...new Set(progress.map(({ stage }) => stage))], ['blocks', 'accounts', 'history'])
})

test('a database whose tries are those of an earlier block is sound, and one without them is not', () => {
  const store = new MemoryStore()
  const ledger = openSample(store, HISTORY_BLOCKS, 4)
  for (let i = 0; i < BLOCKS; i++) appendBusyBlock(ledger, 12)
  const report = verifyLedger(store)
  assert.deepEqual(report.findings, [])
  assert.deepEqual({ ...report, historyRecords: 0 }, { ...verifyLedger(busyStore()), historyRecords: 0 })
  // The tries are those of block 4, so that what later blocks changed is needed.
  const changed = [...store.entries('history')].find(({ key }) =>
    key.toHex().startsWith('000000000000000601'),
  )
  assert.ok(changed !== undefined)
  store.write((transaction) => transaction.delete('history', changed.key))
  assert.match(
    verifyLedger(store).findings.join('\n'),
    /tries: the database is damaged: a value that block 6 replaced is missing/,
  )
  assert.throws(() => openSample(store, HISTORY_BLOCKS, 4), CorruptDatabaseError)
})

/** Tables of which every byte is checked; senders are only counted, and former values only where they are roots. */
const TABLES_CHECKED: readonly TableName[] = [
  'headers',
  'bodies',
  'receipts',
  'blockNumbers',
  'transactions',
  'accounts',
  'storage',
  'codes',
  'accountNodes',
  'storageNodes',
]

/** The block that wrote a value stands first. It does not matter which one it was before the oldest state. */
function isOutOfHistory(table: TableName, damage: string, value: Uint8Array): boolean {
  return (
    table in HISTORIC_TABLES && damage === 'a changed first byte' && (value[0] ?? 0) < BLOCKS - HISTORY_BLOCKS
  )
}

for (const table of TABLES_CHECKED) {
  for (const [damage, change] of Object.entries(DAMAGES)) {
    test(`${damage} in the table ${table} is found`, () => {
      const store = busyStore()
      for (const { key, value } of [...store.entries(table)]) {
        const changed = change(value)
        if (isOutOfHistory(table, damage, value)) continue
        store.write((transaction) => {
          if (changed === undefined) transaction.delete(table, key)
          else transaction.put(table, key, changed)
        })
        let finding: string | undefined
        try {
          finding = verifyLedger(store).findings[0]
        } catch (error) {
          // Without the header of the newest block there is nothing to start from.
          finding = String(error)
        }
        assert.notEqual(finding, undefined, `${table} ${bytesToHex(key)}`)
        store.write((transaction) => transaction.put(table, key, value))
      }
      assert.deepEqual(verifyLedger(store).findings, [])
    })
  }
}

test('entries that belong to nothing are found', () => {
  const address = hexToBytes(wordToAddress(0x999n))
  const strays: readonly [TableName, Uint8Array, Uint8Array, RegExp][] = [
    ['accounts', address, Uint8Array.of(0, 0, 1), /account 0x0+999 is not in the trie/],
    [
      'storage',
      Uint8Array.from([...address, ...new Uint8Array(32)]),
      Uint8Array.of(1),
      /1 of 15 entries belong to no/,
    ],
    [
      'storageNodes',
      Uint8Array.from([...address, 0]),
      Uint8Array.of(1),
      /1 of \d+ entries belong to no account/,
    ],
    ['accountNodes', Uint8Array.of(0xff, 0xff, 4), Uint8Array.of(1), /1 of \d+ entries belong to no account/],
    ['transactions', new Uint8Array(32), new Uint8Array(12), /73 entries for 72 transactions/],
    ['blockNumbers', new Uint8Array(32), new Uint8Array(8), /8 entries for 7 blocks/],
    ['senders', new Uint8Array(8).fill(1), new Uint8Array(20), /8 entries for 7 blocks/],
    [
      'history',
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5, 1, 1),
      Uint8Array.of(0, 0),
      /not every record is that of exactly one/,
    ],
    [
      'history',
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9, 1, 1),
      Uint8Array.of(0, 0),
      /block 9 is above the head/,
    ],
    [
      'history',
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5, 9, 1),
      Uint8Array.of(0, 0),
      /0x0901 is no key of history/,
    ],
    [
      'history',
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5, 1, 1),
      Uint8Array.of(0, 5),
      /0x0101 has a newer record/,
    ],
    ['removed', Uint8Array.of(1, 1), Uint8Array.of(5), /0x0101 has no record of block 5/],
    [
      'removed',
      Uint8Array.of(1, ...hexToBytes(wordToAddress(0xa11cen))),
      Uint8Array.of(1),
      /it is still there/,
    ],
  ]
  for (const [table, key, value, expected] of strays) {
    const store = busyStore()
    store.write((transaction) => transaction.put(table, key, value))
    assert.match(verifyLedger(store).findings.join('\n'), expected, table)
  }
})

test('a former root that is not the one of its block is found', () => {
  const store = busyStore()
  const root = [...store.entries('history')].find(({ key }) => key.toHex().endsWith('050300'))
  assert.ok(root !== undefined)
  store.write((transaction) => transaction.put('history', root.key, Uint8Array.of(1, 2, 3)))
  assert.match(verifyLedger(store).findings.join('\n'), /block \d: its state root in history is 0x/)
})

test('findings are counted without end and listed up to a hundred', () => {
  const store = busyStore()
  const ledger = openSample(store)
  while (ledger.head().number < 200n) appendBusyBlock(ledger, 0)
  store.write((transaction) => {
    for (let i = 0; i < 150; i++) transaction.delete('senders', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, i))
  })
  const { findings, findingCount } = verifyLedger(store)
  assert.equal(findings.length, 100)
  assert.equal(findingCount, 151)
})

test('statistics say what a transaction takes', () => {
  const statistics = ledgerStatistics(busyStore())
  assert.equal(statistics.blocks, BLOCKS + 1)
  assert.equal(statistics.transactions, 12 * BLOCKS)
  assert.equal(statistics.bytesPerTransaction, Math.round(statistics.usedBytes / (12 * BLOCKS)))
  assert.equal(ledgerStatistics(new MemoryStore()).bytesPerTransaction, 0)
})
