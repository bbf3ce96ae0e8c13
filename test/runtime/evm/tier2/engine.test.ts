/** Compiled frames compared with tier 0's: outcome, gas to the unit, and all that the host saw. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { tier0 } from '../../../../runtime/evm/engine.ts'
import type { Engine } from '../../../../runtime/host.ts'
import { REGION_LIMITS } from '../../../../runtime/evm/tier2/compile.ts'
import { createTier2 } from '../../../../runtime/evm/tier2/engine.ts'
import { assemble } from '../../../support/assembler.ts'
import { anyCode, structuredCode } from '../../../support/bytecode-arbitraries.ts'
import { FakeHost, finish, startFrame, type RunOptions } from '../../../support/fake-host.ts'

const ENGINES: readonly Engine[] = [
  createTier2({ name: 'regions', limits: REGION_LIMITS, compilesInitcode: true }),
  createTier2({ name: 'blocks', limits: { nodesMax: 1, operationsMax: 1000 }, compilesInitcode: true }),
]

/** What can be told of a run. What a frame did that halts or reverts, the driver takes back: nobody sees it. */
function trace(engine: Engine, code: Uint8Array, options: RunOptions): unknown {
  const host = new FakeHost()
  const outcome = finish(startFrame(code, { ...options, engine, host }))
  if (outcome.kind !== 'return') return outcome
  const { slots, transientSlots, warmSlots, warmAccounts, logs, selfDestructs, refunded } = host
  return { outcome, slots, transientSlots, warmSlots, warmAccounts, logs, selfDestructs, refunded }
}

function agree(code: Uint8Array, options: RunOptions = {}): void {
  const expected = trace(tier0, code, options)
  for (const engine of ENGINES) assert.deepEqual(trace(engine, code, options), expected, engine.name)
}

suite('compiled code does what tier 0 does', () => {
  test('for structured programs, whatever gas they have', () => {
    const gas = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 3000, max: 300_000 }))
    fc.assert(
      fc.property(
        structuredCode,
        gas,
        fc.uint8Array({ maxLength: 70 }),
        fc.boolean(),
        (code, gas, input, isStatic) => agree(code, { gas: BigInt(gas), input, isStatic }),
      ),
      { numRuns: 150 },
    )
  })

  test('for any bytes', () => {
    fc.assert(
      fc.property(anyCode, (code) => agree(code, { gas: 10_000n })),
      { numRuns: 100 },
    )
  })

  test('at every amount of gas', () => {
    const code = assemble(
      'PUSH1 3 @head PUSH1 32 MUL PUSH0 MSTORE PUSH1 64 PUSH0 KECCAK256 PUSH1 9 SSTORE',
      'PUSH1 9 SLOAD DUP1 PUSH0 LOG1 GAS POP PUSH1 1 PUSH2 @head JUMPI',
    )
    for (let gas = 0n; gas < 3000n; gas += 7n) agree(code, { gas })
    for (let gas = 3000n; gas < 60_000n; gas += 501n) agree(code, { gas })
  })

  test('where the hash of constants is known, and where something was written over them', () => {
    const write = fc.oneof(
      fc.tuple(fc.nat(5), fc.nat(9)).map(([index, word]) => `PUSH1 ${word} PUSH1 ${32 * index} MSTORE`),
      fc.tuple(fc.nat(5), fc.nat(9)).map(([index, word]) => `PUSH1 ${word} PUSH1 ${32 * index + 7} MSTORE`),
      fc.nat(200).map((offset) => `CALLER PUSH1 ${offset} MSTORE8`),
      fc.constantFrom(
        'CALLER PUSH0 CALLDATALOAD MSTORE',
        'PUSH1 9 PUSH1 3 PUSH1 40 CODECOPY',
        'CALLER PUSH1 64 MSTORE',
      ),
    )
    const hash = fc
      .tuple(fc.nat(2), fc.constantFrom(0, 32, 64, 96, 33))
      .map(([index, size]) => `PUSH1 ${size} PUSH1 ${32 * index} KECCAK256`)
    const keep = 'PUSH0 SLOAD ADD PUSH0 SSTORE'
    const statement = fc.oneof(
      { weight: 3, arbitrary: write },
      hash.map((text) => `${text} ${keep}`),
    )
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 12 }), fc.nat(60_000), (statements, gas) => {
        agree(assemble(...statements, 'STOP'), { gas: BigInt(gas) })
        agree(assemble(...statements, 'STOP'), { gas: 1_000_000n })
      }),
      { numRuns: 100 },
    )
  })

  test('in divisions by powers of two, whatever the signs', () => {
    const words = [
      0n,
      1n,
      5n,
      2n ** 64n,
      2n ** 255n,
      2n ** 255n - 1n,
      2n ** 256n - 1n,
      2n ** 256n - 2n ** 64n - 1n,
    ]
    for (const shift of [0, 1, 2, 63, 64, 65, 128, 254, 255]) {
      const divisor = `PUSH32 0x${(2n ** BigInt(shift)).toString(16).padStart(64, '0')}`
      const code = assemble(
        `${divisor} CALLVALUE SDIV PUSH0 MSTORE ${divisor} CALLVALUE SMOD PUSH1 32 MSTORE PUSH1 64 PUSH0 RETURN`,
      )
      for (const value of words) agree(code, { value })
    }
  })

  test('in sign extensions of sign extensions, and masks of those', () => {
    const values = [0x7fn, 0x80n, 0x8000n, 0x7fffn, 2n ** 63n, 2n ** 64n - 1n, 2n ** 255n, 2n ** 248n - 1n]
    for (const inner of [0, 1, 7, 8, 30, 31, 32]) {
      for (const outer of [0, 1, 7, 8, 30, 31]) {
        const code = assemble(
          `CALLVALUE PUSH1 ${inner} SIGNEXTEND DUP1 PUSH1 ${outer} SIGNEXTEND PUSH0 MSTORE`,
          `DUP1 PUSH2 0xffff AND PUSH1 32 MSTORE CALLDATASIZE SIGNEXTEND PUSH1 ${outer} SIGNEXTEND DUP1 PUSH1 64`,
          'MSTORE PUSH8 0xffffffffffffffff AND PUSH1 96 MSTORE PUSH1 128 PUSH0 RETURN',
        )
        for (const value of values) agree(code, { value, input: new Uint8Array(inner) })
      }
    }
  })

  test('where the stack is almost full, and where a way that is not taken would overflow it', () => {
    for (const height of [1020, 1021, 1022, 1023, 1024]) {
      agree(assemble('CALLVALUE '.repeat(height), 'PUSH2 @end JUMPI', 'DUP1 DUP1 DUP1', '@end STOP'))
    }
  })
})

suite('what once was compiled wrongly', () => {
  test('a result that can only be zero, in an operation inline', () => {
    agree(assemble('CALLER PUSH0 COINBASE PUSH0 ADDMOD SDIV PUSH0 SSTORE STOP'))
  })

  test('a block that only ways lead to which a known condition rules out', () => {
    agree(
      assemble(
        'PUSH0 PUSH2 @a JUMPI STOP',
        '@a CALLVALUE PUSH2 @b JUMPI CALLER PUSH2 @join JUMP',
        '@b ADDRESS @join PUSH0 SSTORE STOP',
      ),
    )
  })
})

suite('loops', () => {
  test('go on when their fuel ends, with all that they carry', () => {
    const loop = assemble(
      'CALLVALUE PUSH0 PUSH3 0x00ea60',
      '@head SWAP1 DUP2 DUP4 XOR ADD SWAP1 PUSH1 1 SWAP1 SUB DUP1 PUSH2 @head JUMPI',
      'POP PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
    )
    agree(loop, { gas: 10_000_000n, value: 12_345n })
  })
})
