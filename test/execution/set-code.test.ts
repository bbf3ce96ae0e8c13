/** Delegated accounts (EIP-7702) at their edges: loops, precompiles, what other instructions see, what is warm. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Address } from '../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import { privateKeyToAddress, SECP256K1_ORDER } from '../../src/primitives/secp256k1.ts'
import { createAddress } from '../../src/chain/contract-address.ts'
import { delegationTarget, delegationTo } from '../../src/chain/delegation.ts'
import { signAuthorization } from '../../src/chain/transaction-signature.ts'
import type { Authorization } from '../../src/chain/transaction.ts'
import type { CallMessage, TransactionResult } from '../../src/execution/message.ts'
import { runMessage } from '../../src/execution/transaction.ts'
import { BLOCK_POLICY } from '../../src/execution/validation.ts'
import { Journal } from '../../src/state/journal.ts'
import { assemble, pushOf } from '../support/assembler.ts'
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
const OTHER = addressOf(0xb0b)
const IDENTITY = addressOf(4)
const KEY = new Uint8Array(32).fill(7)
const AUTHORITY = privateKeyToAddress(KEY)
const UINT64_MAX = 2n ** 64n - 1n
/** What a transaction without data pays with one authorization, before any code. */
const INTRINSIC = 21_000n + 25_000n

function run(
  message: Partial<CallMessage>,
  accounts: readonly (readonly [Address, SmallAccount])[] = [],
): { readonly journal: Journal; readonly result: TransactionResult } {
  const journal = new Journal(smallWorld(new Map([[SENDER, { balance: 10n ** 18n }], ...accounts])))
  const result = runMessage(journal, smallEnvironment(), smallMessage(message), AMPLE_ALLOWANCE, BLOCK_POLICY)
  return { journal, result }
}

function authorize(address: Address, nonce = 0n, chainId = 31_337n): Authorization {
  return signAuthorization({ chainId, address, nonce }, KEY)
}

function delegated(target: Address): SmallAccount {
  return { nonce: 1n, code: delegationTo(target) }
}

/** Code that calls an account with all gas, without value, and stores in slot 0 whether it succeeded, in slot 1 the size of what came back. */
function caller(target: Address): SmallAccount {
  const code = assemble(
    `PUSH0 PUSH0 PUSH1 0x20 PUSH0 PUSH0 PUSH20 ${target} GAS CALL`,
    'PUSH0 SSTORE RETURNDATASIZE PUSH1 0x01 SSTORE',
  )
  return { nonce: 1n, code }
}

describe('a delegation', () => {
  test('to itself runs the designator, which is no code: everything is gone', () => {
    const { result, journal } = run({
      to: AUTHORITY,
      gasLimit: 100_000n,
      authorizationList: [authorize(AUTHORITY)],
    })
    assert.equal(result.haltReason, 'invalidOpcode')
    assert.equal(result.gasUsed, 100_000n)
    assert.equal(
      delegationTarget(journal.codeOf(AUTHORITY)),
      AUTHORITY,
      'the authorization holds nevertheless',
    )
  })

  test('in a loop of two is followed one hop, and fails there', () => {
    const { journal } = run({}, [
      [CONTRACT, caller(OTHER)],
      [OTHER, delegated(AUTHORITY)],
      [AUTHORITY, delegated(OTHER)],
    ])
    assert.equal(journal.storage(CONTRACT, 0n), 0n)
  })

  test('to a precompile runs nothing, from the transaction or from a contract', () => {
    const direct = run({ to: AUTHORITY, data: new Uint8Array(64).fill(1) }, [
      [AUTHORITY, delegated(IDENTITY)],
    ])
    assert.equal(direct.result.status, 'succeeded')
    assert.equal(direct.result.output.length, 0)
    assert.equal(direct.result.gasSpent, 21_000n + 64n * 16n, 'the precompile is not paid')

    const { journal } = run({}, [
      [CONTRACT, caller(AUTHORITY)],
      [AUTHORITY, delegated(IDENTITY)],
    ])
    assert.deepEqual([journal.storage(CONTRACT, 0n), journal.storage(CONTRACT, 1n)], [1n, 0n])
  })

  test('runs on the storage, balance, nonce and address of the account', () => {
    const code = assemble(
      'ADDRESS PUSH0 SSTORE SELFBALANCE PUSH1 0x01 SSTORE CODESIZE PUSH1 0x02 SSTORE',
      'PUSH0 PUSH0 PUSH0 CREATE PUSH1 0x03 SSTORE',
    )
    const { journal } = run({ to: AUTHORITY, value: 5n }, [
      [AUTHORITY, { ...delegated(CONTRACT), nonce: 9n, balance: 2n }],
      [CONTRACT, { nonce: 1n, code }],
    ])
    assert.equal(journal.storage(AUTHORITY, 0n), BigInt(AUTHORITY))
    assert.equal(journal.storage(AUTHORITY, 1n), 7n)
    assert.equal(journal.storage(AUTHORITY, 2n), BigInt(code.length), 'CODESIZE is that of the target')
    assert.equal(journal.storage(AUTHORITY, 3n), BigInt(createAddress(AUTHORITY, 9n)))
    assert.equal(journal.nonce(AUTHORITY), 10n)
    assert.equal(journal.storage(CONTRACT, 0n), 0n)
  })

  test('is what EXTCODESIZE, EXTCODEHASH and EXTCODECOPY see, 23 bytes', () => {
    const code = assemble(
      `PUSH20 ${AUTHORITY} EXTCODESIZE PUSH0 SSTORE PUSH20 ${AUTHORITY} EXTCODEHASH PUSH1 0x01 SSTORE`,
      `PUSH1 0x20 PUSH0 PUSH0 PUSH20 ${AUTHORITY} EXTCODECOPY PUSH0 MLOAD PUSH1 0x02 SSTORE`,
    )
    const { journal } = run({}, [
      [CONTRACT, { nonce: 1n, code }],
      [AUTHORITY, delegated(OTHER)],
      [OTHER, { nonce: 1n, code: assemble('STOP') }],
    ])
    const designator = delegationTo(OTHER)
    assert.equal(journal.storage(CONTRACT, 0n), 23n)
    assert.equal(journal.storage(CONTRACT, 1n), BigInt(keccak256Hash(designator)))
    assert.equal(journal.storage(CONTRACT, 2n), BigInt(`0x${designator.toHex()}${'00'.repeat(9)}`))
  })

  test('survives SELFDESTRUCT of its code, which moves the balance only (EIP-6780)', () => {
    const { journal } = run({ to: AUTHORITY }, [
      [AUTHORITY, { ...delegated(CONTRACT), balance: 5n }],
      [CONTRACT, { nonce: 1n, code: assemble(`PUSH20 ${OTHER} SELFDESTRUCT`) }],
    ])
    assert.equal(delegationTarget(journal.codeOf(AUTHORITY)), CONTRACT)
    assert.deepEqual([journal.balance(AUTHORITY), journal.balance(OTHER)], [0n, 5n])
  })

  test('lets the account send transactions, which a contract may not (EIP-3607)', () => {
    const delegatedSender: SmallAccount = { ...delegated(CONTRACT), balance: 10n ** 18n }
    assert.equal(run({ to: OTHER, nonce: 1n }, [[SENDER, delegatedSender]]).result.status, 'succeeded')
    // One byte more than a designator is a contract again.
    const code = Uint8Array.of(...delegationTo(CONTRACT), 0)
    assert.throws(() => run({ to: OTHER }, [[SENDER, { ...delegatedSender, code }]]), {
      reason: 'senderNotExternal',
    })
  })

  test('lets nobody create a contract over the account (EIP-684)', () => {
    const created = createAddress(SENDER, 0n)
    const { result } = run({ to: null }, [[created, delegated(CONTRACT)]])
    assert.equal(result.haltReason, 'addressCollision')
  })
})

describe('an authorization', () => {
  const outcomeOf = (authorization: Authorization, account?: SmallAccount) => {
    const { journal, result } = run(
      { to: OTHER, authorizationList: [authorization] },
      account === undefined ? [] : [[AUTHORITY, account]],
    )
    return { target: delegationTarget(journal.codeOf(AUTHORITY)), nonce: journal.nonce(AUTHORITY), result }
  }

  test('for any chain has chain id 0', () => {
    assert.equal(outcomeOf(authorize(CONTRACT, 0n, 0n)).target, CONTRACT)
    assert.equal(outcomeOf(authorize(CONTRACT, 0n, 1n)).target, undefined)
  })

  test('with the largest nonce never holds, the one below it does', () => {
    assert.equal(outcomeOf(authorize(CONTRACT, UINT64_MAX), { nonce: UINT64_MAX }).target, undefined)
    const last = outcomeOf(authorize(CONTRACT, UINT64_MAX - 1n), { nonce: UINT64_MAX - 1n })
    assert.deepEqual([last.target, last.nonce], [CONTRACT, UINT64_MAX])
  })

  test('with a high s, another parity or r beyond the order does not hold', () => {
    const good = authorize(CONTRACT)
    const highS = { ...good, s: SECP256K1_ORDER - good.s, yParity: 1n - good.yParity }
    const wrong = [highS, { ...good, yParity: 2n }, { ...good, r: SECP256K1_ORDER + 1n }, { ...good, s: 0n }]
    for (const authorization of wrong) assert.equal(outcomeOf(authorization).target, undefined)
  })

  test('gives half of its price back for an account that existed, empty or not', () => {
    const absent = outcomeOf(authorize(CONTRACT))
    assert.equal(absent.result.gasSpent, INTRINSIC)
    assert.equal(absent.result.gasUsed, INTRINSIC)
    const present = outcomeOf(authorize(CONTRACT), { balance: 1n })
    assert.equal(present.result.gasUsed, INTRINSIC - INTRINSIC / 5n, 'a fifth is less than 12,500')
  })

  test('that takes away what is not there makes the account exist, with nonce 1', () => {
    const { target, nonce } = outcomeOf(authorize(addressOf(0)))
    assert.deepEqual([target, nonce], [undefined, 1n])
  })

  test('of the sender counts the transaction’s own nonce', () => {
    const from = AUTHORITY
    const account: readonly [Address, SmallAccount] = [AUTHORITY, { balance: 10n ** 18n, nonce: 4n }]
    const early = run({ from, to: OTHER, authorizationList: [authorize(CONTRACT, 4n)] }, [account])
    assert.equal(early.journal.nonce(AUTHORITY), 5n)
    const right = run({ from, to: OTHER, authorizationList: [authorize(CONTRACT, 5n)] }, [account])
    assert.equal(right.journal.nonce(AUTHORITY), 6n)
    assert.equal(delegationTarget(right.journal.codeOf(AUTHORITY)), CONTRACT)
  })

  test('after another one of the same account replaces it', () => {
    const authorizationList = [authorize(CONTRACT), authorize(OTHER, 1n), authorize(IDENTITY, 1n)]
    const { journal } = run({ to: OTHER, authorizationList })
    assert.equal(delegationTarget(journal.codeOf(AUTHORITY)), OTHER)
    assert.equal(journal.nonce(AUTHORITY), 2n)
  })

  test('for an account with code does not hold', () => {
    const { target, nonce } = outcomeOf(authorize(CONTRACT, 1n), { nonce: 1n, code: assemble('STOP') })
    assert.deepEqual([target, nonce], [undefined, 1n])
  })
})

describe('access', () => {
  /** Gas of BALANCE of the account, in slot 0. */
  const probe = (account: Address): SmallAccount => ({
    nonce: 1n,
    code: assemble(`GAS PUSH20 ${account} BALANCE POP GAS SWAP1 SUB`, 'PUSH0 SSTORE'),
  })
  /** GAS, PUSH20, POP and GAS of the probe itself. */
  const AROUND = 7n
  const costOf = (account: Address, authorization: Authorization): bigint =>
    run({ authorizationList: [authorization] }, [[CONTRACT, probe(account)]]).journal.storage(CONTRACT, 0n) -
    AROUND

  test('to an authority is warm once its signature is right, even if its nonce is wrong', () => {
    assert.equal(costOf(AUTHORITY, authorize(OTHER)), 100n)
    assert.equal(costOf(AUTHORITY, authorize(OTHER, 5n)), 100n)
  })

  test('to an authority is cold when chain or nonce rule it out before', () => {
    assert.equal(costOf(AUTHORITY, authorize(OTHER, 0n, 1n)), 2_600n)
    assert.equal(costOf(AUTHORITY, authorize(OTHER, UINT64_MAX)), 2_600n)
  })

  test('to the target is warm only where the transaction goes there', () => {
    assert.equal(costOf(OTHER, authorize(OTHER)), 2_600n)
    const { journal } = run({ to: AUTHORITY }, [
      [AUTHORITY, delegated(OTHER)],
      [OTHER, probe(OTHER)],
    ])
    assert.equal(journal.storage(AUTHORITY, 0n) - AROUND, 100n)
  })

  test('of a call pays for the account and for the target: cold 5,200, then 200', () => {
    const callCost = `GAS ${pushOf(0)} PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${AUTHORITY} PUSH0 CALL POP GAS SWAP1 SUB`
    const code = assemble(callCost, 'PUSH0 SSTORE', callCost, 'PUSH1 0x01 SSTORE')
    const { journal } = run({}, [
      [CONTRACT, { nonce: 1n, code }],
      [AUTHORITY, delegated(OTHER)],
    ])
    // GAS, six PUSH0, PUSH20, POP and GAS around it.
    const around = 2n + 6n * 2n + 3n + 2n
    assert.equal(journal.storage(CONTRACT, 0n) - around, 5_200n)
    assert.equal(journal.storage(CONTRACT, 1n) - around, 200n)
  })
})
