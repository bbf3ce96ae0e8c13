/** The transaction transition: what is paid, refunded, kept and refused. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Address } from '../../src/primitives/bytes.ts'
import { toHash } from '../../src/primitives/bytes.ts'
import { privateKeyToAddress } from '../../src/primitives/secp256k1.ts'
import { delegationTo } from '../../src/chain/delegation.ts'
import { signAuthorization, signTransaction } from '../../src/chain/transaction-signature.ts'
import type { BlockEnvironment } from '../../src/execution/environment.ts'
import { InvalidTransactionError, type TransactionRefusal } from '../../src/execution/errors.ts'
import type { CallMessage, TransactionResult } from '../../src/execution/message.ts'
import { executeTransaction, runMessage } from '../../src/execution/transaction.ts'
import { BLOCK_POLICY, CALL_POLICY, type ExecutionPolicy } from '../../src/execution/validation.ts'
import { Journal } from '../../src/state/journal.ts'
import { assemble } from '../support/assembler.ts'
import {
  addressOf,
  AMPLE_ALLOWANCE,
  smallEnvironment,
  smallMessage,
  smallWorld,
  type SmallAccount,
} from '../support/small-world.ts'

const SENDER = addressOf(0xaa)
const CONTRACT = addressOf(0xc0de)
const BENEFICIARY = addressOf(0xbe)
const COIN = 10n ** 18n

interface Run {
  readonly journal: Journal
  readonly result: TransactionResult
}

function run(
  message: Partial<CallMessage>,
  accounts: readonly (readonly [Address, SmallAccount])[] = [],
  options: { readonly environment?: Partial<BlockEnvironment>; readonly policy?: ExecutionPolicy } = {},
): Run {
  const journal = new Journal(smallWorld(new Map([[SENDER, { balance: COIN }], ...accounts])))
  const environment = smallEnvironment('osaka', options.environment)
  const { policy = BLOCK_POLICY } = options
  const result = runMessage(journal, environment, smallMessage(message), AMPLE_ALLOWANCE, policy)
  return { journal, result }
}

function contract(...lines: string[]): readonly [Address, SmallAccount] {
  return [CONTRACT, { nonce: 1n, code: assemble(...lines) }]
}

/** Asserts that the message is refused for this reason and that the journal is as before. */
function assertRefused(
  reason: TransactionRefusal,
  message: Partial<CallMessage>,
  options: {
    readonly accounts?: readonly (readonly [Address, SmallAccount])[]
    readonly environment?: Partial<BlockEnvironment>
    readonly allowance?: { readonly gas: bigint; readonly blobGas: bigint }
  } = {},
): void {
  const { accounts = [], allowance = AMPLE_ALLOWANCE } = options
  const journal = new Journal(smallWorld(new Map([[SENDER, { balance: COIN }], ...accounts])))
  const environment = smallEnvironment('osaka', options.environment)
  assert.throws(
    () => runMessage(journal, environment, smallMessage(message), allowance, BLOCK_POLICY),
    (error) => error instanceof InvalidTransactionError && error.reason === reason,
    reason,
  )
  const { accounts: changed, storage } = journal.diff()
  assert.equal(changed.size + storage.size, 0, 'state is unchanged')
}

describe('payment', () => {
  test('takes gas at the effective price from the sender and gives the tip to the beneficiary', () => {
    const { journal, result } = run(
      { to: addressOf(1000), value: 5n, maxFeePerGas: 100n, maxPriorityFeePerGas: 3n },
      [],
      { environment: { baseFeePerGas: 10n } },
    )
    assert.equal(result.gasUsed, 21_000n)
    assert.equal(result.effectiveGasPrice, 13n)
    assert.equal(journal.balance(SENDER), COIN - 5n - 21_000n * 13n)
    assert.equal(journal.balance(BENEFICIARY), 21_000n * 3n, 'the base fee is burned')
    assert.equal(journal.nonce(SENDER), 1n)
  })

  test('caps the price at the fee cap', () => {
    const { result } = run({ to: addressOf(1000), maxFeePerGas: 12n, maxPriorityFeePerGas: 9n }, [], {
      environment: { baseFeePerGas: 10n },
    })
    assert.equal(result.effectiveGasPrice, 12n)
  })

  test('burns blob gas at its own price (EIP-4844)', () => {
    const blobVersionedHashes = [toHash(`0x01${'00'.repeat(31)}`)]
    const { journal, result } = run({ to: addressOf(1000), blobVersionedHashes, maxFeePerBlobGas: 9n }, [], {
      environment: { blobBaseFee: 7n },
    })
    assert.equal(result.blobGasUsed, 131_072n)
    assert.equal(journal.balance(SENDER), COIN - 131_072n * 7n)
  })

  test('refunds at most a fifth (EIP-3529)', () => {
    const [address, account] = contract('PUSH0 PUSH0 SSTORE')
    const storage = { '0': 1n }
    const { result } = run({}, [[address, { ...account, storage }]])
    // 21,000 + 2 + 2 + 5,000 spent; 4,800 would come back, a fifth is 5,200.
    assert.equal(result.gasSpent, 26_004n)
    assert.equal(result.gasUsed, 26_004n - 4_800n)
  })

  test('asks at least the call data floor (EIP-7623)', () => {
    const { result } = run({ to: addressOf(1000), data: new Uint8Array(1000).fill(1) })
    assert.equal(result.gasUsed, 21_000n + 40n * 1000n)
    assert.equal(result.gasSpent, 21_000n + 16n * 1000n)
  })

  test('takes all gas when the transaction halts', () => {
    const { result, journal } = run(
      { gasLimit: 50_000n, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n, value: 7n },
      [contract('INVALID')],
    )
    assert.equal(result.status, 'halted')
    assert.equal(result.haltReason, 'invalidOpcode')
    assert.equal(result.gasUsed, 50_000n)
    assert.equal(journal.balance(SENDER), COIN - 50_000n, 'the value came back')
  })
})

describe('outcomes', () => {
  test('a revert keeps its data, loses its logs and state, and gives gas back', () => {
    const revert = 'PUSH1 0x07 PUSH0 SSTORE PUSH0 PUSH0 LOG0 PUSH1 0x2a PUSH0 MSTORE PUSH1 0x20 PUSH0 REVERT'
    const { result, journal } = run({}, [contract(revert)])
    assert.equal(result.status, 'reverted')
    assert.equal(BigInt(`0x${result.output.toHex()}`), 0x2an)
    assert.equal(result.logs.length, 0)
    assert.equal(journal.storage(CONTRACT, 0n), 0n)
    assert.ok(result.gasUsed < 1_000_000n)
  })

  test('a creation yields the address that sender and nonce make, and its code', () => {
    // Returns one byte of code: STOP.
    const { result, journal } = run({ to: null, data: assemble('PUSH1 0x01 PUSH0 RETURN') })
    assert.equal(result.status, 'succeeded')
    assert.ok(result.contractAddress !== null)
    assert.deepEqual(journal.codeOf(result.contractAddress), Uint8Array.of(0))
    assert.equal(journal.nonce(result.contractAddress), 1n)
    assert.equal(result.output.length, 0)
  })

  test('new code may not begin with 0xef (EIP-3541) nor be larger than 24,576 bytes (EIP-170)', () => {
    const reserved = run({ to: null, data: assemble('PUSH1 0xef PUSH0 MSTORE8 PUSH1 0x01 PUSH0 RETURN') })
    assert.equal(reserved.result.haltReason, 'invalidCode')
    const gasLimit = 16_000_000n
    const large = run({ to: null, gasLimit, data: assemble('PUSH2 0x6001 PUSH0 RETURN') })
    assert.equal(large.result.haltReason, 'codeSizeExceeded')
    const largest = run({ to: null, gasLimit, data: assemble('PUSH2 0x6000 PUSH0 RETURN') })
    assert.equal(largest.result.status, 'succeeded')
  })

  test('a self-destruct in the transaction that made the contract removes it, later it only moves coins (EIP-6780)', () => {
    const initcode = assemble('PUSH1 0x63 SELFDESTRUCT')
    const fresh = run({ to: null, value: 9n, data: initcode })
    assert.equal(fresh.journal.balance(addressOf(0x63)), 9n)
    const { contractAddress } = fresh.result
    assert.ok(contractAddress !== null && !fresh.journal.exists(contractAddress))
    const old = run({ value: 9n }, [contract('PUSH1 0x63 SELFDESTRUCT')])
    assert.equal(old.journal.balance(addressOf(0x63)), 9n)
    assert.equal(old.journal.exists(CONTRACT), true)
  })

  test('the free call of a simulation sees no base fee, a paid one does', () => {
    const returnsBaseFee = contract('BASEFEE PUSH0 MSTORE PUSH1 0x20 PUSH0 RETURN')
    const environment = { baseFeePerGas: 55n }
    const free = run({}, [returnsBaseFee], { environment, policy: CALL_POLICY })
    assert.equal(BigInt(`0x${free.result.output.toHex()}`), 0n)
    const paid = run({ maxFeePerGas: 60n }, [returnsBaseFee], { environment, policy: CALL_POLICY })
    assert.equal(BigInt(`0x${paid.result.output.toHex()}`), 55n)
  })
})

describe('authorizations (EIP-7702)', () => {
  const key = new Uint8Array(32).fill(7)
  const authority = privateKeyToAddress(key)
  const target = addressOf(0x7a)

  function authorized(nonce: bigint, accounts: readonly (readonly [Address, SmallAccount])[] = []): Run {
    const authorization = signAuthorization({ chainId: 31_337n, address: target, nonce }, key)
    return run({ to: addressOf(1000), authorizationList: [authorization] }, accounts)
  }

  test('point the account at the code, raise its nonce and refund half for one that existed', () => {
    const created = authorized(0n)
    assert.deepEqual(created.journal.codeOf(authority), delegationTo(target))
    assert.equal(created.journal.nonce(authority), 1n)
    assert.equal(created.result.gasUsed, 21_000n + 25_000n)
    const existed = authorized(0n, [[authority, { balance: 1n }]])
    // 12,500 would come back; a fifth of what was spent is less.
    assert.equal(existed.result.gasUsed, 46_000n - 46_000n / 5n)
  })

  test('that do not hold are passed over', () => {
    const { journal, result } = authorized(5n)
    assert.equal(journal.exists(authority), false)
    assert.equal(result.status, 'succeeded')
  })

  test('outlive a transaction that fails', () => {
    const authorization = signAuthorization({ chainId: 0n, address: target, nonce: 0n }, key)
    const { journal, result } = run({ authorizationList: [authorization] }, [contract('INVALID')])
    assert.equal(result.status, 'halted')
    assert.deepEqual(journal.codeOf(authority), delegationTo(target))
  })

  test('to the zero address take the delegation away', () => {
    const authorization = signAuthorization({ chainId: 0n, address: addressOf(0), nonce: 0n }, key)
    const { journal } = run({ authorizationList: [authorization] }, [
      [authority, { code: delegationTo(target) }],
    ])
    assert.equal(journal.codeOf(authority).length, 0)
  })
})

describe('refusals', () => {
  const blob = (version: string) => toHash(`0x${version}${'00'.repeat(31)}`)

  test('name the rule and leave the state alone', () => {
    assertRefused('nonceTooLow', { nonce: 0n }, { accounts: [[SENDER, { balance: COIN, nonce: 1n }]] })
    assertRefused('nonceTooHigh', { nonce: 1n })
    assertRefused('nonceOverflow', {}, { accounts: [[SENDER, { balance: COIN, nonce: 2n ** 64n - 1n }]] })
    assertRefused(
      'senderNotExternal',
      {},
      { accounts: [[SENDER, { balance: COIN, code: Uint8Array.of(0) }]] },
    )
    assertRefused('insufficientFunds', { value: COIN + 1n })
    assertRefused('intrinsicGasTooLow', { gasLimit: 20_999n })
    assertRefused('calldataFloorTooLow', { gasLimit: 40_000n, data: new Uint8Array(1000).fill(1) })
    assertRefused('gasLimitAboveMaximum', { gasLimit: 2n ** 24n + 1n })
    assertRefused('gasLimitAboveBlock', { gasLimit: 50_000n }, { allowance: { gas: 49_999n, blobGas: 0n } })
    assertRefused('feeCapBelowBaseFee', { maxFeePerGas: 9n }, { environment: { baseFeePerGas: 10n } })
    assertRefused('tipAboveFeeCap', { maxFeePerGas: 9n, maxPriorityFeePerGas: 10n })
    assertRefused('initcodeTooLarge', { to: null, gasLimit: 10_000_000n, data: new Uint8Array(49_153) })
    assertRefused('blobHashVersion', { blobVersionedHashes: [blob('02')] })
    assertRefused('tooManyBlobs', { blobVersionedHashes: Array.from({ length: 7 }, () => blob('01')) })
    assertRefused('blobCreation', { to: null, blobVersionedHashes: [blob('01')], gasLimit: 100_000n })
    assertRefused(
      'blobGasAboveBlock',
      { blobVersionedHashes: [blob('01')] },
      { allowance: { gas: 10n ** 7n, blobGas: 0n } },
    )
    assertRefused('blobFeeCapTooLow', { blobVersionedHashes: [blob('01')] })
  })

  test('state both numbers', () => {
    assert.throws(
      () => run({ nonce: 3n }, [[SENDER, { balance: COIN, nonce: 5n }]]),
      /nonce too low: next nonce 5, tx nonce 3/,
    )
    assert.throws(() => run({ value: 2n * COIN }), /balance 1000000000000000000, tx cost 2000000000000000000/)
  })

  test('of signed transactions: another chain, a type the fork does not have', () => {
    const key = new Uint8Array(32).fill(9)
    const sender = privateKeyToAddress(key)
    const common = { nonce: 0n, gasLimit: 100_000n, to: CONTRACT, value: 0n, data: new Uint8Array(0) }
    const fees = { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n, accessList: [] }
    const foreign = signTransaction({ type: 2, chainId: 1n, ...common, ...fees }, key)
    const authorization = signAuthorization({ chainId: 0n, address: CONTRACT, nonce: 0n }, key)
    const setCode = {
      type: 4,
      chainId: 31_337n,
      ...common,
      ...fees,
      authorizationList: [authorization],
    } as const
    const attempt = (transaction: typeof foreign, fork: 'cancun' | 'osaka') => () =>
      executeTransaction(
        new Journal(smallWorld(new Map())),
        smallEnvironment(fork),
        transaction,
        sender,
        AMPLE_ALLOWANCE,
      )
    assert.throws(attempt(foreign, 'osaka'), { reason: 'wrongChainId' })
    assert.throws(attempt(signTransaction(setCode, key), 'cancun'), { reason: 'typeNotSupported' })
    const empty = signTransaction({ ...setCode, authorizationList: [] }, key)
    assert.throws(attempt(empty, 'osaka'), { reason: 'authorizationsMissing' })
  })
})
