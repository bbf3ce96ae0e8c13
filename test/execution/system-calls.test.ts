/** What the protocol calls around a block's transactions, and what happens when that fails (EIP-2935, 4788, 7002, 7251). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bigintToFixedBytes, bytesToBigint, wordToHash, type Address } from '../../src/primitives/bytes.ts'
import {
  BEACON_ROOTS_ADDRESS,
  CONSOLIDATION_REQUESTS_ADDRESS,
  HISTORY_STORAGE_ADDRESS,
  SYSTEM_CONTRACTS,
  WITHDRAWAL_REQUESTS_ADDRESS,
} from '../../src/chain/system-contracts.ts'
import type { BlockEnvironment } from '../../src/execution/environment.ts'
import { runBlock, type BlockEffects } from '../../src/execution/executor.ts'
import { exactly } from '../../src/execution/executor.ts'
import { beginBlock, SYSTEM_ADDRESS } from '../../src/execution/system-calls.ts'
import { runMessage } from '../../src/execution/transaction.ts'
import { CALL_POLICY } from '../../src/execution/validation.ts'
import type { Withdrawal } from '../../src/chain/block.ts'
import { Journal } from '../../src/state/journal.ts'
import type { MemoryState } from '../../src/state/memory-state.ts'
import { assemble } from '../support/assembler.ts'
import {
  addressOf,
  AMPLE_ALLOWANCE,
  smallEnvironment,
  smallMessage,
  smallWorld,
  type SmallAccount,
} from '../support/small-world.ts'

/** Slots of the two ring buffers. */
const RING_SIZE = 8_191n

function world(changes: readonly (readonly [Address, SmallAccount])[] = []): MemoryState {
  const contracts = SYSTEM_CONTRACTS.map(({ address, code }) => [address, { nonce: 1n, code }] as const)
  return smallWorld(new Map<Address, SmallAccount>([...contracts, ...changes]))
}

function block(
  state: MemoryState,
  environment: Partial<BlockEnvironment> = {},
  withdrawals: readonly Withdrawal[] = [],
): BlockEffects {
  const run = {
    state,
    environment: smallEnvironment('osaka', environment),
    source: exactly([], []),
    withdrawals,
  }
  return runBlock(run, {})
}

/** What a contract answers to a word, or `undefined` when it reverts. */
function ask(
  journal: Journal,
  to: Address,
  word: bigint,
  environment: Partial<BlockEnvironment>,
): bigint | undefined {
  const message = smallMessage({ to, data: bigintToFixedBytes(word, 32) })
  const block = smallEnvironment('osaka', environment)
  const { status, output } = runMessage(journal, block, message, AMPLE_ALLOWANCE, CALL_POLICY)
  return status === 'succeeded' ? bytesToBigint(output) : undefined
}

describe('the history of block hashes (EIP-2935)', () => {
  const begin = (journal: Journal, number: bigint): void =>
    beginBlock(
      journal,
      smallEnvironment('osaka', { number, parentHash: wordToHash(number - 1n + 5_000_000n) }),
    )

  test('keeps the parent of each block, and answers for the last 8,191', () => {
    const journal = new Journal(world())
    for (const number of [1n, 2n, RING_SIZE, RING_SIZE + 1n]) begin(journal, number)
    const at = { number: RING_SIZE + 1n }
    assert.equal(ask(journal, HISTORY_STORAGE_ADDRESS, RING_SIZE, at), RING_SIZE + 5_000_000n)
    assert.equal(ask(journal, HISTORY_STORAGE_ADDRESS, 1n, at), 5_000_001n)
    assert.equal(
      ask(journal, HISTORY_STORAGE_ADDRESS, 0n, at),
      undefined,
      'block 8,191 took the place of block 0',
    )
    assert.equal(ask(journal, HISTORY_STORAGE_ADDRESS, RING_SIZE + 1n, at), undefined, 'the block itself')
  })

  test('takes nothing from others than the protocol', () => {
    const journal = new Journal(world())
    const message = smallMessage({ to: HISTORY_STORAGE_ADDRESS, data: new Uint8Array(32).fill(1) })
    runMessage(journal, smallEnvironment('osaka'), message, AMPLE_ALLOWANCE, CALL_POLICY)
    assert.equal(journal.diff().storage.size, 0)
  })

  test('is not called before Prague', () => {
    const journal = new Journal(world())
    beginBlock(journal, smallEnvironment('cancun'))
    assert.deepEqual([...journal.diff().storage.keys()], [BEACON_ROOTS_ADDRESS])
  })
})

test('the beacon root stands under its timestamp, with the timestamp beside it (EIP-4788)', () => {
  const timestamp = 1_700_000_123n
  const parentBeaconBlockRoot = wordToHash(77n)
  const journal = new Journal(world())
  beginBlock(journal, smallEnvironment('osaka', { timestamp, parentBeaconBlockRoot }))
  const index = timestamp % RING_SIZE
  assert.equal(journal.storage(BEACON_ROOTS_ADDRESS, index), timestamp)
  assert.equal(journal.storage(BEACON_ROOTS_ADDRESS, index + RING_SIZE), 77n)
  assert.equal(ask(journal, BEACON_ROOTS_ADDRESS, timestamp, {}), 77n)
  assert.equal(ask(journal, BEACON_ROOTS_ADDRESS, timestamp - 1n, {}), undefined)
})

describe('a call of the protocol', () => {
  test('that fails before the transactions changes nothing, and the block goes on', () => {
    const revert = { nonce: 1n, code: assemble('PUSH1 0x01 PUSH0 SSTORE PUSH0 PUSH0 REVERT') }
    const { diff } = block(
      world([
        [BEACON_ROOTS_ADDRESS, revert],
        [HISTORY_STORAGE_ADDRESS, { nonce: 1n, code: assemble('PUSH1 0x01 PUSH0 SSTORE INVALID') }],
      ]),
    )
    assert.equal(diff.storage.has(BEACON_ROOTS_ADDRESS), false)
    assert.equal(diff.storage.has(HISTORY_STORAGE_ADDRESS), false)
  })

  test('finds no contract before the transactions, and the block goes on', () => {
    const { diff } = block(
      world([
        [BEACON_ROOTS_ADDRESS, {}],
        [HISTORY_STORAGE_ADDRESS, {}],
      ]),
    )
    assert.equal(diff.storage.has(HISTORY_STORAGE_ADDRESS), false)
  })

  for (const contract of [WITHDRAWAL_REQUESTS_ADDRESS, CONSOLIDATION_REQUESTS_ADDRESS]) {
    test(`that finds no code at ${contract}, fails there or spends 30,000,000 gas makes the block invalid`, () => {
      for (const code of ['', 'PUSH0 PUSH0 REVERT', 'INVALID', '@loop PUSH1 0x00 JUMP']) {
        assert.throws(() => block(world([[contract, { nonce: 1n, code: assemble(code) }]])), {
          reason: 'systemCall',
        })
      }
    })
  }

  test('comes from an account that neither needs to be nor comes to be, at no price', () => {
    const code = assemble(
      'CALLER PUSH0 SSTORE ORIGIN PUSH1 0x01 SSTORE CALLVALUE PUSH1 0x02 SSTORE GASPRICE PUSH1 0x03 SSTORE GAS PUSH1 0x04 SSTORE',
    )
    const state = world([[BEACON_ROOTS_ADDRESS, { nonce: 1n, code }]])
    const { diff } = block(state, { baseFeePerGas: 9n })
    const slots = diff.storage.get(BEACON_ROOTS_ADDRESS)
    assert.equal(slots?.get(0n), BigInt(SYSTEM_ADDRESS))
    assert.equal(slots?.get(1n), BigInt(SYSTEM_ADDRESS))
    assert.equal(slots?.get(2n), undefined)
    assert.equal(slots?.get(3n), 9n, 'GASPRICE is the base fee')
    assert.ok((slots?.get(4n) ?? 0n) > 29_900_000n)
    assert.equal(diff.accounts.has(SYSTEM_ADDRESS), false)
  })

  test('leaves no transient storage, warm slot or log to the transactions', () => {
    const code = assemble('PUSH1 0x05 PUSH0 TLOAD ADD PUSH0 SSTORE PUSH1 0x01 PUSH0 TSTORE PUSH0 PUSH0 LOG0')
    const journal = new Journal(world([[BEACON_ROOTS_ADDRESS, { nonce: 1n, code }]]))
    beginBlock(journal, smallEnvironment())
    assert.equal(journal.transientStorage(BEACON_ROOTS_ADDRESS, 0n), 0n)
    assert.equal(journal.logs.length, 0)
    assert.equal(journal.accessStorage(BEACON_ROOTS_ADDRESS, 0n), true)
  })
})

describe('withdrawals (EIP-4895)', () => {
  const withdrawal = (address: Address, amount: bigint): Withdrawal => ({
    index: 0n,
    validatorIndex: 0n,
    address,
    amount,
  })

  test('of nothing make no account, and remove an empty one', () => {
    const empty = addressOf(0xe)
    const { diff } = block(world([[empty, {}]]), {}, [withdrawal(addressOf(0x99), 0n), withdrawal(empty, 0n)])
    assert.equal(diff.accounts.has(addressOf(0x99)), false)
    assert.equal(diff.accounts.get(empty), null)
  })

  test('add up, in gwei, and run no code: neither of contracts nor of precompiles', () => {
    const contract = addressOf(0xc0de)
    const code = assemble('PUSH1 0x01 PUSH0 SSTORE')
    const { diff } = block(world([[contract, { nonce: 1n, code }]]), {}, [
      withdrawal(contract, 1n),
      withdrawal(contract, 2n),
      withdrawal(addressOf(5), 2n ** 64n - 1n),
    ])
    assert.equal(diff.accounts.get(contract)?.balance, 3_000_000_000n)
    assert.equal(diff.accounts.get(addressOf(5))?.balance, (2n ** 64n - 1n) * 1_000_000_000n)
    assert.equal(diff.storage.has(contract), false)
  })

  test('come after the transactions and before the requests are taken', () => {
    const code = assemble('ADDRESS BALANCE PUSH0 SSTORE')
    const { diff } = block(world([[WITHDRAWAL_REQUESTS_ADDRESS, { nonce: 1n, code }]]), {}, [
      withdrawal(WITHDRAWAL_REQUESTS_ADDRESS, 1n),
    ])
    assert.equal(diff.storage.get(WITHDRAWAL_REQUESTS_ADDRESS)?.get(0n), 1_000_000_000n)
  })
})
