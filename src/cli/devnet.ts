/** `aevir devnet`: a whole network on this machine, to be used and to be broken, until Ctrl-C. */
import { openLocalDevnet, type LocalDevnet } from '../node/devnet/local-devnet.ts'
import { SealReports } from '../node/devnet/seal-reports.ts'
import { LOG_LEVELS, type Log, type LogFields, type LogLevel } from '../node/log.ts'
import { systemClock } from '../node/system-clock.ts'
import { clientVersion } from '../node/version.ts'
import { present } from '../primitives/assert.ts'
import {
  devnetScreen,
  logLine,
  readyJson,
  sealJson,
  sealLine,
  type DevnetFacts,
  type DevnetNodeFacts,
} from './devnet-screen.ts'
import { reportBackgroundError } from './report-error.ts'
import { stopOnSignals } from './stop-signals.ts'

export interface DevnetOptions {
  readonly executors: number
  readonly witnesses: number
  readonly processes?: boolean
  readonly inProcess?: boolean
  readonly data?: string
  readonly port: number
  readonly rpcAll?: boolean
  readonly chainId: bigint
  readonly engine: string
  /** Blocks whose state each node keeps. */
  readonly history: number
  /** Blocks of a cycle. */
  readonly cycleBlocks?: number
  /** In milliseconds. */
  readonly heartbeat?: number
  readonly logLevel: LogLevel
  readonly json?: boolean
  readonly quiet?: boolean
}

/** A block must refer to a seal of its own cycle or of the one before. */
const WINDOW_BLOCKS_MAX = 64

export async function runDevnet(options: DevnetOptions): Promise<void> {
  await runLocalDevnet(options)
}

async function runLocalDevnet(options: DevnetOptions): Promise<void> {
  const devnet = await openLocalDevnet({
    executors: options.executors,
    witnesses: options.witnesses,
    chainId: options.chainId,
    directory: options.data,
    engine: options.engine,
    historyBlocks: options.history,
    parameters: parametersOf(options),
    clientVersion: clientVersion({
      os: process.platform,
      arch: process.arch,
      node: process.versions.node,
    }),
    port: options.port,
    hasAllServers: options.rpcAll === true,
    logOf: (name) => logTo(name, options.logLevel),
    onError: reportBackgroundError,
  })
  stopOnSignals({
    stop: () => devnet.close(),
    onStop: () => {
      if (isTalkative(options)) process.stdout.write('Stopping; once more to end at once\n')
    },
    onError: reportBackgroundError,
  })
  announce(options, factsOf(devnet, options))
  if (options.quiet === true) return
  const reports = new SealReports(
    () => systemClock.nowMs(),
    (report) => {
      const line = options.json === true ? sealJson : sealLine
      process.stdout.write(line(report, process.memoryUsage.rss()))
    },
  )
  devnet.subscribe((event) => reports.onEvent(event))
}

function parametersOf({
  cycleBlocks,
  heartbeat,
}: DevnetOptions): Parameters<typeof openLocalDevnet>[0]['parameters'] & {} {
  return {
    ...(cycleBlocks === undefined
      ? {}
      : { cycleBlocks, windowBlocks: Math.min(WINDOW_BLOCKS_MAX, cycleBlocks >> 1) }),
    ...(heartbeat === undefined ? {} : { heartbeatMs: heartbeat }),
  }
}

function factsOf({ plans, urls, nodes }: LocalDevnet, options: DevnetOptions): DevnetFacts {
  return {
    url: present(urls.get(plans[0]?.name ?? ''), 'the first node has a server'),
    chainId: options.chainId,
    executors: options.executors,
    witnesses: options.witnesses,
    nodes: plans.map(({ name, id }): DevnetNodeFacts => ({ name, id, url: urls.get(name) })),
    directory: options.data,
    hasProcesses: false,
    head: nodes[0]?.running?.chain.head().number ?? 0n,
    memoryBytes: process.memoryUsage.rss(),
  }
}

function announce({ json, quiet }: DevnetOptions, facts: DevnetFacts): void {
  if (json === true) process.stdout.write(readyJson(facts))
  else if (quiet !== true) process.stdout.write(devnetScreen(facts))
}

/** Lines of one node, from a level on. */
function logTo(node: string, least: LogLevel): Log {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return
    process.stderr.write(logLine(node, level, message, fields))
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function isTalkative({ json, quiet }: DevnetOptions): boolean {
  return json !== true && quiet !== true
}
