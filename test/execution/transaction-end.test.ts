/**
 * What is left of accounts when a transaction ends: self-destruction (EIP-6780) and where its coins go, empty accounts
 * (EIP-161), the beneficiary's fee, balances at the limit, and transient storage on the way there (EIP-1153).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WORD_MAX, wordToHash, type Address } from '../../src/primitives/bytes.ts'
import { createAddress } from '../../src/chain/contract-address.ts'
import type { BlockEnvironment } from '../../src/execution/environment.ts'
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
const BENEFICIARY = addressOf(0xbe)
const COIN = 10n ** 18n

type Accounts = readonly (readonly [Address, SmallAccount])[]

function run(
  message: Partial<CallMessage>,
  accounts: Accounts = [],
  environment: Partial<BlockEnvironment> = {},
): { readonly journal: Journal; readonly result: TransactionResult } {
  const journal = new Journal(smallWorld(new Map([[SENDER, { balance: COIN }], ...accounts])))
  const block = smallEnvironment('osaka', environment)
  const result = runMessage(journal, block, smallMessage(message), AMPLE_ALLOWANCE, BLOCK_POLICY)
  return { journal, result }
}

/** Whether the account exists, and if so with how much. */
function balanceIn({ journal }: { readonly journal: Journal }, address: Address): bigint | undefined {
  return journal.account(address)?.balance
}

describe('a contract that destroys itself while it is created', () => {
  const created = createAddress(SENDER, 0n)

  test('hands its coins to the beneficiary and is gone', () => {
    const after = run({ to: null, value: 7n, data: assemble(`PUSH20 ${OTHER} SELFDESTRUCT`) })
    assert.equal(after.result.status, 'succeeded')
    assert.equal(balanceIn(after, OTHER), 7n)
    assert.equal(balanceIn(after, created), undefined)
  })

  test('burns its coins when it names itself', () => {
    const after = run({ to: null, value: 7n, data: assemble('ADDRESS SELFDESTRUCT') })
    assert.equal(balanceIn(after, created), undefined)
    assert.equal(balanceIn(after, SENDER), COIN - 7n)
  })

  test('burns what it is sent later in the transaction', () => {
    // Creates a contract that destroys itself with 5 wei, then sends it 3 more.
    const initcode = assemble(`PUSH20 ${OTHER} SELFDESTRUCT`)
    const { length } = initcode
    const code = assemble(
      `PUSH${length} 0x${initcode.toHex()} PUSH0 MSTORE ${pushOf(length)} ${pushOf(32 - length)} PUSH1 0x05 CREATE`,
      'PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 0x03 DUP6 GAS CALL',
    )
    const after = run({}, [[CONTRACT, { nonce: 1n, balance: 20n, code }]])
    assert.equal(after.result.status, 'succeeded')
    assert.equal(balanceIn(after, CONTRACT), 12n)
    assert.equal(balanceIn(after, OTHER), 5n)
    assert.equal(balanceIn(after, createAddress(CONTRACT, 1n)), undefined, 'with its 3 wei')
  })

  test('takes the fees with it when it is the block’s beneficiary', () => {
    const fees = { maxFeePerGas: 3n, maxPriorityFeePerGas: 1n }
    const message = { to: null, data: assemble(`PUSH20 ${OTHER} SELFDESTRUCT`), ...fees }
    const after = run(message, [], { beneficiary: created, baseFeePerGas: 2n })
    assert.equal(balanceIn(after, created), undefined)
    assert.equal(balanceIn(after, SENDER), COIN - 3n * after.result.gasUsed)
  })

  test('stays when its creation fails after all', () => {
    // The creation of a contract that destroys itself, inside of a frame that reverts.
    const initcode = assemble('ADDRESS SELFDESTRUCT')
    const inner = assemble(`PUSH2 0x${initcode.toHex()} PUSH0 MSTORE PUSH1 0x02 PUSH1 0x1e PUSH1 0x04 CREATE`)
    const code = Uint8Array.of(...inner, ...assemble('PUSH0 PUSH0 REVERT'))
    const after = run({}, [[CONTRACT, { nonce: 1n, balance: 4n, code }]])
    assert.equal(after.result.status, 'reverted')
    assert.equal(balanceIn(after, CONTRACT), 4n)
    assert.equal(after.journal.nonce(CONTRACT), 1n)
  })
})

describe('a contract from an earlier transaction that destroys itself', () => {
  test('keeps its coins when it names itself', () => {
    const after = run({}, [[CONTRACT, { nonce: 1n, balance: 9n, code: assemble('ADDRESS SELFDESTRUCT') }]])
    assert.equal(balanceIn(after, CONTRACT), 9n)
    assert.ok(after.journal.codeOf(CONTRACT).length > 0)
  })
})

describe('the beneficiary of the block', () => {
  const free = { maxFeePerGas: 2n, maxPriorityFeePerGas: 0n }

  test('does not come into being for a fee of 0', () => {
    const after = run({ to: OTHER, value: 1n, ...free }, [], { baseFeePerGas: 2n })
    assert.equal(balanceIn(after, BENEFICIARY), undefined)
    assert.equal(after.journal.diff().accounts.has(BENEFICIARY), false)
  })

  test('is removed when it is empty and the fee is 0 (EIP-161)', () => {
    const after = run({ to: OTHER, value: 1n, ...free }, [[BENEFICIARY, {}]], { baseFeePerGas: 2n })
    assert.equal(after.journal.diff().accounts.get(BENEFICIARY), null)
  })

  test('is warm from the start (EIP-3651)', () => {
    const code = assemble('GAS COINBASE BALANCE POP GAS SWAP1 SUB PUSH0 SSTORE')
    const { journal } = run({}, [[CONTRACT, { nonce: 1n, code }]])
    assert.equal(journal.storage(CONTRACT, 0n), 2n + 100n + 2n + 2n)
  })
})

describe('an empty account', () => {
  test('that a call without value touches is removed, one that only BALANCE saw is not', () => {
    const code = assemble(
      `PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${OTHER} GAS CALL PUSH20 ${addressOf(0x5ee)} BALANCE`,
    )
    const after = run({}, [
      [CONTRACT, { nonce: 1n, code }],
      [OTHER, {}],
      [addressOf(0x5ee), {}],
    ])
    assert.equal(after.journal.diff().accounts.get(OTHER), null)
    assert.equal(after.journal.diff().accounts.has(addressOf(0x5ee)), false)
  })

  test('is not removed when the frame that touched it reverted', () => {
    const code = assemble(`PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${OTHER} GAS CALL PUSH0 PUSH0 REVERT`)
    const after = run({}, [
      [CONTRACT, { nonce: 1n, code }],
      [OTHER, {}],
    ])
    assert.equal(after.journal.diff().accounts.has(OTHER), false)
  })
})

test('a balance stays a word, whatever it is given', () => {
  const after = run({ to: OTHER, value: 5n }, [[OTHER, { balance: WORD_MAX - 2n }]])
  assert.equal(after.result.status, 'succeeded')
  assert.equal(balanceIn(after, OTHER), WORD_MAX)
})

describe('transient storage (EIP-1153)', () => {
  /** What the contract finds in its slot, where it wrote 7 before it called code that writes 9; and whether that succeeded. */
  const after = (call: string, end: string): readonly bigint[] => {
    const code = assemble(
      `PUSH1 0x07 PUSH0 TSTORE PUSH0 PUSH0 PUSH0 PUSH0 ${call}`,
      'PUSH1 0x01 SSTORE PUSH0 TLOAD PUSH0 SSTORE',
    )
    // A callee that halts takes 63 of 64 parts: the rest must do for two cold slots.
    const { journal } = run({ gasLimit: 10_000_000n }, [
      [CONTRACT, { nonce: 1n, code }],
      [OTHER, { nonce: 1n, code: assemble(`PUSH1 0x09 PUSH0 TSTORE ${end}`) }],
    ])
    return [journal.storage(CONTRACT, 0n), journal.storage(CONTRACT, 1n)]
  }
  const REVERT = 'PUSH0 PUSH0 REVERT'

  test('belongs to the account that runs the code', () => {
    assert.deepEqual(after(`PUSH20 ${OTHER} GAS DELEGATECALL`, 'STOP'), [9n, 1n])
    assert.deepEqual(after(`PUSH0 PUSH20 ${OTHER} GAS CALLCODE`, 'STOP'), [9n, 1n])
    assert.deepEqual(after(`PUSH0 PUSH20 ${OTHER} GAS CALL`, 'STOP'), [7n, 1n])
  })

  test('goes back with the frame that wrote it', () => {
    assert.deepEqual(after(`PUSH20 ${OTHER} GAS DELEGATECALL`, REVERT), [7n, 0n])
    assert.deepEqual(after(`PUSH20 ${OTHER} GAS DELEGATECALL`, 'INVALID'), [7n, 0n])
  })

  test('is not written by a static frame, which fails', () => {
    assert.deepEqual(after(`PUSH20 ${OTHER} GAS STATICCALL`, 'STOP'), [7n, 0n])
  })
})

describe('BLOCKHASH', () => {
  const hashOf = (number: bigint): bigint => {
    const code = assemble(`PUSH32 ${wordToHash(number)} BLOCKHASH PUSH0 SSTORE`)
    const asked: bigint[] = []
    const blockHash = (ancestor: bigint) => {
      asked.push(ancestor)
      return wordToHash(ancestor + 1_000n)
    }
    const { journal } = run({}, [[CONTRACT, { nonce: 1n, code }]], { number: 300n, blockHash })
    assert.ok(asked.every((ancestor) => ancestor >= 44n && ancestor < 300n))
    return journal.storage(CONTRACT, 0n)
  }

  test('knows the 256 blocks before the present one', () => {
    assert.equal(hashOf(299n), 1_299n)
    assert.equal(hashOf(44n), 1_044n)
  })

  test('is zero outside of them, and for numbers that fit no block', () => {
    for (const number of [43n, 300n, 301n, 1n << 64n, WORD_MAX]) assert.equal(hashOf(number), 0n)
  })
})
