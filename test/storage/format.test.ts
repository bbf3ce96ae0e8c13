/**
 * The frozen file format: all entries of a small database, byte by byte. When this fails, databases of users cannot be
 * read any more: raise FORMAT_VERSION in `schema.ts`, then renew the fixture with what this test prints.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToHex, type Hex } from '../../src/primitives/bytes.ts'
import { openLedger } from '../../src/storage/ledger-database.ts'
import { MemoryStore } from '../../src/storage/memory-store.ts'
import { FORMAT_VERSION } from '../../src/storage/schema.ts'
import { HISTORIC_TABLES, TABLES } from '../../src/storage/tables.ts'
import { verifyLedger } from '../../src/storage/verify.ts'
import { FORMAT_FIXTURE } from './format-fixture.ts'
import { appendBusyBlock, CHAIN_ID, genesisBlock, openSample } from './sample-chain.ts'

/** A genesis and a block with transactions, logs, storage and code. */
function smallStore(): MemoryStore {
  const store = new MemoryStore()
  const ledger = openSample(store)
  appendBusyBlock(ledger, 2)
  ledger.setCommitted('final', 1n)
  ledger.setMeta('overlay', Uint8Array.of(1, 2, 3))
  return store
}

function dump(store: MemoryStore): Record<string, Record<Hex, Hex>> {
  return Object.fromEntries(
    TABLES.map((table) => [
      table,
      Object.fromEntries(
        Array.from(store.entries(table), ({ key, value }) => [bytesToHex(key), bytesToHex(value)]),
      ),
    ]),
  )
}

test(`format ${FORMAT_VERSION} is written as it always was`, () => {
  assert.equal(FORMAT_VERSION, 2)
  assert.deepEqual(HISTORIC_TABLES, { accounts: 1, storage: 2, accountNodes: 3, storageNodes: 4 })
  assert.deepEqual(dump(smallStore()), FORMAT_FIXTURE)
})

test(`format ${FORMAT_VERSION} is read as it always was`, () => {
  const store = new MemoryStore()
  store.write((transaction) => {
    for (const table of TABLES) {
      for (const [key, value] of Object.entries(FORMAT_FIXTURE[table])) {
        transaction.put(table, Uint8Array.fromHex(key.slice(2)), Uint8Array.fromHex(value.slice(2)))
      }
    }
  })
  assert.deepEqual(verifyLedger(store).findings, [])
  const ledger = openLedger({ store, chainId: CHAIN_ID, genesis: genesisBlock() })
  const expected = openSample(smallStore())
  assert.equal(ledger.committed('final'), 1n)
  assert.equal(ledger.committed('sealed'), 0n)
  assert.deepEqual(ledger.meta('overlay'), Uint8Array.of(1, 2, 3))
  for (const number of [0n, 1n]) {
    assert.deepEqual(ledger.block(number), expected.block(number))
    assert.deepEqual(ledger.receipts(number), expected.receipts(number))
    assert.deepEqual(ledger.senders(number), expected.senders(number))
    for (const address of expected.accounts()) {
      assert.deepEqual(ledger.stateAt(number).account(address), expected.stateAt(number).account(address))
    }
  }
})
