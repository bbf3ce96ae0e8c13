/**
 * How long users of a network wait: from the moment a transaction is due until its node says that the block with it is
 * pre-confirmed, and sealed. Every node is a process of its own, as `aevir init` and `aevir start` make them, connected by
 * libp2p over loopback; this process sends ERC-20 transfers at a fixed rate through three executors and listens to them.
 *
 * Arguments: `--executors N` (4), `--witnesses M` (7), `--rate R` transactions a second (200), `--seconds S` (120),
 * `--warm-up S` (60: eleven processes compile what they run), `--profile NAME,…` writes CPU profiles of these nodes (`executor-1`) here.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ChainRecord, type Fate } from '../test/e2e/network/chain-record.ts'
import { blockOf } from '../test/e2e/network/consensus-status.ts'
import { ProcessNetwork } from '../test/e2e/network/process-network.ts'
import { watchCosts, type NodeCost } from '../test/e2e/network/processor-time.ts'
import { TokenLoad } from '../test/e2e/network/token-load.ts'
import { parseOptions, wholeNumber } from './options.ts'
import { spreadOf, type Check, type Figure, type Progress, type Suite } from './suite.ts'

const READERS = 3
/** For the last transactions to be sealed. */
const GRACE_MS = 5_000

const PRECONFIRMED_MEDIAN_MS = 150
const PRECONFIRMED_P99_MS = 500
const SEALED_MEDIAN_MS = 600
/** Of transactions that were due: refused, or not sealed in the end. */
const FAILED_SHARE_MAX = 0.001

interface Settings {
  readonly executors: number
  readonly witnesses: number
  readonly perSecond: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly profiled: readonly string[]
}

export const suite: Suite = {
  async run(args, progress) {
    const { values } = parseOptions({
      args: [...args],
      options: {
        executors: { type: 'string', default: '4' },
        witnesses: { type: 'string', default: '7' },
        rate: { type: 'string', default: '200' },
        seconds: { type: 'string', default: '120' },
        'warm-up': { type: 'string', default: '60' },
        profile: { type: 'string', default: '' },
      },
    })
    const settings: Settings = {
      executors: wholeNumber('--executors', values.executors, { min: 1 }),
      witnesses: wholeNumber('--witnesses', values.witnesses, { min: 0 }),
      perSecond: wholeNumber('--rate', values.rate, { min: 1 }),
      seconds: wholeNumber('--seconds', values.seconds, { min: 1 }),
      warmUpSeconds: wholeNumber('--warm-up', values['warm-up'], { min: 0 }),
      profiled: values.profile.split(','),
    }
    const before = loadavg()[0] ?? 0
    const run = await measureIn(settings, progress)
    const { executors, witnesses, perSecond, seconds, warmUpSeconds } = settings
    return {
      input: `${perSecond} ERC-20 transfers a second for ${seconds} s, of 10 accounts, through ${READERS} of ${executors} executors; ${witnesses} witnesses; ${executors + witnesses} processes`,
      warmUp: `the same load for ${warmUpSeconds} s`,
      baseline: 'none: targets',
      sample:
        'latency: a transaction, from when it was due until the notification of its block by the node it was sent to; cost: a node',
      peers: {},
      figures: figuresOf(run),
      checks: checksOf(run),
      notes: [
        `${run.due} due, ${run.refused} refused, ${run.unsealed} not sealed within ${GRACE_MS / 1000} s; ${run.revocations} reports of blocks taken back`,
        `load average before ${before.toFixed(1)}, afterwards ${(loadavg()[0] ?? 0).toFixed(1)}: nodes and client share the machine`,
        `this client used ${run.clientMsPerSecond.toFixed(0)} ms of processor time a second`,
      ],
    }
  },
}

interface Run {
  readonly fates: readonly Fate[]
  readonly seconds: number
  readonly due: number
  readonly refused: number
  readonly unsealed: number
  readonly revocations: number
  readonly blocks: number
  readonly blockSizes: readonly number[]
  readonly costs: readonly NodeCost[]
  readonly clientMsPerSecond: number
}

/** In a directory of its own, which is gone afterwards. */
async function measureIn(settings: Settings, progress: Progress): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'aevir-finality-'))
  try {
    return await measure(directory, settings, progress)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measure(directory: string, settings: Settings, progress: Progress): Promise<Run> {
  const { executors, witnesses, perSecond, profiled, seconds, warmUpSeconds } = settings
  const network = await ProcessNetwork.make(directory, {
    executors,
    witnesses,
    nodeArguments: (name) =>
      profiled.includes(name) ? ['--cpu-prof', `--cpu-prof-name=${name}.cpuprofile`] : [],
  })
  const record = new ChainRecord()
  try {
    await network.start()
    progress(`${network.nodes.length} nodes are ready`)
    const readers = network.executors.slice(0, READERS)
    for (const node of readers) await record.watch(node, true)
    const load = await TokenLoad.open(readers, record)
    await load.run({ perSecond, seconds: warmUpSeconds })
    progress('warm')
    const run = await measureLoad({ network, record, load, perSecond, seconds })
    load.close()
    // In order, so that profiles are written.
    await Promise.all(network.nodes.map((node) => node.stop()))
    return run
  } finally {
    record.close()
    await network.kill()
  }
}

async function measureLoad(world: {
  readonly network: ProcessNetwork
  readonly record: ChainRecord
  readonly load: TokenLoad
  readonly perSecond: number
  readonly seconds: number
}): Promise<Run> {
  const { network, record, load, perSecond, seconds } = world
  const [observer] = network.executors
  if (observer === undefined) throw new Error('a network without executors')
  const refusedBefore = totalOf(load.counts.errors)
  const headBefore = Number((await blockOf(observer, 'latest')).number)
  const costs = watchCosts(network.nodes)
  const processor = process.cpuUsage()
  const startMs = performance.now()
  await load.run({ perSecond, seconds })
  const elapsedSeconds = (performance.now() - startMs) / 1000
  const { user, system } = process.cpuUsage(processor)
  const used = costs()
  const headAfter = Number((await blockOf(observer, 'latest')).number)
  await delay(GRACE_MS)
  await record.settled()
  const fates = [...record.fates.values()].filter(({ dueMs }) => dueMs >= startMs)
  const refused = totalOf(load.counts.errors) - refusedBefore
  const made = [...record.contents.values()].filter(
    ({ number }) => number > headBefore && number <= headAfter,
  )
  return {
    fates,
    seconds: elapsedSeconds,
    due: fates.length + refused,
    refused,
    unsealed: fates.filter(({ sealedMs }) => sealedMs === undefined).length,
    revocations: record.revocations,
    blocks: headAfter - headBefore,
    blockSizes: made.map(({ transactions }) => transactions.length),
    costs: used,
    clientMsPerSecond: (user + system) / 1000 / elapsedSeconds,
  }
}

function totalOf(errors: ReadonlyMap<string, number>): number {
  return [...errors.values()].reduce((sum, count) => sum + count, 0)
}

/** Milliseconds until a state, of those that reached it. */
function latenciesOf({ fates }: Run, until: (fate: Fate) => number | undefined): readonly number[] {
  const latencies = fates.flatMap((fate) => {
    const ms = until(fate)
    return ms === undefined ? [] : [ms - fate.dueMs]
  })
  return latencies.length === 0 ? [Number.POSITIVE_INFINITY] : latencies
}

const preconfirmed = ({ preconfirmedMs }: Fate): number | undefined => preconfirmedMs
const sealed = ({ sealedMs }: Fate): number | undefined => sealedMs

function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.POSITIVE_INFINITY
}

function figuresOf(run: Run): Figure[] {
  const figure = (task: string, quantity: string, unit: string, samples: readonly number[]): Figure => ({
    task,
    subject: 'aevir',
    quantity,
    unit,
    spread: spreadOf(samples.length === 0 ? [0] : samples),
  })
  const [early, late] = [latenciesOf(run, preconfirmed), latenciesOf(run, sealed)]
  const costs = (role: NodeCost['role'], of: (cost: NodeCost) => number): readonly number[] =>
    run.costs.filter((cost) => cost.role === role).map(of)
  const processor = ({ processorMsPerSecond }: NodeCost): number => processorMsPerSecond
  const memory = ({ residentMb }: NodeCost): number => residentMb
  const total = (of: (cost: NodeCost) => number): number =>
    run.costs.map(of).reduce((sum, cost) => sum + cost, 0)
  return [
    figure('pre-confirmation', 'latency', 'ms', early),
    figure('pre-confirmation', 'latency, p99', 'ms', [percentile(early, 0.99)]),
    figure('seal', 'latency', 'ms', late),
    figure('seal', 'latency, p99', 'ms', [percentile(late, 0.99)]),
    figure('load', 'sealed', 'tx/s', [(run.fates.length - run.unsealed) / run.seconds]),
    figure('load', 'blocks', 'blocks/s', [run.blocks / run.seconds]),
    figure('load', 'block', 'transactions', run.blockSizes),
    figure('executors', 'processor time', 'ms/s', costs('executor', processor)),
    figure('executors', 'resident memory', 'MB', costs('executor', memory)),
    figure('witnesses', 'processor time', 'ms/s', costs('witness', processor)),
    figure('witnesses', 'resident memory', 'MB', costs('witness', memory)),
    figure('all nodes', 'processor time', 'ms/s', [total(processor)]),
    figure('all nodes', 'resident memory', 'MB', [total(memory)]),
  ]
}

function checksOf(run: Run): Check[] {
  const [early, late] = [latenciesOf(run, preconfirmed), latenciesOf(run, sealed)]
  const below = (claim: string, measured: number, limit: number): Check => ({
    claim,
    measured: `${measured.toFixed(0)} ms, limit ${limit} ms`,
    passed: measured < limit,
  })
  const failed = (run.refused + run.unsealed) / Math.max(1, run.due)
  return [
    below('pre-confirmation, median', percentile(early, 0.5), PRECONFIRMED_MEDIAN_MS),
    below('pre-confirmation, p99', percentile(early, 0.99), PRECONFIRMED_P99_MS),
    below('seal, median', percentile(late, 0.5), SEALED_MEDIAN_MS),
    {
      claim: 'transactions refused or not sealed',
      measured: `${(failed * 100).toFixed(3)} %, limit ${FAILED_SHARE_MAX * 100} %`,
      passed: failed <= FAILED_SHARE_MAX,
    },
  ]
}
