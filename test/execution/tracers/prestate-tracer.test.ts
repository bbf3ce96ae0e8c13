/** What counts as touched: geth's fixtures cover the common ways, these the ones at the edges. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { EMPTY_BYTES, wordToHash, type Address } from '../../../src/primitives/bytes.ts'
import { create2Address, createAddress } from '../../../src/chain/contract-address.ts'
import { delegationTo } from '../../../src/chain/delegation.ts'
import {
  PrestateOptionsError,
  PrestateTracer,
  type PrestateTracerOptions,
} from '../../../src/execution/tracers/prestate-tracer.ts'
import { TraceBudget, TraceTooLargeError } from '../../../src/execution/tracers/tracer.ts'
import { runMessage } from '../../../src/execution/transaction.ts'
import { CALL_POLICY } from '../../../src/execution/validation.ts'
import type { CallMessage } from '../../../src/execution/message.ts'
import { Journal } from '../../../src/state/journal.ts'
import type { StepView } from '../../../runtime/host.ts'
import { assemble } from '../../support/assembler.ts'
import {
  addressOf,
  AMPLE_ALLOWANCE,
  smallEnvironment,
  smallMessage,
  smallWorld,
  type SmallAccount,
} from '../../support/small-world.ts'

interface Printed {
  readonly balance?: string
  readonly nonce?: number
  readonly code?: string
  readonly storage?: Readonly<Record<string, string>>
}
type Accounts = Readonly<Record<Address, Printed>>

const MAIN = addressOf(0xc0de)
const SENDER = addressOf(0xaa)
const OTHER = addressOf(0xca11ee)
const TARGET = addressOf(0x7a96e7)
const OPTIONS = { diffMode: false, disableCode: false, disableStorage: false, includeEmpty: false }

function trace(
  code: Uint8Array,
  options: Partial<PrestateTracerOptions> = {},
  others: readonly (readonly [Address, SmallAccount])[] = [],
  message: Partial<CallMessage> = {},
  main: SmallAccount = {},
): unknown {
  const tracer = new PrestateTracer({ ...OPTIONS, ...options })
  const journal = new Journal(smallWorld(new Map([[MAIN, { balance: 1n, code, ...main }], ...others])))
  runMessage(journal, smallEnvironment(), smallMessage(message), AMPLE_ALLOWANCE, CALL_POLICY, { tracer })
  return tracer.result()
}

/** Accounts before, as the tests here read them. */
function before(...args: Parameters<typeof trace>): Accounts {
  return trace(...args) as Accounts
}

function difference(...args: Parameters<typeof trace>): { readonly pre: Accounts; readonly post: Accounts } {
  const [code, options, ...rest] = args
  return trace(code, { ...options, diffMode: true }, ...rest) as { pre: Accounts; post: Accounts }
}

const RICH = [OTHER, { balance: 7n }] as const

const slot = (index: bigint, value: bigint): [string, string] => [wordToHash(index), wordToHash(value)]

test('an instruction that ran out of gas or of words touched nothing', () => {
  const reads = assemble('PUSH3 0xca11ee BALANCE STOP')
  assert.ok(OTHER in before(reads, {}, [RICH]))
  assert.ok(!(OTHER in before(reads, {}, [RICH], { gasLimit: 21_100n })))
  const loads = assemble('PUSH0 SLOAD STOP')
  const storage = { storage: { '0': 5n } }
  assert.deepEqual(before(loads, {}, [], {}, storage)[MAIN]?.storage, { [wordToHash(0n)]: wordToHash(5n) })
  assert.equal(before(loads, {}, [], { gasLimit: 21_500n }, storage)[MAIN]?.storage, undefined)
})

test('a call to a delegated account touches the account whose code it runs, reading it does not', () => {
  const others = [
    [OTHER, { code: delegationTo(TARGET) }],
    [TARGET, { code: assemble('STOP') }],
  ] as const
  const calls = assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH3 0xca11ee GAS STATICCALL STOP')
  assert.deepEqual(Object.keys(before(calls, {}, others)).toSorted(), [MAIN, TARGET, OTHER].toSorted())
  const reads = assemble('PUSH3 0xca11ee EXTCODESIZE STOP')
  assert.deepEqual(Object.keys(before(reads, {}, others)).toSorted(), [MAIN, OTHER].toSorted())
  assert.deepEqual(
    Object.keys(before(new Uint8Array(0), {}, others, { to: OTHER })).toSorted(),
    [TARGET, OTHER].toSorted(),
  )
})

test('creations touch the contract to be, memory that is not there included', () => {
  const deployer = assemble('PUSH1 9 PUSH1 40 PUSH0 PUSH0 CREATE2 PUSH0 PUSH0 PUSH0 CREATE STOP')
  const { post } = difference(deployer, {}, [], {}, { nonce: 1n })
  // The initcode is 40 zero bytes, of which memory had none: STOP.
  const second = create2Address(MAIN, 9n, new Uint8Array(40))
  assert.deepEqual(post[second], { nonce: 1 })
  assert.deepEqual(post[createAddress(MAIN, 2n)], { nonce: 1 })
  assert.deepEqual(post[MAIN], { nonce: 3 })
})

test('a contract that comes and goes in one transaction leaves no trace', () => {
  // Initcode: CALLER SELFDESTRUCT.
  const deployer = assemble('PUSH2 0x33ff PUSH0 MSTORE PUSH1 2 PUSH1 30 PUSH0 CREATE STOP')
  const { pre, post } = difference(deployer, {}, [], {}, { nonce: 1n })
  assert.deepEqual(
    Object.keys(pre),
    [SENDER, MAIN].filter((address) => address === MAIN),
  )
  assert.deepEqual(Object.keys(post).toSorted(), [SENDER, MAIN].toSorted())
})

test('a difference shows slots that changed: old values before, new ones after, zero on neither side', () => {
  const code = assemble(
    'PUSH0 SLOAD POP', // unchanged
    'PUSH0 PUSH1 1 SSTORE', // cleared
    'PUSH1 8 PUSH1 2 SSTORE', // changed
    'PUSH1 9 PUSH1 3 SSTORE', // set
    'PUSH1 9 PUSH1 4 SSTORE PUSH0 PUSH1 4 SSTORE STOP', // set and taken back
  )
  const { pre, post } = difference(code, {}, [], {}, { storage: { '0': 1n, '1': 1n, '2': 2n } })
  assert.deepEqual(pre[MAIN]?.storage, Object.fromEntries([slot(1n, 1n), slot(2n, 2n)]))
  assert.deepEqual(post[MAIN], { storage: Object.fromEntries([slot(2n, 8n), slot(3n, 9n)]) })
})

test('what a failing transaction touched did not change', () => {
  const { pre, post } = difference(assemble('PUSH1 1 PUSH0 SSTORE INVALID'))
  assert.deepEqual([pre, post], [{}, { [SENDER]: { nonce: 1 } }])
})

test('a trace beyond the budget is given up', () => {
  const tracer = new PrestateTracer(OPTIONS, new TraceBudget(2000))
  const code = assemble('@again GAS SLOAD POP PUSH2 @again JUMP')
  const journal = new Journal(smallWorld(new Map([[MAIN, { code }]])))
  assert.throws(
    () => runMessage(journal, smallEnvironment(), smallMessage(), AMPLE_ALLOWANCE, CALL_POLICY, { tracer }),
    TraceTooLargeError,
  )
})

test('options that exclude each other are refused', () => {
  assert.throws(
    () => new PrestateTracer({ ...OPTIONS, diffMode: true, includeEmpty: true }),
    PrestateOptionsError,
  )
})

test('is not slower for slots that collide in a Map of bigints', () => {
  const timeOf = (shift: bigint): number => {
    const tracer = new PrestateTracer(OPTIONS)
    const state = smallWorld(new Map([[MAIN, { balance: 1n }]]))
    const [environment, gas] = [smallEnvironment(), { gasLimit: 0n, intrinsicGas: 0n }]
    tracer.start({ environment, state, sender: SENDER, to: MAIN, authorities: [], ...gas })
    const start = performance.now()
    for (let i = 0n; i < 30_000n; i++) tracer.step(sloadOf(i << shift))
    return performance.now() - start
  }
  // A Map of bigints takes seconds.
  assert.ok(timeOf(64n) < 20 * timeOf(0n) + 100)
})

function sloadOf(key: bigint): StepView {
  return {
    pc: 0,
    opcode: 0x54,
    gas: 0n,
    depth: 0,
    address: MAIN,
    stack: [key],
    stackSize: 1,
    memory: EMPTY_BYTES,
    memorySize: 0,
    returnData: EMPTY_BYTES,
    refund: 0n,
  }
}
