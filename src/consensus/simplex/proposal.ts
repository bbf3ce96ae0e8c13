/**
 * The bytes of a proposal and its hash, which is what members sign. Frozen:
 *
 *     version(1) ‖ view ‖ parentView ‖ height ‖ parentHash ‖ payloadHash ‖ bodyHash        integers of 8 bytes
 */
import { EMPTY_BYTES, equalBytes, ZERO_HASH, type Hash } from '../../primitives/bytes.ts'
import { keccak256Hash } from '../../primitives/keccak.ts'
import { ByteWriter, HASH_SIZE, LENGTH_SIZE, WireError, type ByteReader } from './binary.ts'
import { LIMITS } from './config.ts'
import type { Block, Proposal, View } from './types.ts'

const VERSION = 1
export const PROPOSAL_SIZE = 1 + 3 * 8 + 3 * HASH_SIZE

/** Of a proposal that carries nothing, such as one that repeats its parent. */
export const EMPTY_BODY_HASH: Hash = keccak256Hash(EMPTY_BYTES)

/** A block around a body that this node made. */
export function makeBlock(fields: Omit<Proposal, 'hash' | 'bodyHash'>, body: Uint8Array): Block {
  const unhashed = { ...fields, bodyHash: keccak256Hash(body) }
  return { proposal: { ...unhashed, hash: keccak256Hash(encodeProposal(unhashed)) }, body }
}

/** @returns {@link PROPOSAL_SIZE} bytes. */
export function encodeProposal(proposal: Omit<Proposal, 'hash'>): Uint8Array {
  const writer = new ByteWriter(PROPOSAL_SIZE)
  writer.uint8(VERSION)
  writer.count(proposal.view)
  writer.count(proposal.parentView)
  writer.count(proposal.height)
  writer.hash(proposal.parentHash)
  writer.hash(proposal.payloadHash)
  writer.hash(proposal.bodyHash)
  return writer.finish()
}

/** Whether two encoded proposals are of one view. */
export function isOfSameView(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(a.subarray(1, 9), b.subarray(1, 9))
}

/** @throws WireError also for fields that contradict each other: a parent is of an earlier view. */
export function readProposal(reader: ByteReader): Proposal {
  const start = reader.position
  if (reader.uint8() !== VERSION) throw new WireError('foreign', 'a proposal of another version')
  // Brands only: count() checked the range.
  const view = reader.count() as View
  const parentView = reader.count() as View
  const height = reader.count()
  const parentHash = reader.hash()
  const payloadHash = reader.hash()
  const bodyHash = reader.hash()
  if (parentView >= view || height === 0) throw new WireError('value', 'a proposal without a past')
  const hash: Hash = keccak256Hash(reader.since(start))
  if (hash === ZERO_HASH) throw new WireError('value', 'the hash that stands for none')
  return { view, parentView, height, parentHash, payloadHash, bodyHash, hash }
}

export function blockSize(block: Block): number {
  return PROPOSAL_SIZE + LENGTH_SIZE + block.body.length
}

/** @throws WireError also for a body that is not the one that the proposal names. */
export function readBlock(reader: ByteReader): Block {
  const proposal = readProposal(reader)
  const body = reader.sized(LIMITS.bodySize)
  if (keccak256Hash(body) !== proposal.bodyHash) throw new WireError('value', 'a body of another proposal')
  return { proposal, body }
}
