/**
 * The bytes of messages between members. Frozen; a change means another version.
 *
 *     version(1) ‖ layer(1) ‖ epoch(8) ‖ committee(8) ‖ kind(1) ‖ fields
 *
 * `committee` is the beginning of the committee's hash: it tells foreign messages from bad ones before any signature is
 * looked at. Everything that comes in is checked here for size, shape and range, so that the core sees only messages that
 * make sense; what they claim is checked there.
 */
import { unreachable } from '../../primitives/assert.ts'
import { equalBytes } from '../../primitives/bytes.ts'
import { ByteReader, ByteWriter, HASH_SIZE, WireError } from './binary.ts'
import { bitmapSize, isWellFormed } from './certificate.ts'
import { LIMITS, type CommitteeShape, type Domain } from './config.ts'
import type { BlocksMessage, CertificateRequest, Message, ProposeMessage } from './messages.ts'
import { blockSize, encodeProposal, PROPOSAL_SIZE, readBlock } from './proposal.ts'
import { KIND_CODES, LAYER_CODES } from './signing.ts'
import {
  NO_HASH,
  type Block,
  type Certificate,
  type Epoch,
  type Layer,
  type View,
  type Vote,
  type VoteKind,
} from './types.ts'

const VERSION = 1
const LAYERS: readonly Layer[] = ['execution', 'witness']
const COMMITTEE_TAG_SIZE = 8
const ENVELOPE_SIZE = 1 + 1 + 8 + COMMITTEE_TAG_SIZE + 1
/** A BLS signature; other schemes pad. */
export const SIGNATURE_SIZE = 96

const MESSAGE_CODES: Readonly<Record<Message['kind'], number>> = {
  propose: 0,
  vote: 1,
  certificates: 2,
  certificateRequest: 3,
  blockRequest: 4,
  syncRequest: 5,
  blocks: 6,
}
const MESSAGE_KINDS: ReadonlyMap<number | undefined, Message['kind']> = new Map(
  // The table's keys are the kinds.
  (Object.keys(MESSAGE_CODES) as Message['kind'][]).map((kind) => [MESSAGE_CODES[kind], kind]),
)
const VOTE_KINDS: ReadonlyMap<number, VoteKind> = new Map(
  (['notarize', 'nullify', 'finalize'] as const).map((kind) => [KIND_CODES[kind], kind]),
)

/** Longest message; a transport refuses longer ones before it reads them. */
export const MESSAGE_SIZE_MAX = Math.max(LIMITS.bodySize, LIMITS.bytesPerResponse) + (64 << 10)

/** Where a message is from or for: signatures of one domain, bitmaps of one size. */
export interface WireContext extends CommitteeShape {
  readonly domain: Domain
  /** Layer, epoch and committee, as they stand in every message. */
  readonly envelope: Uint8Array
}

export function wireContext({ size, quorum }: CommitteeShape, domain: Domain): WireContext {
  const writer = new ByteWriter(ENVELOPE_SIZE - 1)
  writer.uint8(VERSION)
  writer.uint8(LAYER_CODES[domain.layer])
  writer.count(domain.epoch)
  writer.bytes(Uint8Array.fromHex(domain.committeeHash.slice(2, 2 + 2 * COMMITTEE_TAG_SIZE)))
  return { size, quorum, domain, envelope: writer.finish() }
}

/** Which instance a message is for. @throws WireError for bytes of another version, or of none. */
export function addressOf(bytes: Uint8Array): Pick<Domain, 'layer' | 'epoch'> {
  const reader = new ByteReader(bytes)
  const version = reader.uint8()
  const code = reader.uint8()
  const layer = LAYERS.find((layer) => LAYER_CODES[layer] === code)
  // A brand only: count() checked the range.
  const epoch = reader.count() as Epoch
  if (version === VERSION && layer !== undefined) return { layer, epoch }
  throw new WireError('foreign', 'another version or layer')
}

/** What bytes that {@link addressOf} accepts claim to be; whether they are, only reading them all can tell. */
export function kindOf(bytes: Uint8Array): Message['kind'] | undefined {
  return MESSAGE_KINDS.get(bytes[ENVELOPE_SIZE - 1])
}

/** The encoded proposal in bytes that {@link kindOf} says propose; shorter when they are cut off. Nothing is checked. */
export function proposalIn(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(ENVELOPE_SIZE, ENVELOPE_SIZE + PROPOSAL_SIZE)
}

export function isQuestion(kind: Message['kind'] | undefined): boolean {
  return kind === 'certificateRequest' || kind === 'blockRequest' || kind === 'syncRequest'
}

export function encodeMessage({ envelope }: WireContext, message: Message): Uint8Array {
  const writer = new ByteWriter(ENVELOPE_SIZE + sizeOf(message))
  writer.bytes(envelope)
  writer.uint8(MESSAGE_CODES[message.kind])
  switch (message.kind) {
    case 'propose':
      writeBlock(writer, message.block)
      writer.bytes(message.signature)
      writeCertificates(writer, message.certificates)
      break
    case 'vote':
      writeVote(writer, message.vote)
      break
    case 'certificates':
      writeCertificates(writer, message.certificates)
      break
    case 'certificateRequest':
      writer.count(message.fromView)
      writer.count(message.toView)
      break
    case 'blockRequest':
      writer.hash(message.hash)
      writer.count(message.aboveHeight)
      break
    case 'syncRequest':
      writer.count(message.fromHeight)
      break
    case 'blocks':
      writer.uint8(message.blocks.length)
      for (const block of message.blocks) writeBlock(writer, block)
      writeCertificates(writer, message.finalization === undefined ? [] : [message.finalization])
      break
    default:
      unreachable(message)
  }
  return writer.finish()
}

/**
 * Whether bytes are for another version, layer, epoch or committee; quicker than the error that says so. False for bytes
 * that no message has as many of.
 */
export function isForeign({ envelope }: WireContext, bytes: Uint8Array): boolean {
  if (bytes.length < envelope.length || bytes.length > MESSAGE_SIZE_MAX) return false
  return !equalBytes(bytes.subarray(0, envelope.length), envelope)
}

/** @throws WireError */
export function decodeMessage(context: WireContext, bytes: Uint8Array): Message {
  if (bytes.length > MESSAGE_SIZE_MAX) throw new WireError('oversize', `a message of ${bytes.length} bytes`)
  const reader = new ByteReader(bytes)
  if (!equalBytes(reader.bytes(context.envelope.length), context.envelope)) {
    throw new WireError('foreign', 'another version, layer, epoch or committee')
  }
  const message = readMessage(reader, context)
  reader.end()
  return message
}

function readMessage(reader: ByteReader, context: WireContext): Message {
  const code = reader.uint8()
  switch (code) {
    case MESSAGE_CODES.propose:
      return readPropose(reader, context)
    case MESSAGE_CODES.vote:
      return { kind: 'vote', vote: readVote(reader, context) }
    case MESSAGE_CODES.certificates:
      return { kind: 'certificates', certificates: readCertificates(reader, context) }
    case MESSAGE_CODES.certificateRequest:
      return readCertificateRequest(reader)
    case MESSAGE_CODES.blockRequest:
      return { kind: 'blockRequest', hash: reader.hash(), aboveHeight: reader.count() }
    case MESSAGE_CODES.syncRequest:
      return { kind: 'syncRequest', fromHeight: reader.count() }
    case MESSAGE_CODES.blocks:
      return readBlocks(reader, context)
    default:
      throw new WireError('value', `no message has the code ${code}`)
  }
}

function readPropose(reader: ByteReader, context: WireContext): ProposeMessage {
  const block = readBlock(reader)
  const signature = reader.bytes(SIGNATURE_SIZE)
  return { kind: 'propose', block, signature, certificates: readCertificates(reader, context) }
}

function readCertificateRequest(reader: ByteReader): CertificateRequest {
  // Brands only: count() checked the range.
  const fromView = reader.count() as View
  const toView = reader.count() as View
  if (toView < fromView || toView - fromView >= LIMITS.certificatesPerMessage) {
    throw new WireError('value', `a request for the views ${fromView} to ${toView}`)
  }
  return { kind: 'certificateRequest', fromView, toView }
}

function readBlocks(reader: ByteReader, context: WireContext): BlocksMessage {
  const count = reader.uint8()
  if (count > LIMITS.blocksPerResponse) throw new WireError('oversize', `${count} blocks in one message`)
  const blocks = Array.from({ length: count }, () => readBlock(reader))
  for (const [index, block] of blocks.entries()) {
    const child = blocks[index - 1]
    if (child !== undefined && child.proposal.parentHash !== block.proposal.hash) {
      throw new WireError('value', 'blocks that are not each the parent of the one before')
    }
  }
  const certificates = readCertificates(reader, context)
  const [finalization] = certificates
  if (finalization !== undefined) {
    const isOfFirst = finalization.kind === 'finalize' && finalization.hash === blocks[0]?.proposal.hash
    if (certificates.length > 1 || !isOfFirst) throw new WireError('value', 'a certificate of something else')
  }
  return { kind: 'blocks', blocks, finalization }
}

// ---- Parts of messages ---------------------------------------------------------------------------------------------

export function voteSize(): number {
  return 1 + 8 + HASH_SIZE + 2 + SIGNATURE_SIZE
}

export function writeVote(writer: ByteWriter, vote: Vote): void {
  writer.uint8(KIND_CODES[vote.kind])
  writer.count(vote.view)
  writer.hash(vote.hash)
  writer.uint8(vote.signer >> 8)
  writer.uint8(vote.signer & 0xff)
  writer.bytes(vote.signature)
}

function readVote(reader: ByteReader, { size }: WireContext): Vote {
  const { kind, view, hash } = readStatement(reader)
  const signer = reader.uint8() * 256 + reader.uint8()
  if (signer >= size) throw new WireError('value', `no member has the index ${signer}`)
  return { kind, view, hash, signer, signature: reader.bytes(SIGNATURE_SIZE) }
}

function readStatement(reader: ByteReader): Pick<Vote, 'kind' | 'view' | 'hash'> {
  const kind = VOTE_KINDS.get(reader.uint8())
  if (kind === undefined) throw new WireError('value', 'no such kind of vote')
  // A brand only: count() checked the range.
  const view = reader.count() as View
  const hash = reader.hash()
  if (view === 0 || (kind === 'nullify') !== (hash === NO_HASH)) {
    throw new WireError('value', 'a statement about nothing')
  }
  return { kind, view, hash }
}

export function certificateSize(certificate: Certificate): number {
  return 1 + 8 + HASH_SIZE + certificate.bitmap.length + SIGNATURE_SIZE
}

export function writeCertificate(writer: ByteWriter, certificate: Certificate): void {
  writer.uint8(KIND_CODES[certificate.kind])
  writer.count(certificate.view)
  writer.hash(certificate.hash)
  writer.bytes(certificate.bitmap)
  writer.bytes(certificate.signature)
}

/** @throws WireError also when the bitmap names no quorum or nobody. */
export function readCertificate(reader: ByteReader, committee: CommitteeShape): Certificate {
  const statement = readStatement(reader)
  const bitmap = reader.bytes(bitmapSize(committee.size))
  const certificate = { ...statement, bitmap, signature: reader.bytes(SIGNATURE_SIZE) }
  if (!isWellFormed(certificate, committee)) throw new WireError('value', 'a certificate without a quorum')
  return certificate
}

function writeCertificates(writer: ByteWriter, certificates: readonly Certificate[]): void {
  writer.uint8(certificates.length)
  for (const certificate of certificates) writeCertificate(writer, certificate)
}

function readCertificates(reader: ByteReader, context: WireContext): Certificate[] {
  const count = reader.uint8()
  if (count > LIMITS.certificatesPerMessage) throw new WireError('oversize', `${count} certificates`)
  return Array.from({ length: count }, () => readCertificate(reader, context))
}

export function writeBlock(writer: ByteWriter, block: Block): void {
  writer.bytes(encodeProposal(block.proposal))
  writer.sized(block.body)
}

function sizeOf(message: Message): number {
  switch (message.kind) {
    case 'propose':
      return blockSize(message.block) + SIGNATURE_SIZE + certificatesSize(message.certificates)
    case 'vote':
      return voteSize()
    case 'certificates':
      return certificatesSize(message.certificates)
    case 'certificateRequest':
      return 16
    case 'blockRequest':
      return HASH_SIZE + 8
    case 'syncRequest':
      return 8
    case 'blocks': {
      const size = message.blocks.reduce((sum, block) => sum + blockSize(block), 1)
      return size + certificatesSize(message.finalization === undefined ? [] : [message.finalization])
    }
    default:
      return unreachable(message)
  }
}

function certificatesSize(certificates: readonly Certificate[]): number {
  return certificates.reduce((sum, certificate) => sum + certificateSize(certificate), 1)
}
