/**
 * Tier 1's storage table under calls that fail: whole transactions on a journal, with contracts that read, write, call
 * each other, create and fail at random, end as on tier 0. And what happens when the table or its undo log is full.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { EMPTY_BYTES, type Address } from '../../../../src/primitives/bytes.ts'
import type { Engine } from '../../../../runtime/host.ts'
import { tier0 } from '../../../../runtime/evm/engine.ts'
import {
  STORAGE_SLOTS_MAX,
  STORAGE_SLOTS_MIN,
  STORAGE_UNDO_MAX,
} from '../../../../runtime/evm/wasm/layout.ts'
import { tier1 } from '../../../../runtime/evm/tier1/engine.ts'
import { runMessage } from '../../../../src/execution/transaction.ts'
import { CALL_POLICY } from '../../../../src/execution/validation.ts'
import { Journal } from '../../../../src/state/journal.ts'
import { assemble, pushOf } from '../../../support/assembler.ts'
import { addressOf, smallEnvironment, smallMessage, smallWorld } from '../../../support/small-world.ts'

const CONTRACT = addressOf(0xc0de)
const CONTRACTS: readonly Address[] = [CONTRACT, addressOf(0xc1), addressOf(0xc2), addressOf(0xc3)]
const SLOTS = 4
/** Enough for a GiB of memory. */
const ALLOWANCE = { gas: 1n << 44n, blobGas: 0n }

interface World {
  readonly codes: readonly Uint8Array[]
  readonly transactions: number
  readonly gasLimit: bigint
}

/** Everything that transactions leave behind. */
function run(engine: Engine, { codes, transactions, gasLimit }: World): unknown {
  const accounts = CONTRACTS.map((address, i) => {
    const code = codes[i] ?? EMPTY_BYTES
    const storage: Record<string, bigint> = { 0: 5n, 1: 1n }
    return [address, { nonce: 1n, balance: 10n, code, storage }] as const
  })
  const journal = new Journal(smallWorld(new Map(accounts)))
  const results = []
  for (let i = 0; i < transactions; i++) {
    const message = smallMessage({ gasLimit })
    results.push(runMessage(journal, smallEnvironment('prague'), message, ALLOWANCE, CALL_POLICY, { engine }))
  }
  return { results, diff: journal.diff() }
}

const slot = fc.nat(SLOTS - 1).map(pushOf)
const value = fc.constantFrom('PUSH0', 'PUSH1 1', 'PUSH1 5', 'GAS', 'PUSH1 7')
const account = fc.constantFrom(...CONTRACTS).map((address) => `PUSH20 ${address}`)

/** Pieces that leave the stack as it was. */
const piece: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(value, slot).map(([value, slot]) => `${value} ${slot} SSTORE`) },
  {
    weight: 4,
    arbitrary: fc.tuple(slot, slot).map(([from, to]) => `${from} SLOAD PUSH1 1 ADD ${to} SSTORE`),
  },
  { weight: 2, arbitrary: fc.tuple(value, slot).map(([value, slot]) => `${value} ${slot} TSTORE`) },
  { weight: 2, arbitrary: fc.tuple(slot, slot).map(([from, to]) => `${from} TLOAD ${to} SSTORE`) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL'), account, fc.nat(2), slot)
      .map(([kind, account, share, slot]) => {
        const value = kind === 'CALL' || kind === 'CALLCODE' ? 'PUSH0' : ''
        const gas = share === 0 ? 'GAS' : `GAS PUSH1 ${share} SHR`
        return `PUSH0 PUSH0 PUSH0 PUSH0 ${value} ${account} ${gas} ${kind} ${slot} SSTORE`
      }),
  },
  // Initcode that is the code of a contract: it writes, calls, and may fail or leave bad code.
  {
    weight: 1,
    arbitrary: fc.tuple(account, fc.boolean()).map(([account, isSalted]) => {
      const copy = `${account} EXTCODESIZE PUSH0 PUSH0 ${account} EXTCODECOPY`
      const size = `${account} EXTCODESIZE`
      return isSalted
        ? `${copy} PUSH0 ${size} PUSH0 PUSH0 CREATE2 POP`
        : `${copy} ${size} PUSH0 PUSH0 CREATE POP`
    }),
  },
)

const ending = fc.oneof(
  { weight: 5, arbitrary: fc.constant('STOP') },
  { weight: 2, arbitrary: fc.constant('PUSH0 PUSH0 REVERT') },
  { weight: 1, arbitrary: fc.constantFrom('INVALID', 'PUSH1 0xef PUSH0 MSTORE8 PUSH1 1 PUSH0 RETURN') },
  { weight: 1, arbitrary: account.map((account) => `${account} SELFDESTRUCT`) },
)

const code = fc
  .tuple(fc.array(piece, { minLength: 1, maxLength: 8 }), ending)
  .map(([pieces, ending]) => assemble(...pieces, ending))

suite('storage of tier 1', () => {
  test('is that of tier 0 after any tree of calls', () => {
    fc.assert(
      fc.property(
        fc.record({
          codes: fc.array(code, { minLength: CONTRACTS.length, maxLength: CONTRACTS.length }),
          transactions: fc.integer({ min: 1, max: 2 }),
          gasLimit: fc.bigInt({ min: 60_000n, max: 2_000_000n }),
        }),
        (world) => assert.deepEqual(run(tier1, world), run(tier0, world)),
      ),
      { numRuns: 400 },
    )
  })

  /** Runs `body` with a counter on the stack, from `count` down to 1. */
  const loop = (count: number, body: string): string =>
    `${pushOf(count)} @again ${body} PUSH1 1 SWAP1 SUB DUP1 PUSH2 @again JUMPI POP`

  const both = (code: Uint8Array, callee: Uint8Array = EMPTY_BYTES): void => {
    const world = { codes: [code, callee], transactions: 1, gasLimit: 1n << 34n }
    const [expected, actual] = [run(tier0, world), run(tier1, world)]
    assert.deepEqual(actual, expected)
    assert.equal((actual as { results: { status: string }[] }).results[0]?.status, 'succeeded')
  }

  test('goes on when the table is full: the host is asked', () => {
    const touched = STORAGE_SLOTS_MAX + 1000
    both(assemble(loop(touched, 'DUP1 DUP1 SSTORE DUP1 SLOAD DUP2 TSTORE'), 'PUSH1 3 SLOAD PUSH1 2 SSTORE'))
  })

  test('is exact when the table grows in a call, whether it succeeds or fails', () => {
    const writes = (count: number) => loop(count, 'DUP1 SLOAD DUP2 ADD DUP2 SSTORE DUP1 DUP1 TSTORE')
    const call = `PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${CONTRACTS[1]} GAS DELEGATECALL`
    for (const ending of ['STOP', 'PUSH0 PUSH0 REVERT', 'INVALID']) {
      for (const count of [STORAGE_SLOTS_MIN - 200, STORAGE_SLOTS_MIN, 8 * STORAGE_SLOTS_MIN]) {
        const callee = assemble('PUSH1 2 SLOAD PUSH1 1 ADD PUSH1 2 SSTORE', writes(count), ending)
        both(
          assemble(
            writes(150),
            `${call} PUSH2 5000 SSTORE ${call} PUSH2 5001 SSTORE`,
            'PUSH1 2 SLOAD PUSH2 5002 SSTORE PUSH1 3 TLOAD PUSH2 5003 SSTORE',
            writes(160),
          ),
          callee,
        )
      }
    }
  })

  test('goes on when the undo log is full, also if the call then fails', () => {
    const writes = loop(STORAGE_UNDO_MAX, 'DUP1 PUSH1 1 SSTORE')
    const callee = assemble(writes, 'PUSH1 9 PUSH1 2 SSTORE PUSH0 PUSH0 REVERT')
    const call = `PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${CONTRACTS[1]} GAS DELEGATECALL`
    both(
      assemble(
        'PUSH1 8 PUSH1 2 SSTORE',
        `${call} PUSH1 3 SSTORE`,
        'PUSH1 1 SLOAD PUSH1 4 SSTORE PUSH1 2 SLOAD PUSH1 5 SSTORE',
      ),
      callee,
    )
  })

  test('is exact when a callee goes on in tier 0 for its memory, whether it succeeds or fails', () => {
    for (const ending of ['STOP', 'PUSH0 PUSH0 REVERT', 'INVALID']) {
      const callee = assemble(
        'PUSH1 2 SLOAD PUSH1 1 ADD PUSH1 2 SSTORE PUSH1 1 PUSH1 3 TSTORE',
        'PUSH1 1 PUSH4 0x3fffffff MSTORE8 PUSH1 2 SLOAD PUSH1 1 ADD PUSH1 2 SSTORE',
        ending,
      )
      const code = assemble(
        'PUSH1 8 PUSH1 2 SSTORE',
        `PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${CONTRACTS[1]} GAS PUSH1 1 SHR DELEGATECALL PUSH1 1 SSTORE`,
        'PUSH1 2 SLOAD PUSH1 4 SSTORE PUSH1 3 TLOAD PUSH1 5 SSTORE',
      )
      const world = { codes: [code, callee], transactions: 1, gasLimit: 1n << 43n }
      const actual = run(tier1, world)
      assert.deepEqual(actual, run(tier0, world))
      const [result] = (actual as { results: { status: string; gasUsed: bigint }[] }).results
      assert(result?.status === 'succeeded' && result.gasUsed > 1n << 40n)
    }
  })

  test('counts frames 1,024 deep', () => {
    const code = assemble(
      'PUSH0 SLOAD PUSH1 1 ADD PUSH0 SSTORE PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL',
      'PUSH1 1 SLOAD ADD PUSH1 1 SSTORE',
    )
    const world = { codes: [code], transactions: 1, gasLimit: 1n << 40n }
    assert.deepEqual(run(tier1, world), run(tier0, world))
  })
})
