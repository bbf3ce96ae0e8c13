/**
 * What elections choose from. System contracts will fill it from the state of a block; until then it is what the genesis
 * file of the network says, the same at every block.
 */
import type { Address } from '../../primitives/bytes.ts'
import type { NodeId } from '../election/election.ts'

export interface RegisteredNode {
  readonly id: NodeId
  /** That whoever registered the key has it: a signature over it by itself, 96 bytes. */
  readonly proofOfPossession: Uint8Array
  /** In wei. */
  readonly stake: bigint
  /** IntelliPoints; whole points. */
  readonly points: bigint
  readonly isJailed: boolean
  /** Where its rewards go. */
  readonly payout: Address
}

export interface NodeRegistry {
  /** All nodes as of a block, which is sealed. */
  at(number: bigint): readonly RegisteredNode[]
}
