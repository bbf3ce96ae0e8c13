/**
 * Ways to make a chain of sealed headers wrong, each of which changes what it says. The last group has the keys of a
 * quorum of witnesses: what they sign must be refused for what it is, not for a hash that does not fit.
 */
import { bls } from '../../../src/consensus/bls.ts'
import { domainOf, makeCommittee, type Committee } from '../../../src/consensus/committees/committee.ts'
import type { SealedItem } from '../../../src/consensus/light/light-verifier.ts'
import { makeCertificate, signersOf } from '../../../src/consensus/simplex/certificate.ts'
import type { Domain } from '../../../src/consensus/simplex/config.ts'
import { encodeProposal, makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import type { Certificate, Epoch, Proposal, View, VoteKind } from '../../../src/consensus/simplex/types.ts'
import { encodeSeal } from '../../../src/consensus/witness-layer/seal-codec.ts'
import type { Seal } from '../../../src/consensus/witness-layer/seal.ts'
import { decodeHeader, encodeHeader } from '../../../src/chain/block-codec.ts'
import type { Header } from '../../../src/chain/block.ts'
import { present } from '../../../src/primitives/assert.ts'
import { bytesToHash, equalBytes, hexToBytes, type Hash } from '../../../src/primitives/bytes.ts'
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

// ---- Parts ---------------------------------------------------------------------------------------------------------

function stepAt({ steps, at }: Target): SealedStep {
  return present(steps[at], 'step')
}

function itemsFrom({ steps }: Target, from: number): readonly SealedItem[] {
  return steps.slice(from).map(({ item }) => item)
}

/** Changes one item. */
function change(of: (item: SealedItem, target: Target) => SealedItem | undefined): Mutation {
  return (target) => {
    const changed = of(stepAt(target).item, target)
    return changed && [changed, ...itemsFrom(target, target.at + 1)]
  }
}

function changeHeaders(
  of: (headers: readonly Uint8Array[], target: Target) => readonly Uint8Array[] | undefined,
): Mutation {
  return change((item, target) => {
    const headers = item.headers.length === 0 ? undefined : of(item.headers, target)
    return headers && { ...item, headers }
  })
}

function changeProposal(of: (proposal: Proposal, prng: Prng) => Partial<Proposal>): Mutation {
  return change((item, { prng }) => ({ ...item, proposal: { ...item.proposal, ...of(item.proposal, prng) } }))
}

/** With a hash that fits. */
function rehashed(of: (proposal: Proposal, prng: Prng) => Partial<Proposal>): Mutation {
  return change((item, { prng }) => {
    const proposal = { ...item.proposal, ...of(item.proposal, prng) }
    return { ...item, proposal: { ...proposal, hash: keccak256Hash(encodeProposal(proposal)) } }
  })
}

function changeCertificate(
  of: (certificate: Certificate, target: Target) => Certificate | undefined,
): Mutation {
  return change((item, target) => {
    const finalization = item.finalization && of(item.finalization, target)
    return finalization && { ...item, finalization }
  })
}

function changeSeal(of: (seal: Seal, target: Target) => Partial<Seal> | undefined): Mutation {
  return change((item, target) => {
    const { seal } = stepAt(target)
    if (seal === undefined) return undefined
    const changed = of(seal, target)
    return changed && { ...item, ...withBody(item.proposal, { ...seal, ...changed }) }
  })
}

/** The same, where a quorum of the witnesses has signed it. */
function resealed(of: (seal: Seal, target: Target) => Partial<Seal> | undefined): Mutation {
  const mutation = changeSeal(of)
  return (target) => {
    const [changed, ...rest] = mutation(target) ?? []
    return changed && [signedByWitnesses(changed, target), ...rest]
  }
}

function withBody(proposal: Proposal, seal: Seal): Pick<SealedItem, 'proposal' | 'body'> {
  return makeBlock({ ...proposal, payloadHash: present(seal.blocks.at(-1), 'last block') }, encodeSeal(seal))
}

function signedByWitnesses(item: SealedItem, target: Target): SealedItem {
  return { ...item, finalization: target.maker.certify(witnessesOf(target), 'finalize', item.proposal) }
}

function witnessesOf(target: Target, offset = 0): Committee {
  return committeeOf(target, 'witness', offset)
}

/** Of the cycle of the step, or one that is `offset` cycles away. */
function committeeOf({ steps, at }: Target, layer: Committee['layer'], offset = 0): Committee {
  const epoch = present(steps[at], 'step').epoch + 256 * offset
  const starts = steps.flatMap((step) => step.starts)
  const start = starts.find((candidate) => candidate.layer === layer && candidate.epoch === epoch)
  const { members } =
    start ??
    present(
      starts.find((candidate) => candidate.layer === layer),
      'epoch',
    )
  return makeCommittee(layer, epoch as Epoch, members)
}

interface Signing {
  readonly kind?: VoteKind
  readonly domain?: Domain
  /** Signers less than a quorum. */
  readonly missing?: number
}

/** A certificate with real signatures, though not one that it should be. */
function sign(
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

function flipped(bytes: Uint8Array, prng: Prng): Uint8Array {
  const at = prng.below(bytes.length)
  return bytes.with(at, (bytes[at] as number) ^ (1 << prng.below(8)))
}

function otherHash(hash: Hash, prng: Prng): Hash {
  return bytesToHash(flipped(hexToBytes(hash), prng))
}

function swapped<T>(values: readonly T[], prng: Prng): T[] | undefined {
  if (values.length < 2) return undefined
  const at = prng.below(values.length - 1)
  return values.toSpliced(at, 2, values[at + 1] as T, values[at] as T)
}

function without<T>(values: readonly T[], prng: Prng): T[] {
  return values.toSpliced(prng.below(values.length), 1)
}

/** A signer's bit moved to a member that did not sign. */
function withSwappedBits({ bitmap }: Certificate, size: number, prng: Prng): Uint8Array | undefined {
  const signers = signersOf(bitmap)
  const others = Array.from({ length: size }, (_, index) => index).filter((index) => !signers.includes(index))
  if (others.length === 0) return undefined
  return withBit(withBit(bitmap, prng.pick(signers)), prng.pick(others))
}

function withBit(bitmap: Uint8Array, index: number): Uint8Array {
  return bitmap.with(index >> 3, (bitmap[index >> 3] as number) ^ (1 << (index & 7)))
}

const HEADER_CHANGES: readonly ((header: Header, prng: Prng) => Partial<Header>)[] = [
  ({ number }) => ({ number: number + 1n }),
  ({ timestamp }) => ({ timestamp: timestamp + 1n }),
  ({ stateRoot }, prng) => ({ stateRoot: otherHash(stateRoot, prng) }),
  ({ parentHash }, prng) => ({ parentHash: otherHash(parentHash, prng) }),
  ({ gasUsed }) => ({ gasUsed: gasUsed + 1n }),
  (_, prng) => ({ extraData: prng.bytes(4) }),
]

function changedHeader(bytes: Uint8Array, prng: Prng): Uint8Array {
  const header = decodeHeader(bytes)
  return encodeHeader({ ...header, ...prng.pick(HEADER_CHANGES)(header, prng) })
}

// ---- The ways ------------------------------------------------------------------------------------------------------

const ORDER: Readonly<Record<string, Mutation>> = {
  'an item dropped': (target) => itemsFrom(target, target.at + 1),
  'an item twice': (target) => [stepAt(target).item, ...itemsFrom(target, target.at)],
  'two items swapped': (target) => {
    const [first, second, ...rest] = itemsFrom(target, target.at)
    return second && [second, present(first, 'item'), ...rest]
  },
  'an item of elsewhere': (target) => {
    const other = target.prng.below(target.steps.length)
    const { item } = present(target.steps[other], 'step')
    return other === target.at ? undefined : [item, ...itemsFrom(target, target.at + 1)]
  },
  'everything after it dropped': (target) =>
    target.at + 1 < target.steps.length ? [stepAt(target).item] : undefined,
  'seals only, from here on, without certificates': (target) =>
    itemsFrom(target, target.at).map((item) => ({ ...item, finalization: undefined })),
}

const HEADERS: Readonly<Record<string, Mutation>> = {
  'a byte of a header': changeHeaders((headers, { prng }) => {
    const at = prng.below(headers.length)
    return headers.with(at, flipped(present(headers[at], 'header'), prng))
  }),
  'a field of a header': changeHeaders((headers, { prng }) => {
    const at = prng.below(headers.length)
    return headers.with(at, changedHeader(present(headers[at], 'header'), prng))
  }),
  'a header dropped': changeHeaders((headers, { prng }) => without(headers, prng)),
  'a header twice': changeHeaders((headers, { prng }) => {
    const at = prng.below(headers.length)
    return headers.toSpliced(at, 0, present(headers[at], 'header'))
  }),
  'two headers swapped': changeHeaders((headers, { prng }) => swapped(headers, prng)),
  'no headers': changeHeaders(() => []),
}

const PROPOSALS: Readonly<Record<string, Mutation>> = {
  'another view': changeProposal(({ view }) => ({ view: (view + 1) as View })),
  'another view, hashed': rehashed(({ view }) => ({ view: (view + 1) as View })),
  'another parent view': rehashed(({ parentView }) => ({ parentView: (parentView + 1) as View })),
  'another height': rehashed(({ height }) => ({ height: height + 1 })),
  'another parent': rehashed(({ parentHash }, prng) => ({ parentHash: otherHash(parentHash, prng) })),
  'another payload': rehashed(({ payloadHash }, prng) => ({ payloadHash: otherHash(payloadHash, prng) })),
  'another body hash': rehashed(({ bodyHash }, prng) => ({ bodyHash: otherHash(bodyHash, prng) })),
  'another hash': changeProposal(({ hash }, prng) => ({ hash: otherHash(hash, prng) })),
}

const BODIES: Readonly<Record<string, Mutation>> = {
  'a byte of the body': change((item, { prng }) =>
    item.body.length === 0 ? undefined : { ...item, body: flipped(item.body, prng) },
  ),
  'a byte of the body, hashed': change((item, { prng }) => {
    if (item.body.length === 0) return undefined
    return { ...item, ...makeBlock(item.proposal, flipped(item.body, prng)) }
  }),
  'no body': change((item) => (item.body.length === 0 ? undefined : { ...item, body: new Uint8Array() })),
  'a block dropped': changeSeal(({ blocks }, { prng }) =>
    blocks.length < 2 ? undefined : { blocks: without(blocks, prng) },
  ),
  'two blocks swapped': changeSeal(({ blocks }, { prng }) => {
    const changed = swapped(blocks, prng)
    return changed && { blocks: changed }
  }),
  'another block': changeSeal(({ blocks }, { prng }) => {
    const at = prng.below(blocks.length)
    return { blocks: blocks.with(at, otherHash(present(blocks[at], 'block'), prng)) }
  }),
  'another first block': changeSeal(({ first }) => ({ first: first + 1n })),
  'another reveal': changeSeal(({ reveal }, { prng }) => ({ reveal: flipped(reveal, prng) })),
  'another handover': changeSeal(({ handover }) => {
    if (handover === undefined) return undefined
    return { handover: { ...handover, witnesses: handover.witnesses.toReversed() } }
  }),
}

const CERTIFICATES: Readonly<Record<string, Mutation>> = {
  'a byte of the signature': changeCertificate((certificate, { prng }) => ({
    ...certificate,
    signature: flipped(certificate.signature, prng),
  })),
  'a bit of the bitmap': changeCertificate((certificate, { prng }) => ({
    ...certificate,
    bitmap: flipped(certificate.bitmap, prng),
  })),
  'a signer who is another': changeCertificate((certificate, target) => {
    const bitmap = withSwappedBits(certificate, witnessesOf(target).shape.size, target.prng)
    return bitmap && { ...certificate, bitmap }
  }),
  'another hash in it': changeCertificate((certificate, { prng }) => ({
    ...certificate,
    hash: otherHash(certificate.hash, prng),
  })),
  'another view in it': changeCertificate((certificate) => ({
    ...certificate,
    view: (certificate.view + 1) as View,
  })),
  'a notarization instead': changeCertificate((_, target) =>
    sign(target, witnessesOf(target), stepAt(target).item.proposal, { kind: 'notarize' }),
  ),
  'a notarization that says that it is none': changeCertificate((_, target) => ({
    ...sign(target, witnessesOf(target), stepAt(target).item.proposal, { kind: 'notarize' }),
    kind: 'finalize',
  })),
  'a quorum less one': changeCertificate((_, target) =>
    sign(target, witnessesOf(target), stepAt(target).item.proposal, { missing: 1 }),
  ),
  'a quorum less one that says that it is one': changeCertificate((_, target) => {
    const committee = witnessesOf(target)
    const short = sign(target, committee, stepAt(target).item.proposal, { missing: 1 })
    return { ...short, bitmap: withBit(short.bitmap, committee.shape.quorum - 1) }
  }),
  'the certificate of another item': changeCertificate((_, { steps, at, prng }) => {
    const other = prng.below(steps.length)
    return other === at ? undefined : steps[other]?.item.finalization
  }),
  'the same members in the next epoch': changeCertificate((_, target) => {
    const { members, epoch } = witnessesOf(target)
    const foreign = makeCommittee('witness', (epoch + 256) as Epoch, members)
    return sign(target, foreign, stepAt(target).item.proposal, {})
  }),
  'the same members in the other layer': changeCertificate((_, target) => {
    const { members, epoch } = witnessesOf(target)
    return sign(target, makeCommittee('execution', epoch, members), stepAt(target).item.proposal, {})
  }),
  'the same members on another chain': changeCertificate((_, target) => {
    const committee = witnessesOf(target)
    const domain = domainOf(target.maker.plan.chainId + 1n, committee)
    return sign(target, committee, stepAt(target).item.proposal, { domain })
  }),
  'a committee of strangers': changeCertificate((_, target) => {
    const { epoch, shape } = witnessesOf(target)
    const strangers = makeCommittee(
      'witness',
      epoch,
      target.maker.nodes.map(({ id }) => id).slice(-shape.size),
    )
    return strangers.hash === witnessesOf(target).hash
      ? undefined
      : sign(target, strangers, stepAt(target).item.proposal, {})
  }),
  'the committee of another cycle': changeCertificate((_, target) => {
    const other = witnessesOf(target, target.prng.pick([1, -1]))
    return sign(target, other, stepAt(target).item.proposal, {})
  }),
}

/** What a quorum of witnesses might sign, and nobody may believe. The rule that refuses it. */
export const BAD_SEALS: Readonly<Record<string, { readonly rule: string; readonly mutation: Mutation }>> = {
  'headers of nobody': {
    rule: 'headerHash',
    mutation: resealed(({ blocks }, { prng }) => ({
      blocks: blocks.with(0, otherHash(present(blocks[0], 'block'), prng)),
      ...(blocks.length === 1 && { proposals: [] }),
    })),
  },
  'a gap': { rule: 'first', mutation: resealed(({ first }) => ({ first: first + 1n })) },
  'blocks of another cycle': {
    rule: 'epoch',
    mutation: resealed(({ executionEpoch }) => ({ executionEpoch: (executionEpoch + 256) as Epoch })),
  },
  'blocks of another attempt': {
    rule: 'epoch',
    mutation: resealed(({ executionEpoch }) => ({ executionEpoch: (executionEpoch + 1) as Epoch })),
  },
  'a finalization by a quorum less one': {
    rule: 'sealBytes',
    mutation: resealed(({ proposals }, target) => ({
      finalization: sign(target, committeeOf(target, 'execution'), present(proposals[0], 'proposal'), {
        missing: 1,
      }),
    })),
  },
  'a finalization by witnesses': {
    rule: 'executionCertificate',
    mutation: resealed(({ proposals }, target) => {
      const { shape, epoch } = committeeOf(target, 'execution')
      const members = witnessesOf(target).members.slice(0, shape.size)
      const pretended = makeCommittee('execution', epoch, members)
      if (pretended.hash === committeeOf(target, 'execution').hash) return undefined
      return { finalization: sign(target, pretended, present(proposals[0], 'proposal'), {}) }
    }),
  },
  'a notarization for a finalization': {
    rule: 'finalization',
    mutation: resealed(({ proposals }, target) => ({
      finalization: sign(target, committeeOf(target, 'execution'), present(proposals[0], 'proposal'), {
        kind: 'notarize',
      }),
    })),
  },
  'a finalization of something else': {
    rule: 'finalization',
    mutation: resealed((_, target) => {
      const other = target.steps.find(
        ({ seal, epoch }) =>
          seal !== undefined && epoch === stepAt(target).epoch && seal !== stepAt(target).seal,
      )
      return other?.seal && { finalization: other.seal.finalization }
    }),
  },
  'proposals that do not link': {
    rule: 'proposals',
    mutation: resealed(({ proposals }) => {
      const [first] = proposals
      return first && { proposals: [...proposals, first] }
    }),
  },
  'a range that is too long': {
    rule: 'range',
    mutation: resealed(({ blocks }, { maker }) => {
      const { rangeBlocks } = maker.plan.parameters
      const first = present(blocks[0], 'block')
      return { blocks: [...Array.from({ length: rangeBlocks }, () => first), ...blocks] }
    }),
  },
  'a handover too early': {
    rule: 'handover',
    mutation: resealed(({ handover }, target) =>
      handover === undefined
        ? {
            handover: {
              executors: committeeOf(target, 'execution').members,
              witnesses: witnessesOf(target).members,
            },
          }
        : undefined,
    ),
  },
  'no handover': {
    rule: 'handover',
    mutation: resealed(({ handover }) => handover && { handover: undefined }),
  },
  'a handover to fewer': {
    rule: 'handover',
    mutation: resealed(({ handover }) =>
      handover === undefined
        ? undefined
        : { handover: { ...handover, witnesses: handover.witnesses.slice(0, 4) } },
    ),
  },
  'a repeat of nothing': {
    rule: 'repeat',
    mutation: change((item, target) => {
      const { proposal } = makeBlock(
        { ...item.proposal, payloadHash: otherHash(item.proposal.payloadHash, target.prng) },
        new Uint8Array(),
      )
      return signedByWitnesses(
        { headers: [], proposal, body: new Uint8Array(), finalization: undefined },
        target,
      )
    }),
  },
}

/** Every one that is refused somewhere before the end. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  ...ORDER,
  ...HEADERS,
  ...PROPOSALS,
  ...BODIES,
  ...CERTIFICATES,
}

/** Whether a mutation changed anything: `undefined` for the same items. */
export function changedItems(target: Target, mutation: Mutation): readonly SealedItem[] | undefined {
  const items = mutation(target)
  if (items === undefined) return undefined
  const before = itemsFrom(target, target.at)
  const isSame =
    items.length === before.length && items.every((item, index) => isSameItem(item, before[index]))
  return isSame ? undefined : items
}

function isSameItem(a: SealedItem, b: SealedItem | undefined): boolean {
  return (
    b !== undefined &&
    (a === b ||
      (equalBytes(encodeProposal(a.proposal), encodeProposal(b.proposal)) &&
        a.proposal.hash === b.proposal.hash &&
        equalBytes(a.body, b.body) &&
        a.headers.length === b.headers.length &&
        a.headers.every((header, index) => equalBytes(header, b.headers[index] ?? new Uint8Array())) &&
        isSameCertificate(a.finalization, b.finalization)))
  )
}

function isSameCertificate(a: Certificate | undefined, b: Certificate | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  const isSameStatement = a.kind === b.kind && a.view === b.view && a.hash === b.hash
  return isSameStatement && equalBytes(a.bitmap, b.bitmap) && equalBytes(a.signature, b.signature)
}
