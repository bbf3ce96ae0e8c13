/** The node as the RPC server sees it ({@link Backend}): thin views on chain, pool and development controls. */
import type { Address } from '../primitives/bytes.ts'
import type { ChainConfig } from '../chain/forks.ts'
import { decodeBlobNetworkWrapper } from '../chain/blob-network-form.ts'
import { decodeTransaction, TransactionDecodingError } from '../chain/transaction-codec.ts'
import type { Transaction } from '../chain/transaction.ts'
import { environmentOf, type BlockEnvironment } from '../execution/environment.ts'
import type { Ledger } from '../execution/ledger.ts'
import { present } from '../primitives/assert.ts'
import { PoolError, type TransactionPool } from '../pool/transaction-pool.ts'
import type { Engine } from '../../runtime/host.ts'
import type { Backend, DevControls, NodeEvent } from '../rpc/backend.ts'
import type { ConsensusView } from '../rpc/consensus-view.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { Blockchain } from './blockchain.ts'
import type { SenderRecovery } from './sender-recovery.ts'

export interface NodeBackendOptions {
  readonly clientVersion: string
  readonly chain: Blockchain
  readonly senders: SenderRecovery
  readonly accounts: () => readonly Address[]
  readonly dev: DevControls | undefined
  /** Of a node that takes part in a network. */
  readonly consensus?: ConsensusView
  /** Queues a transaction and tells consensus. Resolves when the sender of it may expect its effects. */
  admit(transaction: Transaction, sender: Address): Promise<void>
}

export class NodeBackend implements Backend {
  readonly clientVersion: string
  readonly config: ChainConfig
  readonly ledger: Ledger
  readonly pool: TransactionPool
  readonly accounts: () => readonly Address[]
  readonly dev: DevControls | undefined
  readonly consensus: ConsensusView | undefined
  readonly engine: Engine | undefined
  private readonly options: NodeBackendOptions

  constructor(options: NodeBackendOptions) {
    this.options = options
    this.clientVersion = options.clientVersion
    this.config = options.chain.config
    this.ledger = options.chain.ledger
    this.pool = options.chain.pool
    this.accounts = options.accounts
    this.dev = options.dev
    this.consensus = options.consensus
    this.engine = options.chain.engine
  }

  latestState(): StateReader {
    return this.chain.latestState()
  }

  stateAt(number: bigint): StateReader {
    return number === this.ledger.head().number ? this.latestState() : this.ledger.stateAt(number)
  }

  stateBefore(number: bigint): StateReader {
    return this.chain.overlay.before(number, this.ledger.stateAt(number - 1n))
  }

  nextEnvironment(): BlockEnvironment {
    return this.chain.nextEnvironment()
  }

  environmentOf(number: bigint): BlockEnvironment {
    const header = present(this.ledger.header(number), `header ${number}`)
    return environmentOf(header, this.config, (ancestor) => this.ledger.hashOf(ancestor))
  }

  async pendingBlock(): ReturnType<Backend['pendingBlock']> {
    const { executed, state } = await this.chain.pendingBlock()
    return { block: executed.block, receipts: executed.receipts, senders: executed.senders, state }
  }

  async submit(bytes: Uint8Array): Promise<Transaction> {
    const transaction = this.decode(bytes)
    const sender = await this.options.senders.recover(transaction)
    if (sender === undefined) {
      throw new PoolError(
        'invalidSender',
        'invalid sender: no account fits the signature; sign the transaction again',
      )
    }
    await this.options.admit(transaction, sender)
    return transaction
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    return this.chain.subscribe(listener)
  }

  /** The transaction in `bytes`; of a blob transaction's network form the transaction inside, where blobs are let in. */
  private decode(bytes: Uint8Array): Transaction {
    // The decoded transaction keeps views into its bytes, which must not keep something larger alive.
    const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()
    try {
      return decodeTransaction(own)
    } catch (error) {
      const isWrapped = error instanceof TransactionDecodingError && error.reason === 'networkForm'
      if (!isWrapped || !this.chain.pool.limits.acceptsBlobs) throw error
      return decodeBlobNetworkWrapper(own)
    }
  }

  private get chain(): Blockchain {
    return this.options.chain
  }
}
