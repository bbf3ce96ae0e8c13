/** What ways to make a chain of sealed headers wrong are made of. */
import { bls } from '../../../src/consensus/bls.ts'
import { domainOf, makeCommittee, type Committee } from '../../../src/consensus/committees/committee.ts'
import type { SealedItem } from '../../../src/consensus/light/light-verifier.ts'
import { makeCertificate, signersOf } from '../../../src/consensus/simplex/certificate.ts'
import type { Domain } from '../../../src/consensus/simplex/config.ts'
import { encodeProposal, makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import type { Certificate, Epoch, Proposal, VoteKind } from '../../../src/consensus/simplex/types.ts'
import { encodeSeal } from '../../../src/consensus/witness-layer/seal-codec.ts'
import type { Seal } from '../../../src/consensus/witness-layer/seal.ts'
import { decodeHeader, encodeHeader } from '../../../src/chain/block-codec.ts'
import type { Header } from '../../../src/chain/block.ts'
import { present } from '../../../src/primitives/assert.ts'
import { bytesToHash, hexToBytes, type Hash } from '../../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../../src/primitives/keccak.ts'
import type { Prng } from '../../support/prng.ts'
import type { SealedChainMaker, SealedStep } from '../../support/sealed-chain.ts'

/** What a mutation works on. */
export interface Target {
  readonly maker: SealedChainMaker
  readonly steps: readonly SealedStep[]
  /** Position of the item to change. */
  readonly at: number
  readonly prng: Prng
}

/** The items from {@link Target.at} on, changed; `undefined` where there is nothing to change in this way. */
export type Mutation = (target: Target) => readonly SealedItem[] | undefined

export function stepAt({ steps, at }: Target): SealedStep {
  return present(steps[at], 'step')
}

export function itemsFrom({ steps }: Target, from: number): readonly SealedItem[] {
  return steps.slice(from).map(({ item }) => item)
}

/** Changes one item. */
export function change(of: (item: SealedItem, target: Target) => SealedItem | undefined): Mutation {
  return (target) => {
    const changed = of(stepAt(target).item, target)
    return changed && [changed, ...itemsFrom(target, target.at + 1)]
  }
}

export function changeHeaders(
  of: (headers: readonly Uint8Array[], target: Target) => readonly Uint8Array[] | undefined,
): Mutation {
  return change((item, target) => {
    const headers = item.headers.length === 0 ? undefined : of(item.headers, target)
    return headers && { ...item, headers }
  })
}

export function changeProposal(of: (proposal: Proposal, prng: Prng) => Partial<Proposal>): Mutation {
  return change((item, { prng }) => ({ ...item, proposal: { ...item.proposal, ...of(item.proposal, prng) } }))
}

/** With a hash that fits. */
export function rehashed(of: (proposal: Proposal, prng: Prng) => Partial<Proposal>): Mutation {
  return change((item, { prng }) => {
    const proposal = { ...item.proposal, ...of(item.proposal, prng) }
    return { ...item, proposal: { ...proposal, hash: keccak256Hash(encodeProposal(proposal)) } }
  })
}

export function changeCertificate(
  of: (certificate: Certificate, target: Target) => Certificate | undefined,
): Mutation {
  return change((item, target) => {
    const finalization = item.finalization && of(item.finalization, target)
    return finalization && { ...item, finalization }
  })
}

export function changeSeal(of: (seal: Seal, target: Target) => Partial<Seal> | undefined): Mutation {
  return change((item, target) => {
    const { seal } = stepAt(target)
    if (seal === undefined) return undefined
    const changed = of(seal, target)
    return changed && { ...item, ...withBody(item.proposal, { ...seal, ...changed }) }
  })
}

/** The same, where a quorum of the witnesses has signed it. */
export function resealed(of: (seal: Seal, target: Target) => Partial<Seal> | undefined): Mutation {
  const mutation = changeSeal(of)
  return (target) => {
    const [changed, ...rest] = mutation(target) ?? []
    return changed && [signedByWitnesses(changed, target), ...rest]
  }
}

export function withBody(proposal: Proposal, seal: Seal): Pick<SealedItem, 'proposal' | 'body'> {
  return makeBlock({ ...proposal, payloadHash: present(seal.blocks.at(-1), 'last block') }, encodeSeal(seal))
}

export function signedByWitnesses(item: SealedItem, target: Target): SealedItem {
  return { ...item, finalization: target.maker.certify(witnessesOf(target), 'finalize', item.proposal) }
}

export function witnessesOf(target: Target, offset = 0): Committee {
  return committeeOf(target, 'witness', offset)
}

/** Of the cycle of the step, or one that is `offset` cycles away. */
export function committeeOf({ maker, steps, at }: Target, layer: Committee['layer'], offset = 0): Committee {
  const epoch = present(steps[at], 'step').epoch + 256 * offset
  const starts = steps.flatMap((step) => step.starts)
  const start = starts.find((candidate) => candidate.layer === layer && candidate.epoch === epoch)
  const { members } =
    start ??
    present(
      starts.find((candidate) => candidate.layer === layer),
      'epoch',
    )
  return makeCommittee(maker.genesis.hash, layer, epoch as Epoch, members)
}

interface Signing {
  readonly kind?: VoteKind
  readonly domain?: Domain
  /** Signers less than a quorum. */
  readonly missing?: number
}

/** A certificate with real signatures, though not one that it should be. */
export function sign(
  { maker }: Target,
  committee: Committee,
  { view, hash }: Pick<Proposal, 'view' | 'hash'>,
  { kind = 'finalize', domain = domainOf(maker.plan.chainId, committee), missing = 0 }: Signing,
): Certificate {
  const count = committee.shape.quorum - missing
  const statement = { kind, view, hash }
  const signers = committee.members.slice(0, count).map((member) => maker.signerOf(member))
  const signatures = signers.map((signer) => signer.sign(signedBytes(domain, statement)))
  const aggregate = present(bls.aggregate(signatures), 'aggregate')
  return makeCertificate(statement, signers.keys(), aggregate, committee.shape)
}

export function flipped(bytes: Uint8Array, prng: Prng): Uint8Array {
  const at = prng.below(bytes.length)
  return bytes.with(at, (bytes[at] as number) ^ (1 << prng.below(8)))
}

export function otherHash(hash: Hash, prng: Prng): Hash {
  return bytesToHash(flipped(hexToBytes(hash), prng))
}

export function swapped<T>(values: readonly T[], prng: Prng): T[] | undefined {
  if (values.length < 2) return undefined
  const at = prng.below(values.length - 1)
  return values.toSpliced(at, 2, values[at + 1] as T, values[at] as T)
}

export function without<T>(values: readonly T[], prng: Prng): T[] {
  return values.toSpliced(prng.below(values.length), 1)
}

/** A signer's bit moved to a member that did not sign. */
export function withSwappedBits({ bitmap }: Certificate, size: number, prng: Prng): Uint8Array | undefined {
  const signers = signersOf(bitmap)
  const others = Array.from({ length: size }, (_, index) => index).filter((index) => !signers.includes(index))
  if (others.length === 0) return undefined
  return withBit(withBit(bitmap, prng.pick(signers)), prng.pick(others))
}

export function withBit(bitmap: Uint8Array, index: number): Uint8Array {
  return bitmap.with(index >> 3, (bitmap[index >> 3] as number) ^ (1 << (index & 7)))
}

export const HEADER_CHANGES: readonly ((header: Header, prng: Prng) => Partial<Header>)[] = [
  ({ number }) => ({ number: number + 1n }),
  ({ timestamp }) => ({ timestamp: timestamp + 1n }),
  ({ stateRoot }, prng) => ({ stateRoot: otherHash(stateRoot, prng) }),
  ({ parentHash }, prng) => ({ parentHash: otherHash(parentHash, prng) }),
  ({ gasUsed }) => ({ gasUsed: gasUsed + 1n }),
  (_, prng) => ({ extraData: prng.bytes(4) }),
]

export function changedHeader(bytes: Uint8Array, prng: Prng): Uint8Array {
  const header = decodeHeader(bytes)
  return encodeHeader({ ...header, ...prng.pick(HEADER_CHANGES)(header, prng) })
}
