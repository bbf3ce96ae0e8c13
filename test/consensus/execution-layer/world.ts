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
import { Blockchain } from '../../../src/node/blockchain.ts'
import { executedGenesis } from '../../../src/node/genesis-ledger.ts'
import { SenderRecovery } from '../../../src/node/sender-recovery.ts'
import { present } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES, hexToBytes, ZERO_HASH, type Address } from '../../../src/primitives/bytes.ts'
import type { NodeEvent } from '../../../src/rpc/backend.ts'
import { openLedger } from '../../../src/storage/ledger-database.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { addressOf } from '../../support/small-world.ts'
import { stubPublicKey, stubScheme, stubSigner } from '../../simulation/stub-scheme.ts'

export const HEARTBEAT_MS = 1000
const STEP_MS = 10
const GENESIS = devGenesis({ timestamp: 1_600_000_000n })
const SENDER = present(DEV_ACCOUNTS[0], 'development account')
export const RECEIVER: Address = present(DEV_ACCOUNTS[1], 'development account').address

/** Sees every message before it travels: what it returns travels instead. */
export type Tamper = (from: number, to: number, message: Message) => readonly Message[]

export interface TestNode {
  readonly index: number
  readonly chain: Blockchain
  plugin: ExecutionLayer
  /** What its chain told those who listen. */
  readonly events: NodeEvent[]
  readonly evidence: Evidence[]
  isUp: boolean
}

export class ExecutionWorld {
  readonly nodes: readonly TestNode[]
  readonly clock = new ManualClock()
  readonly domain: Domain
  tamper: Tamper = (_from, _to, message) => [message]
  private readonly senders = new SenderRecovery()
  private readonly inFlight: { readonly from: number; readonly to: number; readonly message: Message }[] = []
  private readonly logs = new Map<number, WalRecord[]>()
  private readonly stores = new Map<number, MemoryFinalityStore>()
  private readonly failures: unknown[] = []
  private nonce = 0n

  private constructor(size: number, executor: BlockExecutor) {
    const genesisHash = executedGenesis(GENESIS).block.hash
    const epoch = 0 as Epoch
    this.domain = { chainId: GENESIS.config.chainId, layer: 'execution', epoch, committeeHash: genesisHash }
    this.nodes = Array.from({ length: size }, (_, index) => this.createNode(index, size, executor))
  }

  static async start(size = 4): Promise<ExecutionWorld> {
    const world = new ExecutionWorld(size, await createExecutor('tier0'))
    for (const { plugin } of world.nodes) await plugin.start()
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
    for (const { isUp, chain, plugin } of this.nodes) {
      if (!isUp) continue
      chain.pool.add(transaction, SENDER.address)
      plugin.onTransaction()
    }
    await this.settle()
    return transaction
  }

  /** Cuts a node off and ends it; its ledger, store and log stay. */
  async stop(index: number): Promise<void> {
    const node = this.node(index)
    node.isUp = false
    await node.plugin.stop()
  }

  async restart(index: number): Promise<void> {
    const node = this.node(index)
    node.plugin = this.createPlugin(index, this.nodes.length, node.chain, node.evidence)
    node.isUp = true
    await node.plugin.start()
    await this.settle()
  }

  node(index: number): TestNode {
    return present(this.nodes[index], 'node')
  }

  /** The view that most are in, and who leads it. */
  leader(): number {
    const { core } = this.node(0).plugin
    return leaderOf(core.config, core.view)
  }

  /** Signs as a member would. */
  sign(index: number, statement: Statement): Uint8Array {
    return stubSigner(index).sign(signedBytes(this.domain, statement))
  }

  /** Ends all nodes, none of which may have failed. */
  async close(): Promise<void> {
    for (const { plugin, isUp, chain } of this.nodes) {
      if (isUp) await plugin.stop()
      await chain.ledger.close()
    }
    await this.senders.close()
    assert.deepEqual(this.failures, [])
    assert.equal(this.clock.scheduledCount, 0, 'no timer is left')
  }

  private createNode(index: number, size: number, executor: BlockExecutor): TestNode {
    const { config } = GENESIS
    const ledger = openLedger({
      store: new MemoryStore(),
      chainId: config.chainId,
      genesis: executedGenesis(GENESIS),
    })
    const attributes = () => this.attributes(index, ledger.head().timestamp)
    const policy = { hasFreeLimits: false, hasSharedSeconds: true }
    const { senders } = this
    const chain = new Blockchain({ config, ledger, executor, senders, policy, poolLimits: {}, attributes })
    this.logs.set(index, [])
    this.stores.set(index, new MemoryFinalityStore())
    const events: NodeEvent[] = []
    const evidence: Evidence[] = []
    chain.subscribe((event) => events.push(event))
    const plugin = this.createPlugin(index, size, chain, evidence)
    return { index, chain, plugin, events, evidence, isUp: true }
  }

  private createPlugin(index: number, size: number, chain: Blockchain, evidence: Evidence[]): ExecutionLayer {
    const records = present(this.logs.get(index), 'log')
    const { domain } = this
    const keyring = stubScheme.keyring(Array.from({ length: size }, (_, member) => stubPublicKey(member)))
    const genesis = present(chain.ledger.hashOf(0n), 'genesis')
    const fail = (error: unknown): number => this.failures.push(error)
    const timing = REGIONAL_TIMING
    const config = { ...committeeShape(size), domain, self: index, timing, compactionBlocks: 4 }
    return new ExecutionLayer(chain, this.clock, {
      config,
      sign: (statement) => this.sign(index, statement),
      origin: { root: { height: 0, hash: genesis, payloadHash: genesis }, records: [...records] },
      ports: {
        transport: {
          send: (to, message) => this.post(index, to, message),
          broadcast: (message) => {
            for (let to = 0; to < size; to++) if (to !== index) this.post(index, to, message)
          },
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
      store: present(this.stores.get(index), 'store'),
      heartbeatMs: HEARTBEAT_MS,
      lastNumber: 1_000_000n,
      rules: { judge: () => 'valid' },
      sealed: 0n,
      windowBlocks: 1_000_000,
      onPreconfirmed: () => undefined,
      onFinal: () => undefined,
      attributes: () => this.attributes(index, chain.ledger.head().timestamp),
      onError: fail,
    })
  }

  /** Members earn for themselves, so that two never make the same block. */
  private attributes(index: number, parentTimestamp: bigint): BlockAttributes {
    const now = BigInt(this.clock.nowMs()) / 1000n
    const timestamp = now > parentTimestamp ? now : parentTimestamp
    return { timestamp, beneficiary: addressOf(0xfee0 + index), prevRandao: ZERO_HASH }
  }

  private post(from: number, to: number, message: Message): void {
    if (!this.node(from).isUp) return
    for (const sent of this.tamper(from, to, message)) this.inFlight.push({ from, to, message: sent })
  }

  private async settle(): Promise<void> {
    for (;;) {
      for (let next = this.inFlight.shift(); next !== undefined; next = this.inFlight.shift()) {
        const { isUp, plugin } = this.node(next.to)
        if (isUp) plugin.receive(next.from, next.message)
      }
      for (const { plugin } of this.nodes) await plugin.settled()
      if (this.inFlight.length === 0) return
    }
  }
}
