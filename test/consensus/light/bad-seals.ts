/**
 * What a quorum of witnesses might sign, and nobody may believe: it must be refused for what it is, not for a hash that
 * does not fit.
 */
import { makeCommittee } from '../../../src/consensus/committees/committee.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import type { Epoch, Proposal, View } from '../../../src/consensus/simplex/types.ts'
import { decodeHeader, encodeHeader } from '../../../src/chain/block-codec.ts'
import type { Header } from '../../../src/chain/block.ts'
import { present } from '../../../src/primitives/assert.ts'
import { keccak256Hash } from '../../../src/primitives/keccak.ts'
import type { Prng } from '../../support/prng.ts'

import {
  change,
  committeeOf,
  otherHash,
  rehashed,
  resealed,
  sign,
  signedByWitnesses,
  stepAt,
  withBody,
  witnessesOf,
  type Mutation,
} from './mutation-parts.ts'

/** Another proposal that a quorum of the witnesses has signed. */
function reproposed(of: (proposal: Proposal, prng: Prng) => Partial<Proposal>): Mutation {
  const mutation = rehashed(of)
  return (target) => {
    const [changed, ...rest] = mutation(target) ?? []
    return changed && [signedByWitnesses(changed, target), ...rest]
  }
}

/** The first header of a seal changed, and signed by quorums of both layers. */
function reheaded(of: (header: Header, prng: Prng) => Partial<Header>): Mutation {
  return change((item, target) => {
    const { seal } = stepAt(target)
    const [bytes] = item.headers
    if (bytes === undefined || seal === undefined || seal.handover !== undefined) return undefined
    const header = decodeHeader(bytes)
    const encoded = encodeHeader({ ...header, ...of(header, target.prng) })
    const payloadHash = keccak256Hash(encoded)
    const height = Number(seal.first)
    const original = present(seal.proposals[0], 'proposal')
    const { proposal } = makeBlock({ ...original, height, payloadHash }, encoded)
    const finalization = sign(target, committeeOf(target, 'execution'), proposal, {})
    const forged = { ...seal, blocks: [payloadHash], proposals: [proposal], finalization }
    return signedByWitnesses({ ...item, headers: [encoded], ...withBody(item.proposal, forged) }, target)
  })
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
  'a proposal with another parent': {
    rule: 'parent',
    mutation: reproposed(({ parentHash }, prng) => ({ parentHash: otherHash(parentHash, prng) })),
  },
  'a proposal with another parent’s view': {
    rule: 'parent',
    mutation: reproposed(({ view, parentView }) => ({
      view: (view + 2) as View,
      parentView: (parentView + 1) as View,
    })),
  },
  'a proposal of its parent’s view': {
    rule: 'parent',
    mutation: reproposed(({ parentView }) => ({ view: parentView })),
  },
  'a proposal of another height': {
    rule: 'parent',
    mutation: reproposed(({ height }) => ({ height: height + 1 })),
  },
  'a body that the proposal does not name': {
    rule: 'body',
    mutation: reproposed(({ bodyHash }, prng) => ({ bodyHash: otherHash(bodyHash, prng) })),
  },
  'a header of another number': {
    rule: 'headerLink',
    mutation: reheaded(({ number }) => ({ number: number + 1n })),
  },
  'a header of another parent': {
    rule: 'headerLink',
    mutation: reheaded(({ parentHash }, prng) => ({ parentHash: otherHash(parentHash, prng) })),
  },
  'a header that is too large': {
    rule: 'headerBytes',
    mutation: reheaded((_, prng) => ({ extraData: prng.bytes(600) })),
  },
  'its own finality in another view': {
    rule: 'witnessCertificate',
    mutation: change((item, target) => {
      const { view, hash } = item.proposal
      const later = { view: (view + 1) as View, hash }
      return { ...item, finalization: sign(target, witnessesOf(target), later, {}) }
    }),
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
      const pretended = makeCommittee(target.maker.genesis.hash, 'execution', epoch, members)
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
