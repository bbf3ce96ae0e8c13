/** Executors that order blocks of nothing and make them final, and chains of nodes that follow them at their own speed. */
import { committeeShape, type CommitteeShape } from '../../../src/consensus/simplex/config.ts'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import { MemoryFinalityStore } from '../../../src/consensus/execution-layer/finality-store.ts'
import { makeCertificate } from '../../../src/consensus/simplex/certificate.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import type { Certificate, Epoch, Proposal, View } from '../../../src/consensus/simplex/types.ts'
import { verifyCertificate, type Verifier } from '../../../src/consensus/simplex/verification.ts'
import {
  finalityProof,
  type FinalChain,
  type FinalityProof,
} from '../../../src/consensus/witness-layer/final-chain.ts'
import type { Refusals } from '../../../src/consensus/witness-layer/reject.ts'
import { present } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES, type Hash } from '../../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../../src/primitives/keccak.ts'
import { stubPublicKey, stubScheme, stubSigner } from '../../simulation/stub-scheme.ts'

/** Keys of executors; those of witnesses begin at 0. */
const FIRST_KEY = 1000

export class Executors {
  readonly genesisHash: Hash
  readonly epoch: Epoch
  readonly shape: CommitteeShape = committeeShape(4)
  readonly proposals: Proposal[] = []
  private readonly salt: string
  private readonly certificates = new Map<Hash, Certificate>()
  private readonly verifier: Verifier

  /** @param salt tells the blocks of one chain from those of another. */
  constructor(salt = 'main', cycle = 0) {
    this.salt = salt
    this.epoch = epochOf(cycle)
    this.genesisHash = hashOf('genesis')
    const domain = {
      chainId: 7n,
      layer: 'execution',
      epoch: this.epoch,
      committeeHash: this.genesisHash,
    } as const
    const keys = Array.from({ length: this.shape.size }, (_, index) => stubPublicKey(FIRST_KEY + index))
    this.verifier = { scheme: stubScheme, domain, keyring: stubScheme.keyring(keys) }
  }

  /** Orders so many more blocks; one in `certifiedEvery` gets a certificate of its own, the last one always. */
  order(count: number, certifiedEvery = 1): void {
    for (let left = count; left > 0; left--) {
      const parent = this.proposals.at(-1)
      const height = this.proposals.length + 1
      const { proposal } = makeBlock(
        {
          view: height as View,
          parentView: (height - 1) as View,
          height,
          parentHash: parent?.hash ?? this.genesisHash,
          payloadHash: hashOf(`${this.salt} ${height}`),
        },
        EMPTY_BYTES,
      )
      this.proposals.push(proposal)
      if (left % certifiedEvery === 1 % certifiedEvery)
        this.certificates.set(proposal.hash, this.finalize(proposal))
    }
  }

  proposalOf(number: bigint): Proposal {
    return present(this.proposals[Number(number) - 1], `block ${number}`)
  }

  hashOf(number: bigint): Hash {
    return number === 0n ? this.genesisHash : this.proposalOf(number).payloadHash
  }

  certificateOf({ hash }: Proposal): Certificate | undefined {
    return this.certificates.get(hash)
  }

  /** A certificate by the first members that make a quorum. */
  finalize({ view, hash }: Pick<Proposal, 'view' | 'hash'>): Certificate {
    const statement = { kind: 'finalize', view, hash } as const
    const signers = Array.from({ length: this.shape.quorum }, (_, index) => index)
    const message = signedBytes(this.verifier.domain, statement)
    const signatures = signers.map((signer) => stubSigner(FIRST_KEY + signer).sign(message))
    return makeCertificate(statement, signers, present(stubScheme.aggregate(signatures), 'sum'), this.shape)
  }

  verifies(epoch: Epoch, certificate: Certificate): boolean {
    return epoch === this.epoch && verifyCertificate(this.verifier, certificate)
  }
}

/** What one node has executed of what executors ordered. */
export class OwnChain implements FinalChain {
  verifiedCount = 0
  private readonly executors: Executors
  private readonly store = new MemoryFinalityStore()

  constructor(executors: Executors) {
    this.executors = executors
  }

  growTo(number: bigint): void {
    for (let next = this.finalNumber() + 1n; next <= number; next++) {
      const proposal = this.executors.proposalOf(next)
      const finalization = this.executors.certificateOf(proposal)
      void this.store.add(proposal, { notarization: undefined, finalization })
    }
  }

  finalNumber(): bigint {
    return BigInt(this.store.latest()?.height ?? 0)
  }

  finalHash(number: bigint): Hash | undefined {
    return number > this.finalNumber() ? undefined : this.executors.hashOf(number)
  }

  numberOf(hash: Hash): bigint | undefined {
    for (let number = 0n; number <= this.finalNumber(); number++) {
      if (this.executors.hashOf(number) === hash) return number
    }
    return undefined
  }

  epochOf(number: bigint): Epoch | undefined {
    return number > this.finalNumber() ? undefined : this.executors.epoch
  }

  proofOf(number: bigint): FinalityProof | undefined {
    return finalityProof({ execution: () => this.store }, this.executors.epoch, number)
  }

  verifyFinalization(epoch: Epoch, certificate: Certificate, onResult: (isValid: boolean) => void): boolean {
    this.verifiedCount += 1
    onResult(this.executors.verifies(epoch, certificate))
    return true
  }
}

/** Of a node whose own execution agrees with all that is final. */
export const NO_REFUSALS: Refusals = {
  own: () => undefined,
  decisiveFor: () => undefined,
  replacementFor: () => undefined,
}

function hashOf(text: string): Hash {
  return keccak256Hash(new TextEncoder().encode(text))
}
