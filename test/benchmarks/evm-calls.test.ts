/** What the EVM benchmark has contestants do: so many runs of a program in one call, and copies that nobody has seen. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { coldTask, steadyTask, type EvmTask } from '../../benchmarks/evm-calls.ts'
import type { CallResult } from '../../benchmarks/evm-contestant.ts'
import { openEngine } from '../../benchmarks/evm-engines.ts'
import type { Program } from '../../benchmarks/evm-program-files.ts'
import { createEngineRunner, type Runner } from '../../benchmarks/evm-runner.ts'
import { bytesToHex, hexToBytes } from '../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import { assemble } from '../support/assembler.ts'

/** Counts its runs in slot 0; returns the count and its call data. Gas tells how much is passed on. */
const COUNTER: Program = {
  name: 'counter',
  code: bytesToHex(
    assemble(
      'PUSH0 SLOAD PUSH1 1 ADD DUP1 PUSH0 SSTORE PUSH0 MSTORE',
      'CALLDATASIZE PUSH0 PUSH1 32 CALLDATACOPY CALLDATASIZE PUSH1 32 ADD PUSH0 RETURN',
    ),
  ),
  calldata: '0xc0ffee',
  gas: 10_000_000,
  address: `0xc0${'00'.repeat(18)}01`,
  caller: `0xa0${'00'.repeat(18)}01`,
  storage: { '0x0': '0x28' },
}

async function runnerFor({ accounts }: EvmTask): Promise<Runner> {
  const engine = await openEngine('tier0')
  assert.ok(engine !== undefined)
  const runner = createEngineRunner(engine)
  await runner.place(accounts)
  return runner
}

async function run(task: EvmTask): Promise<CallResult> {
  return (await runnerFor(task)).run(task.call, 1)
}

/** The count that the last run of a program returned, and the call data that it saw. */
function told({ output }: CallResult): readonly [count: bigint, data: string] {
  assert.ok(output !== undefined, 'the call succeeds')
  return [BigInt(output.slice(0, 66)), output.slice(66)]
}

describe('a task of the steady state', () => {
  for (const count of [1, 2, 7, 1000]) {
    test(`runs the program ${count} times in one call, each with the call data`, async () => {
      assert.deepEqual(told(await run(steadyTask(COUNTER, count))), [0x28n + BigInt(count), 'c0ffee'])
    })
  }

  test('calls an empty contract as often for comparison: what is left is the program', async () => {
    const [one, many] = [steadyTask(COUNTER, 1), steadyTask(COUNTER, 5)]
    const runner = await runnerFor(many)
    const empty = await runner.run(many.empty, 1)
    assert.equal(empty.output, '0x')
    const full = await runner.run(many.call, 1)
    const single = await run(one)
    // Later runs find the slot warm and dirty: they cost less, never more.
    const perRun = ((full.gasUsed ?? 0) - (empty.gasUsed ?? 0)) / 5
    assert.ok(perRun > 100 && perRun < (single.gasUsed ?? 0), `${perRun} gas a run, alone ${single.gasUsed}`)
  })

  test('is the same task each time', () => {
    assert.deepEqual(steadyTask(COUNTER, 3), steadyTask(COUNTER, 3))
  })
})

describe('a task of first runs', () => {
  /** Of all that is called; the contract that calls is always the same. */
  const hashes = (tasks: readonly EvmTask[]): string[] =>
    tasks.flatMap(({ accounts }) =>
      accounts
        .filter(({ address }) => address !== COUNTER.caller)
        .map(({ code }) => keccak256Hash(hexToBytes(code))),
    )

  test('has copies whose hashes are all different, also from those of other tasks', () => {
    const found = hashes([coldTask(COUNTER, 16), coldTask(COUNTER, 1), coldTask(COUNTER, 16)])
    // Each copy of the program has an empty contract of its own.
    assert.equal(found.length, 2 * 33)
    assert.equal(new Set(found).size, found.length)
  })

  for (const count of [1, 16]) {
    test(`runs each of ${count} copies once, on storage of its own`, async () => {
      const task = coldTask(COUNTER, count)
      assert.equal(task.count, count)
      assert.deepEqual(told(await run(task)), [0x29n, 'c0ffee'])
    })
  }

  test('lets a program end by running off its end', async () => {
    const task = coldTask({ ...COUNTER, code: '0x5f50' }, 2)
    assert.equal((await run(task)).output, '0x')
  })

  test('tells when a copy fails', async () => {
    const task = coldTask({ ...COUNTER, code: '0xfe' }, 2)
    assert.equal((await run(task)).output, undefined)
  })
})
