/** The ledger against a plain model: what is appended can be read, at any kept block, and taken back. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AssertionFailure } from '../../src/primitives/assert.ts'
import { wordToAddress, wordToHash, ZERO_HASH } from '../../src/primitives/bytes.ts'
import { COMMIT_STATES, StateUnavailableError, type WritableLedger } from '../../src/execution/ledger.ts'
import { DiskFullError } from '../../src/storage/database-errors.ts'
import type { KeyValueStore } from '../../src/storage/key-value-store.ts'
import { verifyLedger } from '../../src/storage/verify.ts'
import { appendBusyBlock, genesisBlock, nextBlock, NO_CHANGES, openSample } from './sample-chain.ts'
import { STORE_KINDS } from './stores.ts'

const ALICE = wordToAddress(0xa11cen)
const CONTRACT = wordToAddress(0xc0den)

/** Everything a ledger says about one block. */
function describeBlock(ledger: WritableLedger, number: bigint): unknown {
  return {
    header: ledger.header(number),
    hash: ledger.hashOf(number),
    block: ledger.block(number),
    senders: ledger.senders(number),
    receipts: ledger.receipts(number),
    locations: ledger.block(number)?.transactions.map(({ hash }) => ledger.transaction(hash)),
  }
}

/** The number each commit state has reached. */
const all = (ledger: WritableLedger): bigint[] => COMMIT_STATES.map((state) => ledger.committed(state))
const tooOld = (error: unknown): boolean =>
  error instanceof StateUnavailableError && error.oldest === 5n && error.message.includes('--history')

for (const kind of STORE_KINDS) {
  describe(`a ledger ${kind.name}`, () => {
    test('starts with the genesis block and its state', () =>
      kind.with((store) => {
        const ledger = openSample(store)
        const { block } = genesisBlock()
        assert.deepEqual(ledger.head(), block.header)
        assert.equal(ledger.headHash(), block.hash)
        assert.deepEqual(ledger.block(0n), block)
        assert.equal(ledger.numberOf(block.hash), 0n)
        assert.equal(ledger.oldestState(), 0n)
        for (const state of COMMIT_STATES) assert.equal(ledger.committed(state), 0n)
        const state = ledger.stateAt(0n)
        assert.equal(state.stateRoot, block.header.stateRoot)
        assert.equal(state.account(ALICE)?.balance, 10n ** 24n)
        assert.equal(state.storage(CONTRACT, 3n), 1n << 200n)
        assert.equal(state.storage(CONTRACT, 2n), 0n)
        assert.deepEqual(
          state.code(state.account(CONTRACT)?.codeHash ?? ZERO_HASH),
          Uint8Array.of(0x60, 0x00),
        )
        assert.equal(state.account(wordToAddress(1n)), undefined)
      }))

    test('gives back all parts of appended blocks, also after it was opened again', () =>
      kind.with((store) => {
        const ledger = openSample(store)
        const appended = [0, 1, 9, 30].map((count) => appendBusyBlock(ledger, count))
        for (const opened of [ledger, openSample(store)]) {
          assert.deepEqual(opened.head(), appended.at(-1)?.block.header)
          for (const { block, receipts, senders } of appended) {
            const { number } = block.header
            assert.deepEqual(describeBlock(opened, number), {
              header: block.header,
              hash: block.hash,
              block,
              senders,
              receipts,
              locations: block.transactions.map((_, index) => ({ blockNumber: number, index })),
            })
            assert.equal(opened.numberOf(block.hash), number)
          }
        }
        assert.deepEqual(verifyLedger(store).findings, [])
      }))

    test('answers undefined for blocks and transactions it does not have', () =>
      kind.with((store) => {
        const ledger = openSample(store)
        for (const number of [1n, -1n, 1n << 70n]) {
          const nothing = { header: undefined, hash: undefined, block: undefined, senders: undefined }
          assert.deepEqual(describeBlock(ledger, number), {
            ...nothing,
            receipts: undefined,
            locations: undefined,
          })
          assert.throws(() => ledger.stateAt(number), StateUnavailableError)
        }
        assert.equal(ledger.numberOf(ZERO_HASH), undefined)
        assert.equal(ledger.transaction(ZERO_HASH), undefined)
      }))

    test('refuses a block that does not extend the head, and stays as it was', () =>
      kind.with((store) => {
        const ledger = openSample(store)
        const next = nextBlock(ledger, NO_CHANGES, 3)
        const { header } = next.block
        const wrongNumber = { ...next, block: { ...next.block, header: { ...header, number: 2n } } }
        const wrongParent = {
          ...next,
          block: { ...next.block, header: { ...header, parentHash: ZERO_HASH } },
        }
        for (const wrong of [wrongNumber, wrongParent, { ...next, senders: [] }, { ...next, receipts: [] }]) {
          assert.throws(() => ledger.append(wrong), AssertionFailure)
        }
        assert.equal(ledger.head().number, 0n)
        ledger.append(next)
        assert.throws(() => ledger.append(next), AssertionFailure)
        assert.deepEqual(verifyLedger(store).findings, [])
      }))

    test('appends a block in the commit state that it has reached', () =>
      kind.with((store) => {
        const ledger = openSample(store)
        ledger.append(nextBlock(ledger, NO_CHANGES), 'final')
        assert.deepEqual(all(ledger), [1n, 1n, 0n])
        ledger.append(nextBlock(ledger, NO_CHANGES), 'preconfirmed')
        assert.deepEqual(all(ledger), [2n, 1n, 0n])
        assert.deepEqual(all(openSample(store)), [2n, 1n, 0n])
      }))

    test('raises commit states, never lowers them, and includes the earlier ones', () =>
      kind.with((store) => {
        const ledger = openSample(store)
        for (let i = 0; i < 4; i++) appendBusyBlock(ledger, 1)
        ledger.setCommitted('preconfirmed', 4n)
        assert.deepEqual(all(ledger), [4n, 0n, 0n])
        ledger.setCommitted('sealed', 2n)
        assert.deepEqual(all(ledger), [4n, 2n, 2n])
        ledger.setCommitted('final', 1n)
        assert.deepEqual(all(ledger), [4n, 2n, 2n])
        assert.throws(() => ledger.setCommitted('final', 5n), AssertionFailure)
        // With whatever is written next.
        store.write(() => undefined)
        assert.deepEqual(all(openSample(store)), [4n, 2n, 2n])
        ledger.unwind(1n)
        assert.deepEqual(all(ledger), [1n, 1n, 1n])
        assert.deepEqual(all(openSample(store)), [1n, 1n, 1n])
      }))

    test('takes blocks back with their indexes and state, and goes on differently', () =>
      kind.with((store) => {
        const ledger = openSample(store)
        appendBusyBlock(ledger, 5)
        const kept = describeBlock(ledger, 1n)
        const removed = [2, 3, 4].map((count) => appendBusyBlock(ledger, count).block)
        const gone = ledger.stateAt(4n)
        assert.deepEqual(ledger.unwind(1n), removed.toReversed())
        assert.deepEqual(describeBlock(ledger, 1n), kept)
        assert.equal(ledger.headHash(), ledger.hashOf(1n))
        for (const { hash, transactions } of removed) {
          assert.equal(ledger.numberOf(hash), undefined)
          for (const transaction of transactions)
            assert.equal(ledger.transaction(transaction.hash), undefined)
        }
        assert.equal(ledger.block(2n), undefined)
        assert.deepEqual(verifyLedger(store).findings, [])
        assert.deepEqual(ledger.unwind(1n), [])

        const other = nextBlock(ledger, NO_CHANGES, 2, 99n)
        ledger.append(other)
        assert.deepEqual(ledger.block(2n), other.block)
        while (ledger.head().number < 4n) appendBusyBlock(ledger, 1)
        assert.throws(() => gone.account(ALICE), StateUnavailableError, 'another block has its number now')
        assert.deepEqual(verifyLedger(store).findings, [])
      }))

    test('keeps the state of the last blocks only, and says how to keep more', () =>
      kind.with((store) => {
        const ledger = openSample(store, 3)
        const early = ledger.stateAt(0n)
        for (let i = 0; i < 8; i++) appendBusyBlock(ledger, 4)
        assert.equal(ledger.oldestState(), 5n)
        assert.equal(ledger.stateAt(5n).account(ALICE)?.balance, 10n ** 24n)
        assert.throws(() => ledger.stateAt(4n), tooOld)
        assert.throws(() => early.account(ALICE), tooOld)
        assert.throws(() => ledger.unwind(4n), tooOld)
        assert.notEqual(ledger.block(1n), undefined)
        assert.equal(new Set(Array.from(store.entries('history'), ({ key }) => key[7])).size, 3)
        assert.deepEqual(verifyLedger(store).findings, [])
        ledger.unwind(5n)
        assert.deepEqual(verifyLedger(store).findings, [])
      }))

    test('keeps no history when told so', () =>
      kind.with((store) => {
        const ledger = openSample(store, 0)
        for (let i = 0; i < 3; i++) appendBusyBlock(ledger, 4)
        assert.equal(ledger.oldestState(), 3n)
        assert.equal(store.statistics().tables.history.entries, 0)
        assert.deepEqual(verifyLedger(store).findings, [])
      }))

    test('works a backlog off when less history is to be kept than before', () =>
      kind.with((store) => {
        const patient = openSample(store, 100)
        for (let i = 0; i < 12; i++) appendBusyBlock(patient, 100)
        const before = store.statistics().tables.history.entries
        const ledger = openSample(store, 1)
        appendBusyBlock(ledger, 1)
        assert.equal(ledger.oldestState(), 12n)
        const after = store.statistics().tables.history.entries
        assert.ok(after < before && after > 1000, `${before} records became ${after}`)
        assert.deepEqual(verifyLedger(store).findings, [])
        for (let i = 0; i < 5; i++) appendBusyBlock(ledger, 1)
        assert.ok(store.statistics().tables.history.entries < 20)
        assert.deepEqual(verifyLedger(store).findings, [])
      }))

    test('stays as it was when a write fails', () =>
      kind.with((store) => {
        let isFull = false
        const failing: KeyValueStore = {
          get: (table, key) => store.get(table, key),
          entries: (table, range) => store.entries(table, range),
          statistics: () => store.statistics(),
          close: () => store.close(),
          defer: (work) => failing.write(work),
          write: (work) =>
            store.write((transaction) => {
              const result = work(transaction)
              if (isFull) throw new DiskFullError('/data')
              return result
            }),
        }
        const ledger = openSample(failing)
        appendBusyBlock(ledger, 3)
        appendBusyBlock(ledger, 3)
        const before = [describeBlock(ledger, 1n), describeBlock(ledger, 2n)]
        const address = wordToAddress((1n << 100n) + 3n)
        isFull = true
        assert.throws(() => appendBusyBlock(ledger, 4), DiskFullError)
        assert.throws(() => ledger.unwind(1n), DiskFullError)
        assert.throws(() => ledger.setCommitted('final', 1n), DiskFullError)
        assert.deepEqual([describeBlock(ledger, 1n), describeBlock(ledger, 2n)], before)
        assert.equal(ledger.head().number, 2n)
        assert.equal(ledger.stateAt(2n).account(address), undefined)
        assert.equal(ledger.committed('final'), 0n)
        isFull = false
        appendBusyBlock(ledger, 4)
        assert.notEqual(ledger.stateAt(3n).account(address), undefined)
        assert.deepEqual(verifyLedger(store).findings, [])
      }))

    test('lists the accounts and slots of its head', () =>
      kind.with((store) => {
        const ledger = openSample(store)
        assert.deepEqual([...ledger.accounts()], [CONTRACT, ALICE].toSorted())
        assert.deepEqual([...ledger.slots(CONTRACT)], [1n, 3n])
        assert.deepEqual([...ledger.slots(ALICE)], [])
        const { accounts } = appendBusyBlock(ledger, 3)
        assert.deepEqual([...ledger.accounts()], [CONTRACT, ALICE, ...accounts.keys()].toSorted())
      }))

    test('keeps values of the node beside the chain', () =>
      kind.with((store) => {
        const ledger = openSample(store)
        assert.equal(ledger.meta('overlay'), undefined)
        ledger.setMeta('overlay', Uint8Array.of(1, 2))
        ledger.setMeta('head', new Uint8Array(0))
        assert.deepEqual(openSample(store).meta('overlay'), Uint8Array.of(1, 2))
        assert.deepEqual(ledger.meta('head'), new Uint8Array(0))
        ledger.setMeta('overlay', undefined)
        assert.equal(ledger.meta('overlay'), undefined)
      }))

    test('reads no code as no bytes', () =>
      kind.with((store) => {
        const state = openSample(store).stateAt(0n)
        assert.deepEqual(state.code(state.account(ALICE)?.codeHash ?? wordToHash(1n)), new Uint8Array(0))
      }))
  })
}
