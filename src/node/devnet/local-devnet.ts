/**
 * A whole network within this process: nodes that talk to each other through memory and share what costs threads and
 * time. 21 executors and 51 witnesses run on two cores.
 *
 * On a disk a network is a directory: `devnet.json` says what it was made from, `genesis.json` is its genesis, and each
 * node has a directory by its name.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConsensusParameters } from '../../consensus/committees/parameters.ts'
import { bls } from '../../consensus/bls.ts'
import type { Clock } from '../../consensus/plugin.ts'
import type { SignatureScheme } from '../../consensus/signature-scheme.ts'
import { REGIONAL_TIMING, type Timing } from '../../consensus/simplex/config.ts'
import { MemoryNetwork } from '../../network/memory-transport.ts'
import { AevirError } from '../../primitives/errors.ts'
import type { NodeEvent } from '../../rpc/backend.ts'
import { createRpcServer, type RpcServer } from '../../rpc/server.ts'
import { StringPool } from '../../storage/string-pool.ts'
import { directVerifier } from '../bft/direct-verifier.ts'
import { SharedMessages } from '../bft/shared-messages.ts'
import type { Log } from '../log.ts'
import { parseNetworkGenesis, type NetworkGenesis } from '../network-genesis.ts'
import type { NetworkNode, SharedParts } from '../network-node.ts'
import { openNodeEngine, PROFILE_FILE_NAME } from '../node-engine.ts'
import { OperatorStatus } from '../operator-status.ts'
import { SenderRecovery } from '../sender-recovery.ts'
import { systemClock } from '../system-clock.ts'
import { TransactionDecoder } from '../transaction-gossip.ts'
import { faultControlOf } from './faults.ts'
import { LocalNode } from './local-node.ts'
import { SharedExecution } from './shared-execution.ts'
import { planNodes, throwAwayGenesis, type NodePlan } from './throw-away-network.ts'

const NETWORK_FILE = 'devnet.json'
const GENESIS_FILE = 'genesis.json'
/** Everybody may know it: nothing in such a network is worth anything. */
const SEED = 'throw-away'
/** So many nodes of one process need no more time than those of many. */
const UNHURRIED_NODES = 16

export interface LocalDevnetOptions {
  readonly executors: number
  readonly witnesses: number
  readonly chainId: bigint
  /** `undefined` keeps everything in memory. */
  readonly directory: string | undefined
  readonly engine: string
  /** Blocks behind the head whose state each node keeps. */
  readonly historyBlocks: number
  /** Whether the first node that verifies a block does so for all: none of the others finds out what it did wrong. */
  readonly sharesExecution: boolean
  readonly parameters?: Partial<Omit<ConsensusParameters, 'executorSeats' | 'witnessSeats'>>
  readonly timing?: Timing
  readonly clientVersion: string
  /** Of the first node's RPC server; `undefined` for none. */
  readonly port: number | undefined
  /** A server for each node, on the ports that follow. */
  readonly hasAllServers: boolean
  readonly clock?: Clock
  /** Where a node writes to. */
  logOf(name: string): Log
  /** Something failed that no caller waits for. */
  onError(error: unknown): void
}

export interface LocalDevnet {
  readonly network: NetworkGenesis
  readonly plans: readonly NodePlan[]
  readonly nodes: readonly LocalNode[]
  /** By the name of the node. */
  readonly urls: ReadonlyMap<string, string>
  /** Events of the first node, in all its lives. */
  subscribe(listener: (event: NodeEvent) => void): void
  close(): Promise<void>
}

/** The directory holds another network. */
export class ForeignDevnetError extends AevirError {
  override readonly code = 'FOREIGN_DEVNET'
}

/** @throws AevirError with nothing left open. */
export async function openLocalDevnet(options: LocalDevnetOptions): Promise<LocalDevnet> {
  const { clock = systemClock } = options
  const scheme = await loadScheme()
  const { plans, network } = openNetwork(options, clock, scheme)
  const parts = new AsyncDisposableStack()
  try {
    const shared = {
      ...openShared(scheme, parts),
      ...(options.sharesExecution ? sharedExecution() : {}),
    }
    const { directory, onError } = options
    const profile = directory === undefined ? undefined : join(directory, PROFILE_FILE_NAME)
    const engine = await openNodeEngine(options.engine, { profile, onError })
    parts.defer(() => engine.close())
    const memory = new MemoryNetwork({ clock })
    const strings = new StringPool()
    const timing = options.timing ?? timingOf(plans.length)
    const listeners = new Set<(event: NodeEvent) => void>()
    const urls = new Map<string, string>()
    const nodes: LocalNode[] = plans.map(
      (plan, index) =>
        new LocalNode({
          plan,
          network,
          executor: engine.executor,
          shared,
          clock,
          join: (self) => memory.join(self),
          directory: options.directory === undefined ? undefined : join(options.directory, plan.name),
          historyBlocks: options.historyBlocks,
          strings,
          timing,
          clientVersion: options.clientVersion,
          log: options.logOf(plan.name),
          faults: () => faultControlOf(nodes, plan.id),
          onUp: async (node) => {
            if (index === 0) node.backend.subscribe((event) => tell(listeners, event))
            return serve(options, node, index, (url) => urls.set(plan.name, url))
          },
          onFailed: options.onError,
        }),
    )
    parts.defer(() => stopAll(nodes))
    for (const node of nodes) await node.start()
    const [first] = nodes
    if (first?.running !== undefined) await engine.warmUp(first.running.chain.latestState())
    return {
      network,
      plans,
      nodes,
      urls,
      subscribe: (listener) => {
        listeners.add(listener)
      },
      close: () => parts.disposeAsync(),
    }
  } catch (error) {
    await parts.disposeAsync()
    throw error
  }
}

/**
 * Time-outs for nodes that share one thread: a view of many members takes it that much longer, and were they to give up
 * and repeat themselves as soon as nodes on machines of their own, they would do nothing else.
 */
function timingOf(nodeCount: number): Timing {
  const factor = Math.max(1, nodeCount / UNHURRIED_NODES)
  const { leaderTimeoutMs, advanceTimeoutMs, resendMs } = REGIONAL_TIMING
  return {
    leaderTimeoutMs: factor * leaderTimeoutMs,
    advanceTimeoutMs: factor * advanceTimeoutMs,
    resendMs: factor * resendMs,
  }
}

function tell(listeners: Iterable<(event: NodeEvent) => void>, event: NodeEvent): void {
  for (const listener of listeners) listener(event)
}

/** All keys are in this process, so that hardly any signature has to be checked. */
async function loadScheme(): Promise<SignatureScheme> {
  if (bls.name !== 'bls-native') return bls
  const { rememberingBls } = await import('../../consensus/bls-remembering.ts')
  return rememberingBls()
}

function sharedExecution(): Pick<SharedParts, 'verifyBlock'> {
  const execution = new SharedExecution()
  return { verifyBlock: (executor, input) => execution.verify(executor, input) }
}

function openShared(scheme: SignatureScheme, parts: AsyncDisposableStack): SharedParts {
  const senders = new SenderRecovery()
  parts.defer(() => senders.close())
  const messages = new SharedMessages()
  return {
    senders,
    scheme,
    decoder: new TransactionDecoder(senders),
    decode: (context, bytes) => messages.decode(context, bytes),
    verifier: directVerifier(scheme),
  }
}

/** At the same time: nobody has to be heard by the others any more. */
async function stopAll(nodes: readonly LocalNode[]): Promise<void> {
  const results = await Promise.allSettled(nodes.map((node) => node.stop()))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** Starts the RPC server of a node, if it is to have one. The result stops it. */
async function serve(
  { port, hasAllServers, clock = systemClock, onError }: LocalDevnetOptions,
  { backend, view, transport }: NetworkNode,
  index: number,
  onListening: (url: string) => void,
): Promise<() => Promise<void>> {
  if (port === undefined || (index > 0 && !hasAllServers)) return async () => undefined
  const status = new OperatorStatus({
    backend,
    clock,
    network: () => transport.statistics(),
    subscribeConsensus: (listener) => view.subscribe(listener),
  })
  const server: RpcServer = await createRpcServer({
    backend,
    port: port === 0 ? 0 : port + index,
    clock,
    status,
    onInternalError: onError,
  })
  onListening(server.url)
  return async () => {
    await server.close()
    status.close()
  }
}

// ---- What the network is --------------------------------------------------------------------------------------------

function openNetwork(
  options: LocalDevnetOptions,
  clock: Clock,
  scheme: SignatureScheme,
): { readonly plans: readonly NodePlan[]; readonly network: NetworkGenesis } {
  const { executors, witnesses, directory } = options
  const shape = { executors, witnesses, seed: SEED }
  const text = directory === undefined ? newGenesis(options, clock) : storedGenesis(options, directory, clock)
  return { plans: planNodes(shape, scheme), network: parseNetworkGenesis(text) }
}

function newGenesis(options: LocalDevnetOptions, clock: Clock): string {
  const { executors, witnesses, chainId, parameters = {} } = options
  const timestamp = BigInt(Math.floor(clock.nowMs() / 1000))
  return throwAwayGenesis({ executors, witnesses, seed: SEED }, { chainId, timestamp, parameters })
}

/** The genesis in the directory; a new one where there is none. */
function storedGenesis(options: LocalDevnetOptions, directory: string, clock: Clock): string {
  const { executors, witnesses } = options
  const networkFile = join(directory, NETWORK_FILE)
  const genesisFile = join(directory, GENESIS_FILE)
  if (!existsSync(networkFile)) {
    mkdirSync(directory, { recursive: true })
    const text = newGenesis(options, clock)
    writeFileSync(genesisFile, text)
    // Last: a directory with this file is complete.
    writeFileSync(networkFile, `${JSON.stringify({ executors, witnesses })}\n`)
    return text
  }
  const found = readShape(networkFile)
  if (found.executors !== executors || found.witnesses !== witnesses) {
    throw new ForeignDevnetError(
      `${directory} holds a network of ${found.executors} executors and ${found.witnesses} witnesses, ` +
        `not of ${executors} and ${witnesses}: name another directory, or remove this one`,
    )
  }
  return readFileSync(genesisFile, 'utf8')
}

function readShape(file: string): { readonly executors: number; readonly witnesses: number } {
  try {
    const shape: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof shape === 'object' && shape !== null && 'executors' in shape && 'witnesses' in shape) {
      const { executors, witnesses } = shape
      if (typeof executors === 'number' && typeof witnesses === 'number') return { executors, witnesses }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new ForeignDevnetError(`${file} is no description of a development network: name another directory`)
}
