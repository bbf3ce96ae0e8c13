/**
 * The border between consensus and everything else. A plugin orders and seals what the application executes; it never
 * sees an engine, a database or an RPC server. `solo` seals alone; a BFT plugin talks to other nodes in between.
 */
import type { Hash } from '../primitives/bytes.ts'
import type { Block } from '../chain/block.ts'
import type { BlockAttributes } from '../execution/environment.ts'
import type { CommitState } from '../execution/ledger.ts'

export interface BlockReference {
  readonly number: bigint
  readonly hash: Hash
}

/** A block that was executed and whose effects wait to be committed. Opaque to consensus but for its block. */
export interface Candidate {
  readonly block: Block
}

/** What consensus asks of the node. */
export interface Application {
  head(): BlockReference
  /** Number of a block on the chain that this node follows; `undefined` for any other. */
  numberOf(hash: Hash): bigint | undefined
  /** A block on the chain that this node follows. */
  blockByHash(hash: Hash): Block | undefined
  /** Number of the highest block that is at least this far. */
  committed(state: CommitState): bigint
  /** Whether transactions wait that the next block could take. */
  hasPending(): boolean
  /** Orders pending transactions into a block on `parent` and executes it. Commits nothing. */
  propose(parent: BlockReference, attributes: BlockAttributes): Promise<Candidate>
  /** Executes somebody else's block on its parent. @throws InvalidBlockError when it breaks a rule. */
  verify(block: Block): Promise<Candidate>
  /**
   * Makes a candidate the new head, durably. It is `preconfirmed` unless consensus has settled more about it by then:
   * one step costs the disk half as much as a commit that is followed by an `advance`.
   */
  commit(candidate: Candidate, state?: CommitState): Promise<void>
  /** Raises all blocks up to the reference to `final` or `sealed`. */
  advance(state: Exclude<CommitState, 'preconfirmed'>, reference: BlockReference): Promise<void>
  /** Takes pre-confirmed blocks back, down to the reference; their transactions return to the pool. */
  revoke(downTo: BlockReference): Promise<void>
}

/** Time and timers, given from outside so that a simulator can own them. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number
  /** Calls back once after `delayMs`; the result cancels. */
  schedule(delayMs: number, callback: () => void): () => void
}

export interface ConsensusPlugin {
  readonly name: string
  start(): Promise<void>
  stop(): Promise<void>
  /** A transaction entered the pool. */
  onTransaction(): void
}

export type ConsensusFactory = (application: Application, clock: Clock) => ConsensusPlugin
