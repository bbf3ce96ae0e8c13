/**
 * Whole networks in one process and in virtual time: real chains with real execution, both layers of consensus, their
 * elections and epochs, and between the nodes a network that a test can look into and tamper with. Signatures are
 * stand-ins, clocks are moved by hand.
 */
import assert from 'node:assert/strict'
import { devGenesis } from '../../../src/chain/dev-genesis.ts'
import type { Transaction } from '../../../src/chain/transaction.ts'
import { DEFAULT_PARAMETERS, type ConsensusParameters } from '../../../src/consensus/committees/parameters.ts'
import type { RegisteredNode } from '../../../src/consensus/committees/registry.ts'
import type { Application } from '../../../src/consensus/plugin.ts'
import type { Committee } from '../../../src/consensus/committees/committee.ts'
import type { ConsensusStore } from '../../../src/consensus/dual-bft/consensus-store.ts'
import { createDualBft, type ConsensusEvent, type DualBft } from '../../../src/consensus/dual-bft/dual-bft.ts'
import type {
  InstanceDescription,
  InstanceHost,
  InstancePorts,
} from '../../../src/consensus/dual-bft/instances.ts'
import { REGIONAL_TIMING, type Domain } from '../../../src/consensus/simplex/config.ts'
import type { Peer } from '../../../src/consensus/simplex/events.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { GENESIS_VIEW, type Layer } from '../../../src/consensus/simplex/types.ts'
import { verifyRequest } from '../../../src/consensus/simplex/verification.ts'
import type { WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import { decodeMessage, encodeMessage, wireContext } from '../../../src/consensus/simplex/wire.ts'
import { createExecutor } from '../../../src/execution/engines.ts'
import type { BlockExecutor } from '../../../src/execution/executor.ts'
import { COMMITTEE_POLICY } from '../../../src/execution/header-validation.ts'
import { Blockchain } from '../../../src/node/blockchain.ts'
import { executedGenesis } from '../../../src/node/genesis-ledger.ts'
import { SenderRecovery } from '../../../src/node/sender-recovery.ts'
import { present } from '../../../src/primitives/assert.ts'
import { bytesToHex, EMPTY_BYTES, hexToBytes, ZERO_HASH } from '../../../src/primitives/bytes.ts'
import type { NodeEvent } from '../../../src/rpc/backend.ts'
import { openConsensusStore } from '../../../src/storage/consensus-database.ts'
import { Findings } from '../../../src/storage/findings.ts'
import type { KeyValueStore } from '../../../src/storage/key-value-store.ts'
import { openLedger } from '../../../src/storage/ledger-database.ts'
import { verifyConsensus } from '../../../src/storage/verify-consensus.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { addressOf } from '../../support/small-world.ts'
import { RECEIVER, SENDER, transfer } from '../../support/transfer.ts'
import { memoryLog, VirtualWorld } from '../../support/virtual-world.ts'
import { stubPublicKey, stubScheme, stubSigner } from '../../simulation/stub-scheme.ts'

/** What a message takes. */
const LINK_MS = 5
const GENESIS = devGenesis({ timestamp: 1_600_000_000n })

/** Sees every message before it travels: what it returns travels instead. */
export type Tamper = (from: number, to: number, layer: Layer, message: Message) => readonly Message[]

export interface TestNode {
  readonly index: number
  readonly chain: Blockchain
  readonly store: ConsensusStore
  /** What its chain and its store are kept in. */
  readonly keyValues: KeyValueStore
  plugin: DualBft
  /** What its chain told those who listen. */
  readonly events: NodeEvent[]
  readonly consensusEvents: ConsensusEvent[]
  readonly instances: Map<string, InstanceDescription>
  /** By instance. */
  readonly logs: Map<string, WalRecord[]>
  isUp: boolean
}

export interface WorldOptions {
  readonly executors: number
  readonly witnesses: number
  /** Nodes without a seat in the first cycle. */
  readonly followers?: number
  /** How many of those have stake, less than the executors. */
  readonly spares?: number
  readonly parameters?: Partial<ConsensusParameters>
  /** What a node executes with; its chain, unless told otherwise. */
  application?(index: number, chain: Blockchain): Application
  /** What a node remembers with; its store, unless told otherwise. */
  store?(index: number, store: ConsensusStore): ConsensusStore
  /** Whether layers of these nodes may halt. */
  mayHalt?(index: number): boolean
}

export class DualWorld extends VirtualWorld {
  readonly nodes: readonly TestNode[]
  readonly parameters: ConsensusParameters
  readonly registry: readonly RegisteredNode[]
  tamper: Tamper = (_from, _to, _layer, message) => [message]
  private readonly senders = new SenderRecovery()
  private readonly failures: unknown[] = []
  private readonly options: WorldOptions
  private nonce = 0n

  private constructor(options: WorldOptions, executor: BlockExecutor) {
    super()
    const { executors, witnesses, followers = 0, spares = 0 } = options
    this.options = options
    this.parameters = {
      ...DEFAULT_PARAMETERS,
      executorSeats: executors,
      witnessSeats: witnesses,
      heartbeatMs: 1000,
      ...options.parameters,
    }
    const size = executors + witnesses + followers
    this.registry = Array.from({ length: size }, (_, index) => {
      const isStaked = index < executors || index >= size - spares
      return registered(index, isStaked, index < executors, size)
    })
    this.nodes = this.registry.map((_, index) => this.createNode(index, executor))
  }

  static async start(options: WorldOptions): Promise<DualWorld> {
    const world = new DualWorld(options, await createExecutor('tier0'))
    for (const { plugin } of world.nodes) await plugin.start()
    await world.settle()
    return world
  }

  /** Moves the clock until all nodes that are up have sealed a block. */
  async untilSealed(number: bigint, limitMs?: number): Promise<void> {
    const isSealed = ({ isUp, chain }: TestNode): boolean =>
      !isUp || chain.ledger.committed('sealed') >= number
    await this.until(`block ${number} is sealed`, () => this.nodes.every(isSealed), limitMs)
  }

  /** Hands a transfer to all nodes that are up, or to some of them. */
  async transfer(value: bigint, to: Iterable<number> = this.nodes.keys()): Promise<Transaction> {
    const transaction = transfer(this.nonce++, RECEIVER, value)
    await this.hand(transaction, to)
    return transaction
  }

  async hand(transaction: Transaction, to: Iterable<number>): Promise<void> {
    for (const index of to) {
      const { isUp, chain, plugin } = this.node(index)
      if (!isUp) continue
      chain.pool.add(transaction, SENDER)
      plugin.onTransaction()
    }
    await this.settle()
  }

  /** Cuts a node off and ends it; its ledger, store and logs stay. */
  async stop(index: number): Promise<void> {
    const node = this.node(index)
    node.isUp = false
    await node.plugin.stop()
  }

  /** Ends a node as it stands: whatever it waits for never comes. */
  crash(index: number): void {
    const node = this.node(index)
    node.isUp = false
    node.instances.clear()
  }

  async restart(index: number): Promise<void> {
    const node = this.node(index)
    node.plugin = this.createPlugin(node)
    node.isUp = true
    await node.plugin.start()
    await this.settle()
  }

  /** Number of the block that has a transaction, on the chain of a node. */
  numberOf(index: number, transaction: Transaction): bigint | undefined {
    return this.node(index).chain.ledger.transaction(transaction.hash)?.blockNumber
  }

  node(index: number): TestNode {
    return present(this.nodes[index], 'node')
  }

  indexOf(id: string): number {
    return this.registry.findIndex((registered) => registered.id === id)
  }

  /** Ends all nodes, none of which may have failed, or have left a database behind in which something is wrong. */
  async close(): Promise<void> {
    for (const { plugin, isUp, chain, keyValues } of this.nodes) {
      if (isUp) await plugin.stop()
      assert.deepEqual(verified(keyValues, chain.ledger.hashOf(0n)), [])
      await chain.ledger.close()
    }
    await this.senders.close()
    assert.deepEqual(this.failures, [])
  }

  private createNode(index: number, executor: BlockExecutor): TestNode {
    const { config } = GENESIS
    const keyValues = new MemoryStore()
    const ledger = openLedger({
      store: keyValues,
      chainId: config.chainId,
      genesis: executedGenesis(GENESIS),
    })
    const attributes = () => ({
      timestamp: ledger.head().timestamp + 1n,
      beneficiary: addressOf(0xfee0 + index),
      prevRandao: ZERO_HASH,
    })
    const { senders } = this
    const chain = new Blockchain({
      config,
      ledger,
      executor,
      senders,
      policy: COMMITTEE_POLICY,
      poolLimits: {},
      attributes,
    })
    const events: NodeEvent[] = []
    chain.subscribe((event) => events.push(event))
    const parts = {
      index,
      chain,
      store: openConsensusStore(keyValues),
      keyValues,
      events,
      consensusEvents: [],
      instances: new Map(),
      logs: new Map(),
      isUp: true,
    }
    return Object.assign(parts, { plugin: this.createPlugin(parts) })
  }

  private createPlugin(node: Omit<TestNode, 'plugin'>): DualBft {
    const { index, chain, store, consensusEvents } = node
    const genesis = present(chain.ledger.hashOf(0n), 'genesis')
    const fail = (error: unknown): number => this.failures.push({ node: index, error })
    const { application, mayHalt, store: storeOf } = this.options
    return createDualBft(application?.(index, chain) ?? chain, this.clock, {
      chainId: GENESIS.config.chainId,
      genesis: { number: 0n, hash: genesis },
      parameters: this.parameters,
      registry: { at: () => this.registry },
      scheme: stubScheme,
      signer: stubSigner(index),
      timing: REGIONAL_TIMING,
      store: storeOf?.(index, store) ?? store,
      host: this.hostOf(node),
      beneficiary: addressOf(0xfee0 + index),
      onEvent: (event) => {
        consensusEvents.push(event)
        if (event.kind === 'halted' && mayHalt?.(index) !== true) fail(event)
      },
      onError: fail,
    })
  }

  private hostOf(node: Omit<TestNode, 'plugin'>): InstanceHost {
    return {
      open: async (instance) => this.open(node, instance),
      setCommittees: () => undefined,
    }
  }

  private open(node: Omit<TestNode, 'plugin'>, instance: InstanceDescription): InstancePorts {
    const { committee, domain } = instance
    const name = `${committee.layer}-${committee.epoch}`
    const records = node.logs.get(name) ?? []
    node.logs.set(name, records)
    node.instances.set(name, instance)
    const keyring = stubScheme.keyring(committee.members.map((member) => hexToBytes(member)))
    const verifier = { scheme: stubScheme, domain, keyring }
    const close = async (): Promise<void> => {
      node.instances.delete(name)
    }
    return {
      transport: {
        send: (to, message) => this.post(node, this.nodeAt(committee, to), committee, domain, message),
        broadcast: (message) => {
          for (const other of this.nodes) {
            const isFor = message.kind !== 'vote' || committee.members.includes(this.idOf(other.index))
            if (other.index !== node.index && isFor) {
              this.post(node, other.index, committee, domain, message)
            }
          }
        },
      },
      log: memoryLog(records),
      verify: (request, onResult) => onResult(verifyRequest(verifier, request)),
      records: [...records],
      abstainThrough: GENESIS_VIEW,
      blame: () => undefined,
      retire: async () => {
        node.logs.delete(name)
        await close()
      },
      close,
    }
  }

  /** Guests have the indexes above the members'. */
  private nodeAt({ members }: Committee, peer: Peer): number {
    const member = members[peer]
    return member === undefined ? peer - members.length : this.indexOf(member)
  }

  private peerOf({ members }: Committee, index: number): Peer {
    const seat = members.indexOf(this.idOf(index))
    return seat < 0 ? members.length + index : seat
  }

  private idOf(index: number): RegisteredNode['id'] {
    return present(this.registry[index], 'registered node').id
  }

  private post(
    node: Omit<TestNode, 'plugin'>,
    to: number,
    committee: Committee,
    domain: Domain,
    message: Message,
  ): void {
    if (!node.isUp) return
    for (const sent of this.tamper(node.index, to, committee.layer, message)) {
      this.clock.schedule(LINK_MS, () => this.deliver(node.index, to, committee, domain, sent))
    }
  }

  private deliver(from: number, to: number, committee: Committee, domain: Domain, message: Message): void {
    const target = this.node(to)
    if (!target.isUp) return
    const instance = target.instances.get(`${committee.layer}-${committee.epoch}`)
    if (instance?.committee.hash === committee.hash) {
      instance.receive(this.peerOf(committee, from), message)
      return
    }
    const context = wireContext(committee.shape, domain)
    const answer = target.plugin.answerFromArchive(encodeMessage(context, message))
    if (answer === undefined) return
    this.clock.schedule(LINK_MS, () => {
      const asker = this.node(from).instances.get(`${committee.layer}-${committee.epoch}`)
      asker?.receive(this.peerOf(committee, to), decodeMessage(context, answer))
    })
  }

  /** Lets everything that was begun come to its end: nothing here waits for the machine. */
  protected async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    assert.deepEqual(this.failures, [])
  }
}

/** A store whose epochs begin in another way. */
export function withAddEpoch(store: ConsensusStore, addEpoch: ConsensusStore['addEpoch']): ConsensusStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'addEpoch') return addEpoch
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function verified(store: KeyValueStore, genesisHash = ZERO_HASH): readonly string[] {
  const findings = new Findings()
  verifyConsensus({ store, genesisHash, findings, onProgress: () => undefined })
  return findings.listed
}

/** All nodes that are up have the same chain as far as it is sealed. */
export function assertSame(world: DualWorld, number: bigint): void {
  const up = world.nodes.filter(({ isUp }) => isUp)
  const hashes = new Set(up.map(({ chain }) => chain.ledger.hashOf(number)))
  assert.equal(hashes.size, 1)
  assert.ok(!hashes.has(undefined))
}

/** Executors have nothing but stake, all others points; some of those have a little stake as well. */
function registered(index: number, isStaked: boolean, isExecutor: boolean, size: number): RegisteredNode {
  const rank = BigInt(size - index)
  return {
    id: bytesToHex(stubPublicKey(index)),
    proofOfPossession: EMPTY_BYTES,
    stake: isExecutor ? 1000n + rank : isStaked ? rank : 0n,
    points: isExecutor ? 0n : 1000n + rank,
    isJailed: false,
    payout: addressOf(0xfee0 + index),
  }
}
