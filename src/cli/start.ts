/** `aevir start`: a node of a network, until Ctrl-C. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { bls } from '../consensus/bls.ts'
import type { InstanceHost } from '../consensus/dual-bft/instances.ts'
import type { Signer } from '../consensus/signature-scheme.ts'
import { GLOBAL_TIMING, REGIONAL_TIMING } from '../consensus/simplex/config.ts'
import { engineNameOf } from '../execution/engines.ts'
import { createLibp2pTransport, type NetworkTransport } from '../network/libp2p-transport.ts'
import type { Transport } from '../network/transport.ts'
import { DiskLogs } from '../node/bft/instance-logs.ts'
import { parseNodeConfig, type ConfigOverrides, type NodeConfig } from '../node/config/node-config.ts'
import { openNodeKeys, type NodeKeys } from '../node/keys/node-keys.ts'
import { openOperator } from '../node/keys/operator-key.ts'
import { readPassword } from '../node/keys/password.ts'
import { VoteGuard } from '../node/keys/vote-guard.ts'
import type { Log } from '../node/log.ts'
import { parseNetworkGenesis, type NetworkGenesis } from '../node/network-genesis.ts'
import { openNetworkNode, type NetworkNode } from '../node/network-node.ts'
import { NodeFailedError } from '../node/node-errors.ts'
import { OperatorStatus } from '../node/operator-status.ts'
import { createLog } from '../node/structured-log.ts'
import { systemClock } from '../node/system-clock.ts'
import { clientVersion, VERSION } from '../node/version.ts'
import { AevirError } from '../primitives/errors.ts'
import type { FaultControl } from '../rpc/fault-control.ts'
import { createRpcServer } from '../rpc/server.ts'
import { readTextFile } from './read-text-file.ts'
import { stopOnSignals } from './stop-signals.ts'

const CONSENSUS_LOGS = 'wal'
/** A head that is so far in the future means that this machine's clock is wrong. */
const CLOCK_TOLERANCE_MS = 10_000

/** The node cannot be started as it is configured. */
class StartError extends AevirError {
  override readonly code = 'START'
}

export interface StartOptions {
  readonly config: string
  readonly data?: string
  readonly genesis?: string
  readonly engine?: string
  /** Blocks whose state is kept. */
  readonly history?: number
  readonly keys?: string
  readonly passwordFile?: string
  readonly listen?: readonly string[]
  readonly bootstrap?: readonly string[]
  readonly host?: string
  readonly port?: number
  readonly logLevel?: string
  readonly logFormat?: string
}

/** What a development network puts around its nodes, so that it can break them. */
export interface NodeHooks {
  readonly faults: FaultControl
  wrapTransport(transport: Transport): Transport
  decorateHost(host: InstanceHost, signer: Signer): InstanceHost
}

export async function runStart(options: StartOptions): Promise<void> {
  const config = await readConfig(options)
  const log = createLog({ level: config.logLevel, format: config.logFormat, stream: process.stdout })
  const running = await openConfigured(config, log)
  stopOnSignals({
    stop: () => running.stop(),
    onStop: () => log.info('stopping; once more to end at once'),
    onError: (error) => log.error('the node did not stop in order', { reason: reasonOf(error) }),
  })
}

/** @throws AevirError */
export async function readConfig(options: StartOptions): Promise<NodeConfig> {
  const text = await readTextFile(options.config, 'the configuration', 'make one with aevir init')
  const { data, genesis, engine, history, keys, passwordFile, listen, bootstrap, host, port } = options
  // The command line checked level and format against their lists.
  const { logLevel, logFormat } = options as ConfigOverrides
  return parseNodeConfig(text, options.config, {
    data,
    genesis,
    engine,
    history,
    keys,
    passwordFile,
    listen,
    bootstrap,
    rpcHost: host,
    rpcPort: port,
    logLevel,
    logFormat,
  })
}

export interface RunningNode {
  readonly node: NetworkNode
  /** Of its RPC server. */
  readonly url: string
  stop(): Promise<void>
}

/** Opens everything, the cheap checks first. @throws AevirError with nothing left open. */
export async function openConfigured(config: NodeConfig, log: Log, hooks?: NodeHooks): Promise<RunningNode> {
  engineNameOf(config.engine)
  const network = await readNetwork(config.genesis)
  const keys = await openNodeKeys(config.keys, readPassword(config.passwordFile, process.env))
  const isMember = checkMembership(config, network, keys)
  const parts = new AsyncDisposableStack()
  try {
    const { node, transport } = await openNode(config, network, keys, isMember, parts, log, hooks)
    const status = new OperatorStatus({
      backend: node.backend,
      clock: systemClock,
      network: () => transport.statistics(),
      subscribeConsensus: (listener) => node.view.subscribe(listener),
    })
    parts.defer(() => status.close())
    await status.startMetrics()
    const server = await createRpcServer({
      backend: node.backend,
      host: config.rpcHost,
      port: config.rpcPort,
      clock: systemClock,
      status,
      onInternalError: (error) => log.error('a request failed', { reason: reasonOf(error) }),
    })
    parts.defer(() => server.close())
    log.info('listening', {
      rpc: server.url,
      network: transport.addresses().join(' '),
      node: keys.node,
      role: isMember ? 'member' : 'follower',
      chain: network.genesis.config.chainId,
      head: node.chain.head().number,
      version: VERSION,
    })
    return { node, url: server.url, stop: () => parts.disposeAsync() }
  } catch (error) {
    await parts.disposeAsync()
    throw error
  }
}

async function openNode(
  config: NodeConfig,
  network: NetworkGenesis,
  keys: NodeKeys,
  isMember: boolean,
  parts: AsyncDisposableStack,
  log: Log,
  hooks: NodeHooks | undefined,
): Promise<{ readonly node: NetworkNode; readonly transport: NetworkTransport }> {
  const signer = bls.signer(keys.consensusSecret)
  const guard = isMember ? await VoteGuard.open(join(config.keys, 'guard'), keys.node) : undefined
  if (guard !== undefined) parts.defer(() => guard.close())
  if (guard?.isNew === true && existsSync(config.data)) {
    log.warn('the guard against signing twice is new: with these keys no other machine may have voted', {
      node: keys.node,
    })
  }
  const transport = createLibp2pTransport({
    chain: { chainId: network.genesis.config.chainId, genesisHash: network.block.hash },
    signer,
    scheme: bls,
    clock: systemClock,
    identitySeed: keys.networkSeed,
    listen: config.listen,
    ...(config.announce === undefined ? {} : { announce: config.announce }),
    bootstrap: config.bootstrap,
  })
  const node = await openNetworkNode({
    network,
    directory: config.data,
    engine: config.engine,
    historyBlocks: config.history,
    signer: isMember ? signer : undefined,
    logs: guard === undefined ? undefined : new DiskLogs(join(config.data, CONSENSUS_LOGS), guard, log),
    operator: isMember ? openOperator(config.keys) : undefined,
    transport: hooks?.wrapTransport(transport) ?? transport,
    ...(hooks === undefined
      ? {}
      : { faults: hooks.faults, decorateHost: (host) => hooks.decorateHost(host, signer) }),
    timing: config.timing === 'global' ? GLOBAL_TIMING : REGIONAL_TIMING,
    clientVersion: clientVersion({
      os: process.platform,
      arch: process.arch,
      node: process.versions.node,
    }),
    log,
    onStopped: () => {
      // Its log says why and what helps. Requests are not waited for: the node could not answer them.
      process.exitCode = 1
      void parts.disposeAsync().finally(() => process.exit(1))
    },
  })
  parts.defer(() => node.close())
  warnOfClock(node, log)
  return { node, transport }
}

async function readNetwork(path: string): Promise<NetworkGenesis> {
  return parseNetworkGenesis(
    await readTextFile(path, 'the genesis file', 'copy it from another node of the network'),
  )
}

/** Whether this node may have a seat. */
function checkMembership(config: NodeConfig, { nodes }: NetworkGenesis, { node }: NodeKeys): boolean {
  const isKnown = nodes.some(({ id }) => id === node)
  if (isKnown) return !config.follow
  if (config.follow) return false
  throw new StartError(
    `the genesis ${config.genesis} does not name the key ${node} of ${config.keys}: name the keys or the genesis that ` +
      'belong together, or set follow = true in [node] to follow without voting',
  )
}

function warnOfClock({ chain }: NetworkNode, log: Log): void {
  const headMs = Number(chain.ledger.head().timestamp) * 1000
  const aheadMs = headMs - systemClock.nowMs()
  if (aheadMs <= CLOCK_TOLERANCE_MS) return
  log.warn('the newest block is of the future: let this machine follow a time server (NTP)', {
    aheadSeconds: Math.round(aheadMs / 1000),
  })
}

function reasonOf(error: unknown): string {
  return new NodeFailedError(error).message
}
