/** Receipts: round trips, hostile and frozen bytes. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { bytesToHex, hexToBytes, toAddress, toHash } from '../../src/primitives/bytes.ts'
import { bloomOfLogs } from '../../src/chain/bloom.ts'
import {
  decodeReceipt,
  encodeReceipt,
  logsHash,
  ReceiptDecodingError,
  receiptsRoot,
  type EncodedReceipt,
} from '../../src/chain/receipt-codec.ts'
import { anyLog } from '../support/block-arbitraries.ts'
import { anyUint64, mutatedBytes, record } from '../support/transaction-arbitraries.ts'

const anyReceipt: fc.Arbitrary<EncodedReceipt> = record({
  type: fc.constantFrom(0, 1, 2, 3, 4),
  succeeded: fc.boolean(),
  cumulativeGasUsed: anyUint64,
  logs: fc.array(anyLog, { maxLength: 3 }),
}).map((receipt) => ({ ...receipt, logsBloom: bloomOfLogs(receipt.logs) }))

suite('receipt bytes', () => {
  test('come back as the receipt they were made of', () => {
    fc.assert(
      fc.property(anyReceipt, (receipt) => assert.deepEqual(decodeReceipt(encodeReceipt(receipt)), receipt)),
    )
  })

  test('are unique, and what is wrong is a ReceiptDecodingError', () => {
    fc.assert(
      fc.property(mutatedBytes(anyReceipt.map(encodeReceipt)), (bytes) => {
        let receipt: EncodedReceipt
        try {
          receipt = decodeReceipt(bytes)
        } catch (error) {
          assert.ok(error instanceof ReceiptDecodingError, String(error))
          return
        }
        assert.equal(bytesToHex(encodeReceipt(receipt)), bytesToHex(bytes))
      }),
      { numRuns: 1_000 },
    )
  })

  test('are frozen', () => {
    const log = {
      address: toAddress(`0x${'11'.repeat(20)}`),
      topics: [toHash(`0x${'22'.repeat(32)}`)],
      data: Uint8Array.of(0x33),
    }
    const receipt = {
      type: 2,
      succeeded: true,
      cumulativeGasUsed: 21_000n,
      logsBloom: new Uint8Array(256),
      logs: [log],
    } as const
    const logHex = `f83894${'11'.repeat(20)}e1a0${'22'.repeat(32)}33`
    assert.equal(
      bytesToHex(encodeReceipt(receipt)),
      `0x02f9014301825208b90100${'00'.repeat(256)}f83a${logHex}`,
    )
    assert.equal(
      bytesToHex(encodeReceipt({ ...receipt, type: 0, succeeded: false, logs: [] })),
      `0xf9010880825208b90100${'00'.repeat(256)}c0`,
    )
  })

  test('name what is wrong', () => {
    assert.throws(() => decodeReceipt(new Uint8Array(0)), /no bytes/)
    assert.throws(() => decodeReceipt(hexToBytes('0x05c0')), /receipt type not valid: 0x05/)
    assert.throws(() => decodeReceipt(hexToBytes('0xc0')), /a receipt must have 4 items, not 0/)
    const bytes = encodeReceipt({
      type: 0,
      succeeded: true,
      cumulativeGasUsed: 1n,
      logsBloom: new Uint8Array(256),
      logs: [],
    })
    assert.throws(() => decodeReceipt(bytes.with(3, 2)), {
      code: 'INVALID_RECEIPT',
      message: /status must be 0 or 1/,
    })
  })
})

test('no receipts and no logs have the hashes that everyone knows', () => {
  assert.equal(receiptsRoot([]), '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421')
  assert.equal(logsHash([]), '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347')
})
