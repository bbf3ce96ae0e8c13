/**
 * Sizes, quorums, times and limits of the core: the one table where they live.
 *
 * Quorums are written down, never computed: 34 of 51 is exactly two thirds, so that the usual "more than two thirds"
 * would give 35, and a formula that gives 34 is wrong for other sizes. What a row promises is checked by a test.
 */
import type { Hash } from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import type { Epoch, Layer } from './types.ts'

export interface CommitteeShape {
  readonly size: number
  /** Votes that make a certificate. */
  readonly quorum: number
}

export const EXECUTION_COMMITTEE: CommitteeShape = { size: 21, quorum: 15 }
export const WITNESS_COMMITTEE: CommitteeShape = { size: 51, quorum: 34 }

/** Committees of development networks and tests, by size. */
const SMALL_COMMITTEES: readonly CommitteeShape[] = [
  { size: 1, quorum: 1 },
  { size: 2, quorum: 2 },
  { size: 3, quorum: 3 },
  { size: 4, quorum: 3 },
  { size: 5, quorum: 4 },
  { size: 6, quorum: 5 },
  { size: 7, quorum: 5 },
  { size: 8, quorum: 6 },
  { size: 9, quorum: 7 },
  { size: 10, quorum: 7 },
  { size: 11, quorum: 8 },
  { size: 12, quorum: 9 },
  { size: 13, quorum: 9 },
]

export const COMMITTEE_SHAPES: readonly CommitteeShape[] = [
  ...SMALL_COMMITTEES,
  EXECUTION_COMMITTEE,
  WITNESS_COMMITTEE,
]

export class CommitteeSizeError extends AevirError {
  override readonly code = 'UNKNOWN_COMMITTEE_SIZE'
}

/** @throws CommitteeSizeError when nobody has written down a quorum for this size. */
export function committeeShape(size: number): CommitteeShape {
  const shape = COMMITTEE_SHAPES.find((shape) => shape.size === size)
  if (shape !== undefined) return shape
  const sizes = COMMITTEE_SHAPES.map((shape) => shape.size).join(', ')
  throw new CommitteeSizeError(`no quorum is defined for ${size} members; choose one of ${sizes}`)
}

/** What separates signatures of different chains, layers, epochs and committees. Part of all signed bytes. */
export interface Domain {
  readonly chainId: bigint
  readonly layer: Layer
  readonly epoch: Epoch
  readonly committeeHash: Hash
}

/** Time-outs in milliseconds. Local to a node: safety does not depend on them, nor on agreeing about them. */
export interface Timing {
  /** From entering a view until its leader's proposal must be here. */
  readonly leaderTimeoutMs: number
  /** From entering a view until it must have a certificate. Includes executing the block. */
  readonly advanceTimeoutMs: number
  /** How often a node that does not get on repeats itself and its requests. */
  readonly resendMs: number
}

/** For members within one continent or two: round trips of up to 100 ms. */
export const REGIONAL_TIMING: Timing = { leaderTimeoutMs: 200, advanceTimeoutMs: 400, resendMs: 400 }
/** For members all over the world: round trips of up to 300 ms. */
export const GLOBAL_TIMING: Timing = { leaderTimeoutMs: 500, advanceTimeoutMs: 1000, resendMs: 800 }

/** Time-outs grow by this for every view in a row that was nullified … */
export const BACKOFF_FACTOR = 1.5
/** … up to this; a finalization sets them back. */
export const BACKOFF_MAX = 8

/** A leader that was silent for this many views is passed over without waiting. */
export const INACTIVE_VIEWS = 12

/** {@link Config.compactionBlocks} of a node. */
export const COMPACTION_BLOCKS = 64

export const LIMITS = {
  /** Votes and proposals for views further ahead are dropped: somebody is lying, or this node must catch up anyway. */
  futureViews: 32,
  /** Votes are kept this long behind the highest finalization, so that contradictions are noticed. */
  evidenceViews: 32,
  /** Largest body of a block, in bytes. Leaders are told, and make none that is larger. */
  bodySize: 4 << 20,
  /** Blocks that a node holds in memory beyond its final tip, and certified ones that it misses. */
  blocks: 128,
  /** … and those that it asked for in order to catch up, on top. */
  fetchedBlocks: 64,
  /** Final blocks that the application has not made durable. */
  unappliedBlocks: 64,
  /** Blocks in one response, and bytes of bodies in it unless the first block alone is larger. */
  blocksPerResponse: 32,
  bytesPerResponse: 4 << 20,
  /** A node that asks for blocks it has not heard of gives up after so many ticks without many of them. */
  catchUpTicks: 3,
  /** An answer of so many blocks, or bytes of bodies, is many: more will follow. */
  manyBlocks: 8,
  manyBytes: 1 << 20,
  /** Certificates in one message, and views that one request may span. */
  certificatesPerMessage: 64,
  /** Hashes of missing blocks that are asked for at a time. */
  wantedPerTick: 8,
  /** Between two ticks of the resend timer: requests to one peer, … */
  askedPerTick: 8,
  /** … those of one peer that are answered, more than twice as many because ticks overlap and links bunch, … */
  servedPerTick: 32,
  /** … and those that make it a flood. */
  floodPerTick: 256,
  /** Certificates of one peer that wait for verification. */
  pendingPerPeer: 80,
  /** Finalizations that are remembered while the chain down from them is incomplete. */
  undelivered: 4,
  /** Own votes for finality that are repeated while a node does not get on. */
  resentFinalizes: 8,
} as const

/** What one instance of the core is told about its committee and itself. */
export interface Config {
  readonly domain: Domain
  readonly size: number
  readonly quorum: number
  /** This node's index in the committee; `undefined` for one that follows without voting. */
  readonly self: number | undefined
  readonly timing: Timing
  /** Final blocks after which the log starts anew. */
  readonly compactionBlocks: number
}
