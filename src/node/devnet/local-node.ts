/**
 * A node of a network within this process, through its lives: it is opened, broken, closed without warning and opened
 * again on what it had stored. Its store and its logs are outside of it, in memory or in a directory of its own.
 */
import { join } from 'node:path'
import type { NodeId } from '../../consensus/election/election.ts'
import type { Clock } from '../../consensus/plugin.ts'
import type { Timing } from '../../consensus/simplex/config.ts'
import type { BlockExecutor } from '../../execution/executor.ts'
import { FaultyTransport } from '../../network/faulty-transport.ts'
import type { Transport } from '../../network/transport.ts'
import type { FaultControl, NodeFault } from '../../rpc/fault-control.ts'
import type { KeyValueStore } from '../../storage/key-value-store.ts'
import { MemoryStore } from '../../storage/memory-store.ts'
import type { StringPool } from '../../storage/string-pool.ts'
import { DiskLogs, MemoryLogs, type InstanceLogs } from '../bft/instance-logs.ts'
import { VoteGuard } from '../keys/vote-guard.ts'
import type { Log } from '../log.ts'
import type { NetworkGenesis } from '../network-genesis.ts'
import { openNetworkNode, type NetworkNode, type SharedParts } from '../network-node.ts'
import { CrashableLogs, CrashableStore } from './crashable-store.ts'
import { equivocatingHost, type EquivocationSwitch } from './equivocation.ts'
import { networkFaultOf, Turns, type BreakableNode } from './faults.ts'
import type { NodePlan } from './throw-away-network.ts'

export interface LocalNodeOptions {
  readonly plan: NodePlan
  readonly network: NetworkGenesis
  readonly executor: BlockExecutor
  readonly shared: SharedParts
  /** A place in the network, for each life another. */
  readonly join: (self: NodeId) => Transport
  /** Of this node; `undefined` for memory, which lasts as long as the process. */
  readonly directory: string | undefined
  readonly historyBlocks: number
  /** Of all nodes. */
  readonly strings: StringPool
  readonly timing: Timing
  readonly clientVersion: string
  readonly clock: Clock
  readonly log: Log
  readonly faults: () => FaultControl
  /** Called in each life when the node is up; the result when it goes down, which it waits for. */
  readonly onUp: (node: NetworkNode) => Promise<() => Promise<void>>
  /** The node stopped by itself, and is down until somebody heals it. */
  readonly onFailed: (error: unknown) => void
}

/** What a node is as long as it is up. */
interface Life {
  readonly node: NetworkNode
  readonly transport: FaultyTransport
  readonly store: CrashableStore
  readonly logs: CrashableLogs
  readonly down: () => Promise<void>
  readonly closeLogs: () => Promise<void>
}

export class LocalNode implements BreakableNode {
  readonly name: string
  readonly id: NodeId
  readonly #options: LocalNodeOptions
  readonly #turns = new Turns()
  readonly #lying: EquivocationSwitch = { isOn: false }
  /** Kept from life to life where there is no directory. */
  readonly #memory: { readonly store: KeyValueStore; readonly logs: InstanceLogs }
  #life: Life | undefined
  #fault: NodeFault = { kind: 'none' }

  constructor(options: LocalNodeOptions) {
    this.#options = options
    this.name = options.plan.name
    this.id = options.plan.id
    this.#memory = { store: new MemoryStore(options.strings), logs: new MemoryLogs() }
  }

  get fault(): NodeFault {
    return this.#fault
  }

  /** `undefined` while the node is down. */
  get running(): NetworkNode | undefined {
    return this.#life?.node
  }

  start(): Promise<void> {
    return this.#turns.take(() => this.#start())
  }

  setFault(fault: NodeFault): Promise<void> {
    return this.#turns.take(async () => {
      if (fault.kind === 'crash') await this.#crash()
      else await this.#breakConnections(fault)
      this.#fault = fault
    })
  }

  stop(): Promise<void> {
    return this.#turns.take(async () => {
      const life = this.#life
      this.#life = undefined
      if (life !== undefined) await end(life)
    })
  }

  async #breakConnections(fault: Exclude<NodeFault, { kind: 'crash' }>): Promise<void> {
    if (this.#life === undefined) await this.#start()
    this.#lying.isOn = fault.kind === 'equivocate'
    this.#life?.transport.setFault(networkFaultOf(fault))
  }

  async #start(): Promise<void> {
    const { plan, clock } = this.#options
    const transport = new FaultyTransport(this.#options.join(plan.id), clock)
    const storage = await this.#openStorage()
    const { store, logs } = storage
    try {
      const node = await openNetworkNode({
        ...this.#options,
        directory: undefined,
        store,
        engine: this.#options.executor,
        signer: plan.signer,
        logs,
        operator: plan.operator,
        transport,
        faults: this.#options.faults(),
        decorateHost: (host) => equivocatingHost(host, { signer: plan.signer, clock, lying: this.#lying }),
        onStopped: (error) => this.#stopped(node, error),
      })
      const down = await this.#options.onUp(node)
      this.#life = { node, transport, store, logs, down, closeLogs: storage.closeLogs }
    } catch (error) {
      await storage.closeLogs()
      throw error
    }
  }

  async #openStorage(): Promise<Pick<Life, 'store' | 'logs' | 'closeLogs'>> {
    const { directory, plan, log } = this.#options
    if (directory === undefined) {
      const store = new CrashableStore(this.#memory.store, async () => undefined)
      return { store, logs: new CrashableLogs(this.#memory.logs), closeLogs: async () => undefined }
    }
    const guard = await VoteGuard.open(join(directory, 'votes'), plan.id)
    try {
      const { openLmdbStore } = await import('../../storage/lmdb-store.ts')
      const inner = openLmdbStore(join(directory, 'chain'))
      const logs: InstanceLogs = new DiskLogs(join(directory, 'wal'), guard, log)
      return {
        store: new CrashableStore(inner, () => inner.close()),
        logs: new CrashableLogs(logs),
        closeLogs: () => guard.close(),
      }
    } catch (error) {
      await guard.close()
      throw error
    }
  }

  /** From one moment to the next nothing of the node is heard or stored; then what is left of it is cleared away. */
  async #crash(): Promise<void> {
    const life = this.#life
    this.#life = undefined
    this.#lying.isOn = false
    if (life === undefined) return
    life.store.cut()
    life.logs.cut()
    life.transport.setFault({ kind: 'pause' })
    try {
      await end(life)
    } catch (error) {
      // It does not know that it has no storage any more, and may stumble over it.
      this.#options.log.debug('the crashed node did not close in order', { reason: String(error) })
    }
  }

  #stopped(node: NetworkNode, error: unknown): void {
    void this.#turns.take(async () => {
      const life = this.#life
      if (life?.node !== node) return
      this.#life = undefined
      this.#fault = { kind: 'crash' }
      await end(life)
      this.#options.onFailed(error)
    })
  }
}

async function end({ node, down, closeLogs }: Life): Promise<void> {
  try {
    await down()
  } finally {
    try {
      await node.close()
    } finally {
      await closeLogs()
    }
  }
}
