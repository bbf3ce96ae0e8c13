/**
 * Hostile code on each of our engines with the gas of a block: time per gas on its first run and later, how long the event
 * loop stands still for compiling, memory. A process for each; beside them anvil, where it is installed.
 *
 * A stall is the processor time of a first call with little gas, of one after many blocks full of it and a rest in which it
 * may be compiled, and of the longest turn of an event loop that has nothing to do then. Execution itself blocks too, in proportion to its gas: that is the time per gas.
 *
 * Arguments: text that names of programs contain, `--engines tier0,tier1,…` (all), `--gas N` of a block (30,000,000).
 */
import type { EvmCall } from './evm-calls.ts'
import { NodeContestant, WorkerContestant, type Contestant } from './evm-contestant.ts'
import { OWN_ENGINES } from './evm-engines.ts'
import { openNodes } from './evm-peers.ts'
import { HOSTILE_PROGRAMS, type HostileProgram } from './hostile-programs.ts'
import { parseOptions, someOf, UsageError, wholeNumber } from './options.ts'
import { spreadOf, type Check, type Figure, type Suite } from './suite.ts'

const BLOCK_GAS = 30_000_000
/** What a first run has, and every run of what would take too long otherwise. */
const FIRST_GAS = 3_000_000
/** Blocks full of it, after which it counts as hot whatever its size. */
const HOT_RUNS = 8
/** A contract that is called and ends: what takes longer is not its execution. */
const LITTLE_GAS = 100_000
/** A run that would take longer has less gas, and no more hot runs begin by then. */
const RUN_MS_MAX = 3_000
const WATCH_MS = 800
/** A block of 36 M gas within 4 s of one core, as for precompiles. */
const LIMIT_MS_PER_MGAS = 110
const STALL_LIMIT_MS = 50
const RESIDENT_LIMIT_MB = 1_024
const CALLER = `0xa0${'00'.repeat(18)}01` as const
/** What makes an engine ready and its JavaScript warm: calls, memory, storage and hashes. */
const WARM_UP: HostileProgram = {
  name: 'warm-up',
  accounts: [
    {
      address: `0xc0${'00'.repeat(18)}cc`,
      code: '0x60206000206000556000546001016000555f5f5f5f5f305af1506000600052',
    },
  ],
}
const WARM_UP_CALLS = 200

export const suite: Suite = {
  async run(args, progress) {
    const { values, positionals } = parseOptions({
      args: [...args],
      allowPositionals: true,
      options: {
        engines: { type: 'string', default: OWN_ENGINES.join(',') },
        gas: { type: 'string', default: `${BLOCK_GAS}` },
      },
    })
    const gas = wholeNumber('--gas', values.gas, { min: 1 })
    const engines = someOf('--engines', values.engines, OWN_ENGINES)
    const programs = HOSTILE_PROGRAMS.filter(({ name }) => positionals.every((text) => name.includes(text)))
    if (programs.length === 0) {
      const known = HOSTILE_PROGRAMS.map(({ name }) => name).join(', ')
      throw new UsageError(`no program has ${positionals.join(' and ')} in its name; there are: ${known}`)
    }
    const { nodes, versions, notes } = await openNodes({ install: false, nodes: ['anvil'] }, progress)
    const figures: Figure[] = []
    try {
      for (const program of programs) {
        progress(program.name)
        for (const engine of engines) figures.push(...(await measureEngine(program, engine, gas)))
        for (const node of nodes) figures.push(await measureNode(program, node, gas))
      }
    } finally {
      for (const node of nodes) await node.close()
    }
    return {
      input: `${programs.length} programs, each until ${gas.toLocaleString('en')} gas are gone`,
      warmUp: `${WARM_UP_CALLS} calls of another contract on each engine; each program in a process of its own`,
      baseline: 'anvil, where it is installed: the same call, its second',
      sample: 'processor time of one call',
      peers: versions,
      figures,
      checks: checksOf(figures, engines.at(-1) ?? ''),
      notes,
      summary: summaryOf(figures, engines.at(-1) ?? ''),
    }
  },
}

async function measureEngine(program: HostileProgram, engine: string, gas: number): Promise<Figure[]> {
  const contestant = await WorkerContestant.open(engine, engine)
  try {
    await contestant.place(WARM_UP.accounts)
    await contestant.run(callOf(WARM_UP, LITTLE_GAS), WARM_UP_CALLS)
    await contestant.place(program.accounts)
    const begin = (await contestant.run(callOf(program, LITTLE_GAS), 1)).time.processorMs
    const first = await millisecondsPerMgas(contestant, program, FIRST_GAS)
    const hotGas = (first * gas) / 1e6 > RUN_MS_MAX ? FIRST_GAS : gas
    const deadline = performance.now() + RUN_MS_MAX
    for (let i = 0; i < HOT_RUNS && performance.now() < deadline; i++) {
      await contestant.run(callOf(program, hotGas), 1)
    }
    const between = await contestant.watch(WATCH_MS)
    await contestant.settle()
    // Takes what was compiled in the meantime.
    const resumed = (await contestant.run(callOf(program, LITTLE_GAS), 1)).time.processorMs
    const later = await millisecondsPerMgas(contestant, program, hotGas)
    const after = await contestant.watch(WATCH_MS)
    const stall = Math.max(begin, resumed, between.longestTurnMs, after.longestTurnMs)
    const figure = (quantity: string, unit: string, value: number): Figure => ({
      task: program.name,
      subject: subjectOf(engine),
      quantity,
      unit,
      spread: spreadOf([value]),
    })
    return [
      figure('first run', 'ms/Mgas', first),
      figure('later run', 'ms/Mgas', later),
      figure('stall', 'ms', stall),
      figure('resident, peak', 'MB', after.peakResidentMb),
    ]
  } finally {
    await contestant.close()
  }
}

async function measureNode(program: HostileProgram, node: NodeContestant, gas: number): Promise<Figure> {
  await node.place(program.accounts)
  await node.run(callOf(program, FIRST_GAS), 1)
  const value = await millisecondsPerMgas(node, program, gas)
  return {
    task: program.name,
    subject: node.name,
    quantity: 'later run',
    unit: 'ms/Mgas',
    spread: spreadOf([value]),
  }
}

async function millisecondsPerMgas(
  contestant: Contestant,
  program: HostileProgram,
  gas: number,
): Promise<number> {
  const { time } = await contestant.run(callOf(program, gas), 1)
  return (time.processorMs / gas) * 1e6
}

function callOf({ accounts }: HostileProgram, gas: number): EvmCall {
  return { from: CALLER, to: accounts[0].address, data: '0x', gas }
}

function subjectOf(engine: string): string {
  return `aevir ${engine}`
}

function worst(
  figures: readonly Figure[],
  engine: string,
  ...quantities: readonly string[]
): Figure | undefined {
  return figures
    .filter(({ subject, quantity }) => subject === subjectOf(engine) && quantities.includes(quantity))
    .toSorted((a, b) => b.spread.max - a.spread.max)[0]
}

function checksOf(figures: readonly Figure[], engine: string): Check[] {
  const check = (claim: string, limit: number, ...quantities: readonly string[]): Check[] => {
    const found = worst(figures, engine, ...quantities)
    if (found === undefined) return []
    const { task, quantity, unit, spread } = found
    const measured = `${spread.max.toFixed(1)} ${unit} (${task}, ${quantity}), limit ${limit} ${unit}`
    return [{ claim: `${engine}: ${claim}`, measured, passed: spread.max <= limit }]
  }
  return [
    ...check('worst time per gas', LIMIT_MS_PER_MGAS, 'first run', 'later run'),
    ...check('longest stall', STALL_LIMIT_MS, 'stall'),
    ...check('most memory', RESIDENT_LIMIT_MB, 'resident, peak'),
  ]
}

function summaryOf(figures: readonly Figure[], engine: string): Record<string, number> {
  const value = (name: string, ...quantities: readonly string[]): Record<string, number> => {
    const found = worst(figures, engine, ...quantities)
    return found === undefined ? {} : { [name]: found.spread.max }
  }
  return {
    ...value('worstHostileMsPerMgas', 'first run', 'later run'),
    ...value('longestStallMs', 'stall'),
    ...value('peakResidentMb', 'resident, peak'),
  }
}
