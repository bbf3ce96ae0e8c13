/** Chains that a benchmark extends by blocks of its own making: in memory, or a ledger on disk as a node has it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Block } from '../src/chain/block.ts'
import { decodeBlock, encodeBlock } from '../src/chain/block-codec.ts'
import { genesisBlock } from '../src/chain/genesis.ts'
import { buildBlock, verifyBlock, type ParentBlock } from '../src/execution/block.ts'
import { environmentAfter, type BlockEnvironment } from '../src/execution/environment.ts'
import { exactly, type BlockExecutor, type Offer } from '../src/execution/executor.ts'
import type { ExecutedBlock, WritableLedger } from '../src/execution/ledger.ts'
import { executedGenesis } from '../src/node/genesis-ledger.ts'
import { MemoryPool } from '../src/pool/pool.ts'
import { EMPTY_BYTES, ZERO_ADDRESS, ZERO_HASH } from '../src/primitives/bytes.ts'
import { AevirError } from '../src/primitives/errors.ts'
import { memoryStateOf } from '../src/state/genesis-state.ts'
import type { MemoryState } from '../src/state/memory-state.ts'
import { openLedger } from '../src/storage/ledger-database.ts'
import { openLmdbStore } from '../src/storage/lmdb-store.ts'
import type { BlockLoad } from './block-load.ts'

/** Below all prices that loads offer, whatever the blocks before used. */
const BASE_FEE = 7n

/** A transaction of a benchmark failed: what was measured is not what it says. */
class FailedTransactionError extends AevirError {
  override readonly code = 'FAILED_TRANSACTION'
}

/** State in memory that goes along with its blocks. */
export class MemoryChain {
  private readonly executor: BlockExecutor
  private readonly load: BlockLoad
  private readonly state: MemoryState
  private head: Block

  private constructor(executor: BlockExecutor, load: BlockLoad) {
    this.executor = executor
    this.load = load
    this.state = memoryStateOf(load.genesis.alloc)
    this.head = genesisBlock(load.genesis, this.state.root)
  }

  /** With the load's contracts deployed. */
  static async open(executor: BlockExecutor, load: BlockLoad): Promise<MemoryChain> {
    const chain = new MemoryChain(executor, load)
    for (const offers of load.setUp) chain.adopt(await chain.execute(offers))
    return chain
  }

  /** Executes the next block and makes its header, state root included. @throws FailedTransactionError */
  execute(offers: readonly Offer[]): Promise<ExecutedBlock> {
    const { header, hash } = this.head
    return build(this.executor, { header, hash, state: this.state }, this.load, offers)
  }

  /** Goes on from a block that was executed. */
  adopt(executed: ExecutedBlock): void {
    const { accounts, trieDiff, block } = executed
    this.state.apply({ root: block.header.stateRoot, nodes: trieDiff, accounts }, executed.stateDiff)
    this.head = block
  }
}

/** What a node of a network does with a block that another one made, less the network and the signatures. */
export class LedgerChain {
  private readonly executor: BlockExecutor
  private readonly load: BlockLoad
  private readonly ledger: WritableLedger
  private readonly pool: MemoryPool
  private readonly directory: string

  private constructor(executor: BlockExecutor, load: BlockLoad) {
    this.executor = executor
    this.load = load
    this.directory = mkdtempSync(join(tmpdir(), 'aevir-bench-'))
    this.ledger = openLedger({
      store: openLmdbStore(this.directory),
      chainId: load.genesis.config.chainId,
      genesis: executedGenesis(load.genesis),
    })
    this.pool = new MemoryPool(this.poolHead())
  }

  /** With the load's contracts deployed. */
  static async open(executor: BlockExecutor, load: BlockLoad): Promise<LedgerChain> {
    const chain = new LedgerChain(executor, load)
    for (const offers of load.setUp) chain.append(await chain.make(offers))
    return chain
  }

  /** The encoding of the next block, which nothing here remembers. */
  async propose(offers: readonly Offer[]): Promise<Uint8Array> {
    return encodeBlock((await this.make(offers)).block)
  }

  /** Takes transactions into the pool. */
  receive(offers: readonly Offer[]): void {
    for (const { transaction, sender } of offers) this.pool.add(transaction, sender)
  }

  /** Decodes a block of transactions that wait in the pool, verifies it and appends it. */
  async follow(body: Uint8Array): Promise<void> {
    const block = decodeBlock(body)
    const executed = await verifyBlock(this.executor, {
      parent: this.parent(),
      block,
      senders: block.transactions.map(({ hash }) => this.pool.get(hash)?.sender),
      config: this.load.genesis.config,
      hashes: (number) => this.ledger.hashOf(number),
      policy: { hasFreeLimits: true },
    })
    this.append(executed)
  }

  async close(): Promise<void> {
    await this.ledger.close()
    rmSync(this.directory, { recursive: true })
  }

  private make(offers: readonly Offer[]): Promise<ExecutedBlock> {
    return build(this.executor, this.parent(), this.load, offers)
  }

  private append(executed: ExecutedBlock): void {
    this.ledger.append(executed, 'preconfirmed')
    this.pool.setHead(this.poolHead(), executed.block.transactions)
  }

  private parent(): ParentBlock {
    const header = this.ledger.head()
    return { header, hash: this.ledger.headHash(), state: this.ledger.stateAt(header.number) }
  }

  private poolHead(): ConstructorParameters<typeof MemoryPool>[0] {
    const { header, hash, state } = this.parent()
    return { state, environment: nextEnvironment({ header, hash }, this.load) }
  }
}

function nextEnvironment(
  { header, hash }: Pick<ParentBlock, 'header' | 'hash'>,
  { genesis }: BlockLoad,
): BlockEnvironment {
  const attributes = {
    timestamp: header.timestamp + 1n,
    beneficiary: ZERO_ADDRESS,
    prevRandao: ZERO_HASH,
    baseFeePerGas: BASE_FEE,
  }
  return environmentAfter(header, hash, attributes, genesis.config, () => undefined)
}

async function build(
  executor: BlockExecutor,
  parent: ParentBlock,
  load: BlockLoad,
  offers: readonly Offer[],
): Promise<ExecutedBlock> {
  const executed = await buildBlock(executor, {
    parent,
    environment: nextEnvironment(parent, load),
    source: exactly(
      offers.map(({ transaction }) => transaction),
      offers.map(({ sender }) => sender),
    ),
    withdrawals: [],
    extraData: EMPTY_BYTES,
  })
  if (!executed.receipts.every(({ succeeded }) => succeeded)) {
    throw new FailedTransactionError(`a transaction of block ${executed.block.header.number} failed`)
  }
  return executed
}
