/**
 * The bytes of a seal, which are the body of a proposal of the witness layer. Frozen; a change means another version.
 *
 *     version(1) ‖ first(8) ‖ count(2) ‖ blocks(32 each)
 *       ‖ executionEpoch(8) ‖ count(2) ‖ proposals(121 each) ‖ finalization ‖ reveal(96)
 *       ‖ executors(1) ‖ witnesses(1) ‖ node ids(48 each)
 *
 * with big-endian integers; proposals and certificates as in `simplex/`. Both counts of seats are 0 where there is no
 * handover. Reading checks size and shape; whether a seal is right in its place is `seal-rules.ts`'s to say.
 */
import { bytesToHex, hexToBytes } from '../../primitives/bytes.ts'
import { NODE_ID_SIZE } from '../committees/committee.ts'
import type { Seats } from '../committees/schedule.ts'
import type { NodeId } from '../election/election.ts'
import { REVEAL_SIZE } from '../election/randomness.ts'
import { ByteReader, ByteWriter, HASH_SIZE, WireError } from '../simplex/binary.ts'
import { COMMITTEE_SHAPES, type CommitteeShape } from '../simplex/config.ts'
import { encodeProposal, PROPOSAL_SIZE, readProposal } from '../simplex/proposal.ts'
import { COUNT_MAX, type Epoch } from '../simplex/types.ts'
import { certificateSize, readCertificate, writeCertificate } from '../simplex/wire.ts'
import { PROOF_PROPOSALS_MAX } from './final-chain.ts'
import { lastOf, type Seal } from './seal.ts'

const VERSION = 1
/** Blocks that one seal can cover, whatever a network's parameters say. */
export const SEAL_BLOCKS_MAX = 1024

export function encodeSeal(seal: Seal): Uint8Array {
  const writer = new ByteWriter(sizeOf(seal))
  writer.uint8(VERSION)
  writer.uint64(seal.first)
  writeCount(writer, seal.blocks.length)
  for (const hash of seal.blocks) writer.hash(hash)
  writer.count(seal.executionEpoch)
  writeCount(writer, seal.proposals.length)
  for (const proposal of seal.proposals) writer.bytes(encodeProposal(proposal))
  writeCertificate(writer, seal.finalization)
  writer.bytes(seal.reveal)
  writer.uint8(seal.handover?.executors.length ?? 0)
  writer.uint8(seal.handover?.witnesses.length ?? 0)
  for (const id of idsOf(seal.handover)) writer.bytes(hexToBytes(id))
  return writer.finish()
}

/**
 * @param executionShape of the committee whose certificate the seal holds.
 * @throws WireError
 */
export function decodeSeal(bytes: Uint8Array, executionShape: CommitteeShape): Seal {
  const reader = new ByteReader(bytes)
  if (reader.uint8() !== VERSION) throw new WireError('foreign', 'a seal of another version')
  const first = reader.uint64()
  const blocks = readMany(reader, SEAL_BLOCKS_MAX, () => reader.hash())
  if (first === 0n || lastOf({ first, blocks }) > COUNT_MAX)
    throw new WireError('value', 'a range of no blocks')
  // A brand only: count() checked the range.
  const executionEpoch = reader.count() as Epoch
  const proposals = readMany(reader, PROOF_PROPOSALS_MAX, () => readProposal(reader))
  const finalization = readCertificate(reader, executionShape)
  const reveal = reader.bytes(REVEAL_SIZE)
  const handover = readHandover(reader)
  reader.end()
  return { first, blocks, executionEpoch, proposals, finalization, reveal, handover }
}

function readMany<T>(reader: ByteReader, countMax: number, read: () => T): T[] {
  const count = reader.uint8() * 256 + reader.uint8()
  if (count > countMax) throw new WireError('oversize', `${count} where ${countMax} are allowed`)
  if (count === 0) throw new WireError('value', 'an empty list')
  return Array.from({ length: count }, read)
}

function readHandover(reader: ByteReader): Seats | undefined {
  const executorCount = reader.uint8()
  const witnessCount = reader.uint8()
  if (executorCount === 0 && witnessCount === 0) return undefined
  return { executors: readIds(reader, executorCount), witnesses: readIds(reader, witnessCount) }
}

function readIds(reader: ByteReader, count: number): NodeId[] {
  if (!COMMITTEE_SHAPES.some(({ size }) => size === count)) {
    throw new WireError('value', `a committee of ${count} members`)
  }
  return Array.from({ length: count }, () => bytesToHex(reader.bytes(NODE_ID_SIZE)))
}

function writeCount(writer: ByteWriter, count: number): void {
  writer.uint8(count >> 8)
  writer.uint8(count & 0xff)
}

function idsOf(handover: Seats | undefined): readonly NodeId[] {
  return handover === undefined ? [] : [...handover.executors, ...handover.witnesses]
}

function sizeOf({ blocks, proposals, finalization, handover }: Seal): number {
  const range = 8 + 2 + blocks.length * HASH_SIZE
  const proof = 8 + 2 + proposals.length * PROPOSAL_SIZE + certificateSize(finalization)
  return 1 + range + proof + REVEAL_SIZE + 2 + idsOf(handover).length * NODE_ID_SIZE
}
