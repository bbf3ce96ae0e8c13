/** The stored form of receipts: it comes back as it was, and damage is noticed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { wordToAddress, wordToHash } from '../../src/primitives/bytes.ts'
import { bloomOfLogs } from '../../src/chain/bloom.ts'
import { encodeReceipt } from '../../src/chain/receipt-codec.ts'
import type { Log, Receipt } from '../../src/chain/receipt.ts'
import { CorruptDatabaseError } from '../../src/storage/database-errors.ts'
import { decodeReceipts, encodeReceipts } from '../../src/storage/receipt-record.ts'
import {
  anyAddress,
  anyData,
  anyHash,
  anyUint64,
  anyWord,
  mutatedBytes,
  record,
} from '../support/transaction-arbitraries.ts'

const anyLog: fc.Arbitrary<Log> = record({
  address: fc.oneof(anyAddress, fc.constantFrom(wordToAddress(1n), wordToAddress(2n))),
  topics: fc.array(fc.oneof(anyHash, fc.constantFrom(wordToHash(0n), wordToHash(5n))), { maxLength: 4 }),
  data: anyData,
})

const anyReceipts: fc.Arbitrary<Receipt[]> = fc
  .array(
    fc.tuple(
      fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const, 4 as const),
      fc.boolean(),
      anyUint64,
      anyWord,
      fc.option(anyAddress),
      fc.array(anyLog, { maxLength: 4 }),
    ),
    { maxLength: 6 },
  )
  .map((list) => {
    let cumulativeGasUsed = 0n
    return list.map(([type, succeeded, gasUsed, effectiveGasPrice, contractAddress, logs]) => {
      cumulativeGasUsed += gasUsed
      const logsBloom = bloomOfLogs(logs)
      return {
        type,
        succeeded,
        cumulativeGasUsed,
        logsBloom,
        logs,
        gasUsed,
        effectiveGasPrice,
        contractAddress,
      }
    })
  })

test('receipts come back as they were stored', () => {
  fc.assert(
    fc.property(anyReceipts, (receipts) =>
      assert.deepEqual(decodeReceipts(encodeReceipts(receipts)), receipts),
    ),
  )
})

test('damaged receipts are refused or read as others, and nothing else happens', () => {
  fc.assert(
    fc.property(mutatedBytes(anyReceipts.map(encodeReceipts)), (bytes) => {
      try {
        assert.ok(Array.isArray(decodeReceipts(bytes)))
      } catch (error) {
        assert.ok(error instanceof CorruptDatabaseError, String(error))
      }
    }),
  )
})

test('the transfers of one token take a quarter of their consensus encoding', () => {
  const topics = [wordToHash((1n << 255n) + 3n), wordToHash((1n << 159n) + 1n), wordToHash((1n << 158n) + 7n)]
  const logs = [{ address: wordToAddress(1n << 150n), topics, data: new Uint8Array(32) }]
  const receipts = Array.from({ length: 100 }, (_, index): Receipt => ({
    type: 2,
    succeeded: true,
    cumulativeGasUsed: 50_000n * BigInt(index + 1),
    logsBloom: bloomOfLogs(logs),
    logs,
    gasUsed: 50_000n,
    effectiveGasPrice: 1_000_000_007n,
    contractAddress: null,
  }))
  const wire = receipts.reduce((sum, receipt) => sum + encodeReceipt(receipt).length, 0)
  assert.ok(4 * encodeReceipts(receipts).length < wire)
})
