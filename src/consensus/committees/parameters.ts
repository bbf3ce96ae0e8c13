/**
 * Protocol parameters of consensus: the one table. A genesis file may override them for its network; all nodes of a
 * network must agree, so that they are part of what a node's network genesis is compared by.
 */
export interface ConsensusParameters {
  /** Seats of the Execution Committee and of the witnesses. Each needs a quorum in `simplex/config.ts`. */
  readonly executorSeats: number
  readonly witnessSeats: number
  /** Execution blocks that the committees of one election serve for. More than {@link windowBlocks}. */
  readonly cycleBlocks: number
  /** A block may be this far above the newest sealed block that it refers to, and no farther. */
  readonly windowBlocks: number
  /** Execution blocks that one seal may cover. */
  readonly rangeBlocks: number
  /** Without a seal for so long, the witnesses are drawn anew. In seconds of block time. */
  readonly resetSeconds: number
  /** An idle network makes an empty block this often, in milliseconds. */
  readonly heartbeatMs: number
}

/** Of the public network. */
export const DEFAULT_PARAMETERS: ConsensusParameters = {
  executorSeats: 21,
  witnessSeats: 51,
  cycleBlocks: 1280,
  windowBlocks: 64,
  rangeBlocks: 16,
  resetSeconds: 120,
  heartbeatMs: 2000,
}
