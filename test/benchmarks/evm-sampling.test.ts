/** How the EVM benchmark takes samples: from contestants in turn, less the cost of a call, when nothing more is compiled. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EvmCall, EvmTask } from '../../benchmarks/evm-calls.ts'
import type { CallResult, Contestant } from '../../benchmarks/evm-contestant.ts'
import type { Program } from '../../benchmarks/evm-program-files.ts'
import {
  difference,
  DisagreementError,
  ratiosOf,
  sample,
  type Series,
} from '../../benchmarks/evm-sampling.ts'
import type { Hex } from '../../src/primitives/bytes.ts'

const PROGRAM: Program = {
  name: 'program',
  code: '0x5b',
  calldata: '0x01',
  gas: 10_000_000,
  address: `0xc0${'00'.repeat(19)}`,
  caller: `0xa0${'00'.repeat(19)}`,
}
/** So much that it is called once in a call. */
const GAS_USED = 3_000_000

interface Behaviour {
  /** Processor time of a call; of an empty one it is {@link EMPTY_MS}. */
  readonly ms?: number
  readonly output?: Hex | undefined
  readonly gasUsed?: number | undefined
  /** What is compiled when it is asked, turn by turn; then nothing. */
  readonly compiling?: readonly number[]
}

const EMPTY_MS = 1

/** Takes the time that it is told to, and none really. */
class FakeContestant implements Contestant {
  readonly name: string
  readonly #behaviour: Behaviour
  readonly #log: string[]
  readonly settled: number[] = []
  placed = 0

  constructor(name: string, behaviour: Behaviour = {}, log: string[] = []) {
    this.name = name
    this.#behaviour = behaviour
    this.#log = log
  }

  async place(): Promise<void> {
    this.placed += 1
  }

  async run({ to }: EvmCall, count: number): Promise<CallResult> {
    const isEmpty = BigInt(to) >> 152n === 0xe1n
    const { ms = 50 } = this.#behaviour
    this.#log.push(`${this.name} ${isEmpty ? 'empty' : 'program'} ${count}`)
    const time = isEmpty ? EMPTY_MS : ms
    return {
      time: { wallMs: 2 * time, processorMs: time },
      output: 'output' in this.#behaviour ? this.#behaviour.output : '0x2a',
      gasUsed: 'gasUsed' in this.#behaviour ? this.#behaviour.gasUsed : GAS_USED,
    }
  }

  async settle(): Promise<number> {
    const count = this.#behaviour.compiling?.[this.settled.length] ?? 0
    this.settled.push(count)
    return count
  }

  async close(): Promise<void> {}
}

const entry = (contestant: Contestant, rounds: number) => ({ contestant, rounds, warmUpMs: 0 })
const NO_FIRST_RUNS = { contestants: [], rounds: 0 }

describe('a sample', () => {
  const call = { from: PROGRAM.caller, to: PROGRAM.address, data: '0x', gas: 1 } as const
  const task: EvmTask = {
    accounts: [],
    call,
    empty: { ...call, to: `0xe1${'00'.repeat(19)}` },
    count: 10,
  }

  test('is the time of a call less that of an empty one, for each run of the program in it', async () => {
    const time = await difference(new FakeContestant('ours', { ms: 21 }), task, 3)
    assert.deepEqual(time, { processorMs: 2, wallMs: 4 })
  })
})

describe('rounds', () => {
  test('go through all contestants in turn, and those of a third leave early', async () => {
    const log: string[] = []
    const [ours, anvil, other] = ['ours', 'anvil', 'other'].map((name) => new FakeContestant(name, {}, log))
    assert.ok(ours !== undefined && anvil !== undefined && other !== undefined)
    const { steady } = await sample(
      PROGRAM,
      [entry(ours, 3), entry(anvil, 3), entry(other, 1)],
      NO_FIRST_RUNS,
    )
    assert.deepEqual(
      steady.map(({ name, rounds }) => [name, rounds.length]),
      [
        ['ours', 3],
        ['anvil', 3],
        ['other', 1],
      ],
    )
    const pair = (name: string): string[] => [`${name} empty 1`, `${name} program 1`]
    const measured = [
      ...pair('ours'),
      ...pair('anvil'),
      ...pair('other'),
      ...pair('ours'),
      ...pair('anvil'),
      ...pair('ours'),
      ...pair('anvil'),
    ]
    assert.deepEqual(log.slice(-measured.length), measured)
  })

  test('batch calls that are shorter than a sample should be', async () => {
    const log: string[] = []
    await sample(PROGRAM, [entry(new FakeContestant('ours', { ms: 4 }, log), 1)], NO_FIRST_RUNS)
    assert.deepEqual(log.slice(-2), ['ours empty 5', 'ours program 5'])
  })

  test('repeat within a call what costs little gas', async () => {
    const { count } = await sample(
      PROGRAM,
      [entry(new FakeContestant('ours', { gasUsed: 30_000 }), 1)],
      NO_FIRST_RUNS,
    )
    assert.equal(count, 100)
  })

  test('are fewer for who is slow, and the first call is all there is of who takes half a second', async () => {
    const entries = [
      entry(new FakeContestant('ours'), 7),
      entry(new FakeContestant('slow', { ms: 400 }), 7),
      entry(new FakeContestant('slower', { ms: 501 }), 7),
    ]
    const { steady } = await sample(PROGRAM, entries, NO_FIRST_RUNS)
    assert.deepEqual(
      steady.map(({ rounds }) => rounds.length),
      [7, 2, 1],
    )
    assert.equal(steady[2]?.rounds[0]?.processorMs, 501)
  })

  test('of first runs give everybody the same new code each', async () => {
    const [ours, anvil] = [new FakeContestant('ours'), new FakeContestant('anvil')]
    const { first } = await sample(PROGRAM, [entry(ours, 1), entry(anvil, 1)], {
      contestants: [ours, anvil],
      rounds: 4,
    })
    assert.deepEqual(
      first.map(({ name, rounds }) => [name, rounds.map(({ processorMs }) => processorMs)]),
      [
        ['ours', [49, 49, 49, 49]],
        ['anvil', [49, 49, 49, 49]],
      ],
    )
    assert.equal(anvil.placed, 5)
  })

  test('of first runs are more for short programs, whose time is a small difference', async () => {
    const ours = new FakeContestant('ours', { gasUsed: 30_000 })
    const { first } = await sample(PROGRAM, [entry(ours, 1)], { contestants: [ours], rounds: 2 })
    assert.equal(first[0]?.rounds.length, 8)
  })
})

describe('warming up', () => {
  const turnsOf = async (compiling: readonly number[]): Promise<number> => {
    const ours = new FakeContestant('ours', { compiling })
    await sample(PROGRAM, [entry(ours, 1)], NO_FIRST_RUNS)
    return ours.settled.length
  }

  test('goes on until nothing has been compiled twice in a row', async () => {
    assert.equal(await turnsOf([]), 2)
    assert.equal(await turnsOf([1]), 3)
    assert.equal(await turnsOf([1, 0, 2]), 5)
  })

  test('ends at last with an engine that compiles for ever', async () => {
    assert.equal(await turnsOf(Array.from({ length: 100 }, () => 1)), 6)
  })
})

describe('contestants that do not agree', () => {
  const refused = (behaviour: Behaviour, program: Program = PROGRAM): Promise<unknown> =>
    sample(
      program,
      [entry(new FakeContestant('ours'), 1), entry(new FakeContestant('anvil', behaviour), 1)],
      NO_FIRST_RUNS,
    )

  test('on the output are not compared', async () => {
    await assert.rejects(
      refused({ output: '0x2b' }),
      (error) => error instanceof DisagreementError && /anvil returns 0x2b, ours 0x2a/.test(error.message),
    )
    await assert.rejects(refused({ output: undefined }), /anvil returns nothing, as the call fails/)
  })

  test('on the gas are not compared, when it is told', async () => {
    await assert.rejects(refused({ gasUsed: GAS_USED + 1 }), /anvil uses 3000001 gas, ours 3000000/)
    await refused({ gasUsed: undefined })
  })

  test('with the output that the file names are not measured', async () => {
    await assert.rejects(
      refused({}, { ...PROGRAM, expectedOutput: '0x2C' }),
      /ours returns 0x2a, .* says 0x2C/,
    )
    await refused({}, { ...PROGRAM, expectedOutput: '0x2A' })
  })

  test('nor a program that fails', async () => {
    const ours = new FakeContestant('ours', { output: undefined })
    await assert.rejects(sample(PROGRAM, [entry(ours, 1)], NO_FIRST_RUNS), /ours: the call fails/)
  })
})

describe('ratios', () => {
  const series = (...processorMs: number[]): Series => ({
    name: '',
    rounds: processorMs.map((ms) => ({ processorMs: ms, wallMs: 0 })),
  })

  test('are of one round each', () => {
    assert.deepEqual(ratiosOf(series(1, 2, 4), series(3, 3, 3)), [3, 1.5, 0.75])
    assert.deepEqual(ratiosOf(series(1, 2, 4), series(3)), [3])
  })

  test('take ours for the least that clocks tell, and never a peer', () => {
    assert.deepEqual(ratiosOf(series(-1, 1e-9), series(1, 1)), [1e4, 1e4])
    assert.deepEqual(ratiosOf(series(1, 1), series(-1, 2)), [2])
  })
})
