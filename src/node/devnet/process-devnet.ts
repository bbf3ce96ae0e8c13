/** A network of which every node is a process of its own, connected over TCP on this machine's loopback interface. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { NodeId } from '../../consensus/election/election.ts'
import { present } from '../../primitives/assert.ts'
import type { FaultyNode } from '../../rpc/fault-control.ts'
import { ChildNode } from './child-process.ts'
import { faultControlOf } from './faults.ts'
import type { SealReport } from './seal-reports.ts'

/** Nodes whose addresses each node begins with; the others' it learns from them. */
const BOOTSTRAP_COUNT = 3
const HOST = '127.0.0.1'
const READY_TIMEOUT_MS = 30_000
const READY_POLL_MS = 100

/** A node whose directory exists. */
export interface PreparedNode {
  readonly name: string
  readonly id: NodeId
  /** Path of its configuration. */
  readonly config: string
  /** Of its network key. */
  readonly peerId: string
}

export interface ProcessDevnetOptions {
  readonly nodes: readonly PreparedNode[]
  /** What each process runs. */
  readonly program: string
  /** Of the first node's RPC server; 0 for any. */
  readonly port: number
  /** Whether the others have the ports that follow, rather than any. */
  readonly hasAllServers: boolean
  readonly engine: string
  /** Blocks whose state each node keeps. */
  readonly historyBlocks: number
  readonly logLevel: string
  /** A line that a node wrote. */
  readonly onLine: (name: string, line: string) => void
  /** Of the first node. */
  readonly onReport: (report: SealReport) => void
  /** A process ended that nobody asked to. */
  readonly onError: (error: unknown) => void
}

export interface ProcessDevnet {
  readonly nodes: readonly ChildNode[]
  /** Of the nodes that run, as far as they have told. */
  memoryBytes(): number
  close(): Promise<void>
  /** Ends all processes at once. */
  kill(): void
}

/** Resolves when all nodes answer requests and the first is ready. @throws AevirError with no process left. */
export async function openProcessDevnet(options: ProcessDevnetOptions): Promise<ProcessDevnet> {
  const ports = await freePorts(options.nodes.length)
  const addresses = options.nodes.map(({ peerId }, index) => `${listenAddress(ports, index)}/p2p/${peerId}`)
  const states = (): readonly FaultyNode[] => nodes.map(({ name, id, fault }) => ({ name, id, fault }))
  const tellAll = (): void => {
    for (const node of nodes) node.tell({ kind: 'nodes', nodes: states() })
  }
  const nodes: ChildNode[] = options.nodes.map(
    ({ name, id, config }, index) =>
      new ChildNode({
        name,
        id,
        program: options.program,
        settings: {
          config,
          listen: [listenAddress(ports, index)],
          bootstrap: addresses.filter((_, other) => other !== index).slice(0, BOOTSTRAP_COUNT),
          rpcPort: rpcPortOf(options, index),
          engine: options.engine,
          history: options.historyBlocks,
          logLevel: options.logLevel,
          hasReports: index === 0,
        },
        nodes: states,
        onLine: (line) => options.onLine(name, line),
        onReport: options.onReport,
        onSetFault: async (node, fault) => {
          await faultControlOf(nodes, id).setFault(node, fault)
          tellAll()
        },
        onFailed: (error) => {
          options.onError(error)
          tellAll()
        },
      }),
  )
  const devnet: ProcessDevnet = {
    nodes,
    memoryBytes: () => nodes.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    close: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
    },
    kill: () => {
      for (const node of nodes) node.killNow()
    },
  }
  const starts = await Promise.allSettled(nodes.map((node) => node.start()))
  const failed = starts.find((start) => start.status === 'rejected')
  if (failed === undefined) {
    await untilReady(nodes)
    return devnet
  }
  await devnet.close()
  throw failed.reason
}

/** Until the first node has seen the chain go on; not for ever, since whoever starts a network may want to look why not. */
async function untilReady([first]: readonly ChildNode[]): Promise<void> {
  const url = present(first?.url, 'the first node runs')
  const endMs = performance.now() + READY_TIMEOUT_MS
  while (performance.now() < endMs) {
    const { ok } = await fetch(new URL('/readyz', url))
    if (ok) return
    await setTimeout(READY_POLL_MS)
  }
}

function rpcPortOf({ port, hasAllServers }: ProcessDevnetOptions, index: number): number {
  if (index === 0) return port
  return hasAllServers && port !== 0 ? port + index : 0
}

function listenAddress(ports: readonly number[], index: number): string {
  return `/ip4/${HOST}/tcp/${present(ports[index], 'a port for each node')}`
}

/** Ports that nobody listens on now; found anew at each start, since others may have taken those of the last one. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  // It listens on an address, not on a pipe.
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
