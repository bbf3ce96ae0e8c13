/**
 * The bytes of a reject, which are the body of a proposal of the witness layer. Frozen; a change means another version.
 *
 *     version(1) ‖ executionEpoch(8) ‖ count(2) ‖ proposals(121 each) ‖ finalization
 *       ‖ executors(1) ‖ node ids(48 each)
 *
 * The versions of rejects are not those of seals, so that the first byte tells which of the two a body is.
 */
import { bytesToHex, hexToBytes } from '../../primitives/bytes.ts'
import { NODE_ID_SIZE } from '../committees/committee.ts'
import { ByteReader, ByteWriter, WireError } from '../simplex/binary.ts'
import type { CommitteeShape } from '../simplex/config.ts'
import { encodeProposal, PROPOSAL_SIZE, readProposal } from '../simplex/proposal.ts'
import type { Epoch } from '../simplex/types.ts'
import { certificateSize, readCertificate, writeCertificate } from '../simplex/wire.ts'
import { PROOF_PROPOSALS_MAX } from './final-chain.ts'
import type { Reject } from './reject.ts'

const VERSION = 0x81

/** Whether a body claims to be a reject. */
export function isReject(body: Uint8Array): boolean {
  return body[0] === VERSION
}

export function encodeReject({ proof, executors }: Reject): Uint8Array {
  const { epoch, proposals, finalization } = proof
  const proofSize = 8 + 2 + proposals.length * PROPOSAL_SIZE + certificateSize(finalization)
  const writer = new ByteWriter(1 + proofSize + 1 + executors.length * NODE_ID_SIZE)
  writer.uint8(VERSION)
  writer.count(epoch)
  writer.uint8(proposals.length >> 8)
  writer.uint8(proposals.length & 0xff)
  for (const proposal of proposals) writer.bytes(encodeProposal(proposal))
  writeCertificate(writer, finalization)
  writer.uint8(executors.length)
  for (const id of executors) writer.bytes(hexToBytes(id))
  return writer.finish()
}

/**
 * @param executionShape of the committee that the reject replaces, and of its successor.
 * @throws WireError
 */
export function decodeReject(bytes: Uint8Array, executionShape: CommitteeShape): Reject {
  const reader = new ByteReader(bytes)
  if (reader.uint8() !== VERSION) throw new WireError('foreign', 'a reject of another version')
  // A brand only: count() checked the range.
  const epoch = reader.count() as Epoch
  const count = reader.uint8() * 256 + reader.uint8()
  if (count === 0 || count > PROOF_PROPOSALS_MAX) throw new WireError('value', `${count} proposals`)
  const proposals = Array.from({ length: count }, () => readProposal(reader))
  const finalization = readCertificate(reader, executionShape)
  const size = reader.uint8()
  if (size !== executionShape.size) throw new WireError('value', `a committee of ${size} members`)
  const executors = Array.from({ length: size }, () => bytesToHex(reader.bytes(NODE_ID_SIZE)))
  reader.end()
  return { proof: { epoch, proposals, finalization }, executors }
}
