/**
 * Which blocks a cycle covers, and who serves in it.
 *
 * Cycle c covers the blocks c·L + 1 to (c + 1)·L; the last of them is its boundary. Committees of cycle c + 1 are elected
 * from the registry and the chain of randomness as of the snapshot, `windowBlocks` before the boundary of c: since no
 * block is further above its sealed block than that, whoever has the boundary block knows the snapshot sealed.
 */
import type { Hash } from '../../primitives/bytes.ts'
import { electExecutors, electWitnesses, type NodeId } from '../election/election.ts'
import { firstRandomness, seedOf } from '../election/randomness.ts'
import type { ConsensusParameters } from './parameters.ts'
import type { RegisteredNode } from './registry.ts'

type Lengths = Pick<ConsensusParameters, 'cycleBlocks' | 'windowBlocks'>

/** Who serves in a cycle. */
export interface Seats {
  /** By stake, most first. */
  readonly executors: readonly NodeId[]
  /** In slot order. */
  readonly witnesses: readonly NodeId[]
}

/** @param number of a block after genesis. */
export function cycleOf(number: bigint, { cycleBlocks }: Lengths): number {
  return Number((number - 1n) / BigInt(cycleBlocks))
}

/** Number of the last block of a cycle. */
export function boundaryOf(cycle: number, { cycleBlocks }: Lengths): bigint {
  return BigInt(cycle + 1) * BigInt(cycleBlocks)
}

/** Number of the block as of which the committees of a cycle are elected; 0 for the first cycle. */
export function snapshotOf(cycle: number, lengths: Lengths): bigint {
  return cycle === 0 ? 0n : boundaryOf(cycle - 1, lengths) - BigInt(lengths.windowBlocks)
}

/**
 * @param link the chain of randomness after the last seal that ends at or before the snapshot of this cycle.
 * @throws ElectionError
 */
export function electSeats(
  nodes: readonly RegisteredNode[],
  { executorSeats, witnessSeats }: ConsensusParameters,
  cycle: number,
  link: Hash,
): Seats {
  const eligible = nodes.filter(({ isJailed }) => !isJailed)
  return {
    executors: electExecutors(eligible, executorSeats).map(({ id }) => id),
    witnesses: electWitnesses(nodes, witnessSeats, seedOf(link, BigInt(cycle))),
  }
}

/** Of the first cycle. */
export function firstSeats(
  nodes: readonly RegisteredNode[],
  parameters: ConsensusParameters,
  genesisHash: Hash,
): Seats {
  return electSeats(nodes, parameters, 0, firstRandomness(genesisHash))
}
