/**
 * What the RPC server needs of a node, and all it knows of one. The node implements it; tests use small fakes.
 */
import type { Address, Hash } from '../primitives/bytes.ts'
import type { Block } from '../chain/block.ts'
import type { ChainConfig } from '../chain/forks.ts'
import type { Receipt } from '../chain/receipt.ts'
import type { AccessListEntry, Authorization, Transaction } from '../chain/transaction.ts'
import type { BlockEnvironment } from '../execution/environment.ts'
import type { CommitState, Ledger } from '../execution/ledger.ts'
import type { PooledTransaction, TransactionPool } from '../pool/transaction-pool.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { Engine } from '../../runtime/host.ts'
import type { ConsensusView } from './consensus-view.ts'

/** What subscriptions and filters are fed from. */
export type NodeEvent =
  | { readonly kind: 'block'; readonly block: Block; readonly receipts: readonly Receipt[] }
  /** A pre-confirmed block was taken back: its logs are sent again with `removed: true`. */
  | { readonly kind: 'revoked'; readonly block: Block; readonly receipts: readonly Receipt[] }
  | { readonly kind: 'committed'; readonly state: CommitState; readonly number: bigint }
  | { readonly kind: 'transaction'; readonly pooled: PooledTransaction }

export interface Backend {
  /** `Aevir/0.1.0/linux-x64/node26` */
  readonly clientVersion: string
  readonly config: ChainConfig
  readonly ledger: Ledger
  readonly pool: TransactionPool
  /** Accounts whose keys the node holds (development only). */
  readonly accounts: () => readonly Address[]
  /** State on top of the head, uncommitted development changes included. */
  latestState(): StateReader
  /** State after a block; for the head the same as {@link latestState}. @throws StateUnavailableError */
  stateAt(number: bigint): StateReader
  /** State before the first system call of a block: that of its parent, with what development put in between. */
  stateBefore(number: bigint): StateReader
  /** Environment of the block that would follow the head now. */
  nextEnvironment(): BlockEnvironment
  /** Environment in which the transactions of an existing block ran. */
  environmentOf(number: bigint): BlockEnvironment
  /** The block that would be built now from the pool, with its post-state; nothing is kept. */
  pendingBlock(): Promise<{
    readonly block: Block
    readonly receipts: readonly Receipt[]
    readonly senders: readonly Address[]
    readonly state: StateReader
  }>
  /** Decodes, checks and queues a raw transaction. @throws PoolError | TransactionDecodingError */
  submit(bytes: Uint8Array): Promise<Transaction>
  /** Calls back on every event until the result is called. Listeners must not throw. */
  subscribe(listener: (event: NodeEvent) => void): () => void
  /** Present in development mode only. */
  readonly dev: DevControls | undefined
  /** What calls run on that are in no block; without one, tier 0. */
  readonly engine?: Engine | undefined
  /** `undefined` for a chain that one node makes alone. */
  readonly consensus?: ConsensusView | undefined
}

/** Fields of a transaction to be signed by the node, or sent for an impersonated account. */
export interface UnsignedTransaction {
  readonly from: Address
  readonly to: Address | null
  readonly gasLimit: bigint | undefined
  readonly gasPrice: bigint | undefined
  readonly maxFeePerGas: bigint | undefined
  readonly maxPriorityFeePerGas: bigint | undefined
  readonly nonce: bigint | undefined
  readonly value: bigint
  readonly data: Uint8Array
  readonly accessList: readonly AccessListEntry[] | undefined
  /** EIP-7702; signed already. */
  readonly authorizationList: readonly Authorization[] | undefined
}

/**
 * Powers of a development node. All of them take effect at once. Changes of state, of time, of the next block and of
 * impersonation survive a restart; automine, interval and snapshots do not, nor what waits in the pool.
 */
export interface DevControls {
  /** Signs with a node-held key, or enters the pool for an impersonated account. @throws PoolError | UnknownAccountError */
  sendTransaction(unsigned: UnsignedTransaction): Promise<Transaction>
  /** EIP-191 signature, 65 bytes. */
  signMessage(address: Address, message: Uint8Array): Uint8Array
  /** EIP-712 digest signature, 65 bytes. */
  signDigest(address: Address, digest: Uint8Array): Uint8Array
  signTransaction(unsigned: UnsignedTransaction): Transaction

  /** Seals `blocks` blocks, `intervalSeconds` apart in their timestamps. Resolves when they are committed. */
  mine(blocks: number, intervalSeconds?: bigint): Promise<readonly Hash[]>
  setAutomine(enabled: boolean): void
  automine(): boolean
  /** 0 turns interval mining off. */
  setIntervalMining(intervalMs: number): void

  /** Number of the snapshot. */
  snapshot(): number
  /** `false` when there is no such snapshot; a snapshot can be used once. */
  revert(snapshot: number): Promise<boolean>
  /** Seconds by which the node's clock is ahead of the machine's, after adding. */
  increaseTime(seconds: bigint): bigint
  /** @throws RangeError when not after the head. */
  setNextBlockTimestamp(timestamp: bigint): void
  setTime(timestamp: bigint): bigint
  /** Fixed difference between the timestamps of blocks; `undefined` = follow the clock. */
  setBlockTimestampInterval(seconds: bigint | undefined): void
  setNextBlockBaseFee(wei: bigint): void
  setNextPrevRandao(value: Hash): void
  setBlockGasLimit(gas: bigint): void
  setCoinbase(address: Address): void
  setMinGasPrice(wei: bigint): void

  setBalance(address: Address, wei: bigint): void
  setNonce(address: Address, nonce: bigint): void
  setCode(address: Address, code: Uint8Array): void
  setStorage(address: Address, slot: bigint, value: bigint): void
  impersonate(address: Address): void
  stopImpersonating(address: Address): void
  setAutoImpersonate(enabled: boolean): void
  isImpersonated(address: Address): boolean

  /** Takes a transaction out of the pool. */
  dropTransaction(hash: Hash): boolean
  dropAllTransactions(): void
  /** Back to genesis. */
  reset(): Promise<void>
  /** Replaces the last `depth` blocks by as many empty ones; their transactions return to the pool. */
  reorg(depth: number): Promise<void>
  dumpState(): Uint8Array
  loadState(dump: Uint8Array): Promise<void>
  /** Time, mining and fork settings for `anvil_nodeInfo` and `hardhat_metadata`. */
  info(): DevInfo
}

export interface DevInfo {
  /** Changes with each start and reset. */
  readonly instanceId: Hash
  readonly automine: boolean
  readonly intervalMs: number
  readonly timeOffsetSeconds: bigint
  readonly minGasPrice: bigint
  readonly blockGasLimit: bigint
}
