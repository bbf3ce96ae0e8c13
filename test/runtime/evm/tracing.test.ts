/** What a step tracer sees, and when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StepView } from '../../../runtime/host.ts'
import { assemble } from '../../support/assembler.ts'
import { FakeHost, finish, SELF, startFrame } from '../../support/fake-host.ts'

interface Seen {
  readonly steps: StepView[]
  readonly faults: string[]
}

/** Runs code and keeps a copy of each view, cut to what is valid in it. */
function trace(code: Uint8Array, gas: bigint, host = new FakeHost()): Seen {
  const seen: Seen = { steps: [], faults: [] }
  const tracer = {
    step(view: StepView) {
      const stack = view.stack.slice(0, view.stackSize)
      const memory = view.memory.slice(0, view.memorySize)
      seen.steps.push({ ...view, stack, memory })
    },
    fault: (reason: string) => void seen.faults.push(reason),
  }
  finish(startFrame(code, { host, tracer, gas, depth: 3 }))
  return seen
}

test('each step is the state before an instruction', () => {
  const { steps, faults } = trace(assemble('PUSH1 7 PUSH1 32 MSTORE STOP'), 1000n)
  const brief = steps.map(({ pc, opcode, gas, stack, memorySize }) => ({
    pc,
    opcode,
    gas,
    stack,
    memorySize,
  }))
  assert.deepEqual(brief, [
    { pc: 0, opcode: 0x60, gas: 1000n, stack: [], memorySize: 0 },
    { pc: 2, opcode: 0x60, gas: 997n, stack: [7n], memorySize: 0 },
    { pc: 4, opcode: 0x52, gas: 994n, stack: [7n, 32n], memorySize: 0 },
    { pc: 5, opcode: 0x00, gas: 985n, stack: [], memorySize: 64 },
  ])
  assert.equal(steps[3]?.memory[63], 7)
  assert.deepEqual(
    steps.map(({ depth, address }) => [depth, address]),
    steps.map(() => [3, SELF]),
  )
  assert.deepEqual(faults, [])
})

test('running past the end of the code is a step of STOP', () => {
  assert.deepEqual(
    trace(assemble('PUSH0'), 1000n).steps.map(({ pc, opcode }) => [pc, opcode]),
    [
      [0, 0x5f],
      [1, 0x00],
    ],
  )
})

test('an instruction that fails is seen first, then its fault', () => {
  const cases: [string, bigint, string][] = [
    ['PUSH0 ADD', 1000n, 'stackUnderflow'],
    ['PUSH0 MLOAD', 4n, 'outOfGas'],
    ['PUSH0 MLOAD', 5n, 'outOfGas'],
    ['PUSH0 JUMP', 1000n, 'invalidJump'],
    ['PUSH0 INVALID', 1000n, 'invalidOpcode'],
  ]
  for (const [program, gas, reason] of cases) {
    const { steps, faults } = trace(assemble(program), gas)
    assert.equal(steps.length, 2, program)
    assert.deepEqual(faults, [reason], program)
  }
})

test('a revert is no fault', () => {
  const { steps, faults } = trace(assemble('PUSH0 PUSH0 REVERT'), 1000n)
  assert.equal(steps.length, 3)
  assert.deepEqual(faults, [])
})

test('steps show the refund counter and the last return data', () => {
  const host = new FakeHost()
  host.originalSlots.set(`${SELF}:0`, 1n)
  const { steps } = trace(assemble('PUSH0 PUSH0 SSTORE STOP'), 10_000n, host)
  assert.deepEqual(
    steps.map(({ refund }) => refund),
    [0n, 0n, 0n, 4800n],
  )

  const seen: Uint8Array[] = []
  const tracer = { step: ({ returnData }: StepView) => void seen.push(returnData) }
  const frame = startFrame(assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 GAS STATICCALL STOP'), { tracer })
  assert.equal(frame.run().kind, 'call')
  const returnData = Uint8Array.of(1, 2)
  frame.resume({ kind: 'return', gasLeft: 0n, output: returnData })
  assert.deepEqual(seen.at(-1), returnData)
  assert.equal(seen.length, 8)
})
