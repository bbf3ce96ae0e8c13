/** What each listed instruction shows, above all its cost: the gas prices below are those of the EIPs. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { bytesToHex, wordToHash, type Address } from '../../../src/primitives/bytes.ts'
import { StructLogTracer, type StructLogOptions } from '../../../src/execution/tracers/struct-log-tracer.ts'
import { TraceBudget, TraceTooLargeError } from '../../../src/execution/tracers/tracer.ts'
import { runMessage } from '../../../src/execution/transaction.ts'
import { CALL_POLICY } from '../../../src/execution/validation.ts'
import type { CallMessage } from '../../../src/execution/message.ts'
import { Journal } from '../../../src/state/journal.ts'
import { assemble } from '../../support/assembler.ts'
import {
  addressOf,
  AMPLE_ALLOWANCE,
  smallEnvironment,
  smallMessage,
  smallWorld,
  type SmallAccount,
} from '../../support/small-world.ts'

interface Log {
  readonly pc: number
  readonly op: string
  readonly gas: number
  readonly gasCost: number
  readonly depth: number
  readonly error?: string
  readonly stack?: readonly string[]
  readonly memory?: readonly string[]
  readonly storage?: Readonly<Record<string, string>>
  readonly refund?: number
  readonly returnData?: string
}

interface Trace {
  readonly gas: number
  readonly failed: boolean
  readonly returnValue: string
  readonly structLogs: readonly Log[]
}

const OPTIONS: StructLogOptions = {
  disableStack: false,
  disableStorage: false,
  enableMemory: false,
  enableReturnData: false,
  limit: 0,
}
const MAIN = addressOf(0xc0de)
const CALLEE = addressOf(0xca11ee)

function trace(
  code: Uint8Array,
  {
    options = {},
    message = {},
    others = [],
    budget = new TraceBudget(),
    account = {},
  }: {
    options?: Partial<StructLogOptions>
    message?: Partial<CallMessage>
    others?: readonly (readonly [Address, SmallAccount])[]
    budget?: TraceBudget
    account?: SmallAccount
  } = {},
): Trace {
  const tracer = new StructLogTracer({ ...OPTIONS, ...options }, budget)
  const journal = new Journal(smallWorld(new Map([[MAIN, { code, ...account }], ...others])))
  runMessage(journal, smallEnvironment(), smallMessage(message), AMPLE_ALLOWANCE, CALL_POLICY, { tracer })
  // Its fields are the ones above; the tests say whether their values are right.
  return tracer.result() as Trace
}

const costs = (logs: readonly Log[]): [string, number][] => logs.map(({ op, gasCost }) => [op, gasCost])

const callTo = (to: string, value: number): Uint8Array =>
  assemble(`PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 ${value} PUSH3 ${to} PUSH2 5000 CALL STOP`)

const costOfCall = (code: Uint8Array): number | undefined =>
  trace(code).structLogs.find(({ op }) => op === 'CALL')?.gasCost

const lastStep = (code: Uint8Array, gasLimit = 1_000_000n): [string, number, string | undefined] => {
  const log = trace(code, { message: { gasLimit } }).structLogs.at(-1)
  return [log?.op ?? '', log?.gasCost ?? -1, log?.error]
}

test('an instruction shows what was there before it and what it cost', () => {
  const { gas, failed, returnValue, structLogs } = trace(
    assemble('PUSH1 7 PUSH2 0x100 MSTORE', 'PUSH1 32 PUSH2 0x100 RETURN'),
    { options: { enableMemory: true } },
  )
  assert.equal(failed, false)
  assert.equal(returnValue, wordToHash(7n))
  assert.equal(gas, 21_000 + 3 + 3 + 3 + 27 + 3 + 3)
  assert.deepEqual(structLogs[2], {
    pc: 5,
    op: 'MSTORE',
    gas: 978_994,
    gasCost: 3 + 27,
    depth: 1,
    stack: ['0x7', '0x100'],
  })
  assert.deepEqual(structLogs.at(-1)?.memory, [
    ...Array.from({ length: 8 }, () => wordToHash(0n)),
    wordToHash(7n),
  ])
  assert.equal(structLogs.at(-1)?.gasCost, 0)
})

test('RETURN costs the memory it makes', () => {
  const { structLogs } = trace(assemble('PUSH1 64 PUSH0 RETURN'))
  assert.deepEqual(costs(structLogs), [
    ['PUSH1', 3],
    ['PUSH0', 2],
    ['RETURN', 6],
  ])
})

test('a call costs what it passes on, without the stipend', () => {
  const code = assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 1 PUSH3 0xca11ee PUSH2 5000 CALL STOP')
  const callee = { code: assemble('PUSH0 POP STOP'), balance: 1n }
  const { structLogs } = trace(code, { others: [[CALLEE, callee]], account: { balance: 1n } })
  assert.deepEqual(costs(structLogs).slice(-5), [
    ['CALL', 2600 + 9000 + 5000],
    ['PUSH0', 2],
    ['POP', 2],
    ['STOP', 0],
    ['STOP', 0],
  ])
  assert.deepEqual(
    structLogs.slice(-5).map(({ depth }) => depth),
    [1, 2, 2, 2, 1],
  )
  // The callee had the stipend on top, and all but 4 gas came back.
  assert.equal(structLogs.at(-4)?.gas, 7300)
  const [call, after] = [structLogs.at(-5), structLogs.at(-1)]
  assert.equal(after?.gas, (call?.gas ?? 0) - 16_600 + 7296)
})

test('a call to an account without code, to a precompile and one that is refused cost the same way', () => {
  assert.equal(costOfCall(callTo('0xca11ee', 0)), 2600 + 5000)
  assert.equal(costOfCall(callTo('0x000004', 0)), 100 + 5000)
  // No balance: the value is paid for, the gas comes back.
  assert.equal(costOfCall(callTo('0xca11ee', 1)), 2600 + 9000 + 25_000 + 5000)
})

test('a creation does not count the gas of its initcode', () => {
  // Initcode of 3 bytes that returns a byte of memory: PUSH1 1 PUSH0 RETURN, at the end of the first word.
  const code = assemble('PUSH4 0x60015ff3 PUSH0 MSTORE PUSH1 4 PUSH1 28 PUSH0 CREATE STOP')
  const { structLogs } = trace(code)
  assert.deepEqual(costs(structLogs).slice(-5), [
    ['CREATE', 32_000 + 2],
    ['PUSH1', 3],
    ['PUSH0', 2],
    ['RETURN', 3],
    ['STOP', 0],
  ])
  const [create, stop] = [structLogs.at(-5), structLogs.at(-1)]
  assert.equal(stop?.gas, (create?.gas ?? 0) - 32_002 - 8 - 200)
})

test('storage appears where it is used, refunds as they stand', () => {
  const code = assemble('PUSH0 SLOAD POP PUSH0 PUSH0 SSTORE PUSH1 5 PUSH1 1 SSTORE STOP')
  const { structLogs } = trace(code, { account: { storage: { '0': 9n } } })
  const [load, clear, set] = structLogs.filter(({ storage }) => storage !== undefined)
  assert.deepEqual(
    [load?.op, load?.gasCost, load?.storage],
    ['SLOAD', 2100, { [wordToHash(0n)]: wordToHash(9n) }],
  )
  assert.deepEqual([clear?.gasCost, clear?.refund], [2900, undefined])
  assert.deepEqual(clear?.storage, { [wordToHash(0n)]: wordToHash(0n) })
  assert.deepEqual([set?.gasCost, set?.refund], [22_100, 4800])
  assert.deepEqual(Object.keys(set?.storage ?? {}), [wordToHash(0n), wordToHash(1n)])
})

test('SELFDESTRUCT costs what its frame ended with', () => {
  const { structLogs } = trace(assemble('PUSH3 0xbeef00 SELFDESTRUCT'))
  assert.deepEqual(costs(structLogs), [
    ['PUSH3', 3],
    ['SELFDESTRUCT', 7600],
  ])
})

test('an instruction that could not run shows why, one that failed running does not', () => {
  assert.deepEqual(lastStep(assemble('PUSH0 ADD')), ['ADD', 0, 'stack underflow (1 <=> 2)'])
  assert.deepEqual(lastStep(assemble('PUSH0 KECCAK256 STOP'), 21_003n), [
    'KECCAK256',
    0,
    'stack underflow (1 <=> 2)',
  ])
  assert.deepEqual(lastStep(assemble('PUSH0 SLOAD STOP'), 21_050n), ['SLOAD', 100, 'out of gas'])
  assert.deepEqual(lastStep(assemble('PUSH0 SLOAD STOP'), 21_500n), ['SLOAD', 2100, 'out of gas'])
  assert.deepEqual(lastStep(assemble('PUSH0 JUMP')), ['JUMP', 8, undefined])
  assert.deepEqual(lastStep(assemble('INVALID')), ['INVALID', 0, undefined])
  assert.deepEqual(lastStep(Uint8Array.of(0x0c)), ['opcode 0xc not defined', 0, undefined])
  // Memory beyond anything has no price: the fixed part is shown.
  assert.deepEqual(lastStep(assemble('PUSH0 PUSH32 0x' + 'ff'.repeat(32), 'MSTORE')), [
    'MSTORE',
    3,
    'out of gas',
  ])
})

test('what failed returns only what it reverted with', () => {
  const reverted = trace(assemble('PUSH1 1 PUSH1 31 REVERT'))
  assert.deepEqual([reverted.failed, reverted.returnValue], [true, '0x00'])
  const halted = trace(assemble('INVALID'))
  assert.deepEqual([halted.failed, halted.returnValue, halted.gas], [true, '0x', 1_000_000])
})

test('options choose what is listed', () => {
  const code = assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 4 GAS STATICCALL PUSH0 SLOAD STOP')
  const echo = { others: [] }
  const bare = trace(code, { ...echo, options: { disableStack: true, disableStorage: true } })
  assert.ok(bare.structLogs.every((log) => !('stack' in log) && !('storage' in log) && !('memory' in log)))
  const withReturnData = trace(
    assemble('PUSH1 7 PUSH0 MSTORE PUSH0 PUSH0 PUSH1 32 PUSH0 PUSH1 4 GAS STATICCALL STOP'),
    { options: { enableReturnData: true } },
  )
  assert.equal(withReturnData.structLogs.at(-1)?.returnData, wordToHash(7n))
})

test('a limit stops the list, not the run', () => {
  const loop = assemble('PUSH2 1000 @again PUSH1 1 SWAP1 SUB DUP1 PUSH2 @again JUMPI STOP')
  const full = trace(loop)
  const limited = trace(loop, { options: { limit: 1000 } })
  assert.equal(limited.gas, full.gas)
  assert.ok(limited.structLogs.length < 20)
  assert.deepEqual(limited.structLogs, full.structLogs.slice(0, limited.structLogs.length))
})

test('a trace beyond the budget is given up with an error that says what to do', () => {
  const loop = assemble('PUSH2 1000 @again PUSH1 1 SWAP1 SUB DUP1 PUSH2 @again JUMPI STOP')
  assert.throws(() => trace(loop, { budget: new TraceBudget(100_000) }), TraceTooLargeError)
  assert.throws(() => trace(loop, { budget: new TraceBudget(100_000) }), /100000 bytes.*disableStack/)
})

test('a creation returns the code it laid down', () => {
  const initcode = assemble('PUSH2 0x5b00 PUSH0 MSTORE PUSH1 2 PUSH1 30 RETURN')
  const { returnValue, failed } = trace(new Uint8Array(0), { message: { to: null, data: initcode } })
  assert.deepEqual([returnValue, failed], [bytesToHex(Uint8Array.of(0x5b, 0x00)), false])
})
