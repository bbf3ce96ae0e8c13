/** Every text that wallets and libraries look for, and the code of every kind of failure. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  FeeCapTooHighError,
  FeeCapTooLowError,
  InsufficientFundsError,
  IntrinsicGasTooLowError,
  NonceTooHighError,
  NonceTooLowError,
  TipAboveFeeCapError,
  TransactionTypeNotSupportedError,
} from 'viem'
import { TransactionDecodingError } from '../../src/chain/transaction-codec.ts'
import { InvalidTransactionError, type TransactionRefusal } from '../../src/execution/errors.ts'
import { StateUnavailableError } from '../../src/execution/ledger.ts'
import { PoolError, type PoolRefusal } from '../../src/pool/transaction-pool.ts'
import { AssertionFailure } from '../../src/primitives/assert.ts'
import { hexToBytes } from '../../src/primitives/bytes.ts'
import { errorBody, revertError, RPC_CODES, RpcError } from '../../src/rpc/errors.ts'

describe('a refused transaction', () => {
  const texts: readonly (readonly [PoolRefusal, string])[] = [
    ['nonceTooLow', 'nonce too low'],
    ['nonceTooHigh', 'nonce too high'],
    ['alreadyKnown', 'already known'],
    ['insufficientFunds', 'insufficient funds'],
    ['intrinsicGasTooLow', 'intrinsic gas too low'],
    ['gasLimitReached', 'gas limit reached'],
    ['feeCapBelowBaseFee', 'max fee per gas less than block base fee'],
    ['tipAboveFeeCap', 'max priority fee per gas higher than max fee per gas'],
    ['replacementUnderpriced', 'replacement transaction underpriced'],
    ['typeNotSupported', 'transaction type not valid'],
  ]
  for (const [reason, text] of texts) {
    it(`says "${text}" and keeps the numbers`, () => {
      const body = errorBody(new PoolError(reason, 'has 5, needs 7'))
      assert.equal(body?.code, RPC_CODES.server)
      assert.ok(body?.message.includes(text), body?.message)
      assert.ok(body?.message.includes('has 5, needs 7'), body?.message)
    })
  }

  it('does not say anything twice', () => {
    const message = errorBody(
      new PoolError('nonceTooLow', 'nonce too low: next nonce 5, tx nonce 3'),
    )?.message
    assert.equal(
      message,
      "nonce too low: next nonce 5, tx nonce 3; if you restarted the chain, clear the wallet's activity data",
    )
  })

  it('reads the same when execution refuses it', () => {
    const reasons: readonly (TransactionRefusal & PoolRefusal)[] = [
      'nonceTooLow',
      'insufficientFunds',
      'intrinsicGasTooLow',
      'feeCapBelowBaseFee',
      'tipAboveFeeCap',
      'typeNotSupported',
    ]
    for (const reason of reasons) {
      assert.deepEqual(
        errorBody(new InvalidTransactionError(reason, 'x')),
        errorBody(new PoolError(reason, 'x')),
      )
    }
  })

  const matchers: readonly (readonly [PoolRefusal, RegExp])[] = [
    ['nonceTooLow', NonceTooLowError.nodeMessage],
    ['nonceTooHigh', NonceTooHighError.nodeMessage],
    ['insufficientFunds', InsufficientFundsError.nodeMessage],
    ['intrinsicGasTooLow', IntrinsicGasTooLowError.nodeMessage],
    ['feeCapBelowBaseFee', FeeCapTooLowError.nodeMessage],
    ['tipAboveFeeCap', TipAboveFeeCapError.nodeMessage],
    ['typeNotSupported', TransactionTypeNotSupportedError.nodeMessage],
  ]
  for (const [reason, matcher] of matchers) {
    it(`is recognised by viem: ${reason}`, () => {
      const message = errorBody(new PoolError(reason, 'x'))?.message.toLowerCase() ?? ''
      assert.match(message, matcher)
      // viem asks its error classes one after the other: only the right one may match.
      const others = [...matchers, ['gasLimitReached', FeeCapTooHighError.nodeMessage] as const]
      for (const [other, otherMatcher] of others) {
        if (other !== reason) assert.doesNotMatch(message, otherMatcher, other)
      }
    })
  }
})

describe('a revert', () => {
  const error = (data: string): RpcError => revertError(hexToBytes(data))

  it('has code 3, the reason and the data', () => {
    const data = `0x08c379a0${'20'.padStart(64, '0')}${'0a'.padStart(64, '0')}${'75736572206572726f72'.padEnd(64, '0')}`
    assert.equal(error(data).rpcCode, 3)
    assert.equal(error(data).message, 'execution reverted: user error')
    assert.equal(error(data).data, data)
  })

  it('names a panic', () => {
    assert.equal(
      error(`0x4e487b71${'11'.padStart(64, '0')}`).message,
      'execution reverted: arithmetic underflow or overflow',
    )
  })

  it('gives the data of anything else', () => {
    assert.equal(error('0x').message, 'execution reverted')
    assert.equal(error('0x').data, '0x')
    assert.equal(error('0x12345678').data, '0x12345678')
  })
})

describe('other failures', () => {
  it('have the codes of the specification', () => {
    const decoding = errorBody(
      new TransactionDecodingError('unknownType', 'transaction type not valid: 0x05'),
    )
    assert.deepEqual(decoding, { code: -32000, message: 'transaction type not valid: 0x05' })
    assert.equal(errorBody(new StateUnavailableError(3n, 10n))?.code, 4444)
    assert.deepEqual(errorBody(new RpcError(RPC_CODES.timeout, 'late', { a: 1 })), {
      code: -32002,
      message: 'late',
      data: { a: 1 },
    })
    assert.ok(!('data' in (errorBody(new RpcError(RPC_CODES.timeout, 'late')) ?? {})))
  })

  it('are told from bugs', () => {
    for (const bug of [new AssertionFailure('x'), new TypeError('x'), 'x', undefined, null]) {
      assert.equal(errorBody(bug), undefined)
    }
  })
})
