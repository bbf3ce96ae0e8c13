/** Who serves in which cycle, as far as this node can tell: the election of a cycle needs its snapshot to be sealed. */
import type { Hash } from '../../primitives/bytes.ts'
import { cycleOfEpoch, type Committee } from '../committees/committee.ts'
import type { ConsensusParameters } from '../committees/parameters.ts'
import type { NodeRegistry } from '../committees/registry.ts'
import { replaceExecutors } from '../committees/replacement.ts'
import { electSeats, snapshotOf, type Seats } from '../committees/schedule.ts'
import { electExecutors, ElectionError, electWitnesses, type NodeId } from '../election/election.ts'
import { seedOfAttempt } from '../election/randomness.ts'
import { signersOf } from '../simplex/certificate.ts'
import type { FinalityProof } from '../witness-layer/final-chain.ts'
import type { SealedChain } from './sealed-chain.ts'

export class Elections {
  private readonly registry: NodeRegistry
  private readonly parameters: ConsensusParameters
  private readonly sealed: Pick<SealedChain, 'randomnessAt'>
  private latest: { readonly cycle: number; readonly link: Hash; readonly seats: Seats } | undefined

  constructor(
    registry: NodeRegistry,
    parameters: ConsensusParameters,
    sealed: Pick<SealedChain, 'randomnessAt'>,
  ) {
    this.registry = registry
    this.parameters = parameters
    this.sealed = sealed
  }

  /** `undefined` while the snapshot is not sealed. @throws ElectionError */
  seatsOf(cycle: number): Seats | undefined {
    const snapshot = snapshotOf(cycle, this.parameters)
    const link = this.sealed.randomnessAt(snapshot)
    if (link === undefined) return undefined
    if (this.latest?.cycle === cycle && this.latest.link === link) return this.latest.seats
    const seats = electSeats(this.registry.at(snapshot), this.parameters, cycle, link)
    this.latest = { cycle, link, seats }
    return seats
  }

  /** Who orders in a cycle: the same whatever the seals say, so that it can be told before the snapshot is sealed. */
  executorsOf(cycle: number): readonly NodeId[] {
    const nodes = this.registry.at(snapshotOf(cycle, this.parameters)).filter(({ isJailed }) => !isJailed)
    return electExecutors(nodes, this.parameters.executorSeats).map(({ id }) => id)
  }

  /** The witnesses of a cycle after a reset. @param link the chain of randomness after the last seal before it. */
  witnessesOfAttempt(cycle: number, attempt: number, link: Hash): readonly NodeId[] {
    const nodes = this.registry.at(snapshotOf(cycle, this.parameters))
    return electWitnesses(nodes, this.parameters.witnessSeats, seedOfAttempt(link, BigInt(cycle), attempt))
  }

  /** Who replaces the committee of an epoch of this cycle; `undefined` when too few are left. */
  replacementOf(
    { epoch, members }: Pick<Committee, 'epoch' | 'members'>,
    proof: FinalityProof,
  ): readonly NodeId[] | undefined {
    const snapshot = snapshotOf(cycleOfEpoch(epoch), this.parameters)
    try {
      return replaceExecutors(this.registry.at(snapshot), members, signersOf(proof.finalization.bitmap))
    } catch (error) {
      if (error instanceof ElectionError) return undefined
      throw error
    }
  }
}
