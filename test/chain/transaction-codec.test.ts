/** Transactions: round trips, hostile and frozen bytes, the public TransactionTests, and what each mistake is told. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { bytesToHex, hexToBytes } from '../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import { encodeRlp, type RlpItem } from '../../src/primitives/rlp.ts'
import {
  decodeTransaction,
  encodeTransaction,
  TransactionDecodingError,
  transactionFromFields,
} from '../../src/chain/transaction-codec.ts'
import type { Transaction } from '../../src/chain/transaction.ts'
import { parseJson, SHARED_SKIP, untar } from '../support/shared.ts'
import { ANY_TRANSACTION, anyTransaction, mutatedBytes } from '../support/transaction-arbitraries.ts'
import { judgeTransactionVector, type TransactionVector } from '../support/transaction-vectors.ts'
import { TRANSACTION_FIXTURES } from '../support/wire-fixtures.ts'

suite('transaction bytes', () => {
  for (const [type, arbitrary] of Object.entries(ANY_TRANSACTION)) {
    test(`of type ${type} come back as the fields they were made of`, () => {
      fc.assert(
        fc.property(arbitrary, (fields) => {
          const made = transactionFromFields(fields)
          const decoded = decodeTransaction(made.bytes)
          assert.deepEqual(decoded, made)
          assert.equal(decoded.hash, keccak256Hash(made.bytes))
        }),
      )
    })
  }

  test('are unique: whatever is accepted encodes to the same bytes, whatever is not is a TransactionDecodingError', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      mutatedBytes(anyTransaction.map(encodeTransaction)),
    )
    fc.assert(
      fc.property(hostile, (bytes) => {
        let transaction: Transaction
        try {
          transaction = decodeTransaction(bytes)
        } catch (error) {
          assert.ok(error instanceof TransactionDecodingError, String(error))
          return
        }
        assert.equal(bytesToHex(encodeTransaction(transaction.fields)), bytesToHex(bytes))
      }),
      { numRuns: 2_000 },
    )
  })

  test('are frozen', () => {
    const types = Object.values(TRANSACTION_FIXTURES).map(
      (hex) => decodeTransaction(hexToBytes(hex)).fields.type,
    )
    assert.deepEqual(types, [0, 0, 1, 2, 3, 4])
    for (const hex of Object.values(TRANSACTION_FIXTURES)) {
      assert.equal(bytesToHex(encodeTransaction(decodeTransaction(hexToBytes(hex)).fields)), hex)
    }
  })

  test('carry what EIP-155 says they do', () => {
    const { fields } = decodeTransaction(hexToBytes(TRANSACTION_FIXTURES.legacy))
    assert.deepEqual(fields, {
      type: 0,
      nonce: 9n,
      gasPrice: 20n * 10n ** 9n,
      gasLimit: 21_000n,
      to: `0x${'35'.repeat(20)}`,
      value: 10n ** 18n,
      data: new Uint8Array(0),
      chainId: 1n,
      yParity: 0,
      r: 0x28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276n,
      s: 0x67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83n,
    })
    const unprotected = decodeTransaction(hexToBytes(TRANSACTION_FIXTURES.legacyUnprotected)).fields
    assert.equal(unprotected.chainId, null)
  })

  test('hold on every case of the public TransactionTests', { skip: SHARED_SKIP }, () => {
    let count = 0
    for (const [path, bytes] of untar('trie-rlp-tx/ethereum-tests-small.tar.gz')) {
      if (!path.startsWith('TransactionTests/')) continue
      for (const [name, vector] of Object.entries(parseJson<Record<string, TransactionVector>>(bytes))) {
        assert.equal(judgeTransactionVector(vector), undefined, `${path} ${name}`)
        count++
      }
    }
    assert.equal(count, 210)
  })
})

suite('a refused transaction', () => {
  const word = new Uint8Array(32).fill(1)
  const address = new Uint8Array(20).fill(2)
  const none = new Uint8Array(0)
  const legacyItems: RlpItem[] = [none, none, none, address, none, none, Uint8Array.of(27), word, word]
  const legacy = (index: number, item: RlpItem): Uint8Array => list(legacyItems.with(index, item))
  const setCode = (authorization: RlpItem): Uint8Array =>
    list([none, none, none, none, none, address, none, none, [], [authorization], none, word, word], 4)
  const blobTo = (to: Uint8Array): Uint8Array =>
    list([none, none, none, none, none, to, none, none, [], none, [], none, word, word], 3)

  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['of no bytes', none, /no bytes/],
    ['of an unknown type', hexToBytes('0x7fc0'), /^transaction type not valid: 0x7f/],
    ['of type 0', hexToBytes('0x00c0'), /^transaction type not valid: 0x00/],
    ['of type 5', hexToBytes('0x05c0'), /^transaction type not valid: 0x05/],
    ['in a byte string', hexToBytes('0x81ff'), /^transaction type not valid: 0x81/],
    ['without a payload', hexToBytes('0x02'), /unexpected end of input/],
    ['with bytes behind it', hexToBytes(`${TRANSACTION_FIXTURES.dynamicFee}00`), /1 trailing bytes/],
    ['with too few items', list([none]), /a legacy transaction must have 9 items, not 1/],
    ['with a nonce of 9 bytes', legacy(0, word.subarray(0, 9)), /nonce must have at most 8 bytes, not 9/],
    ['with a padded nonce', legacy(0, Uint8Array.of(0, 1)), /nonce has a leading zero/],
    [
      'with a gas price of 33 bytes',
      legacy(1, new Uint8Array(33).fill(1)),
      /gasPrice must have at most 32 bytes/,
    ],
    ['with gas of 9 bytes', legacy(2, word.subarray(0, 9)), /gasLimit must have at most 8 bytes/],
    ['with 19 bytes of address', legacy(3, address.subarray(1)), /to must have 0 or 20 bytes, not 19/],
    ['with a list for a value', legacy(4, []), /value must be a byte string/],
    ['that is not signed', legacy(6, none), /v is 0: the transaction is not signed/],
    ['with v between the forms', legacy(6, Uint8Array.of(34)), /v is 34: expected 27, 28 or 35 and above/],
    ['with a typed parity of 2', typedParity(2), /yParity must be 0 or 1, not 2/],
    ['with a typed parity of 27', typedParity(27), /yParity must be 0 or 1, not 27/],
    ['of blobs that creates', blobTo(none), /a blob transaction cannot create a contract/],
    ['with a short authorization', setCode([none]), /an authorization must have 6 items, not 1/],
    [
      'with an authorization parity of 2 bytes',
      setCode([none, address, none, Uint8Array.of(1, 0), word, word]),
      /authorization yParity must have at most 1 bytes/,
    ],
    [
      'with an authorization nonce of 9 bytes',
      setCode([none, address, word.subarray(0, 9), none, word, word]),
      /authorization nonce must have at most 8 bytes/,
    ],
    [
      'with a storage key of 31 bytes',
      list([none, none, none, none, none, none, none, [[address, [word.subarray(1)]]], none, word, word], 1),
      /a storage key must have 32 bytes, not 31/,
    ],
  ]
  for (const [name, bytes, message] of cases) {
    test(`${name} is told what is wrong`, () => {
      assert.throws(() => decodeTransaction(bytes), { name: 'Error', code: 'INVALID_TRANSACTION', message })
    })
  }

  function typedParity(parity: number): Uint8Array {
    return list([none, none, none, none, none, none, none, [], Uint8Array.of(parity), word, word], 1)
  }
})

function list(items: readonly RlpItem[], type?: number): Uint8Array {
  const payload = encodeRlp(items)
  return type === undefined ? payload : Uint8Array.of(type, ...payload)
}
