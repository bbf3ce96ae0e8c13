/** `aevir devnet`: a whole network on this machine, to be used and to be broken, until Ctrl-C. */
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ConsensusParameters } from '../consensus/committees/parameters.ts'
import { engineNameOf } from '../execution/engines.ts'
import { openLocalDevnet } from '../node/devnet/local-devnet.ts'
import { SealReports, type SealReport } from '../node/devnet/seal-reports.ts'
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
  readonly shareExecution?: boolean
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

/** A network that runs, wherever its nodes are. */
interface RunningDevnet {
  readonly facts: DevnetFacts
  memoryBytes(): number
  stop(): Promise<void>
}

export async function runDevnet(options: DevnetOptions): Promise<void> {
  const running: { devnet?: RunningDevnet } = {}
  const onReport = (report: SealReport): void => {
    // What is sealed before the network is announced is part of its start.
    if (running.devnet === undefined || options.quiet === true) return
    const line = options.json === true ? sealJson : sealLine
    process.stdout.write(line(report, running.devnet.memoryBytes()))
  }
  stopOnSignals({
    // Before the network is there, nothing has to be stopped in order.
    stop: async () => running.devnet?.stop(),
    onStop: () => {
      if (isTalkative(options)) process.stdout.write('Stopping; once more to end at once\n')
    },
    onError: reportBackgroundError,
  })
  const open = options.processes === true ? openProcesses : openLocal
  running.devnet = await open(options, onReport)
  announce(options, running.devnet.facts)
}

type Parameters = Partial<Omit<ConsensusParameters, 'executorSeats' | 'witnessSeats'>>
type OnReport = (report: SealReport) => void

async function openLocal(options: DevnetOptions, onReport: OnReport): Promise<RunningDevnet> {
  const devnet = await openLocalDevnet({
    executors: options.executors,
    witnesses: options.witnesses,
    chainId: options.chainId,
    directory: options.data,
    engine: options.engine,
    historyBlocks: options.history,
    sharesExecution: options.shareExecution === true,
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
  const { nodes, plans, urls, network } = devnet
  const reports = new SealReports(() => systemClock.nowMs(), onReport)
  devnet.subscribe((event) => reports.onEvent(event))
  const memoryBytes = (): number => process.memoryUsage.rss()
  return {
    facts: {
      ...factsOf(
        options,
        plans.map(({ name, id }) => ({ name, id, url: urls.get(name) })),
      ),
      chainId: network.genesis.config.chainId,
      head: nodes[0]?.running?.chain.head().number ?? 0n,
      memoryBytes: memoryBytes(),
    },
    memoryBytes,
    stop: () => devnet.close(),
  }
}

async function openProcesses(options: DevnetOptions, onReport: OnReport): Promise<RunningDevnet> {
  const { prepareDirectory } = await import('./devnet-directory.ts')
  const { openProcessDevnet } = await import('../node/devnet/process-devnet.ts')
  // Before eleven processes say the same.
  engineNameOf(options.engine)
  const { executors, witnesses, chainId, data } = options
  const parameters = parametersOf(options)
  const directory = await prepareDirectory({ directory: data, executors, witnesses, chainId, parameters })
  process.once('exit', () => directory.dispose())
  try {
    const devnet = await openProcessDevnet({
      nodes: directory.nodes,
      program: fileURLToPath(new URL(`./devnet-worker${extname(import.meta.url)}`, import.meta.url)),
      port: options.port,
      hasAllServers: options.rpcAll === true,
      engine: options.engine,
      historyBlocks: options.history,
      logLevel: options.logLevel,
      onLine: (name, line) => process.stderr.write(`[${name}] ${line}\n`),
      onReport,
      onError: reportBackgroundError,
    })
    process.prependOnceListener('exit', () => devnet.kill())
    const memoryBytes = (): number => devnet.memoryBytes() + process.memoryUsage.rss()
    return {
      facts: {
        ...factsOf(options, devnet.nodes),
        chainId: directory.chainId,
        head: devnet.nodes[0]?.head ?? 0n,
        memoryBytes: memoryBytes(),
      },
      memoryBytes,
      stop: () => devnet.close(),
    }
  } catch (error) {
    directory.dispose()
    throw error
  }
}

function parametersOf({ cycleBlocks, heartbeat }: DevnetOptions): Parameters {
  return {
    ...(cycleBlocks === undefined
      ? {}
      : { cycleBlocks, windowBlocks: Math.min(WINDOW_BLOCKS_MAX, cycleBlocks >> 1) }),
    ...(heartbeat === undefined ? {} : { heartbeatMs: heartbeat }),
  }
}

function factsOf(
  { executors, witnesses, data, processes }: DevnetOptions,
  nodes: readonly DevnetNodeFacts[],
): Omit<DevnetFacts, 'chainId' | 'head' | 'memoryBytes'> {
  return {
    url: present(nodes[0]?.url, 'the first node has a server'),
    executors,
    witnesses,
    nodes: nodes.map(({ name, id, url }) => ({ name, id, url })),
    directory: data,
    hasProcesses: processes === true,
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
