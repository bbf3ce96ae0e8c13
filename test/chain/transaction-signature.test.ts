/** Who signed a transaction or an authorization: against viem, and for signatures that are none. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { recoverTransactionAddress, type TransactionSerialized } from 'viem'
import { sign as viemSign } from 'viem/accounts'
import { hashAuthorization } from 'viem/utils'
import { bytesToHex, hexToBytes, ZERO_ADDRESS } from '../../src/primitives/bytes.ts'
import { SECP256K1_ORDER } from '../../src/primitives/secp256k1.ts'
import { decodeTransaction } from '../../src/chain/transaction-codec.ts'
import {
  authorizationSigningHash,
  recoverAuthority,
  recoverSender,
  signAuthorization,
  signingHash,
  signTransaction,
} from '../../src/chain/transaction-signature.ts'
import { anyAddress, anyTransaction, anyUint64, anyWord } from '../support/transaction-arbitraries.ts'
import { FIXTURE_PRIVATE_KEY, FIXTURE_SENDER, TRANSACTION_FIXTURES } from '../support/wire-fixtures.ts'

suite('signatures of transactions', () => {
  test('sign the hash that EIP-155 shows', () => {
    const { fields } = decodeTransaction(hexToBytes(TRANSACTION_FIXTURES.legacy))
    const expected = '0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53'
    assert.equal(bytesToHex(signingHash(fields)), expected)
  })

  for (const [name, hex] of Object.entries(TRANSACTION_FIXTURES)) {
    test(`are made and recovered as by viem, which made the fixture: ${name}`, async () => {
      const transaction = decodeTransaction(hexToBytes(hex))
      assert.equal(recoverSender(transaction), FIXTURE_SENDER)
      assert.equal(bytesToHex(signTransaction(transaction.fields, FIXTURE_PRIVATE_KEY).bytes), hex)
      // The fixture names one of viem's own serialized types; its parser finds out which.
      const serializedTransaction = hex as TransactionSerialized
      assert.equal((await recoverTransactionAddress({ serializedTransaction })).toLowerCase(), FIXTURE_SENDER)
    })
  }

  test('recover their signer for any transaction', () => {
    fc.assert(
      fc.property(anyTransaction, (fields) => {
        assert.equal(recoverSender(signTransaction(fields, FIXTURE_PRIVATE_KEY)), FIXTURE_SENDER)
      }),
    )
  })

  test('with a high s, or with r or s out of range, have no signer', () => {
    const { fields } = decodeTransaction(hexToBytes(TRANSACTION_FIXTURES.dynamicFee))
    const twin = { ...fields, s: SECP256K1_ORDER - fields.s, yParity: fields.yParity === 0 ? 1 : 0 } as const
    assert.equal(recoverSender({ fields: twin }), undefined)
    for (const wrong of [{ r: 0n }, { s: 0n }, { r: SECP256K1_ORDER }, { s: SECP256K1_ORDER }]) {
      assert.equal(recoverSender({ fields: { ...fields, ...wrong } }), undefined)
    }
  })
})

suite('authorizations (EIP-7702)', () => {
  const anyUnsigned = fc.record({ chainId: anyUint64, address: anyAddress, nonce: fc.nat().map(BigInt) })

  test('sign the hash that viem signs, and recover', async () => {
    await fc.assert(
      fc.asyncProperty(anyUnsigned, async (unsigned) => {
        const chainId = unsigned.chainId & 0xffff_ffffn
        const authorization = signAuthorization({ ...unsigned, chainId }, FIXTURE_PRIVATE_KEY)
        assert.equal(recoverAuthority(authorization), FIXTURE_SENDER)
        const { address, nonce } = unsigned
        const hash = hashAuthorization({ chainId: Number(chainId), address, nonce: Number(nonce) })
        assert.equal(bytesToHex(authorizationSigningHash(authorization)), hash)
        const theirs = await viemSign({ hash, privateKey: bytesToHex(FIXTURE_PRIVATE_KEY) })
        assert.deepEqual([BigInt(theirs.r), BigInt(theirs.s)], [authorization.r, authorization.s])
      }),
      { numRuns: 20 },
    )
  })

  test('with a high s or another parity than 0 and 1 have no authority', () => {
    const signed = signAuthorization({ chainId: 1n, address: ZERO_ADDRESS, nonce: 0n }, FIXTURE_PRIVATE_KEY)
    const twin = { ...signed, s: SECP256K1_ORDER - signed.s, yParity: 1n - signed.yParity }
    assert.equal(recoverAuthority(twin), undefined)
    assert.equal(recoverAuthority({ ...signed, yParity: 2n }), undefined)
    assert.equal(recoverAuthority({ ...signed, yParity: 27n + signed.yParity }), undefined)
  })

  test('never throw, whatever their numbers', () => {
    const any = fc.record({
      chainId: anyWord,
      address: anyAddress,
      nonce: anyUint64,
      yParity: fc.bigInt({ min: 0n, max: 255n }),
      r: anyWord,
      s: anyWord,
    })
    fc.assert(fc.property(any, (authorization) => assert.doesNotThrow(() => recoverAuthority(authorization))))
  })
})
