/** The committees of a cycle, as somebody who only checks signatures knows them. */
import { hexToBytes, type Hash } from '../../primitives/bytes.ts'
import { cycleOfEpoch, domainOf, epochOf, makeCommittee, type Committee } from '../committees/committee.ts'
import type { ConsensusParameters } from '../committees/parameters.ts'
import { boundaryOf, cycleOf, type Seats } from '../committees/schedule.ts'
import type { BlockReference } from '../plugin.ts'
import type { SignatureScheme } from '../signature-scheme.ts'
import { isWellFormed } from '../simplex/certificate.ts'
import type { Certificate, Epoch } from '../simplex/types.ts'
import { verifyCertificate, type Verifier } from '../simplex/verification.ts'

export type LightParameters = Pick<
  ConsensusParameters,
  'cycleBlocks' | 'rangeBlocks' | 'executorSeats' | 'witnessSeats'
>

/** What all cycles of a chain have in common. */
export interface LightChain {
  readonly chainId: bigint
  readonly genesisHash: Hash
  readonly parameters: LightParameters
  readonly scheme: SignatureScheme
}

/** A cycle's committees, ready to check signatures. */
export interface LightCycle {
  readonly cycle: number
  readonly boundary: bigint
  /** The first epoch of the execution layer in this cycle. */
  readonly firstEpoch: Epoch
  readonly execution: SigningCommittee
  readonly witness: SigningCommittee
}

export interface SigningCommittee {
  readonly committee: Committee
  readonly verifier: Verifier
}

/** The cycle of the block that follows. */
export function cycleAfter({ number }: BlockReference, parameters: LightParameters): number {
  return cycleOf(number + 1n, lengthsOf(parameters))
}

/** @param epoch of the executors; witnesses are elected once a cycle. */
export function makeCycle(chain: LightChain, epoch: Epoch, { executors, witnesses }: Seats): LightCycle {
  const cycle = cycleOfEpoch(epoch)
  return {
    cycle,
    boundary: boundaryOf(cycle, lengthsOf(chain.parameters)),
    firstEpoch: epoch,
    execution: ready(chain, makeCommittee(chain.genesisHash, 'execution', epoch, executors)),
    witness: ready(chain, makeCommittee(chain.genesisHash, 'witness', epochOf(cycle), witnesses)),
  }
}

export function ready({ chainId, scheme }: LightChain, committee: Committee): SigningCommittee {
  const keyring = scheme.keyring(committee.members.map(hexToBytes))
  return { committee, verifier: { scheme, domain: domainOf(chainId, committee), keyring } }
}

/** Whether a quorum of the committee made the certificate. */
export function holds({ committee, verifier }: SigningCommittee, certificate: Certificate): boolean {
  return isWellFormed(certificate, committee.shape) && verifyCertificate(verifier, certificate)
}

/** What the schedule asks for; the window does not matter to where cycles end. */
function lengthsOf({
  cycleBlocks,
}: LightParameters): Pick<ConsensusParameters, 'cycleBlocks' | 'windowBlocks'> {
  return { cycleBlocks, windowBlocks: 0 }
}
