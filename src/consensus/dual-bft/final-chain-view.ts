/** The final chain of this node as the witness layer sees it, from the ledger and the store. */
import { hexToBytes, type Hash } from '../../primitives/bytes.ts'
import { domainOf, epochOf, makeCommittee, type Committee } from '../committees/committee.ts'
import type { Application, BlockReference } from '../plugin.ts'
import { isSameCertificate } from '../simplex/certificate.ts'
import type { Certificate, Epoch, Layer } from '../simplex/types.ts'
import { verifyRequest, type VerifyResult } from '../simplex/verification.ts'
import {
  finalityProof,
  proofBelow,
  type FinalChain,
  type FinalityProof,
} from '../witness-layer/final-chain.ts'
import type { ConsensusStore } from './consensus-store.ts'
import type { DualBftOptions } from './dual-bft.ts'
import type { InstancePorts } from './instances.ts'

/** Checks signatures of an epoch of the execution layer; `undefined` when no instance of it runs. */
export type VerifierOf = (epoch: Epoch) => InstancePorts['verify'] | undefined

export class FinalChainView implements FinalChain {
  private readonly application: Pick<Application, 'numberOf'>
  private readonly options: Pick<DualBftOptions, 'store' | 'genesis' | 'scheme' | 'chainId'>
  private readonly verifierOf: VerifierOf
  private readonly refusal: () => FinalityProof | undefined
  private highest = 0n

  constructor(
    application: Pick<Application, 'numberOf'>,
    options: Pick<DualBftOptions, 'store' | 'genesis' | 'scheme' | 'chainId'>,
    verifierOf: VerifierOf,
    refusal: () => FinalityProof | undefined,
  ) {
    this.application = application
    this.options = options
    this.verifierOf = verifierOf
    this.refusal = refusal
  }

  /** The block with this number is the highest that is final, in the ledger and in the store. */
  reached(number: bigint): void {
    this.highest = number
  }

  finalNumber(): bigint {
    return this.highest
  }

  finalHash(number: bigint): Hash | undefined {
    const { store, genesis } = this.options
    if (number > this.highest) return undefined
    return number === genesis.number ? genesis.hash : store.certificatesOf(number)?.proposal.payloadHash
  }

  numberOf(hash: Hash): bigint | undefined {
    const number = this.application.numberOf(hash)
    return number !== undefined && number <= this.highest ? number : undefined
  }

  epochOf(number: bigint): Epoch | undefined {
    if (number > this.highest) return undefined
    return number <= this.options.genesis.number
      ? epochOf(0)
      : this.options.store.certificatesOf(number)?.epoch
  }

  proofOf(number: bigint): FinalityProof | undefined {
    const { store } = this.options
    const epoch = this.epochOf(number)
    if (epoch === undefined) return undefined
    const refusal = this.refusal()
    const isBelow = refusal?.epoch === epoch
    return finalityProof(store, epoch, number) ?? (isBelow ? proofBelow(store, refusal, number) : undefined)
  }

  /**
   * What the store has was verified before. Anything else is checked on the thread of that epoch's instance while there is
   * one; for an epoch that is over, here.
   */
  verifyFinalization(epoch: Epoch, certificate: Certificate, onResult: (isValid: boolean) => void): boolean {
    const { scheme, chainId } = this.options
    if (this.isStored(epoch, certificate)) {
      onResult(true)
      return true
    }
    const request = { kind: 'certificate', certificate } as const
    const answer = (result: VerifyResult): void => onResult(result.kind === 'certificate' && result.isValid)
    const verify = this.verifierOf(epoch)
    if (verify !== undefined) {
      verify(request, answer)
      return true
    }
    const committee = storedCommittee(this.options, 'execution', epoch)
    if (committee === undefined) return false
    const keyring = scheme.keyring(committee.members.map((member) => hexToBytes(member)))
    answer(verifyRequest({ scheme, domain: domainOf(chainId, committee), keyring }, request))
    return true
  }

  private isStored(epoch: Epoch, certificate: Certificate): boolean {
    const layer = this.options.store.execution(epoch)
    const height = layer.proposal(certificate.hash)?.height
    const stored = height === undefined ? undefined : layer.finalizationAtOrAbove(height)
    return stored !== undefined && isSameCertificate(stored.certificate, certificate)
  }
}

interface StoredEpochs {
  readonly store: Pick<ConsensusStore, 'epochs'>
  readonly genesis: Pick<BlockReference, 'hash'>
}

/** Who served in an epoch that this node has been through. */
export function storedCommittee(
  { store, genesis }: StoredEpochs,
  layer: Layer,
  epoch: Epoch,
): Committee | undefined {
  const start = store.epochs(layer).find((start) => start.epoch === epoch)
  return start === undefined ? undefined : makeCommittee(genesis.hash, layer, epoch, start.members)
}
