/** Both key-value stores keep the same promises: order, snapshots, transactions that happen whole or not at all. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { compareBytes, equalBytes } from '../../src/primitives/bytes.ts'
import type { KeyRange, KeyValueReader, KeyValueStore } from '../../src/storage/key-value-store.ts'
import type { TableName } from '../../src/storage/tables.ts'
import { STORE_KINDS } from './stores.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const list = (reader: KeyValueReader, range?: KeyRange, table: TableName = 'meta'): number[][] =>
  Array.from(reader.entries(table, range), ({ key, value }) => [...key, ...value])

/** Keys 1, 2.0, 2.1, 2.255, 3 with one-byte values 1 to 5. */
function fill(store: KeyValueStore): void {
  store.write((transaction) => {
    transaction.put('meta', bytes(2, 1), bytes(3))
    transaction.put('meta', bytes(1), bytes(1))
    transaction.put('meta', bytes(3), bytes(5))
    transaction.put('meta', bytes(2, 255), bytes(4))
    transaction.put('meta', bytes(2, 0), bytes(2))
  })
}

for (const kind of STORE_KINDS) {
  describe(`a store ${kind.name}`, () => {
    test('visits entries in the order of their keys, forwards and backwards, within bounds', () =>
      kind.with((store) => {
        fill(store)
        const all = [
          [1, 1],
          [2, 0, 2],
          [2, 1, 3],
          [2, 255, 4],
          [3, 5],
        ]
        assert.deepEqual(list(store), all)
        assert.deepEqual(list(store, { reverse: true }), all.toReversed())
        const range = { from: bytes(2, 0), to: bytes(2, 255) }
        assert.deepEqual(list(store, range), all.slice(1, 3))
        assert.deepEqual(list(store, { ...range, reverse: true }), all.slice(1, 3).toReversed())
        assert.deepEqual(list(store, { from: bytes(2), limit: 2 }), all.slice(1, 3))
        assert.deepEqual(list(store, { to: bytes(2, 128), reverse: true, limit: 1 }), [[2, 1, 3]])
        assert.deepEqual(list(store, { from: bytes(4) }), [])
        assert.deepEqual(list(store, { limit: 0 }), [])
        assert.deepEqual(list(store, {}, 'accounts'), [])
      }))

    test('gives copies, which do not change with what comes after', () =>
      kind.with((store) => {
        const value = bytes(1, 2, 3)
        store.write((transaction) => transaction.put('codes', bytes(1), value))
        value[0] = 9
        const first = store.get('codes', bytes(1))
        assert.deepEqual(first, bytes(1, 2, 3))
        store.write((transaction) => transaction.put('codes', bytes(1), bytes(7, 7, 7)))
        assert.deepEqual(first, bytes(1, 2, 3))
        assert.deepEqual(store.get('codes', bytes(1)), bytes(7, 7, 7))
      }))

    test('tells an empty value from none', () =>
      kind.with((store) => {
        store.write((transaction) => transaction.put('history', bytes(1), bytes()))
        assert.deepEqual(store.get('history', bytes(1)), bytes())
        assert.equal(store.get('history', bytes(2)), undefined)
        assert.deepEqual([...store.entries('history')], [{ key: bytes(1), value: bytes() }])
      }))

    test('holds values of a megabyte', () =>
      kind.with((store) => {
        const large = new Uint8Array(1 << 20).map((_, index) => index)
        store.write((transaction) => transaction.put('bodies', bytes(1), large))
        assert.ok(equalBytes(store.get('bodies', bytes(1)) ?? bytes(), large))
        assert.ok(equalBytes([...store.entries('bodies')][0]?.value ?? bytes(), large))
      }))

    test('reads its own writes inside of a transaction', () =>
      kind.with((store) => {
        fill(store)
        store.write((transaction) => {
          transaction.delete('meta', bytes(2, 0))
          transaction.put('meta', bytes(2, 1), bytes(33))
          assert.equal(transaction.get('meta', bytes(2, 0)), undefined)
          assert.deepEqual(list(transaction, { to: bytes(2, 128) }), [
            [1, 1],
            [2, 1, 33],
          ])
        })
        assert.deepEqual(list(store, { to: bytes(2, 128) }), [
          [1, 1],
          [2, 1, 33],
        ])
      }))

    test('keeps nothing of a transaction that fails', () =>
      kind.with((store) => {
        fill(store)
        const before = list(store)
        const failure = new RangeError('given up')
        assert.throws(
          () =>
            store.write((transaction) => {
              transaction.put('meta', bytes(1), bytes(100))
              transaction.put('meta', bytes(1), bytes(101))
              transaction.put('meta', bytes(9), bytes(9))
              transaction.delete('meta', bytes(3))
              transaction.put('accounts', bytes(9), bytes(9))
              throw failure
            }),
          failure,
        )
        assert.deepEqual(list(store), before)
        assert.equal(store.get('accounts', bytes(9)), undefined)
        store.write((transaction) => transaction.put('meta', bytes(9), bytes(1)))
        assert.deepEqual(store.get('meta', bytes(9)), bytes(1))
      }))

    test('writes what was deferred with the next transaction, before it, and not with one that fails', () =>
      kind.with((store) => {
        store.defer((transaction) => transaction.put('meta', bytes(1), bytes(10)))
        store.defer((transaction) => transaction.put('meta', bytes(2), bytes(20)))
        assert.throws(() =>
          store.write(() => {
            throw new RangeError('given up')
          }),
        )
        store.write((transaction) => {
          assert.deepEqual(transaction.get('meta', bytes(1)), bytes(10))
          transaction.put('meta', bytes(2), bytes(21))
        }, 'soon')
        assert.deepEqual(list(store), [
          [1, 10],
          [2, 21],
        ])
        store.write((transaction) => transaction.delete('meta', bytes(1)))
        assert.deepEqual(list(store), [[2, 21]])
      }))

    test('refuses nested transactions, writes behind the end of one, and keys of a wrong size', () =>
      kind.with((store) => {
        const escaped = store.write((transaction) => transaction)
        assert.throws(() => escaped.put('meta', bytes(1), bytes(1)), /a transaction ends with its function/)
        assert.throws(() => store.write(() => store.write(() => undefined)), /do not nest/)
        assert.throws(
          () => store.write((transaction) => transaction.put('meta', bytes(), bytes())),
          /key of 0/,
        )
        const long = new Uint8Array(512)
        assert.throws(
          () => store.write((transaction) => transaction.put('meta', long, bytes())),
          /key of 512/,
        )
        assert.equal(
          store.write(() => 42),
          42,
        )
      }))

    test('counts entries', () =>
      kind.with((store) => {
        fill(store)
        const { tables } = store.statistics()
        assert.equal(tables.meta.entries, 5)
        assert.ok(tables.meta.bytes >= 13)
        assert.deepEqual(tables.codes, { entries: 0, bytes: 0 })
      }))

    test('finds the lowest key going backwards', () =>
      kind.with((store) => {
        store.write((transaction) => transaction.put('meta', bytes(0), bytes(7)))
        assert.deepEqual(
          [...store.entries('meta', { reverse: true, limit: 1 })],
          [{ key: bytes(0), value: bytes(7) }],
        )
      }))

    test('behaves as a sorted map', () => {
      const key = fc.uint8Array({ minLength: 1, maxLength: 3 })
      const step = fc.record({
        changes: fc.array(fc.tuple(key, fc.option(fc.uint8Array({ maxLength: 4 }))), { maxLength: 40 }),
        fails: fc.boolean(),
        from: fc.option(key, { nil: undefined }),
        to: fc.option(key, { nil: undefined }),
        reverse: fc.boolean(),
        limit: fc.nat(50),
      })
      return fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), (steps) =>
          kind.with((store) => {
            let model = new Map<string, Uint8Array>()
            for (const { changes, fails, from, to, reverse, limit } of steps) {
              const changed = new Map(model)
              const apply = (): void =>
                store.write((transaction) => {
                  for (const [at, value] of changes) {
                    if (value === null) changed.delete(at.toHex())
                    else changed.set(at.toHex(), value)
                    if (value === null) transaction.delete('storage', at)
                    else transaction.put('storage', at, value)
                  }
                  if (fails) throw new RangeError('given up')
                })
              if (fails) assert.throws(apply, RangeError)
              else apply()
              if (!fails) model = changed
              const expected = Array.from(model, ([hex, value]) => ({ key: Uint8Array.fromHex(hex), value }))
                .filter((entry) => from === undefined || compareBytes(entry.key, from) >= 0)
                .filter((entry) => to === undefined || compareBytes(entry.key, to) < 0)
                .toSorted((a, b) => compareBytes(a.key, b.key) * (reverse ? -1 : 1))
                .slice(0, limit)
              assert.deepEqual([...store.entries('storage', { from, to, reverse, limit })], expected)
            }
          }),
        ),
        { numRuns: kind.name === 'in memory' ? 200 : 25 },
      )
    })
  })
}
