/** Messages, certificates, blocks and records of consensus that are well-formed for a committee, with fields at random. */
import { bitmapOf, bitmapSize } from '../../src/consensus/simplex/certificate.ts'
import type { CommitteeShape } from '../../src/consensus/simplex/config.ts'
import type { Message } from '../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../src/consensus/simplex/proposal.ts'
import {
  COUNT_MAX,
  NO_HASH,
  type Block,
  type Certificate,
  type View,
  type Vote,
  type VoteKind,
} from '../../src/consensus/simplex/types.ts'
import type { WalRecord } from '../../src/consensus/simplex/wal-records.ts'
import { bytesToHash, type Hash } from '../../src/primitives/bytes.ts'
import type { Prng } from '../support/prng.ts'

const VOTE_KINDS: readonly VoteKind[] = ['notarize', 'nullify', 'finalize']

export function anyHash(prng: Prng): Hash {
  return bytesToHash(prng.bytes(32))
}

function anyView(prng: Prng): View {
  return prng.pick([1, 2, 255, 256, 2 ** 32, COUNT_MAX, prng.between(1, 1000)]) as View
}

export function anyBlock(prng: Prng, parent?: Block): Block {
  const parentView = (parent?.proposal.view ?? prng.below(1000)) as View
  const view = Math.min(COUNT_MAX, parentView + prng.between(1, 5)) as View
  const parentHash = parent?.proposal.hash ?? anyHash(prng)
  const height = (parent?.proposal.height ?? prng.below(1000)) + 1
  const body = prng.bytes(prng.pick([0, 1, 100, 700]))
  return makeBlock({ view, parentView, height, parentHash, payloadHash: anyHash(prng) }, body)
}

/** Blocks as an answer holds them: each the parent of the one before. */
function anyChain(prng: Prng): Block[] {
  const chain: Block[] = []
  for (let i = prng.pick([0, 1, 2, 5, 32]); i > 0; i--) chain.unshift(anyBlock(prng, chain[0]))
  return chain
}

function anyStatement(prng: Prng): { kind: VoteKind; view: View; hash: Hash } {
  const kind = prng.pick(VOTE_KINDS)
  return { kind, view: anyView(prng), hash: kind === 'nullify' ? NO_HASH : anyHash(prng) }
}

function anyVote(prng: Prng, { size }: CommitteeShape): Vote {
  return { ...anyStatement(prng), signer: prng.below(size), signature: prng.bytes(96) }
}

export function anyCertificate(prng: Prng, { size, quorum }: CommitteeShape): Certificate {
  const count = prng.between(quorum, size)
  const first = prng.below(size)
  const signers = Array.from({ length: count }, (_, index) => (first + index) % size)
  return { ...anyStatement(prng), bitmap: bitmapOf(signers, size), signature: prng.bytes(96) }
}

export function anyMessage(prng: Prng, shape: CommitteeShape): Message {
  const certificates = (): Certificate[] =>
    prng.times(prng.pick([0, 1, 2, 64]), () => anyCertificate(prng, shape))
  switch (prng.below(7)) {
    case 0:
      return {
        kind: 'propose',
        block: anyBlock(prng),
        signature: prng.bytes(96),
        certificates: certificates(),
      }
    case 1:
      return { kind: 'vote', vote: anyVote(prng, shape) }
    case 2:
      return { kind: 'certificates', certificates: certificates() }
    case 3: {
      const fromView = prng.below(1000) as View
      return { kind: 'certificateRequest', fromView, toView: (fromView + prng.below(64)) as View }
    }
    case 4:
      return { kind: 'blockRequest', hash: anyHash(prng), aboveHeight: prng.below(1000) }
    case 5:
      return { kind: 'syncRequest', fromHeight: prng.below(1000) }
    default: {
      const blocks = anyChain(prng)
      const hash = blocks[0]?.proposal.hash
      const isFinal = hash !== undefined && prng.chance(0.5)
      const certificate = { ...anyCertificate(prng, shape), kind: 'finalize' as const }
      return { kind: 'blocks', blocks, finalization: isFinal ? { ...certificate, hash } : undefined }
    }
  }
}

export function anyRecord(prng: Prng, shape: CommitteeShape): WalRecord {
  switch (prng.below(5)) {
    case 0: {
      const hashes = { hash: anyHash(prng), payloadHash: anyHash(prng) }
      return { kind: 'tip', tip: { view: anyView(prng), height: prng.below(1000), ...hashes } }
    }
    case 1:
      return { kind: 'statement', statement: anyVote(prng, shape) }
    case 4:
      return { kind: 'silence', through: anyView(prng) }
    case 2:
      return { kind: 'certificate', certificate: anyCertificate(prng, shape) }
    default:
      return { kind: 'block', block: anyBlock(prng) }
  }
}

/** Puts right what a change of a message broke and no decoder looks behind: hashes of bodies, links of chains. */
export function repairMessage(message: Message, { size }: CommitteeShape): Message {
  if (message.kind === 'propose') return { ...message, block: repairBlock(message.block) }
  if (message.kind !== 'blocks') return message
  const blocks: Block[] = []
  for (const block of message.blocks.toReversed()) {
    const parentHash = blocks[0]?.proposal.hash ?? block.proposal.parentHash
    blocks.unshift(repairBlock({ ...block, proposal: { ...block.proposal, parentHash } }))
  }
  const { finalization } = message
  const hash = blocks[0]?.proposal.hash
  if (finalization === undefined || hash === undefined) return { ...message, blocks }
  const bitmap =
    finalization.bitmap.length === bitmapSize(size) ? finalization.bitmap : new Uint8Array(bitmapSize(size))
  return { ...message, blocks, finalization: { ...finalization, hash, bitmap } }
}

export function repairBlock({ proposal, body }: Block): Block {
  return makeBlock(proposal, body)
}
