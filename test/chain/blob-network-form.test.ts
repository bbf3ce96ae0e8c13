/** Blob transactions with their blobs: opened in both forms (EIP-4844, EIP-7594), told apart, refused when misshapen. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { concatBytes, hexToBytes } from '../../src/primitives/bytes.ts'
import { decodeRlp, encodeRlp, type RlpItem } from '../../src/primitives/rlp.ts'
import { decodeBlobNetworkWrapper } from '../../src/chain/blob-network-form.ts'
import { decodeTransaction } from '../../src/chain/transaction-codec.ts'
import { TRANSACTION_FIXTURES } from '../support/wire-fixtures.ts'

const inner = hexToBytes(TRANSACTION_FIXTURES.blob)
const fields = decodeRlp(inner.subarray(1))
const blob = new Uint8Array(131_072)
const point = new Uint8Array(48)
const cellProofs = Array.from({ length: 128 }, () => point)
const version = Uint8Array.of(1)

suite('a blob transaction with its blobs', () => {
  test('is opened in the form of EIP-4844', () => {
    assert.deepEqual(
      decodeBlobNetworkWrapper(envelope([fields, [blob], [point], [point]])),
      decodeTransaction(inner),
    )
  })

  test('is opened in the form of EIP-7594', () => {
    const wrapper = envelope([fields, version, [blob], [point], cellProofs])
    assert.deepEqual(decodeBlobNetworkWrapper(wrapper), decodeTransaction(inner))
  })

  test('is told apart by whoever expects one without', () => {
    assert.throws(() => decodeTransaction(envelope([fields, [blob], [point], [point]])), {
      code: 'INVALID_TRANSACTION',
      reason: 'networkForm',
      message: /network form/,
    })
  })

  const wrong: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['of another type', hexToBytes(TRANSACTION_FIXTURES.dynamicFee), /only a transaction of type 0x03/],
    ['without blobs', inner, /carries no blobs/],
    ['of three items', envelope([fields, [blob], [point]]), /must have 4 or 5 items, not 3/],
    [
      'of version 2',
      envelope([fields, Uint8Array.of(2), [blob], [point], cellProofs]),
      /wrapper version must be 1, not 2/,
    ],
    [
      'with a blob too many',
      envelope([fields, [blob, blob], [point], [point]]),
      /blobs must have 1 items, not 2/,
    ],
    [
      'with a short blob',
      envelope([fields, [point], [point], [point]]),
      /each of the blobs must have 131072 bytes/,
    ],
    [
      'without cell proofs',
      envelope([fields, version, [blob], [point], [point]]),
      /proofs must have 128 items, not 1/,
    ],
    ['around another wrapper', envelope([[fields, [blob]], [blob], [point], [point]]), /network form/],
  ]
  for (const [name, bytes, message] of wrong) {
    test(`${name} is refused`, () => {
      assert.throws(() => decodeBlobNetworkWrapper(bytes), { code: 'INVALID_TRANSACTION', message })
    })
  }
})

function envelope(items: readonly RlpItem[]): Uint8Array {
  return concatBytes(Uint8Array.of(3), encodeRlp(items))
}
