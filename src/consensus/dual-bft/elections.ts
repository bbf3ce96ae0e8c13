/** Who serves in which cycle, as far as this node can tell: the election of a cycle needs its snapshot to be sealed. */
import type { Hash } from '../../primitives/bytes.ts'
import type { ConsensusParameters } from '../committees/parameters.ts'
import type { NodeRegistry } from '../committees/registry.ts'
import { electSeats, snapshotOf, type Seats } from '../committees/schedule.ts'
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
}
