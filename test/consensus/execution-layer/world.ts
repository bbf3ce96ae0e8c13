/**
 * Nodes of the execution layer: real chains with real execution, and a pool that all share. When a block is sealed, a test
 * says.
 */
import assert from 'node:assert/strict'
import { devGenesis } from '../../../src/chain/dev-genesis.ts'
import type { Transaction } from '../../../src/chain/transaction.ts'
import { ExecutionLayer } from '../../../src/consensus/execution-layer/execution-layer.ts'
import { MemoryFinalityStore } from '../../../src/consensus/execution-layer/finality-store.ts'
import { WindowRules, type SealedChain } from '../../../src/consensus/execution-layer/seal-rules.ts'
import { firstRandomness } from '../../../src/consensus/election/randomness.ts'
import { committeeShape, REGIONAL_TIMING, type Domain } from '../../../src/consensus/simplex/config.ts'
import type { HaltReason } from '../../../src/consensus/simplex/events.ts'
import type { Evidence } from '../../../src/consensus/simplex/evidence.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import type { Epoch } from '../../../src/consensus/simplex/types.ts'
import type { WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import type { BlockAttributes } from '../../../src/execution/environment.ts'
import { createExecutor } from '../../../src/execution/engines.ts'
import type { BlockExecutor } from '../../../src/execution/executor.ts'
import { COMMITTEE_POLICY } from '../../../src/execution/header-validation.ts'
import { Blockchain } from '../../../src/node/blockchain.ts'
import { executedGenesis } from '../../../src/node/genesis-ledger.ts'
import { SenderRecovery } from '../../../src/node/sender-recovery.ts'
import { present } from '../../../src/primitives/assert.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import type { NodeEvent } from '../../../src/rpc/backend.ts'
import { openLedger } from '../../../src/storage/ledger-database.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { LayerWorld } from '../../support/layer-world.ts'
import { addressOf } from '../../support/small-world.ts'
import { RECEIVER, SENDER, transfer } from '../../support/transfer.ts'

/** Of worlds that are not about seals or the end of an epoch. */
const FAR = 1_000_000
export const HEARTBEAT_MS = 1000
const GENESIS = devGenesis({ timestamp: 1_600_000_000n })

export interface WorldOptions {
  /** Members of the committee. */
  readonly size?: number
  /** Nodes that follow: their indexes come after those of the members. */
  readonly followers?: number
  readonly windowBlocks?: number
  readonly lastNumber?: bigint
}

/** The seals that a node knows. After each comes a link of its own. */
export class TestSeals implements SealedChain {
  private readonly numbers: Map<Hash, bigint>
  private newest: Hash

  constructor(genesis: Hash) {
    this.numbers = new Map([[genesis, 0n]])
    this.newest = genesis
  }

  add(hash: Hash, number: bigint): void {
    this.numbers.set(hash, number)
    this.newest = hash
  }

  get newestNumber(): bigint {
    return present(this.numbers.get(this.newest), 'newest seal')
  }

  numberOf(hash: Hash): bigint | undefined {
    return this.numbers.get(hash)
  }

  randomnessAfter(hash: Hash): Hash | undefined {
    return this.numbers.has(hash) ? firstRandomness(hash) : undefined
  }

  /** What a block says that refers to the newest. */
  get reference(): Pick<BlockAttributes, 'parentBeaconBlockRoot' | 'prevRandao'> {
    return { parentBeaconBlockRoot: this.newest, prevRandao: firstRandomness(this.newest) }
  }
}

export interface TestNode {
  readonly index: number
  readonly chain: Blockchain
  readonly store: MemoryFinalityStore
  readonly seals: TestSeals
  /** What its layer told: `final`, with numbers. */
  readonly hooks: string[]
  /** Errors that ended its layer. */
  readonly failures: unknown[]
  layer: ExecutionLayer
  /** What its chain told those who listen. */
  readonly events: NodeEvent[]
  readonly evidence: Evidence[]
  isUp: boolean
}

export class ExecutionWorld extends LayerWorld<ExecutionLayer, TestNode> {
  readonly nodes: readonly TestNode[]
  readonly startMs = this.clock.nowMs()
  readonly domain: Domain
  protected readonly size: number
  private readonly senders = new SenderRecovery()
  private readonly logs = new Map<number, WalRecord[]>()
  private nonce = 0n

  private readonly options: Required<WorldOptions>

  private constructor(options: WorldOptions, executor: BlockExecutor) {
    super()
    this.options = { size: 4, followers: 0, windowBlocks: FAR, lastNumber: BigInt(FAR), ...options }
    const { size, followers } = this.options
    this.size = size
    const genesisHash = executedGenesis(GENESIS).block.hash
    const epoch = 0 as Epoch
    this.domain = { chainId: GENESIS.config.chainId, layer: 'execution', epoch, committeeHash: genesisHash }
    this.nodes = Array.from({ length: size + followers }, (_, index) => this.createNode(index, executor))
  }

  static async start(options: WorldOptions = {}): Promise<ExecutionWorld> {
    const world = new ExecutionWorld(options, await createExecutor('tier0'))
    await world.start()
    return world
  }

  /** Hands a transfer to one node, which passes it on to all that are up. */
  async transfer(value: bigint): Promise<Transaction> {
    const transaction = transfer(this.nonce++, RECEIVER, value)
    for (const { isUp, chain, layer } of this.nodes) {
      if (!isUp) continue
      chain.pool.add(transaction, SENDER)
      layer.onTransaction()
    }
    await this.settle()
    return transaction
  }

  /** Lets nodes, or all, know that the blocks up to this one are sealed. */
  async seal(number: bigint, indexes = this.nodes.map(({ index }) => index)): Promise<void> {
    for (const { chain, seals, layer } of indexes.map((index) => this.node(index))) {
      assert.ok(chain.ledger.committed('final') >= number, 'what is sealed is final')
      seals.add(present(chain.ledger.hashOf(number), 'sealed block'), number)
      layer.sealedUpTo(number)
    }
    await this.settle()
  }

  /** Members of the committee. */
  get members(): readonly TestNode[] {
    return this.nodes.slice(0, this.size)
  }

  /** Ends all nodes, none of which may have failed. */
  override async close(): Promise<void> {
    await super.close()
    for (const { chain } of this.nodes) await chain.ledger.close()
    await this.senders.close()
    for (const { failures } of this.nodes) assert.deepEqual(failures, [])
  }

  private createNode(index: number, executor: BlockExecutor): TestNode {
    const { config } = GENESIS
    const genesis = executedGenesis(GENESIS)
    const ledger = openLedger({ store: new MemoryStore(), chainId: config.chainId, genesis })
    const seals = new TestSeals(genesis.block.hash)
    const { senders } = this
    const attributes = (): BlockAttributes => this.attributes(index, seals, ledger.head().timestamp)
    const chain = new Blockchain({
      config,
      ledger,
      executor,
      senders,
      policy: COMMITTEE_POLICY,
      poolLimits: {},
      attributes,
    })
    this.logs.set(index, [])
    const events: NodeEvent[] = []
    chain.subscribe((event) => events.push(event))
    const parts = { index, chain, seals, events, store: new MemoryFinalityStore() }
    const lists = { evidence: [], hooks: [], failures: [] }
    return { ...parts, ...lists, layer: this.createLayer({ ...parts, ...lists }), isUp: true }
  }

  protected createLayer(node: Omit<TestNode, 'layer' | 'isUp'>): ExecutionLayer {
    const { index, chain, seals, store, hooks, failures, evidence } = node
    const { lastNumber, windowBlocks } = this.options
    const records = present(this.logs.get(index), 'log')
    const { domain, size } = this
    const genesis = present(chain.ledger.hashOf(0n), 'genesis')
    const self = index < size ? index : undefined
    const fail = (error: unknown): number => failures.push(error)
    const timing = REGIONAL_TIMING
    const config = { ...committeeShape(size), domain, self, timing, compactionBlocks: 4 }
    return new ExecutionLayer(chain, this.clock, {
      config,
      sign: (statement) => this.sign(index, statement),
      origin: { root: { height: 0, hash: genesis, payloadHash: genesis }, records: [...records] },
      ports: this.portsOf(index, records),
      observer: {
        evidence: (found) => evidence.push(found),
        blame: () => undefined,
        halted: (reason: HaltReason | { readonly kind: 'logFailed' }) => fail(reason),
      },
      store,
      heartbeatMs: HEARTBEAT_MS,
      lastNumber,
      rules: new WindowRules(seals, { windowBlocks }),
      room: () => 0n,
      roomDueMs: () => undefined,
      sealed: seals.newestNumber,
      windowBlocks,
      attributes: () => this.attributes(index, seals, chain.ledger.head().timestamp),
      onFinal: (number, hash) => {
        assert.equal(chain.ledger.hashOf(number), hash)
        assert.ok(chain.ledger.committed('final') >= number)
        assert.ok(BigInt(store.latest()?.height ?? 0) >= number)
        hooks.push(`final ${number}`)
      },
      onError: fail,
    })
  }

  /** Members earn for themselves, so that two never make the same block. */
  private attributes(index: number, seals: TestSeals, parentTimestamp: bigint): BlockAttributes {
    const now = BigInt(this.clock.nowMs()) / 1000n
    const timestamp = now > parentTimestamp ? now : parentTimestamp
    return { timestamp, beneficiary: addressOf(0xfee0 + index), ...seals.reference }
  }

  protected isForFollowers({ kind }: Message): boolean {
    return kind === 'propose' || kind === 'certificates'
  }
}
