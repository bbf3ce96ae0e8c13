/**
 * The chain a node follows: the {@link Application} that consensus drives, over ledger, pool and executor. It owns the
 * order of things when a block comes or goes: ledger first, then the pool, then everybody who listens.
 */
import { assert, present } from '../primitives/assert.ts'
import type { Address, Hash } from '../primitives/bytes.ts'
import type { Block } from '../chain/block.ts'
import type { ChainConfig } from '../chain/forks.ts'
import type { Receipt } from '../chain/receipt.ts'
import type { Transaction } from '../chain/transaction.ts'
import type { Application, BlockReference, Candidate } from '../consensus/plugin.ts'
import { buildBlock, verifyBlock, type ParentBlock } from '../execution/block.ts'
import { environmentAfter, type BlockAttributes, type BlockEnvironment } from '../execution/environment.ts'
import type { BlockExecutor, Offer } from '../execution/executor.ts'
import type { HeaderPolicy } from '../execution/header-validation.ts'
import type { CommitState, ExecutedBlock, WritableLedger } from '../execution/ledger.ts'
import { MemoryPool } from '../pool/pool.ts'
import type { PoolLimits } from '../pool/pool-limits.ts'
import { PoolError } from '../pool/transaction-pool.ts'
import { OverlayState } from '../state/overlay-state.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { NodeEvent } from '../rpc/backend.ts'
import { turn } from '../rpc/event-loop.ts'
import type { Engine } from '../../runtime/host.ts'
import { StateOverlay } from './dev/state-overlay.ts'
import type { SenderRecovery } from './sender-recovery.ts'

/** Time that making blocks may take before everything else has a turn. */
const TURN_MS = 10

export interface BlockchainOptions {
  readonly config: ChainConfig
  readonly ledger: WritableLedger
  readonly executor: BlockExecutor
  readonly senders: SenderRecovery
  readonly policy: HeaderPolicy
  readonly poolLimits: Partial<PoolLimits>
  /** What the next block would say about itself if it were made now. */
  attributes(): BlockAttributes
  /** `verifyBlock` by default; nodes of one process may share the work. */
  readonly verifyBlock?: typeof verifyBlock
}

/** A candidate of this application: consensus sees only its block. */
interface ExecutedCandidate extends Candidate {
  readonly executed: ExecutedBlock
  /** Layers of the development overlay that it contains. */
  readonly layers: number
}

export class Blockchain implements Application {
  readonly config: ChainConfig
  readonly ledger: WritableLedger
  readonly pool: MemoryPool
  readonly overlay: StateOverlay
  /** What the executor runs contracts on. */
  readonly engine: Engine | undefined
  private readonly options: BlockchainOptions
  private readonly listeners = new Set<(event: NodeEvent) => void>()
  private turnMs = 0

  constructor(options: BlockchainOptions) {
    this.options = options
    this.engine = options.executor.engine
    this.config = options.config
    this.ledger = options.ledger
    this.overlay = new StateOverlay(options.ledger)
    this.pool = new MemoryPool(this.poolHead(), options.poolLimits)
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  emit(event: NodeEvent): void {
    for (const listener of this.listeners) listener(event)
  }

  // Application -----------------------------------------------------------------------------------------------------

  head(): BlockReference {
    return { number: this.ledger.head().number, hash: this.ledger.headHash() }
  }

  numberOf(hash: Hash): bigint | undefined {
    return this.ledger.numberOf(hash)
  }

  blockByHash(hash: Hash): Block | undefined {
    const number = this.ledger.numberOf(hash)
    return number === undefined ? undefined : this.ledger.block(number)
  }

  committed(state: CommitState): bigint {
    return this.ledger.committed(state)
  }

  hasPending(): boolean {
    return this.pool.source().hasNext()
  }

  async propose(parent: BlockReference, attributes: BlockAttributes): Promise<Candidate> {
    await this.giveWay()
    const candidate: ExecutedCandidate = await this.build(this.parentBlock(parent), attributes)
    return candidate
  }

  async verify(block: Block): Promise<Candidate> {
    const parent = this.parentBlock(this.head())
    const senders = await this.sendersOf(block.transactions)
    const { config, policy } = this.options
    const hashes = (number: bigint): Hash | undefined => this.ledger.hashOf(number)
    const verify = this.options.verifyBlock ?? verifyBlock
    const executed = await verify(this.options.executor, {
      parent,
      block,
      senders,
      config,
      hashes,
      policy,
    })
    const candidate: ExecutedCandidate = { block, executed, layers: 0 }
    return candidate
  }

  async commit(candidate: Candidate, state: CommitState = 'preconfirmed'): Promise<void> {
    assert(isExecuted(candidate), 'a candidate of this application')
    const { block, executed, layers } = candidate
    this.ledger.append(executed, state, this.overlay.metaWith(block.header.number, layers))
    this.overlay.dropFirst(layers)
    this.pool.setHead(this.poolHead(), block.transactions)
    this.emit({ kind: 'block', block, receipts: executed.receipts })
    this.emit({ kind: 'committed', state: 'preconfirmed', number: block.header.number })
    if (state !== 'preconfirmed') this.emit({ kind: 'committed', state, number: block.header.number })
  }

  async advance(state: Exclude<CommitState, 'preconfirmed'>, reference: BlockReference): Promise<void> {
    assert(this.ledger.hashOf(reference.number) === reference.hash, `${state} block is not on this chain`)
    const before = this.ledger.committed(state)
    if (reference.number <= before) return
    this.ledger.setCommitted(state, reference.number)
    this.emit({ kind: 'committed', state, number: reference.number })
  }

  async revoke(downTo: BlockReference): Promise<void> {
    this.unwind(downTo.number, { returnTransactions: true })
  }

  // For the node ----------------------------------------------------------------------------------------------------

  /** State on top of the head, development changes included. */
  latestState(): StateReader {
    return this.overlay.over(this.ledger.stateAt(this.ledger.head().number))
  }

  /** Environment of the block that would follow the head now. */
  nextEnvironment(attributes = this.options.attributes()): BlockEnvironment {
    const hashes = (number: bigint): Hash | undefined => this.ledger.hashOf(number)
    return environmentAfter(this.ledger.head(), this.ledger.headHash(), attributes, this.config, hashes)
  }

  /** The block that would be made now, and the state after it. */
  async pendingBlock(): Promise<{ readonly executed: ExecutedBlock; readonly state: StateReader }> {
    const parent = this.parentBlock(this.head())
    const { executed } = await this.build(parent, this.options.attributes())
    return { executed, state: new OverlayState(parent.state, executed.stateDiff) }
  }

  /** State changed under the head without a block: the pool looks again. */
  refresh(): void {
    this.pool.setHead(this.poolHead(), [])
  }

  /** Takes blocks back, newest first. */
  unwind(number: bigint, options: { readonly returnTransactions: boolean }): void {
    const revoked = this.revokedEvents(number)
    this.ledger.unwind(number, this.overlay.metaWithout(number, this.ledger.head().number))
    this.overlay.clear()
    this.refresh()
    if (options.returnTransactions)
      for (const event of revoked.toReversed()) this.returnToPool(offersOf(event))
    for (const { block, receipts } of revoked) this.emit({ kind: 'revoked', block, receipts })
    for (const state of ['preconfirmed', 'final', 'sealed'] as const) {
      this.emit({ kind: 'committed', state, number: this.ledger.committed(state) })
    }
  }

  /** Blocks can be made one after the other for minutes: requests, timers and signals have a turn now and then. */
  private async giveWay(): Promise<void> {
    if (performance.now() - this.turnMs < TURN_MS) return
    await turn()
    this.turnMs = performance.now()
  }

  private revokedEvents(number: bigint): readonly {
    readonly block: Block
    readonly receipts: readonly Receipt[]
    readonly senders: readonly Address[]
  }[] {
    const revoked = []
    for (let above = this.ledger.head().number; above > number; above--) {
      const block = present(this.ledger.block(above), `block ${above}`)
      const receipts = present(this.ledger.receipts(above), `receipts of block ${above}`)
      const senders = present(this.ledger.senders(above), `senders of block ${above}`)
      revoked.push({ block, receipts, senders })
    }
    return revoked
  }

  /** Lets transactions in again that were here before; those that the head does not allow any more stay out. */
  returnToPool(waiting: Iterable<Offer>): void {
    for (const { transaction, sender } of waiting) {
      try {
        this.pool.add(transaction, sender)
      } catch (error) {
        if (!(error instanceof PoolError)) throw error
      }
    }
  }

  /** Of transactions that wait here the senders are known: a transaction's hash covers its signature. */
  private async sendersOf(transactions: readonly Transaction[]): Promise<readonly (Address | undefined)[]> {
    const senderOf = async (transaction: Transaction): Promise<Address | undefined> =>
      this.pool.get(transaction.hash)?.sender ?? this.options.senders.recover(transaction)
    return Promise.all(transactions.map(senderOf))
  }

  private async build(parent: ParentBlock, attributes: BlockAttributes): Promise<ExecutedCandidate> {
    const environment = this.nextEnvironment(attributes)
    const layers = this.overlay.layerCount
    const executed = await buildBlock(this.options.executor, {
      parent,
      environment,
      source: this.pool.source(environment, attributes.sizeMax),
      withdrawals: [],
      extraData: attributes.extraData ?? new Uint8Array(0),
      overlay: this.overlay.diff(),
    })
    return { block: executed.block, executed, layers }
  }

  private parentBlock(reference: BlockReference): ParentBlock {
    assert(reference.hash === this.ledger.headHash(), 'a block is built on the head')
    return { header: this.ledger.head(), hash: reference.hash, state: this.ledger.stateAt(reference.number) }
  }

  private poolHead(): { readonly state: StateReader; readonly environment: BlockEnvironment } {
    return { state: this.latestState(), environment: this.nextEnvironment() }
  }
}

function isExecuted(candidate: Candidate): candidate is ExecutedCandidate {
  return 'executed' in candidate
}

function offersOf(revoked: {
  readonly block: Block
  readonly senders: readonly Address[]
}): readonly Offer[] {
  const { block, senders } = revoked
  return block.transactions.map((transaction, index) => ({
    transaction,
    sender: present(senders[index], 'sender'),
  }))
}
