/** An epoch of a layer at work: what its instance needs from the node, whichever layer it is of. */
import { bytesToHex } from '../../primitives/bytes.ts'
import { domainOf, makeCommittee, seatOf, type Committee } from '../committees/committee.ts'
import type { ExecutionLayer } from '../execution-layer/execution-layer.ts'
import { present } from '../../primitives/assert.ts'
import type { Domain } from '../simplex/config.ts'
import { signedBytes } from '../simplex/signing.ts'
import type { SignStatement } from '../simplex/state.ts'
import type { WitnessLayer } from '../witness-layer/witness-layer.ts'
import type { EpochStart } from './consensus-store.ts'
import type { DualBftOptions, LayerStatus } from './dual-bft.ts'
import type { InstanceDescription, InstancePorts } from './instances.ts'

export interface Running<T> {
  readonly committee: Committee
  readonly self: number | undefined
  readonly layer: T
  readonly ports: InstancePorts
}

export type AnyRunning = Running<ExecutionLayer | WitnessLayer>

/** @param receive takes messages once this has resolved. */
export async function openInstance(
  { signer, chainId, genesis, host }: Pick<DualBftOptions, 'signer' | 'chainId' | 'genesis' | 'host'>,
  start: EpochStart,
  receive: InstanceDescription['receive'],
): Promise<Omit<Running<never>, 'layer'> & Pick<InstanceDescription, 'domain'>> {
  const committee = makeCommittee(genesis.hash, start.layer, start.epoch, start.members)
  const domain = domainOf(chainId, committee)
  const self = seatOf(committee, signer === undefined ? undefined : bytesToHex(signer.publicKey))
  const ports = await host.open({ committee, domain, self, receive })
  return { committee, domain, self, ports }
}

export function signFor({ signer }: Pick<DualBftOptions, 'signer'>, domain: Domain): SignStatement {
  return (statement) => present(signer, 'a member has a key').sign(signedBytes(domain, statement))
}

export function statusOf({ committee, self, layer }: AnyRunning): LayerStatus {
  return { committee, self, view: layer.core.view, isPaused: layer.core.isPaused }
}
