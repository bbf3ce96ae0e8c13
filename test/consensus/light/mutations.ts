/** Ways to make a chain of sealed headers wrong, each of which changes what it says. */
import { domainOf, makeCommittee } from '../../../src/consensus/committees/committee.ts'
import type { SealedItem } from '../../../src/consensus/light/light-verifier.ts'
import { encodeProposal, makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import type { Certificate, Epoch, View } from '../../../src/consensus/simplex/types.ts'
import { present } from '../../../src/primitives/assert.ts'
import { equalBytes } from '../../../src/primitives/bytes.ts'

import {
  change,
  changeCertificate,
  changeHeaders,
  changeProposal,
  changeSeal,
  changedHeader,
  flipped,
  itemsFrom,
  otherHash,
  rehashed,
  sign,
  stepAt,
  swapped,
  withBit,
  withSwappedBits,
  without,
  witnessesOf,
  type Mutation,
  type Target,
} from './mutation-parts.ts'

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
  'headers where nothing is sealed': change((item, { steps }) =>
    item.headers.length > 0 ? undefined : { ...item, headers: steps[0]?.item.headers ?? [] },
  ),
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
  'another body under the same hash': (target) => {
    const [changed, ...rest] = BODIES['another reveal']?.(target) ?? []
    const { hash } = stepAt(target).item.proposal
    return changed && [{ ...changed, proposal: { ...changed.proposal, hash } }, ...rest]
  },
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
    const foreign = makeCommittee(target.maker.genesis.hash, 'witness', (epoch + 256) as Epoch, members)
    return sign(target, foreign, stepAt(target).item.proposal, {})
  }),
  'the same members in the other layer': changeCertificate((_, target) => {
    const { members, epoch } = witnessesOf(target)
    return sign(
      target,
      makeCommittee(target.maker.genesis.hash, 'execution', epoch, members),
      stepAt(target).item.proposal,
      {},
    )
  }),
  'the same members on another chain': changeCertificate((_, target) => {
    const committee = witnessesOf(target)
    const domain = domainOf(target.maker.plan.chainId + 1n, committee)
    return sign(target, committee, stepAt(target).item.proposal, { domain })
  }),
  'the same members in a network with another genesis': changeCertificate((_, target) => {
    const { layer, members, epoch } = witnessesOf(target)
    const { proposal } = stepAt(target).item
    return sign(target, makeCommittee(proposal.hash, layer, epoch, members), proposal, {})
  }),
  'a committee of strangers': changeCertificate((_, target) => {
    const { epoch, shape } = witnessesOf(target)
    const strangers = makeCommittee(
      target.maker.genesis.hash,
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
