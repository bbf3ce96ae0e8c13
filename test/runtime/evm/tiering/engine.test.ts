/** Frames change tiers while they run, and nothing but speed depends on it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FORKS } from '../../../../src/chain/forks.ts'
import { keccak256Hash } from '../../../../src/primitives/keccak.ts'
import { tier0 } from '../../../../runtime/evm/engine.ts'
import { immediatePort, runCompileJob } from '../../../../runtime/evm/tiering/compile-job.ts'
import type { CompilePort } from '../../../../runtime/evm/tiering/compile-port.ts'
import { createTieredEngine, type TieredEngine } from '../../../../runtime/evm/tiering/engine.ts'
import { EAGER_LIMITS } from '../../../../runtime/evm/tiering/hot-code.ts'
import type { Engine, StepTracer } from '../../../../runtime/host.ts'
import type { FinalOutcome } from '../../../../runtime/outcome.ts'
import { assemble } from '../../../support/assembler.ts'
import { finish, startFrame } from '../../../support/fake-host.ts'
import { forcedTiering } from '../../../support/forced-tiering.ts'

/** Sums up the numbers to 50,000, in loops within a loop. */
const LOOPS = assemble(
  'PUSH0 PUSH2 50000',
  '@outer PUSH1 10',
  '@inner DUP2 DUP4 ADD SWAP3 POP PUSH1 1 SWAP1 SUB DUP1 PUSH2 @inner JUMPI',
  'POP PUSH1 10 SWAP1 SUB DUP1 PUSH2 @outer JUMPI',
  'POP PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
)
const GAS = 10_000_000n

interface Run {
  readonly gas?: bigint
  readonly isInitcode?: boolean
  readonly tracer?: StepTracer
}

function run(engine: Engine, { gas = GAS, isInitcode = false, tracer }: Run = {}): FinalOutcome {
  const codeHash = isInitcode ? undefined : keccak256Hash(LOOPS)
  return finish(startFrame(LOOPS, { engine, gas, codeHash, ...(tracer === undefined ? {} : { tracer }) }))
}

function framesOf(engine: TieredEngine): readonly number[] {
  const { tier0, tier1, tier2 } = engine.statistics().frames
  return [tier0, tier1, tier2]
}

describe('a frame', () => {
  test('that names more memory than there is gas for pays no less of it when the size is a constant', () => {
    const engine = createTieredEngine({ port: immediatePort(), limits: EAGER_LIMITS })
    // Enough for 64 MiB, the largest end that is added without a check.
    const gas = 2n ** 33n + 2n ** 24n
    for (const size of ['PUSH4 0x80000000', 'PUSH5 0x0200000000', `PUSH32 0x80${'00'.repeat(31)}`]) {
      for (const use of ['PUSH0 RETURN', 'PUSH0 KECCAK256', 'PUSH0 PUSH0 CALLDATACOPY', 'PUSH0 LOG0']) {
        const code = assemble(size, use, 'PUSH0 PUSH0 RETURN')
        const options = { code, codeHash: keccak256Hash(code), gas }
        const [ours, theirs] = [engine, tier0].map((one) => {
          const outcome = finish(startFrame(code, { ...options, engine: one }))
          return outcome.kind === 'halt' ? outcome.reason : outcome.kind
        })
        assert.equal(ours, theirs, `${size} ${use}`)
      }
    }
  })

  test('goes over into compiled code in the middle of a loop', () => {
    // Compiled at the first turn: the interpreter would need ten of them.
    const engine = createTieredEngine({ port: immediatePort(), limits: { hotGasPerByte: 0, hotGasMin: 1 } })
    assert.deepEqual(run(engine), run(tier0))
    const { gas } = engine.codes.hottest(1)[0] ?? {}
    assert.ok(gas !== undefined && gas < 1_500_000, `${gas} gas were spent by the interpreter`)
    assert.deepEqual(framesOf(engine), [0, 1, 0])
    assert.deepEqual(run(engine), run(tier0))
    assert.deepEqual(framesOf(engine), [0, 1, 1])
  })

  test('asks the port between its turns for modules that came meanwhile', () => {
    let deliver: (() => void) | undefined
    let polls = 0
    const port: CompilePort = {
      request: (job, onDone) => {
        deliver = () => onDone(runCompileJob(job))
        return true
      },
      poll: () => {
        polls += 1
        if (polls === 3) deliver?.()
      },
    }
    const engine = createTieredEngine({ port, limits: EAGER_LIMITS })
    assert.deepEqual(run(engine), run(tier0))
    assert.equal(polls, 3)
    assert.equal(engine.statistics().cachedContracts, 1)
  })

  test('has equal results at any gas, wherever it changes tiers', () => {
    for (let gas = 3000n; gas < 3300n; gas += 7n) {
      const expected = run(tier0, { gas })
      for (const seed of ['a', 'b', 'c']) {
        assert.deepEqual(run(createTieredEngine(forcedTiering(`${seed}${gas}`)), { gas }), expected)
      }
    }
  })

  test('of initcode is interpreted, however long it runs', () => {
    const engine = createTieredEngine({ port: immediatePort(), limits: EAGER_LIMITS })
    assert.deepEqual(run(engine, { isInitcode: true }), run(tier0))
    assert.equal(engine.statistics().compilations, 0)
    assert.deepEqual(framesOf(engine), [0, 1, 0])
  })

  test('is compiled unless it can pay for more memory than there is, and interpreted if so', () => {
    const engine = createTieredEngine({ port: immediatePort(), limits: EAGER_LIMITS })
    for (const gas of [2n ** 34n, 2n ** 40n, 2n ** 41n, 2n ** 62n - 1n, 2n ** 62n]) {
      const outcome = run(engine, { gas })
      assert.ok(outcome.kind === 'return' && run(tier0).kind === 'return')
      assert.equal(gas - outcome.gasLeft, gasUsed(run(tier0)))
    }
    assert.deepEqual(framesOf(engine), [1, 2, 2])
  })

  test('that is traced is tier 0’s', () => {
    const engine = createTieredEngine({ port: immediatePort(), limits: EAGER_LIMITS })
    let steps = 0
    assert.deepEqual(run(engine, { tracer: { step: () => (steps += 1) } }), run(tier0))
    assert.ok(steps > 100_000)
    assert.deepEqual(framesOf(engine), [1, 0, 0])
  })
})

test('code that cannot be compiled in part runs on in the interpreter', () => {
  const fails: CompilePort = {
    request: (_, onDone) => {
      onDone(undefined)
      return true
    },
    poll: () => undefined,
  }
  const engine = createTieredEngine({ port: fails, limits: EAGER_LIMITS })
  for (let i = 0; i < 3; i++) assert.deepEqual(run(engine), run(tier0))
  const { compilations, failures, cachedContracts } = engine.statistics()
  assert.deepEqual([compilations, failures, cachedContracts], [1, 1, 0])
})

describe('budgets bind on hostile code', () => {
  const JUMPDESTS = new Uint8Array(24_576).fill(0x5b)
  const MLOADS = new Uint8Array(24_576).fill(0x51)
  /** Each jumps to where the stack says, and names another JUMPDEST. */
  const WEB = assemble(
    ...Array.from({ length: 2_000 }, (_, index) => `@a${index} PUSH2 @a${1999 - index} DUP2 JUMPI`),
  )

  for (const [name, code] of Object.entries({ JUMPDESTS, MLOADS, WEB })) {
    test(name, () => {
      const bytesMax = 20_000
      const job = { code, fork: FORKS.osaka.evm, budget: { bytesMax, msMax: 1000 } }
      const { byteCount } = runCompileJob(job)
      // What begins within the budget is finished, and each target that is left out still has its place in a table.
      assert.ok(byteCount < 10 * bytesMax, `${byteCount} bytes`)
      const inNoTime = runCompileJob({ ...job, budget: { bytesMax: 1 << 20, msMax: -1 } })
      assert.ok(inNoTime.isPartial || byteCount < bytesMax)
    })
  }
})

function gasUsed(outcome: FinalOutcome): bigint {
  assert.ok(outcome.kind === 'return')
  return GAS - outcome.gasLeft
}
