/** Whole nodes of a network within one process: real keys, both layers, messages by reference. */
import { setTimeout as pause } from 'node:timers/promises'
import { bls } from '../../src/consensus/bls.ts'
import type { ConsensusParameters } from '../../src/consensus/committees/parameters.ts'
import type { NodeId } from '../../src/consensus/election/election.ts'
import { createExecutor } from '../../src/execution/engines.ts'
import type { BlockExecutor } from '../../src/execution/executor.ts'
import { MemoryNetwork } from '../../src/network/memory-transport.ts'
import { MemoryLogs } from '../../src/node/bft/instance-logs.ts'
import { SignatureVerifier } from '../../src/node/bft/verifier.ts'
import { SILENT_LOG } from '../../src/node/log.ts'
import { parseNetworkGenesis, type NetworkGenesis } from '../../src/node/network-genesis.ts'
import {
  openNetworkNode,
  type NetworkNode,
  type NetworkNodeOptions,
  type SharedParts,
} from '../../src/node/network-node.ts'
import { newNetworkGenesis, type NewNode } from '../../src/node/new-network.ts'
import { SenderRecovery } from '../../src/node/sender-recovery.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { TransactionDecoder } from '../../src/node/transaction-gossip.ts'
import { present } from '../../src/primitives/assert.ts'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { addressOf } from './small-world.ts'

export const CHAIN_ID = 31_337n
const POLL_MS = 10
/** Much longer than anything here takes. */
const PATIENCE_MS = 60_000

export interface NetworkShape {
  readonly executors: number
  readonly witnesses: number
  readonly parameters?: Partial<ConsensusParameters>
}

/** The secret of a node, by its position. */
export function secretOf(index: number): Uint8Array {
  return new Uint8Array(32).fill(index + 1)
}

export function newNodesOf({ executors, witnesses }: NetworkShape): readonly NewNode[] {
  return Array.from({ length: executors + witnesses }, (_, index) => ({
    role: index < executors ? 'executor' : 'witness',
    secret: secretOf(index),
    operator: addressOf(0x0e00 + index),
  }))
}

export function genesisTextOf(shape: NetworkShape): string {
  return newNetworkGenesis({
    chainId: CHAIN_ID,
    timestamp: 1_700_000_000n,
    nodes: newNodesOf(shape),
    ...(shape.parameters === undefined ? {} : { parameters: shape.parameters }),
  })
}

export class BftNetwork {
  readonly genesis: NetworkGenesis
  readonly nodes: (NetworkNode | undefined)[] = []
  readonly failures: unknown[] = []
  readonly network: MemoryNetwork
  private readonly shape: NetworkShape
  private readonly executor: BlockExecutor
  private readonly shared: SharedParts
  private readonly logs: MemoryLogs[] = []

  private constructor(shape: NetworkShape, executor: BlockExecutor, shared: SharedParts) {
    this.shape = shape
    this.executor = executor
    this.shared = shared
    this.genesis = parseNetworkGenesis(genesisTextOf(shape))
    this.network = new MemoryNetwork({ clock: systemClock })
  }

  /** All members run when this resolves. */
  static async start(shape: NetworkShape): Promise<BftNetwork> {
    const senders = new SenderRecovery()
    const verifier = new SignatureVerifier({ onThreadEnded: (error) => world.failures.push(error) })
    const shared = { senders, verifier, decoder: new TransactionDecoder(senders) }
    const world: BftNetwork = new BftNetwork(shape, await createExecutor('tier0'), shared)
    for (let index = 0; index < shape.executors + shape.witnesses; index++) await world.open(index)
    return world
  }

  /** Opens a member, or one that follows when there is no seat for its position. */
  async open(index: number, options: Partial<NetworkNodeOptions> = {}): Promise<NetworkNode> {
    const signer = bls.signer(secretOf(index))
    const isMember = index < this.shape.executors + this.shape.witnesses
    const logs = (this.logs[index] ??= new MemoryLogs())
    const node = await openNetworkNode({
      network: this.genesis,
      directory: undefined,
      engine: this.executor,
      signer: isMember ? signer : undefined,
      logs,
      operator: undefined,
      transport: this.network.join(bytesToHex(signer.publicKey)),
      clientVersion: 'Aevir/test',
      log: SILENT_LOG,
      shared: this.shared,
      onStopped: (error) => this.failures.push(error),
      ...options,
    })
    this.nodes[index] = node
    return node
  }

  node(index: number): NetworkNode {
    return present(this.nodes[index], `node ${index}`)
  }

  running(): readonly NetworkNode[] {
    return this.nodes.filter((node) => node !== undefined)
  }

  idOf(index: number): NodeId {
    return bytesToHex(bls.signer(secretOf(index)).publicKey)
  }

  async close(index: number): Promise<void> {
    const node = this.node(index)
    this.nodes[index] = undefined
    await node.close()
  }

  /** Waits until all running nodes have sealed a block. */
  async sealed(number: bigint): Promise<void> {
    await this.until(`block ${number} is sealed everywhere`, () =>
      this.running().every(({ chain }) => chain.ledger.committed('sealed') >= number),
    )
  }

  async until(what: string, isTrue: () => boolean): Promise<void> {
    const endMs = Date.now() + PATIENCE_MS
    while (!isTrue()) {
      if (this.failures.length > 0) throw new AggregateError(this.failures, what)
      if (Date.now() > endMs) throw new Error(`waited in vain until ${what}\n${this.describe()}`)
      await pause(POLL_MS)
    }
  }

  describe(): string {
    const lines = this.running().map(({ chain, view }, index) => {
      const states = (['preconfirmed', 'final', 'sealed'] as const).map((state) =>
        chain.ledger.committed(state),
      )
      const status = view.status()
      const layers = [status?.execution, status?.witness].map((layer) => {
        return `${layer?.committee.epoch}/${layer?.view}${layer?.isPaused === true ? ' paused' : ''}`
      })
      return `node ${index}: ${states.join(' ')}, ${layers.join(', ')}`
    })
    return lines.join('\n')
  }

  async stop(): Promise<void> {
    await Promise.all(this.running().map((node) => node.close()))
    await this.shared.verifier.close()
    await this.shared.senders.close()
  }
}
