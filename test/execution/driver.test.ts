/** The driver: depth, refusals, precompiles and nesting, whatever engine runs. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Address } from '../../src/primitives/bytes.ts'
import { createAddress } from '../../src/chain/contract-address.ts'
import { delegationTo } from '../../src/chain/delegation.ts'
import type { CallMessage, TransactionResult } from '../../src/execution/message.ts'
import type { ExecutionTracer, FrameEntry, FrameExit } from '../../src/execution/tracing.ts'
import { runMessage } from '../../src/execution/transaction.ts'
import { CALL_POLICY } from '../../src/execution/validation.ts'
import { Journal } from '../../src/state/journal.ts'
import { assemble } from '../support/assembler.ts'
import {
  addressOf,
  AMPLE_ALLOWANCE,
  smallEnvironment,
  smallMessage,
  smallWorld,
} from '../support/small-world.ts'

const CONTRACT = addressOf(0xc0de)

/** Runs the contract's code; what it leaves in storage and returns can be read afterwards. */
function runCode(
  code: Uint8Array,
  options: {
    readonly message?: Partial<CallMessage>
    readonly others?: readonly (readonly [Address, { code?: Uint8Array; balance?: bigint; nonce?: bigint }])[]
    readonly tracer?: ExecutionTracer
    readonly balance?: bigint
    readonly nonce?: bigint
  } = {},
): { readonly journal: Journal; readonly result: TransactionResult } {
  const { others = [], tracer, balance = 0n, nonce = 1n } = options
  const journal = new Journal(smallWorld(new Map([[CONTRACT, { nonce, code, balance }], ...others])))
  const message = smallMessage({ gasLimit: 1n << 40n, ...options.message })
  const result = runMessage(journal, smallEnvironment('prague'), message, AMPLE_ALLOWANCE, CALL_POLICY, {
    tracer,
  })
  return { journal, result }
}

/** Stores what is on top of the stack in slot 0. */
const STORE_TOP = 'PUSH0 SSTORE'

describe('depth', () => {
  test('is 1,024 below the transaction, on an explicit stack', () => {
    // Counts in slot 0, then calls itself with all gas.
    const code = assemble(
      'PUSH0 SLOAD PUSH1 0x01 ADD PUSH0 SSTORE PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL',
    )
    const { journal, result } = runCode(code)
    assert.equal(result.status, 'succeeded')
    assert.equal(journal.storage(CONTRACT, 0n), 1025n, 'frames at depths 0 to 1,024')
  })

  test('refuses the call behind it and gives its gas back', () => {
    let deepest: FrameExit | undefined
    const tracer: ExecutionTracer = {
      exit: (exit) => {
        if (exit.depth === 1025) deepest = exit
      },
    }
    runCode(assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL'), { tracer })
    assert.deepEqual(deepest?.failure, { kind: 'refused', reason: 'depth' })
    assert.equal(deepest.gasUsed, 0n)
  })
})

describe('value', () => {
  const callWithValue = (value: string) =>
    assemble(`PUSH0 PUSH0 PUSH0 PUSH0 ${value} PUSH1 0x99 GAS CALL ${STORE_TOP}`)

  test('moves with the call', () => {
    const { journal } = runCode(callWithValue('PUSH1 0x05'), { balance: 6n })
    assert.equal(journal.balance(addressOf(0x99)), 5n)
    assert.equal(journal.balance(CONTRACT), 1n)
    assert.equal(journal.storage(CONTRACT, 0n), 1n)
  })

  test('that is not there refuses the call', () => {
    const { journal } = runCode(callWithValue('PUSH1 0x07'), { balance: 6n })
    assert.equal(journal.balance(addressOf(0x99)), 0n)
    assert.equal(journal.storage(CONTRACT, 0n), 0n)
  })

  test('comes back when the callee fails', () => {
    const others = [[addressOf(0x99), { code: assemble('INVALID') }]] as const
    const { journal } = runCode(callWithValue('PUSH1 0x05'), { balance: 6n, others })
    assert.equal(journal.balance(CONTRACT), 6n)
  })
})

describe('creation', () => {
  const create = `PUSH0 PUSH0 PUSH0 CREATE ${STORE_TOP}`

  test('raises the nonce and yields the address', () => {
    const { journal } = runCode(assemble(create))
    assert.equal(journal.storage(CONTRACT, 0n), BigInt(createAddress(CONTRACT, 1n)))
    assert.equal(journal.nonce(CONTRACT), 2n)
  })

  test('on an occupied address fails, with the nonce raised and the gas gone', () => {
    const occupied = createAddress(CONTRACT, 1n)
    const gasLimit = 1_000_000n
    const { journal, result } = runCode(assemble(create), {
      message: { gasLimit },
      others: [[occupied, { nonce: 1n }]],
    })
    assert.equal(journal.storage(CONTRACT, 0n), 0n)
    assert.equal(journal.nonce(CONTRACT), 2n)
    assert.ok(result.gasUsed > (gasLimit * 9n) / 10n)
  })

  test('at the last nonce is refused (EIP-2681)', () => {
    const nonce = 2n ** 64n - 1n
    const { journal } = runCode(assemble(create), { nonce })
    assert.equal(journal.storage(CONTRACT, 0n), 0n)
    assert.equal(journal.nonce(CONTRACT), nonce)
  })

  test('that fails returns its revert data to the creator', () => {
    // Initcode `PUSH1 32 PUSH0 REVERT`, then RETURNDATASIZE.
    const initcode = assemble('PUSH1 0x20 PUSH0 REVERT').toHex()
    const code = assemble(
      `PUSH4 0x${initcode} PUSH0 MSTORE PUSH1 0x04 PUSH1 0x1c PUSH0 CREATE POP RETURNDATASIZE ${STORE_TOP}`,
    )
    assert.equal(runCode(code).journal.storage(CONTRACT, 0n), 32n)
  })
})

describe('precompiles', () => {
  test('run in place of code, and cost their caller what they ask', () => {
    // SHA-256 of nothing through STATICCALL.
    const code = assemble(
      `PUSH1 0x20 PUSH0 PUSH0 PUSH0 PUSH1 0x02 GAS STATICCALL POP PUSH0 MLOAD ${STORE_TOP}`,
    )
    const { journal } = runCode(code)
    const sha256OfNothing = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855n
    assert.equal(journal.storage(CONTRACT, 0n), sha256OfNothing)
  })

  test('take all gas of a call that is too small for them', () => {
    const code = assemble(`PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 0x02 PUSH1 0x3b STATICCALL ${STORE_TOP}`)
    assert.equal(runCode(code).journal.storage(CONTRACT, 0n), 0n)
  })

  test('are not reached through a delegation (EIP-7702)', () => {
    const others = [[addressOf(0x99), { code: delegationTo(addressOf(2)) }]] as const
    const code = assemble(
      `PUSH1 0x20 PUSH0 PUSH0 PUSH0 PUSH1 0x99 GAS STATICCALL POP RETURNDATASIZE ${STORE_TOP}`,
    )
    assert.equal(runCode(code, { others }).journal.storage(CONTRACT, 0n), 0n)
  })
})

test('a tracer sees frames open and close in order', () => {
  const seen: string[] = []
  const tracer: ExecutionTracer = {
    enter: ({ kind, depth, to }: FrameEntry) => void seen.push(`${depth} ${kind} ${to.slice(-4)}`),
    exit: ({ depth, failure }) => void seen.push(`${depth} ${failure?.kind ?? 'ok'}`),
  }
  const others = [
    [addressOf(0x99), { code: assemble('PUSH1 0x77 SELFDESTRUCT') }],
    [addressOf(0x98), { code: assemble('INVALID') }],
  ] as const
  const calls = ['0x99', '0x98', '0x04'].map((to) => `PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 ${to} GAS CALL POP`)
  runCode(assemble(...calls), { tracer, others })
  assert.deepEqual(seen, [
    '0 call c0de',
    '1 call 0099',
    '2 selfdestruct 0077',
    '2 ok',
    '1 ok',
    '1 call 0098',
    '1 halt',
    '1 call 0004',
    '1 ok',
    '0 ok',
  ])
})
