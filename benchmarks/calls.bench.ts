/**
 * What a nested call or creation costs beyond the work that its gas pays for: loops with calls of a contract that does
 * nothing, less loops that push and drop the same operands, in processor time for each call. And the deepest recursion that
 * the EVM allows. On each of our engines, beside anvil where it is installed.
 *
 * Arguments: `--rounds N` (9), `--engines tier0,tier1,…` (all).
 */
import { assemble } from '../test/support/assembler.ts'
import { bytesToHex, hexToBytes, bytesToBigint, type Hex } from '../src/primitives/bytes.ts'
import { CALL_DEPTH_MAX } from '../src/execution/driver.ts'
import type { EvmTask } from './evm-calls.ts'
import { WorkerContestant, type Contestant } from './evm-contestant.ts'
import { OWN_ENGINES } from './evm-engines.ts'
import { openNodes } from './evm-peers.ts'
import { difference } from './evm-sampling.ts'
import { parseOptions, someOf, wholeNumber } from './options.ts'
import { spreadOf, type Check, type Figure, type Suite } from './suite.ts'

const ROUNDS_DEFAULT = 9
/** Calls in a loop; loops in a sample. */
const CALLS = 2_000
const LOOPS = 10
const WARM_UP_SAMPLES = 16
const LIMIT_NS = 300
const LOOP_GAS = 400_000_000
/** Each frame passes on 63/64: this much is left for the deepest one. */
const RECURSION_GAS = 2 ** 40
const CALLER: Hex = `0xa0${'00'.repeat(18)}01`
const LOOP: Hex = `0xc0${'00'.repeat(18)}aa`
const DROPPING: Hex = `0xc0${'00'.repeat(18)}ab`
const CALLEE: Hex = `0xc0${'00'.repeat(18)}bb`
const NOBODY: Hex = `0xc0${'00'.repeat(18)}cc`
const IDENTITY: Hex = `0x${'00'.repeat(19)}04`

interface Kind {
  readonly name: string
  readonly instruction: string
  /** What stands on the stack. */
  readonly operands: string
  readonly operandCount: number
}

const NESTED_CALL = 'CALL'
const KINDS: readonly Kind[] = [
  kind(NESTED_CALL, 'CALL', `PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${CALLEE} GAS`, 7),
  kind('CALL, 32 bytes in and out', 'CALL', `PUSH1 32 PUSH0 PUSH1 32 PUSH0 PUSH0 PUSH20 ${CALLEE} GAS`, 7),
  kind('STATICCALL', 'STATICCALL', `PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${CALLEE} GAS`, 6),
  kind('DELEGATECALL', 'DELEGATECALL', `PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${CALLEE} GAS`, 6),
  kind('CALL of an account without code', 'CALL', `PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${NOBODY} GAS`, 7),
  kind(
    'CALL of the identity precompile',
    'CALL',
    `PUSH1 32 PUSH0 PUSH1 32 PUSH0 PUSH0 PUSH20 ${IDENTITY} GAS`,
    7,
  ),
  kind('CREATE of an empty contract', 'CREATE', 'PUSH0 PUSH0 PUSH0', 3),
]
/** Returns how many frames there were: its own, and those of the callee where there was one. */
const RECURSION = assemble(
  'PUSH1 32 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL POP',
  'PUSH0 MLOAD PUSH1 1 ADD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
)

function kind(name: string, instruction: string, operands: string, operandCount: number): Kind {
  return { name, instruction, operands, operandCount }
}

export const suite: Suite = {
  async run(args, progress) {
    const { values } = parseOptions({
      args: [...args],
      options: {
        rounds: { type: 'string', default: `${ROUNDS_DEFAULT}` },
        engines: { type: 'string', default: OWN_ENGINES.join(',') },
      },
    })
    const rounds = wholeNumber('--rounds', values.rounds, { min: 1 })
    const engines = someOf('--engines', values.engines, OWN_ENGINES)
    const { nodes, versions, notes } = await openNodes({ install: false, nodes: ['anvil'] }, progress)
    const workers: WorkerContestant[] = []
    for (const engine of engines) workers.push(await WorkerContestant.open(`aevir ${engine}`, engine))
    const contestants = [...workers, ...nodes]
    const figures: Figure[] = []
    const checks: Check[] = []
    try {
      for (const kind of KINDS) {
        progress(kind.name)
        figures.push(...(await measureLoop(kind, contestants, rounds)))
      }
      progress('recursion')
      for (const contestant of contestants) {
        const { figure, depth } = await measureRecursion(contestant, rounds)
        figures.push(figure)
        checks.push({
          claim: `${contestant.name}: recursion to depth ${CALL_DEPTH_MAX}`,
          measured: `${depth} frames`,
          // The outermost frame has depth 0.
          passed: depth === CALL_DEPTH_MAX + 1,
        })
      }
    } finally {
      for (const contestant of contestants) await contestant.close()
    }
    const best = figures.find(
      ({ task, subject }) => task === NESTED_CALL && subject === `aevir ${engines.at(-1)}`,
    )
    return {
      input: `${CALLS} calls in a loop; recursion with 2^40 gas`,
      warmUp: `${WARM_UP_SAMPLES} samples on each`,
      baseline: 'a loop that drops the operands instead of calling; anvil: the same through eth_call',
      sample: `processor time of ${LOOPS} loops less that of ${LOOPS} loops without calls, for one call; in turn`,
      peers: versions,
      figures,
      checks: [
        ...(best === undefined
          ? []
          : [
              {
                claim: `${best.subject}: a nested call`,
                measured: `median ${best.spread.median.toFixed(0)} ns, limit ${LIMIT_NS} ns`,
                passed: best.spread.median <= LIMIT_NS,
              },
            ]),
        ...checks,
      ],
      notes,
      summary: best === undefined ? {} : { nestedCallNs: best.spread.median },
    }
  },
}

async function measureLoop(
  { name, instruction, operands, operandCount }: Kind,
  contestants: readonly Contestant[],
  rounds: number,
): Promise<Figure[]> {
  const loop = (body: string): Hex =>
    bytesToHex(
      assemble(`PUSH2 ${CALLS} @loop ${operands} ${body} PUSH1 1 SWAP1 SUB DUP1 PUSH1 @loop JUMPI STOP`),
    )
  const call = { from: CALLER, to: LOOP, data: '0x', gas: LOOP_GAS } as const
  const task: EvmTask = {
    accounts: [
      { address: LOOP, code: loop(`${instruction} POP`) },
      { address: DROPPING, code: loop('POP '.repeat(operandCount)) },
      { address: CALLEE, code: '0x00' },
    ],
    call,
    empty: { ...call, to: DROPPING },
    count: CALLS,
  }
  for (const contestant of contestants) {
    await contestant.place(task.accounts)
    for (let i = 0; i < WARM_UP_SAMPLES; i++) await difference(contestant, task, LOOPS)
  }
  const samples = contestants.map((): number[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, contestant] of contestants.entries()) {
      samples[index]?.push((await difference(contestant, task, LOOPS)).processorMs * 1e6)
    }
  }
  return contestants.map((contestant, index) => ({
    task: name,
    subject: contestant.name,
    quantity: 'beyond gas-charged work',
    unit: 'ns',
    spread: spreadOf(samples[index] ?? []),
  }))
}

async function measureRecursion(
  contestant: Contestant,
  rounds: number,
): Promise<{ readonly figure: Figure; readonly depth: number }> {
  await contestant.place([{ address: LOOP, code: bytesToHex(RECURSION) }])
  const call = { from: CALLER, to: LOOP, data: '0x', gas: RECURSION_GAS } as const
  const { output = '0x' } = await contestant.run(call, LOOPS)
  const samples: number[] = []
  for (let round = 0; round < rounds; round++) {
    const { time } = await contestant.run(call, LOOPS)
    samples.push((time.processorMs * 1e6) / (CALL_DEPTH_MAX + 1))
  }
  return {
    depth: Number(bytesToBigint(hexToBytes(output))),
    figure: {
      task: `recursion, ${CALL_DEPTH_MAX} deep`,
      subject: contestant.name,
      quantity: 'time of a frame',
      unit: 'ns',
      spread: spreadOf(samples),
    },
  }
}
