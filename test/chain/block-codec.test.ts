/** Headers and blocks: round trips, hostile and frozen bytes, and the roots of a chain that another client made. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { AssertionFailure } from '../../src/primitives/assert.ts'
import { bytesToHex, hexToBytes, toAddress, ZERO_ADDRESS, ZERO_HASH } from '../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import { decodeRlp, encodeRlp, rlpItemSize, rlpList } from '../../src/primitives/rlp.ts'
import {
  BlockDecodingError,
  blockFromParts,
  decodeBlock,
  decodeHeader,
  EMPTY_OMMERS_HASH,
  EMPTY_REQUESTS_HASH,
  encodeBlock,
  encodeHeader,
  headerHash,
  transactionsRoot,
  withdrawalsRoot,
} from '../../src/chain/block-codec.ts'
import type { Block, Header } from '../../src/chain/block.ts'
import { decodeTransaction, transactionFromFields } from '../../src/chain/transaction-codec.ts'
import { anyHeader, anyWithdrawal } from '../support/block-arbitraries.ts'
import { SHARED_SKIP, untar } from '../support/shared.ts'
import { anyTransaction, mutatedBytes } from '../support/transaction-arbitraries.ts'
import { TRANSACTION_FIXTURES } from '../support/wire-fixtures.ts'

const anyBlock: fc.Arbitrary<Block> = fc
  .tuple(
    anyHeader,
    fc.array(anyTransaction.map(transactionFromFields), { maxLength: 4 }),
    fc.array(anyWithdrawal, { maxLength: 3 }),
    fc.array(anyHeader, { maxLength: 1 }),
  )
  .map(([header, transactions, withdrawals, ommers]) => {
    const hasWithdrawals = header.withdrawalsRoot !== undefined
    return blockFromParts(header, transactions, hasWithdrawals ? withdrawals : undefined, ommers)
  })

const LONDON_HEADER: Header = {
  parentHash: ZERO_HASH,
  ommersHash: EMPTY_OMMERS_HASH,
  beneficiary: ZERO_ADDRESS,
  stateRoot: ZERO_HASH,
  transactionsRoot: ZERO_HASH,
  receiptsRoot: ZERO_HASH,
  logsBloom: new Uint8Array(256),
  difficulty: 0n,
  number: 1n,
  gasLimit: 30_000_000n,
  gasUsed: 0n,
  timestamp: 12n,
  extraData: Uint8Array.of(0x61),
  prevRandao: ZERO_HASH,
  nonce: new Uint8Array(8),
  baseFeePerGas: 7n,
}
const SHANGHAI_HEADER: Header = { ...LONDON_HEADER, withdrawalsRoot: ZERO_HASH }

suite('header bytes', () => {
  test('come back as the header they were made of, in the form of every fork', () => {
    fc.assert(
      fc.property(anyHeader, (header) => assert.deepEqual(decodeHeader(encodeHeader(header)), header)),
    )
  })

  test('name the block by their hash', () => {
    fc.assert(
      fc.property(anyHeader, (header) =>
        assert.equal(headerHash(header), keccak256Hash(encodeHeader(header))),
      ),
    )
  })

  test('are frozen', () => {
    const zeroHash = `a0${'00'.repeat(32)}`
    const expected =
      `0xf901f2${zeroHash}a0${EMPTY_OMMERS_HASH.slice(2)}94${'00'.repeat(20)}${zeroHash.repeat(3)}` +
      `b90100${'00'.repeat(256)}80018401c9c380800c61${zeroHash}88${'00'.repeat(8)}07`
    assert.equal(bytesToHex(encodeHeader(LONDON_HEADER)), expected)
  })

  test('of a number of fields that no fork has are refused', () => {
    const items = rlpList(decodeRlp(encodeHeader(SHANGHAI_HEADER)), 'header')
    for (const count of [0, 14, 18, 19, 22]) {
      const list = Array.from({ length: count }, (_, index) => items[index] ?? new Uint8Array(0))
      assert.throws(() => decodeHeader(encodeRlp(list)), /a header must have 15, 16, 17, 20, 21 fields, not/)
    }
  })

  test('are never made of a header with a gap', () => {
    const { baseFeePerGas: _, ...withoutBaseFee } = SHANGHAI_HEADER
    assert.throws(() => encodeHeader(withoutBaseFee), AssertionFailure)
    assert.throws(() => encodeHeader({ ...SHANGHAI_HEADER, blobGasUsed: 0n }), AssertionFailure)
  })

  test('name the field that is wrong', () => {
    const items = rlpList(decodeRlp(encodeHeader(LONDON_HEADER)), 'header')
    const wrong = (index: number, bytes: Uint8Array): Uint8Array => encodeRlp(items.with(index, bytes))
    const code = 'INVALID_BLOCK'
    assert.throws(() => decodeHeader(wrong(6, new Uint8Array(255))), {
      code,
      message: /logsBloom must have 256 bytes/,
    })
    assert.throws(() => decodeHeader(wrong(8, new Uint8Array(9).fill(1))), {
      code,
      message: /number must have at most 8/,
    })
    assert.throws(() => decodeHeader(wrong(11, Uint8Array.of(0))), {
      code,
      message: /timestamp has a leading zero/,
    })
    assert.throws(() => decodeHeader(wrong(14, new Uint8Array(7))), {
      code,
      message: /nonce must have 8 bytes/,
    })
  })
})

suite('block bytes', () => {
  test('come back as the block they were made of', () => {
    fc.assert(fc.property(anyBlock, (block) => assert.deepEqual(decodeBlock(encodeBlock(block)), block)))
  })

  test('are unique, and what is wrong is a BlockDecodingError', () => {
    fc.assert(
      fc.property(mutatedBytes(anyBlock.map(encodeBlock)), (bytes) => {
        let block: Block
        try {
          block = decodeBlock(bytes)
        } catch (error) {
          assert.ok(error instanceof BlockDecodingError, String(error))
          return
        }
        assert.equal(bytesToHex(encodeBlock(block)), bytesToHex(bytes))
      }),
      { numRuns: 500 },
    )
  })

  test('hold a legacy transaction as a list and a typed one as a byte string, never the other way', () => {
    const header = decodeRlp(encodeHeader(LONDON_HEADER))
    const legacy = hexToBytes(TRANSACTION_FIXTURES.legacy)
    const typed = hexToBytes(TRANSACTION_FIXTURES.dynamicFee)
    const block = decodeBlock(encodeRlp([header, [decodeRlp(legacy), typed], []]))
    assert.deepEqual(block.transactions, [decodeTransaction(legacy), decodeTransaction(typed)])
    assert.throws(
      () => decodeBlock(encodeRlp([header, [legacy], []])),
      /a legacy transaction stands as a list/,
    )
    assert.throws(
      () => decodeBlock(encodeRlp([header, [decodeRlp(typed.subarray(1))], []])),
      BlockDecodingError,
    )
  })

  test('have withdrawals exactly when the header does', () => {
    const london = decodeRlp(encodeHeader(LONDON_HEADER))
    const shanghai = decodeRlp(encodeHeader(SHANGHAI_HEADER))
    assert.equal(decodeBlock(encodeRlp([london, [], []])).withdrawals, undefined)
    assert.deepEqual(decodeBlock(encodeRlp([shanghai, [], [], []])).withdrawals, [])
    assert.throws(() => decodeBlock(encodeRlp([london, [], [], []])), /must have 3 items, not 4/)
    assert.throws(() => decodeBlock(encodeRlp([shanghai, [], []])), /must have 4 items, not 3/)
  })
})

suite('commitments of a header', () => {
  test('to nothing are the known constants', () => {
    assert.equal(EMPTY_OMMERS_HASH, '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347')
    assert.equal(EMPTY_REQUESTS_HASH, '0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  test('to a withdrawal hold its four fields', () => {
    const withdrawal = {
      index: 1n,
      validatorIndex: 2n,
      address: toAddress(`0x${'aa'.repeat(20)}`),
      amount: 3n,
    }
    const item = `d8010294${'aa'.repeat(20)}03`
    const leaf = encodeRlp([Uint8Array.of(0x20, 0x80), hexToBytes(`0x${item}`)])
    assert.equal(withdrawalsRoot([withdrawal]), keccak256Hash(leaf))
  })

  test('are those of a chain that another client made', { skip: SHARED_SKIP }, () => {
    let file =
      untar('rpc/execution-apis-d08382ae.tar.gz').get('apis-d08382ae/tests/chain.rlp') ?? assert.fail()
    let count = 0
    let parent: Block | undefined
    for (; file.length > 0; count++) {
      const bytes = file.subarray(0, rlpItemSize(file))
      const block = decodeBlock(bytes)
      assert.equal(bytesToHex(encodeBlock(block)), bytesToHex(bytes))
      assert.equal(transactionsRoot(block.transactions), block.header.transactionsRoot)
      assert.equal(withdrawalsRoot(block.withdrawals ?? []), block.header.withdrawalsRoot)
      if (parent !== undefined) assert.equal(block.header.parentHash, parent.hash)
      parent = block
      file = file.subarray(bytes.length)
    }
    assert.equal(count, 20)
  })
})
