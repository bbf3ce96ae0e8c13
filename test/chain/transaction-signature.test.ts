/** Who signed a transaction or an authorization: against viem, and for signatures that are none. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { recoverTransactionAddress, type TransactionSerialized } from 'viem'
import { sign as viemSign } from 'viem/accounts'
import { hashAuthorization } from 'viem/utils'
import {
  bigintToFixedBytes,
  bytesToHex,
  concatBytes,
  hexToBytes,
  ZERO_ADDRESS,
} from '../../src/primitives/bytes.ts'
import { SECP256K1_ORDER } from '../../src/primitives/secp256k1.ts'
import { decodeTransaction, transactionFromFields } from '../../src/chain/transaction-codec.ts'
import {
  authorizationSigningHash,
  recoverAuthority,
  recoverSender,
  signAuthorization,
  signingHash,
  signTransaction,
  RECOVERY_SIZE,
  writeRecovery,
} from '../../src/chain/transaction-signature.ts'
import type { TransactionFields } from '../../src/chain/transaction.ts'
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

suite('what a sender is recovered from', () => {
  const OFFSET = 3
  const written = (fields: TransactionFields): Uint8Array | undefined => {
    const out = new Uint8Array(OFFSET + RECOVERY_SIZE)
    return writeRecovery(transactionFromFields(fields), out, OFFSET) ? out.subarray(OFFSET) : undefined
  }
  const expected = (fields: TransactionFields): Uint8Array =>
    concatBytes(
      signingHash(fields),
      bigintToFixedBytes(fields.r, 32),
      bigintToFixedBytes(fields.s, 32),
      Uint8Array.of(fields.yParity),
    )
  const signable = (r: bigint, s: bigint): boolean =>
    r > 0n && r < SECP256K1_ORDER && s > 0n && s <= SECP256K1_ORDER / 2n

  test('is what is signed, whatever the sizes of its parts', () => {
    const sizes = fc.nat({ max: 32 }).map((size) => (1n << BigInt(8 * size)) / 3n)
    fc.assert(
      fc.property(anyTransaction, sizes, sizes, (fields, r, s) => {
        for (const signed of [fields, { ...fields, r, s }, { ...fields, r: 127n, s: 128n }]) {
          assert.deepEqual(written(signed), signable(signed.r, signed.s) ? expected(signed) : undefined)
        }
      }),
    )
  })

  test('is so for data of all sizes that lists tell apart, and more than is hashed in place', () => {
    const { fields } = decodeTransaction(hexToBytes(TRANSACTION_FIXTURES.dynamicFee))
    for (const size of [0, 1, 20, 30, 55, 56, 200, 300, 65_536, 70_000, 200_000]) {
      const signed = { ...fields, data: new Uint8Array(size).fill(1) }
      assert.deepEqual(written(signed), expected(signed))
    }
  })

  test('is nothing for a signature that nobody can have made', () => {
    const { fields } = decodeTransaction(hexToBytes(TRANSACTION_FIXTURES.legacy))
    for (const wrong of [{ r: 0n }, { s: 0n }, { r: SECP256K1_ORDER }, { s: SECP256K1_ORDER / 2n + 1n }]) {
      assert.equal(written({ ...fields, ...wrong }), undefined)
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
