/**
 * What a node remembers: the chain of blocks, their receipts, and the state after each. Storage implements it over a
 * database, the node writes to it, RPC reads from it. A block is added with everything that belongs to it or not at all.
 */
import type { Address, Hash } from '../primitives/bytes.ts'
import type { Block, Header } from '../chain/block.ts'
import type { Receipt } from '../chain/receipt.ts'
import type { Account, StateDiff, StateReader, TrieDiff, TrieNodeReader } from '../state/state-reader.ts'
import { AevirError } from '../primitives/errors.ts'

/** How far consensus has come with a block. A later state includes the earlier ones. */
export const COMMIT_STATES = ['preconfirmed', 'final', 'sealed'] as const
export type CommitState = (typeof COMMIT_STATES)[number]

/** A block with all that its execution produced. */
export interface ExecutedBlock {
  readonly block: Block
  /** Sender of each transaction. */
  readonly senders: readonly Address[]
  readonly receipts: readonly Receipt[]
  readonly stateDiff: StateDiff
  readonly trieDiff: TrieDiff
  /** New value of each changed account, with its new storage root. */
  readonly accounts: ReadonlyMap<Address, Account | null>
}

export interface TransactionLocation {
  readonly blockNumber: bigint
  readonly index: number
}

/** State after a block, together with the trie that proves it. */
export interface LedgerState extends StateReader, TrieNodeReader {
  readonly blockNumber: bigint
  readonly stateRoot: Hash
}

/** The state after a block was asked for and is not kept any more (or not yet). */
export class StateUnavailableError extends AevirError {
  override readonly code = 'STATE_UNAVAILABLE'
  readonly blockNumber: bigint
  readonly oldest: bigint
  constructor(blockNumber: bigint, oldest: bigint) {
    super(
      `state of block ${blockNumber} is not available: the node keeps it from block ${oldest} on ` +
        `(start with a larger --history to keep more)`,
    )
    this.blockNumber = blockNumber
    this.oldest = oldest
  }
}

/** Reads see the last complete write; blocks are addressed by number on the one chain the node follows. */
export interface Ledger {
  /** The newest block: its number is at least that of every commit state. */
  head(): Header
  headHash(): Hash
  /** Number of the newest block of a state; blocks are sealed in order. */
  committed(state: CommitState): bigint
  header(number: bigint): Header | undefined
  hashOf(number: bigint): Hash | undefined
  numberOf(hash: Hash): bigint | undefined
  block(number: bigint): Block | undefined
  senders(number: bigint): readonly Address[] | undefined
  receipts(number: bigint): readonly Receipt[] | undefined
  transaction(hash: Hash): TransactionLocation | undefined
  /** The state after a block. @throws StateUnavailableError */
  stateAt(number: bigint): LedgerState
  /** Addresses of all accounts at the head. */
  accounts(): Iterable<Address>
  /** Slots of an account at the head that are not 0. */
  slots(address: Address): Iterable<bigint>
  /** Oldest block whose state is kept. */
  oldestState(): bigint
}

/** Small values of the node's own by their keys; `undefined` removes one. */
export type MetaChanges = ReadonlyMap<string, Uint8Array | undefined>

/** Writing is the node's alone; each call is one transaction of the database. */
export interface WritableLedger extends Ledger {
  /**
   * Appends a block to the head; `reached` is the state that the chain is in with it, if it is settled already. `meta`
   * changes with the block or not at all.
   * @throws AssertionFailure when it does not extend the head.
   */
  append(executed: ExecutedBlock, reached?: CommitState, meta?: MetaChanges): void
  /**
   * Records that all blocks up to `number` reached `state`. Never goes backwards. It reaches the disk with the next write
   * of anything to the same database, which is the proof of that state, or when the ledger is closed.
   */
  setCommitted(state: CommitState, number: bigint): void
  /**
   * Takes off all blocks above `number` and returns them, newest first; commit states fall back with them, and `meta`
   * changes with them.
   * @throws StateUnavailableError when the change sets that far back are gone.
   */
  unwind(number: bigint, meta?: MetaChanges): readonly Block[]
  /** Small values of the node's own (development overlay, configuration), kept with the chain. */
  meta(key: string): Uint8Array | undefined
  setMeta(key: string, value: Uint8Array | undefined): void
  close(): Promise<void>
}
