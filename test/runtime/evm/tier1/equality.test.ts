/** Tier 1 against tier 0 on random code: the same outcome, reason of a halt included, and the same calls of the host. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concatBytes } from '../../../../src/primitives/bytes.ts'
import { FORKS } from '../../../../src/chain/forks.ts'
import { tier0 } from '../../../../runtime/evm/engine.ts'
import { INSTRUCTION_SETS } from '../../../../runtime/evm/opcodes.ts'
import { tier1 } from '../../../../runtime/evm/tier1/engine.ts'
import type { Engine } from '../../../../runtime/host.ts'
import { FakeHost, finish, OTHER, startFrame, type RunOptions } from '../../../support/fake-host.ts'

const KNOWN = INSTRUCTION_SETS.osaka.filter((instruction) => instruction !== undefined)
/** Ends of frames are rare, so that programs get somewhere. */
const ENDS = new Set(['STOP', 'RETURN', 'REVERT', 'INVALID', 'SELFDESTRUCT'])

function push(value: bigint): Uint8Array {
  const digits = value.toString(16)
  const bytes = Uint8Array.fromHex(digits.length % 2 === 0 ? digits : `0${digits}`)
  return concatBytes(Uint8Array.of(0x5f + bytes.length), bytes)
}

const operand = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 0n, max: 100n }) },
  { weight: 2, arbitrary: fc.bigInt({ min: 0n, max: 5000n }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 255 }).map((bits) => 2n ** BigInt(bits) - 1n) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(2n ** 32n - 1n, 2n ** 32n, 2n ** 64n - 1n, 2n ** 64n - 32n, BigInt(OTHER)),
  },
)

const piece: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 8, arbitrary: operand.map(push) },
  {
    weight: 10,
    arbitrary: fc
      .constantFrom(...KNOWN.filter(({ name, immediateSize }) => immediateSize === 0 && !ENDS.has(name)))
      .map(({ byte }) => Uint8Array.of(byte)),
  },
  // An instruction with as many operands as it takes.
  {
    weight: 10,
    arbitrary: fc
      .constantFrom(
        ...KNOWN.filter(({ name, immediateSize }) => immediateSize === 0 && !/DUP|SWAP/.test(name)),
      )
      .chain(({ byte, inputs }) =>
        fc
          .array(operand, { minLength: inputs, maxLength: inputs })
          .map((operands) => concatBytes(...operands.map(push), Uint8Array.of(byte))),
      ),
  },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }) },
  // A jump to near where it stands: sometimes a loop.
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }).map((to) => Uint8Array.of(0x5b, 0x60, to, 0x56)) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 255 }).map((to) => Uint8Array.of(0x5b, 0x80, 0x60, to, 0x57)),
  },
)

const program = fc.array(piece, { minLength: 1, maxLength: 60 }).map((pieces) => concatBytes(...pieces))

/** Everything that can be seen of a run. */
function observe(engine: Engine, code: Uint8Array, options: RunOptions): unknown {
  const host = new FakeHost()
  host.accounts.set(OTHER, { balance: 5n, code: Uint8Array.of(1, 2, 3) })
  const outcome = finish(startFrame(code, { ...options, host, engine }))
  const { warmAccounts, warmSlots, slots, transientSlots, logs, selfDestructs, refunded } = host
  return { outcome, warmAccounts, warmSlots, slots, transientSlots, logs, selfDestructs, refunded }
}

test('random programs end alike, whatever the gas, the fork and the message', () => {
  fc.assert(
    fc.property(
      program,
      fc.bigInt({ min: 0n, max: 200_000n }),
      fc.constantFrom(FORKS.cancun, FORKS.prague, FORKS.osaka),
      fc.record({
        isStatic: fc.boolean(),
        value: operand,
        input: fc.uint8Array({ maxLength: 100 }),
      }),
      (code, gas, rules, message) => {
        const options = { ...message, gas, rules }
        const [expected, actual] = [observe(tier0, code, options), observe(tier1, code, options)]
        // What a failed frame did is taken back by the driver: only its end counts.
        const isDone = (expected as { outcome: { kind: string } }).outcome.kind === 'return'
        if (isDone) assert.deepEqual(actual, expected)
        else
          assert.deepEqual(
            (actual as { outcome: unknown }).outcome,
            (expected as { outcome: unknown }).outcome,
          )
      },
    ),
    { numRuns: 3000 },
  )
})

test('a program ends alike at every amount of gas up to what it takes', () => {
  fc.assert(
    fc.property(program, (code) => {
      for (let gas = 0n; gas < 300n; gas += 1n) {
        const outcomes = [tier0, tier1].map((engine) =>
          finish(startFrame(code, { host: new FakeHost(), gas, engine })),
        )
        assert.deepEqual(outcomes[1], outcomes[0])
      }
    }),
    { numRuns: 60 },
  )
})
