/**
 * A node with a database under load for as long as a number of transactions takes: throughput, memory over time, growth
 * of the database, and whether the database is sound afterwards.
 * Arguments: `--count N` transactions (100,000 by default), `--connections N` (16), `--block-time SECONDS` (a block for
 * whatever has arrived otherwise), `--data DIR` to keep the database.
 *
 * Memory is bounded when it does not grow any more once caches are full. What counts is anonymous memory: pages of the
 * database file are resident, too, but belong to the system, which takes them back when it wants. Of every window of the
 * last 70 % of the run the least sample counts: above it lies garbage that waits to be collected, more of it the faster
 * the node runs. A straight line through those must gain less than 10 % of their mean.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEV_ACCOUNTS } from '../src/chain/dev-genesis.ts'
import { present } from '../src/primitives/assert.ts'
import { hexToBytes } from '../src/primitives/bytes.ts'
import type { LedgerStatistics } from '../src/storage/statistics.ts'
import { LoadAccount } from './load-accounts.ts'
import { MIX, READS, runLoad, type LoadResult } from './load.ts'
import { openMarket } from './market.ts'
import { parseOptions, wholeNumber } from './options.ts'
import { firstAnswer, freePort, memoryOf, start, stop, textOutput } from './processes.ts'
import { RpcConnection } from './rpc-connection.ts'
import { spreadOf, type Check, type Figure, type Progress, type Suite } from './suite.ts'
import { trendOf } from './trend.ts'

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const TRADERS = 48
const SAMPLES = 200
/** The part of a run in which caches fill. */
const WARM_UP_SHARE = 0.3
const WINDOWS = 14
const GROWTH_MAX = 0.1
/** Transactions of a run whose memory can be judged: caches hold some ten thousand, recipients are 20,000. */
const JUDGED_COUNT_MIN = 60_000

interface Sample {
  readonly sent: number
  readonly timeMs: number
  /** MB: all resident memory, and the part of it that no file is behind. */
  readonly residentMb: number
  readonly anonymousMb: number
  readonly databaseMb: number
}

interface Options {
  readonly count: number
  readonly connections: number
  readonly blockTime: string | undefined
  readonly directory: string
}

export const suite: Suite = {
  async run(args, progress) {
    const { values } = parseOptions({
      args: [...args],
      options: {
        count: { type: 'string', default: '100000' },
        connections: { type: 'string', default: '16' },
        'block-time': { type: 'string' },
        data: { type: 'string' },
      },
    })
    const count = wholeNumber('--count', values.count, { min: 1 })
    const connections = wholeNumber('--connections', values.connections, { min: 1 })
    const directory = values.data ?? mkdtempSync(join(tmpdir(), 'aevir-soak-'))
    const options: Options = {
      count,
      connections,
      blockTime: values['block-time'],
      directory,
    }
    try {
      const { samples, result } = await soak(options, progress)
      progress('verifying the database')
      const verification = await textOutput(process.execPath, [MAIN, 'db', 'verify', '--data', directory])
      const statistics = JSON.parse(
        (await textOutput(process.execPath, [MAIN, 'db', 'stats', '--json', '--data', directory])).text,
      ) as LedgerStatistics
      return {
        input: `${options.count} transactions of ${TRADERS} accounts over ${options.connections} connections: ${MIX}; ${READS}`,
        warmUp: `the set-up of the contracts; memory is judged after ${100 * WARM_UP_SHARE} % of the run`,
        baseline: 'none: the node must not get slower or larger',
        sample: `throughput, memory and file size after every ${Math.ceil(options.count / SAMPLES)} transactions; blocks ${blockRule(options)}`,
        peers: {},
        figures: figuresOf(samples, statistics),
        checks: checksOf(samples, result, verification),
        notes: notesOf(samples, result, statistics),
      }
    } finally {
      if (values.data === undefined) rmSync(directory, { recursive: true, force: true })
    }
  },
}

function blockRule({ blockTime }: Options): string {
  return blockTime === undefined
    ? 'made of whatever waits, as soon as something does'
    : `every ${blockTime} s`
}

async function soak(
  options: Options,
  progress: Progress,
): Promise<{ readonly samples: readonly Sample[]; readonly result: LoadResult }> {
  const { count, blockTime, directory } = options
  const port = await freePort()
  const more = blockTime === undefined ? [] : ['--block-time', blockTime]
  const child = start({
    file: process.execPath,
    args: [MAIN, 'dev', '--quiet', '--port', `${port}`, '--data', directory, ...more],
  })
  try {
    const connection = await firstAnswer(child, port)
    const connections = [connection, ...(await openMany(port, options.connections - 1))]
    const owner = new LoadAccount(hexToBytes(present(DEV_ACCOUNTS[0], 'account').privateKey))
    const others = Array.from({ length: TRADERS - 1 }, (_, index) => LoadAccount.numbered(index))
    const traders = [owner, ...others]
    progress('deploying the market')
    const market = await openMarket(connection, owner, traders)
    const startMs = performance.now()
    const samples: Sample[] = []
    const onSent = (sent: number): void => {
      if (sent % Math.ceil(count / SAMPLES) !== 0) return
      const timeMs = performance.now() - startMs
      const databaseMb = statSync(join(directory, 'data.mdb')).size / 1e6
      const sample = { sent, timeMs, ...memoryOf(child), databaseMb }
      samples.push(sample)
      if (samples.length % 10 === 0) progress(lineOf(sample))
    }
    const isAutomined = blockTime === undefined
    const result = await runLoad({ market, owner, traders, connections, count, isAutomined, onSent })
    for (const open of connections) open.close()
    return { samples, result }
  } finally {
    await stop(child)
  }
}

function openMany(port: number, count: number): Promise<RpcConnection[]> {
  return Promise.all(Array.from({ length: count }, () => RpcConnection.open(port)))
}

function lineOf({ sent, timeMs, residentMb, anonymousMb, databaseMb }: Sample): string {
  const perSecond = (sent / timeMs) * 1000
  return (
    `${sent} sent, ${perSecond.toFixed(0)}/s, resident ${residentMb.toFixed(0)} MB (anonymous ${anonymousMb.toFixed(0)}), ` +
    `database ${databaseMb.toFixed(1)} MB`
  )
}

function figuresOf(
  samples: readonly Sample[],
  { bytesPerTransaction, fileBytes }: LedgerStatistics,
): Figure[] {
  const rates = samples.slice(1).map((sample, index) => {
    const before = samples[index] as Sample
    return ((sample.sent - before.sent) / (sample.timeMs - before.timeMs)) * 1000
  })
  const figure = (task: string, quantity: string, unit: string, values: readonly number[]): Figure => ({
    task,
    subject: 'aevir',
    quantity,
    unit,
    spread: spreadOf(values),
  })
  const last = samples.at(-1) as Sample
  const parts = [0.1, 0.5, 1].flatMap((share) => {
    const sample = samples[Math.ceil(share * samples.length) - 1] as Sample
    const task = `after ${100 * share} %`
    return [
      figure(task, 'resident', 'MB', [sample.residentMb]),
      figure(task, 'anonymous', 'MB', [sample.anonymousMb]),
      figure(task, 'database file', 'MB', [sample.databaseMb]),
    ]
  })
  const tenth = Math.ceil(rates.length / 10)
  const before = samples[samples.length - tenth - 1] as Sample
  const growth = ((last.databaseMb - before.databaseMb) * 1e6) / (last.sent - before.sent)
  return [
    figure('all', 'throughput', 'tx/s', rates),
    figure('first tenth', 'throughput', 'tx/s', rates.slice(0, tenth)),
    figure('last tenth', 'throughput', 'tx/s', rates.slice(-tenth)),
    ...parts,
    figure('last tenth', 'database growth', 'bytes/tx', [growth]),
    figure('all', 'database in use', 'bytes/tx', [bytesPerTransaction]),
    figure('all', 'database file', 'bytes/tx', [fileBytes / last.sent]),
  ]
}

function checksOf(
  samples: readonly Sample[],
  { failed, sent }: LoadResult,
  verification: { readonly exitCode: number | null; readonly text: string },
): Check[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const soundness: Check[] = [
    { claim: 'every transaction succeeded', measured: `${failed} of ${sent} failed`, passed: failed === 0 },
    {
      claim: 'the database is sound',
      measured: verification.text.trim().split('\n').at(-1) ?? '',
      passed: verification.exitCode === 0,
    },
  ]
  if (sent < JUDGED_COUNT_MIN) return soundness
  const trend = trendOf(leastOfWindows(samples.slice(Math.floor(samples.length * WARM_UP_SHARE))))
  return [
    {
      claim: 'memory is bounded',
      measured:
        `the line through the lows of the last ${percent(1 - WARM_UP_SHARE)} gains ${percent(trend.relativeGrowth)} of ` +
        `${trend.mean.toFixed(0)} MB (${(trend.slope * 1e6).toFixed(0)} bytes a transaction), limit ${percent(GROWTH_MAX)}`,
      passed: trend.relativeGrowth < GROWTH_MAX,
    },
    ...soundness,
  ]
}

/** Of each window the sample with the least memory. */
function leastOfWindows(samples: readonly Sample[]): (readonly [sent: number, anonymousMb: number])[] {
  const size = Math.ceil(samples.length / WINDOWS)
  return Array.from({ length: Math.ceil(samples.length / size) }, (_, window) => {
    const least = samples
      .slice(window * size, (window + 1) * size)
      .reduce((least, sample) => (sample.anonymousMb < least.anonymousMb ? sample : least))
    return [least.sent, least.anonymousMb]
  })
}

function notesOf(
  samples: readonly Sample[],
  { sent, reads }: LoadResult,
  statistics: LedgerStatistics,
): string[] {
  const { timeMs } = samples.at(-1) as Sample
  const seconds = timeMs / 1000
  const largest = Object.entries(statistics.tables)
    .toSorted(([, a], [, b]) => b.bytes - a.bytes)
    .slice(0, 6)
    .map(([name, { bytes }]) => `${name} ${(bytes / statistics.transactions).toFixed(0)}`)
  return [
    `${sent} transactions and ${reads} reads in ${seconds.toFixed(1)} s: ${(sent / seconds).toFixed(0)} transactions and ` +
      `${(reads / seconds).toFixed(0)} reads a second; ${statistics.blocks} blocks`,
    `largest tables, bytes a transaction: ${largest.join(', ')}`,
    'client and node share the machine',
    ...(sent < JUDGED_COUNT_MIN
      ? [`too short to judge memory: that takes ${JUDGED_COUNT_MIN} transactions`]
      : []),
  ]
}
