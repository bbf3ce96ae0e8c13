/** A network on this machine as operators make one: `aevir init`, then a process for each node with `aevir start`. */
import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { NodeProcess, type NodePlace } from './node-process.ts'

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
/** Where the first of the ports may be: below those that the system gives to clients. */
const PORT_FIRST = 20_000
const PORT_LAST = 30_000
const PORT_ATTEMPTS = 50

export interface NetworkShape {
  readonly executors: number
  readonly witnesses: number
  /** Blocks of a cycle; left out, the network's default. */
  readonly cycleBlocks?: number
  /** More of Node's command line for a node, such as `--cpu-prof`. */
  readonly nodeArguments?: (name: string) => readonly string[]
}

interface InitOutput {
  readonly nodes: readonly {
    readonly name: string
    readonly directory: string
    readonly config: string
    readonly node: string
    readonly rpc: string
  }[]
}

export class ProcessNetwork {
  /** Executors first. */
  readonly nodes: readonly NodeProcess[]

  private constructor(nodes: readonly NodeProcess[]) {
    this.nodes = nodes
  }

  /** Makes the network in a new directory. Nothing runs yet. */
  static async make(directory: string, shape: NetworkShape): Promise<ProcessNetwork> {
    const { executors, witnesses, cycleBlocks, nodeArguments = () => [] } = shape
    const count = executors + witnesses
    const port = await freePorts(2 * count)
    const cycle = cycleBlocks === undefined ? [] : ['--cycle-blocks', `${cycleBlocks}`]
    const { nodes } = await init([
      ...[join(directory, 'network'), '--json', ...cycle],
      ...['--executors', `${executors}`, '--witnesses', `${witnesses}`],
      ...['--network-port', `${port}`, '--rpc-port', `${port + count}`],
    ])
    return new ProcessNetwork(
      nodes.map(({ config, directory, node, rpc }, index): NodeProcess => {
        const isExecutor = index < executors
        const name = isExecutor ? `executor-${index + 1}` : `witness-${index + 1 - executors}`
        const args = [...nodeArguments(name), MAIN, 'start', '--config', config]
        const place: NodePlace = {
          name,
          role: isExecutor ? 'executor' : 'witness',
          id: node,
          directory,
          rpcPort: Number(new URL(rpc).port),
          command: { file: process.execPath, args },
        }
        return new NodeProcess(place)
      }),
    )
  }

  get executors(): readonly NodeProcess[] {
    return this.nodes.filter(({ place }) => place.role === 'executor')
  }

  get witnesses(): readonly NodeProcess[] {
    return this.nodes.filter(({ place }) => place.role === 'witness')
  }

  get running(): readonly NodeProcess[] {
    return this.nodes.filter(({ isRunning }) => isRunning)
  }

  nodeOf(id: string): NodeProcess | undefined {
    return this.nodes.find(({ place }) => place.id === id)
  }

  /** Starts all; resolves when all are ready. */
  async start(): Promise<void> {
    // Each has a listener that ends its process with this one.
    process.setMaxListeners(process.getMaxListeners() + this.nodes.length)
    for (const node of this.nodes) node.start()
    await Promise.all(this.nodes.map((node) => node.ready()))
  }

  async kill(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()))
  }
}

async function init(args: readonly string[]): Promise<InitOutput> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'init', ...args])
  return JSON.parse(stdout) as InitOutput
}

/** The first of so many ports in a row that were free a moment ago. */
async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const first = PORT_FIRST + Math.floor(Math.random() * (PORT_LAST - PORT_FIRST - count))
    const servers = await Promise.all(Array.from({ length: count }, (_, index) => listen(first + index)))
    const open = servers.filter((server) => server !== undefined)
    await Promise.all(open.map((server) => once(server.close(), 'close')))
    if (open.length === count) return first
  }
  throw new Error(`no ${count} free ports in a row`)
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer()
  try {
    const listening = once(server, 'listening')
    server.listen(port, '127.0.0.1')
    await listening
    return server
  } catch {
    return undefined
  }
}
