/** Gas as a whole: every limit from 0 on, limits beyond 2⁵², and random code. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { bytesToBigint } from '../../../src/primitives/bytes.ts'
import type { FinalOutcome } from '../../../runtime/outcome.ts'
import { assemble } from '../../support/assembler.ts'
import { evaluate, FakeHost, finish, OTHER, startFrame } from '../../support/fake-host.ts'

suite('with every gas limit, a program either runs out of gas or runs the same', () => {
  const programs: Readonly<Record<string, string>> = {
    'arithmetic and a loop': 'PUSH1 9 @loop PUSH1 1 SWAP1 SUB DUP1 PUSH2 @loop JUMPI',
    'exponents of every size': 'PUSH0 PUSH1 3 EXP PUSH2 0x100 PUSH1 3 EXP PUSH0 NOT PUSH1 3 EXP',
    'memory that grows': 'PUSH1 1 PUSH0 MSTORE PUSH1 1 PUSH2 0x200 MSTORE8 PUSH2 0x300 MLOAD',
    'hashing and copies':
      'PUSH1 65 PUSH0 KECCAK256 PUSH1 33 PUSH0 PUSH1 64 CODECOPY PUSH1 40 PUSH1 3 PUSH1 99 MCOPY',
    logs: 'PUSH1 3 PUSH1 2 PUSH1 70 PUSH1 5 LOG2 PUSH0 PUSH0 LOG0',
    storage: 'PUSH1 1 PUSH0 SSTORE PUSH0 PUSH0 SSTORE PUSH1 7 SLOAD PUSH1 7 SLOAD PUSH1 1 PUSH1 2 TSTORE',
    accounts: `PUSH20 ${OTHER} BALANCE PUSH20 ${OTHER} EXTCODESIZE PUSH1 9 PUSH0 PUSH0 PUSH20 ${OTHER} EXTCODECOPY`,
    calls: `PUSH1 32 PUSH0 PUSH0 PUSH0 PUSH1 1 PUSH20 ${OTHER} PUSH1 99 CALL PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS PUSH0 STATICCALL`,
    creations: 'PUSH1 40 PUSH0 PUSH1 1 CREATE PUSH1 1 PUSH1 40 PUSH0 PUSH1 1 CREATE2',
    'an output': 'PUSH1 99 PUSH1 3 REVERT',
    'a self-destruct': `PUSH20 ${OTHER} SELFDESTRUCT`,
  }
  for (const [name, program] of Object.entries(programs)) {
    test(name, () => {
      const code = assemble(program)
      const limit = 200_000n
      const whole = finish(startFrame(code, { gas: limit }))
      assert(whole.kind !== 'halt')
      const needed = leastGas(code, limit)
      const used = limit - whole.gasLeft
      // SSTORE wants more than it takes: 2,300 must be left before it.
      assert.ok(needed >= used && needed <= used + 2300n, `needs ${needed}, uses ${used}`)
      const step = needed > 5000n ? 7n : 1n
      for (let gas = 0n; gas < needed; gas += step) {
        const outcome = finish(startFrame(code, { gas }))
        assert.deepEqual(outcome, { kind: 'halt', reason: 'outOfGas' }, `with ${gas} gas`)
      }
      for (let gas = needed; gas < needed + 100n; gas++) {
        assert.deepEqual(
          finish(startFrame(code, { gas })),
          { ...whole, gasLeft: gas - used },
          `with ${gas} gas`,
        )
      }
    })
  }
})

/** The smallest limit with which the code does not halt, found by halving; the test then checks all others. */
function leastGas(code: Uint8Array, limit: bigint): bigint {
  let low = 0n
  let high = limit
  while (low < high) {
    const middle = (low + high) / 2n
    if (finish(startFrame(code, { gas: middle })).kind === 'halt') low = middle + 1n
    else high = middle
  }
  return high
}

suite('gas beyond 2⁵² is exact', () => {
  const limits = [2n ** 52n - 1n, 2n ** 52n, 2n ** 52n + 1n, 2n ** 53n + 1n, 2n ** 63n - 1n]
  for (const limit of limits) {
    test(`${limit}`, () => {
      assert.equal(evaluate('GAS', { gas: limit }), limit - 2n)

      const code = assemble(
        'PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS PUSH0 NOT CALL GAS PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
      )
      const frame = startFrame(code, { gas: limit })
      const outcome = frame.run()
      assert(outcome.kind === 'call')
      const left = limit - 17n - 100n
      assert.equal(outcome.request.gas, left - left / 64n)

      const returned = outcome.request.gas - 5n
      const ended = frame.resume({ kind: 'return', gasLeft: returned, output: code })
      assert(ended.kind === 'return')
      assert.equal(bytesToBigint(ended.output), left - 5n - 2n)
      assert.equal(ended.gasLeft, left - 5n - 2n - 2n - 3n - 3n - 3n - 2n)
    })
  }

  test('a call may ask for less than there is', () => {
    const code = assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS PUSH8 0x0fffffffffffffff CALL')
    const outcome = startFrame(code, { gas: 2n ** 63n - 1n }).run()
    assert(outcome.kind === 'call')
    assert.equal(outcome.request.gas, 0x0fffffffffffffffn)
  })
})

test('random code never throws, never gains gas, and runs the same when it is traced', () => {
  // Bytes that are instructions without deep needs are more likely, so that runs get past the first few.
  const byte = fc.oneof(
    fc.nat(255),
    fc.integer({ min: 0x5f, max: 0x62 }),
    fc.integer({ min: 0x80, max: 0x83 }),
  )
  const code = fc
    .array(byte, { maxLength: 200 })
    .map((bytes) => Uint8Array.from([0x5f, 0x5f, 0x30, 0x34, ...bytes]))
  fc.assert(
    fc.property(code, fc.nat(200_000), fc.boolean(), (bytes, gas, isStatic) => {
      const run = (isTraced: boolean): [FinalOutcome, FakeHost] => {
        const host = new FakeHost()
        const tracer = { step: () => undefined }
        const options = { host, gas: BigInt(gas), isStatic, value: 3n }
        return [finish(startFrame(bytes, isTraced ? { ...options, tracer } : options)), host]
      }
      const [outcome, host] = run(false)
      const [traced, tracedHost] = run(true)
      assert.deepEqual(traced, outcome)
      // What a failed frame wrote is taken back: an engine need not have told it.
      if (outcome.kind === 'return') assert.deepEqual(tracedHost.slots, host.slots)
      if (outcome.kind !== 'halt') assert.ok(outcome.gasLeft >= 0n && outcome.gasLeft <= BigInt(gas))
      if (isStatic) assert.equal(host.slots.size + host.logs.length + host.selfDestructs.length, 0)
    }),
    { numRuns: 2000 },
  )
})
