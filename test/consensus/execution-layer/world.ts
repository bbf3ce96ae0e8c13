/**
 * Nodes of the execution layer in one process and in virtual time: real chains with real execution, and between them a
 * network that a test can look into and tamper with. Signatures are stand-ins, clocks are moved by hand.
 */
import assert from 'node:assert/strict'
import { DEV_ACCOUNTS, devGenesis } from '../../../src/chain/dev-genesis.ts'
import { signTransaction } from '../../../src/chain/transaction-signature.ts'
import type { Transaction } from '../../../src/chain/transaction.ts'
import { ExecutionLayer } from '../../../src/consensus/execution-layer/execution-layer.ts'
import { MemoryFinalityStore } from '../../../src/consensus/execution-layer/finality-store.ts'
import { WindowRules, type SealedChain } from '../../../src/consensus/execution-layer/seal-rules.ts'
import { firstRandomness } from '../../../src/consensus/election/randomness.ts'
import { committeeShape, REGIONAL_TIMING, type Domain } from '../../../src/consensus/simplex/config.ts'
import type { HaltReason } from '../../../src/consensus/simplex/events.ts'
import type { Evidence } from '../../../src/consensus/simplex/evidence.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import { leaderOf } from '../../../src/consensus/simplex/state.ts'
import type { Epoch, Statement } from '../../../src/consensus/simplex/types.ts'
import { verifyRequest } from '../../../src/consensus/simplex/verification.ts'
import type { WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import type { BlockAttributes } from '../../../src/execution/environment.ts'
import { createExecutor } from '../../../src/execution/engines.ts'
import type { BlockExecutor } from '../../../src/execution/executor.ts'
import { COMMITTEE_POLICY } from '../../../src/execution/header-validation.ts'
import { Blockchain } from '../../../src/node/blockchain.ts'
import { executedGenesis } from '../../../src/node/genesis-ledger.ts'
import { SenderRecovery } from '../../../src/node/sender-recovery.ts'
import { present } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES, hexToBytes, type Address, type Hash } from '../../../src/primitives/bytes.ts'
import type { NodeEvent } from '../../../src/rpc/backend.ts'
import { openLedger } from '../../../src/storage/ledger-database.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { addressOf } from '../../support/small-world.ts'
import { stubPublicKey, stubScheme, stubSigner } from '../../simulation/stub-scheme.ts'

/** Of worlds that are not about seals or the end of an epoch. */
const FAR = 1_000_000
export const HEARTBEAT_MS = 1000
const STEP_MS = 10
const GENESIS = devGenesis({ timestamp: 1_600_000_000n })
const SENDER = present(DEV_ACCOUNTS[0], 'development account')
export const RECEIVER: Address = present(DEV_ACCOUNTS[1], 'development account').address

/** Sees every message before it travels: what it returns travels instead. */
export type Tamper = (from: number, to: number, message: Message) => readonly Message[]

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
  /** What its layer told: `preconfirmed` and `final`, with numbers. */
  readonly hooks: string[]
  /** Errors that ended its layer. */
  readonly failures: unknown[]
  layer: ExecutionLayer
  /** What its chain told those who listen. */
  readonly events: NodeEvent[]
  readonly evidence: Evidence[]
  isUp: boolean
}

export class ExecutionWorld {
  readonly nodes: readonly TestNode[]
  readonly clock = new ManualClock()
  readonly startMs = this.clock.nowMs()
  readonly domain: Domain
  tamper: Tamper = (_from, _to, message) => [message]
  private readonly senders = new SenderRecovery()
  private readonly inFlight: { readonly from: number; readonly to: number; readonly message: Message }[] = []
  private readonly logs = new Map<number, WalRecord[]>()
  private nonce = 0n

  private readonly options: Required<WorldOptions>

  private constructor(options: WorldOptions, executor: BlockExecutor) {
    this.options = { size: 4, followers: 0, windowBlocks: FAR, lastNumber: BigInt(FAR), ...options }
    const { size, followers } = this.options
    const genesisHash = executedGenesis(GENESIS).block.hash
    const epoch = 0 as Epoch
    this.domain = { chainId: GENESIS.config.chainId, layer: 'execution', epoch, committeeHash: genesisHash }
    this.nodes = Array.from({ length: size + followers }, (_, index) => this.createNode(index, executor))
  }

  static async start(options: WorldOptions = {}): Promise<ExecutionWorld> {
    const world = new ExecutionWorld(options, await createExecutor('tier0'))
    for (const { layer } of world.nodes) await layer.start()
    await world.settle()
    return world
  }

  /** Moves the clock; nodes compute and messages travel in no time. */
  async run(durationMs: number): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += STEP_MS) {
      this.clock.advance(STEP_MS)
      await this.settle()
    }
  }

  /** Moves the clock until something holds. */
  async until(what: string, holds: () => boolean, limitMs = 20_000): Promise<void> {
    for (let passed = 0; !holds(); passed += STEP_MS) {
      assert.ok(passed < limitMs, `not within ${limitMs} ms: ${what}`)
      await this.run(STEP_MS)
    }
  }

  /** Hands a transfer to one node, which passes it on to all that are up. */
  async transfer(value: bigint): Promise<Transaction> {
    const transaction = signTransaction(
      {
        type: 2,
        chainId: GENESIS.config.chainId,
        nonce: this.nonce++,
        gasLimit: 21_000n,
        to: RECEIVER,
        value,
        data: EMPTY_BYTES,
        accessList: [],
        maxFeePerGas: 10n ** 10n,
        maxPriorityFeePerGas: 1n,
      },
      hexToBytes(SENDER.privateKey),
    )
    for (const { isUp, chain, layer } of this.nodes) {
      if (!isUp) continue
      chain.pool.add(transaction, SENDER.address)
      layer.onTransaction()
    }
    await this.settle()
    return transaction
  }

  /** Cuts a node off and ends it; its ledger, store and log stay. */
  async stop(index: number): Promise<void> {
    const node = this.node(index)
    node.isUp = false
    await node.layer.stop()
  }

  async restart(index: number): Promise<void> {
    const node = this.node(index)
    node.layer = this.createLayer(node)
    node.isUp = true
    await node.layer.start()
    await this.settle()
  }

  node(index: number): TestNode {
    return present(this.nodes[index], 'node')
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
    return this.nodes.slice(0, this.options.size)
  }

  /** Carries out what is under way; no time passes. */
  async settle(): Promise<void> {
    for (;;) {
      for (let next = this.inFlight.shift(); next !== undefined; next = this.inFlight.shift()) {
        const { isUp, layer } = this.node(next.to)
        if (isUp) layer.receive(next.from, next.message)
      }
      for (const { layer } of this.nodes) await layer.settled()
      if (this.inFlight.length === 0) return
    }
  }

  /** The view that most are in, and who leads it. */
  leader(): number {
    const { core } = this.node(0).layer
    return leaderOf(core.config, core.view)
  }

  /** Signs as a member would. */
  sign(index: number, statement: Statement): Uint8Array {
    return stubSigner(index).sign(signedBytes(this.domain, statement))
  }

  /** Ends all nodes, none of which may have failed. */
  async close(): Promise<void> {
    for (const { layer, isUp, chain } of this.nodes) {
      if (isUp) await layer.stop()
      await chain.ledger.close()
    }
    await this.senders.close()
    for (const { failures } of this.nodes) assert.deepEqual(failures, [])
    assert.equal(this.clock.scheduledCount, 0, 'no timer is left')
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

  private createLayer(node: Omit<TestNode, 'layer' | 'isUp'>): ExecutionLayer {
    const { index, chain, seals, store, hooks, failures, evidence } = node
    const { size, lastNumber, windowBlocks } = this.options
    const records = present(this.logs.get(index), 'log')
    const { domain } = this
    const keyring = stubScheme.keyring(Array.from({ length: size }, (_, member) => stubPublicKey(member)))
    const genesis = present(chain.ledger.hashOf(0n), 'genesis')
    const self = index < size ? index : undefined
    const fail = (error: unknown): number => failures.push(error)
    const timing = REGIONAL_TIMING
    const config = { ...committeeShape(size), domain, self, timing, compactionBlocks: 4 }
    return new ExecutionLayer(chain, this.clock, {
      config,
      sign: (statement) => this.sign(index, statement),
      origin: { root: { height: 0, hash: genesis, payloadHash: genesis }, records: [...records] },
      ports: {
        transport: {
          send: (to, message) => this.post(index, to, message),
          broadcast: (message) => this.broadcast(index, message),
        },
        log: {
          append: (added, onDone) => {
            records.push(...added)
            onDone(true)
          },
          replace: (all, onDone) => {
            records.splice(0, records.length, ...all)
            onDone(true)
          },
        },
        verify: (request, onResult) =>
          onResult(verifyRequest({ scheme: stubScheme, domain, keyring }, request)),
      },
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
      onPreconfirmed: (number) => hooks.push(`preconfirmed ${number}`),
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

  /** Those who follow hear of proposals and certificates. */
  private broadcast(from: number, message: Message): void {
    const isForAll = message.kind === 'propose' || message.kind === 'certificates'
    const { length } = isForAll ? this.nodes : this.members
    for (let to = 0; to < length; to++) if (to !== from) this.post(from, to, message)
  }

  private post(from: number, to: number, message: Message): void {
    if (!this.node(from).isUp) return
    for (const sent of this.tamper(from, to, message)) this.inFlight.push({ from, to, message: sent })
  }
}
