/** Frames of tier 1 that cannot stay in linear memory, and the machine after what went wrong in another frame. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bytesToBigint, EMPTY_BYTES } from '../../../../src/primitives/bytes.ts'
import { tier0 } from '../../../../runtime/evm/engine.ts'
import { tier1 } from '../../../../runtime/evm/tier1/engine.ts'
import type { FinalOutcome } from '../../../../runtime/outcome.ts'
import { assemble } from '../../../support/assembler.ts'
import { FakeHost, finish, runCode, startFrame } from '../../../support/fake-host.ts'

/** Keeps something everywhere, calls with an output range, and returns a sum of all of it. */
const CALLER = assemble(
  'PUSH1 40 PUSH1 3 SSTORE PUSH1 7 PUSH1 64 MSTORE PUSH1 100',
  'PUSH1 32 PUSH1 96 PUSH0 PUSH0 PUSH1 1 PUSH2 0x1234 GAS CALL',
  'ADD PUSH1 3 SLOAD ADD PUSH1 64 MLOAD ADD PUSH1 96 MLOAD ADD RETURNDATASIZE ADD',
  'PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
)
const REPLY: FinalOutcome = {
  kind: 'return',
  gasLeft: 5000n,
  output: Uint8Array.from({ length: 40 }, (_, i) => (i === 31 ? 9 : 0)),
}
/** 100 + 1 + 40 + 7 + 9 + 40. */
const SUM = 197n

suite('frames of tier 1', () => {
  test('that are suspended go on when another tree of frames took the machine', () => {
    const frames = [0, 1, 2].map(() => startFrame(CALLER, { engine: tier1 }))
    const outcomes = frames.map((frame) => frame.run())
    assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['call']))
    const gasLeft = frames.map((frame) => {
      const outcome = frame.resume(REPLY)
      assert(outcome.kind === 'return')
      assert.equal(bytesToBigint(outcome.output), SUM)
      return outcome.gasLeft
    })
    assert.equal(new Set(gasLeft).size, 1)
  })

  test('wait in the machine below their callees, at any depth', () => {
    const host = new FakeHost()
    const frames = Array.from({ length: 1025 }, (_, depth) => {
      const frame = startFrame(CALLER, { engine: tier1, host, depth })
      assert.equal(frame.run().kind, 'call')
      return frame
    })
    for (const frame of frames.toReversed()) {
      const outcome = frame.resume(REPLY)
      assert(outcome.kind === 'return')
      assert.equal(bytesToBigint(outcome.output), SUM)
    }
  })

  test('that never ran go on when their caller did before them', () => {
    const host = new FakeHost()
    const frames = [0, 1, 2].map((depth) => startFrame(CALLER, { engine: tier1, host, depth }))
    for (const frame of frames) assert.equal(frame.run().kind, 'call')
    for (const frame of frames.toReversed()) assert.equal(frame.resume(REPLY).kind, 'return')
  })

  test('that need more memory than the arena has go on in tier 0', () => {
    const code = assemble(
      'PUSH1 9 PUSH1 3 SSTORE PUSH1 42 PUSH0 MSTORE PUSH1 5',
      'PUSH1 1 PUSH4 0x3fffffff MSTORE8',
      'PUSH1 3 SLOAD ADD PUSH0 MLOAD ADD MSIZE ADD PUSH4 0x3fffffff PUSH1 31 SWAP1 SUB MLOAD ADD',
      'PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
    )
    const run = (engine: typeof tier0): unknown => {
      const host = new FakeHost()
      return { outcome: finish(startFrame(code, { engine, host, gas: 2n ** 42n })), slots: host.slots }
    }
    assert.deepEqual(run(tier1), run(tier0))
  })

  test('have any amount of gas', () => {
    const code = assemble('GAS PUSH0 MSTORE PUSH1 32 PUSH0 RETURN')
    for (const gas of [2n ** 53n, 2n ** 62n - 1n, 2n ** 62n, 2n ** 64n - 1n]) {
      assert.deepEqual(runCode(code, { engine: tier1, gas }), runCode(code, { engine: tier0, gas }))
    }
  })

  test('begin anew after the host threw in the middle of another one', () => {
    const host = new FakeHost()
    host.balance = () => {
      throw new RangeError('no such account')
    }
    assert.throws(() => runCode(assemble('SELFBALANCE'), { engine: tier1, host }), RangeError)
    const outcome = runCode(assemble('PUSH1 7 PUSH0 MSTORE PUSH1 32 PUSH0 RETURN'), { engine: tier1 })
    assert(outcome.kind === 'return')
    assert.equal(bytesToBigint(outcome.output), 7n)
  })

  test('see zeros in memory that frames before them wrote', () => {
    const dirty = assemble('PUSH0 NOT PUSH0 MSTORE PUSH0 NOT PUSH2 9000 MSTORE')
    const read = assemble('PUSH2 8992 MLOAD PUSH0 MLOAD OR PUSH0 MSTORE PUSH1 32 PUSH0 RETURN')
    runCode(dirty, { engine: tier1 })
    const outcome = runCode(read, { engine: tier1 })
    assert(outcome.kind === 'return')
    assert.equal(bytesToBigint(outcome.output), 0n)
    assert.equal(outcome.output.length, 32)
  })

  test('keep code by hash, and tell codes of the same length apart', () => {
    const outputs = [1, 2].map((value) => {
      const code = assemble(`PUSH1 ${value} PUSH0 MSTORE PUSH1 32 PUSH0 RETURN`)
      const outcome = runCode(code, { engine: tier1, input: EMPTY_BYTES })
      assert(outcome.kind === 'return')
      return bytesToBigint(outcome.output)
    })
    assert.deepEqual(outputs, [1n, 2n])
  })
})
