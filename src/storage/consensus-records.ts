/**
 * What consensus leaves behind, as keys and values: the file format, like `schema.ts`. A change of any byte needs a new
 * {@link CONSENSUS_FORMAT_VERSION}, and a frozen example notices it. The tables came after those of the ledger: their
 * format has a number of its own, in the entry `consensus` of the table `meta`, written together with the first epoch.
 *
 *   epochs            layer (1), epoch (8)               root: height (8), hash (32), payload (32); members (48 each)
 *   proposals         layer (1), epoch (8), height (8)   proposal (121), notarization if there is one
 *   proposalHeights   layer (1), epoch (8), hash (32)    height (8)
 *   finalizations     layer (1), epoch (8), height (8)   certificate
 *   sealBodies        epoch (8), height (8)              randomness after the seal (32), body of the seal
 *   seals             number of the last block (8)       epoch (8), height (8)
 *   sealEnds          hash of the last block (32)        its number (8)
 *
 * Proposals, certificates and bodies of seals have the layout in which they are sent. A certificate's size depends on
 * that of its committee. Proposals that only repeat their parent's payload are records like the others; but they seal
 * nothing, so that they have no entry in the tables of seals.
 */
import { bytesToHex, concatBytes, hexToBytes, type Hash } from '../primitives/bytes.ts'
import { AevirError } from '../primitives/errors.ts'
import { EMPTY_CODE_HASH } from '../primitives/keccak.ts'
import { NODE_ID_SIZE } from '../consensus/committees/committee.ts'
import type { EpochStart } from '../consensus/dual-bft/consensus-store.ts'
import type { NodeId } from '../consensus/election/election.ts'
import { ByteReader, ByteWriter } from '../consensus/simplex/binary.ts'
import { committeeShape, type CommitteeShape } from '../consensus/simplex/config.ts'
import { encodeProposal, PROPOSAL_SIZE, readProposal } from '../consensus/simplex/proposal.ts'
import { LAYER_CODES } from '../consensus/simplex/signing.ts'
import type { Certificate, Epoch, Layer, Proposal, VoteKind } from '../consensus/simplex/types.ts'
import { certificateSize, readCertificate, writeCertificate } from '../consensus/simplex/wire.ts'
import { CorruptDatabaseError, NewerFormatError, OlderFormatError } from './database-errors.ts'
import type { KeyRange, KeyValueReader, WriteTransaction } from './key-value-store.ts'
import { endOfPrefix, expectSize, HASH_SIZE } from './schema.ts'

/** Raised by every change of the format of these tables. */
export const CONSENSUS_FORMAT_VERSION = 1

const FORMAT_KEY = new TextEncoder().encode('consensus')
const FORMAT_SIZE = 4
const COUNT_SIZE = 8
const ROOT_SIZE = COUNT_SIZE + 2 * HASH_SIZE

/** An epoch of a layer. */
export interface Reign {
  readonly layer: Layer
  readonly epoch: Epoch
}

// ---- Format --------------------------------------------------------------------------------------------------------

/** @throws NewerFormatError | OlderFormatError | CorruptDatabaseError */
export function checkConsensusFormat(reader: KeyValueReader): void {
  const value = reader.get('meta', FORMAT_KEY)
  if (value === undefined) {
    for (const _ of reader.entries('epochs', { limit: 1 })) {
      throw new CorruptDatabaseError('the entry consensus is missing')
    }
    return
  }
  expectSize(value, FORMAT_SIZE, 'value of the entry consensus')
  const version = new ByteReader(value).uint32()
  if (version > CONSENSUS_FORMAT_VERSION) throw new NewerFormatError(version, CONSENSUS_FORMAT_VERSION)
  if (version < CONSENSUS_FORMAT_VERSION) throw new OlderFormatError(version, CONSENSUS_FORMAT_VERSION)
}

export function writeConsensusFormat(transaction: WriteTransaction): void {
  const writer = new ByteWriter(FORMAT_SIZE)
  writer.uint32(CONSENSUS_FORMAT_VERSION)
  transaction.put('meta', FORMAT_KEY, writer.finish())
}

// ---- Keys ----------------------------------------------------------------------------------------------------------

export function layerKey(layer: Layer): Uint8Array {
  return Uint8Array.of(LAYER_CODES[layer])
}

export function reignKey({ layer, epoch }: Reign): Uint8Array {
  return concatBytes(layerKey(layer), countBytes(epoch))
}

export function heightKey(reign: Reign, height: number): Uint8Array {
  return concatBytes(reignKey(reign), countBytes(height))
}

export function hashKey(reign: Reign, hash: Hash): Uint8Array {
  return concatBytes(reignKey(reign), hexToBytes(hash))
}

/** Of the table `sealBodies`, and the value of the table `seals`. */
export function sealPlace(epoch: Epoch, height: number): Uint8Array {
  return concatBytes(countBytes(epoch), countBytes(height))
}

/** All keys that begin so. */
export function rangeOf(prefix: Uint8Array): KeyRange {
  return { from: prefix, to: endOfPrefix(prefix) }
}

/** The epoch at the end of a key of the table `epochs`. @throws CorruptDatabaseError */
export function epochInKey(key: Uint8Array): Epoch {
  // A brand only: count() checks the range.
  return decoding('the key of an epoch', () => readCount(key.subarray(1)) as Epoch)
}

/** The height at the end of a {@link heightKey}. @throws CorruptDatabaseError */
export function heightInKey(key: Uint8Array): number {
  return decoding('the key of a proposal', () => readCount(key.subarray(1 + COUNT_SIZE)))
}

export function encodeHeight(height: number): Uint8Array {
  return countBytes(height)
}

export function decodeHeight(value: Uint8Array): number {
  return decoding('the height of a proposal', () => readCount(value))
}

/** @throws CorruptDatabaseError */
export function decodeSealPlace(value: Uint8Array): { readonly epoch: Epoch; readonly height: number } {
  return decoding('the place of a seal', () => {
    const reader = new ByteReader(value)
    // A brand only: count() checks the range.
    const epoch = reader.count() as Epoch
    const height = reader.count()
    reader.end()
    return { epoch, height }
  })
}

// ---- Values --------------------------------------------------------------------------------------------------------

export function encodeEpochStart({ root, members }: EpochStart): Uint8Array {
  const writer = new ByteWriter(ROOT_SIZE + members.length * NODE_ID_SIZE)
  writer.count(root.height)
  writer.hash(root.hash)
  writer.hash(root.payloadHash)
  for (const member of members) writer.bytes(hexToBytes(member))
  return writer.finish()
}

/** @throws CorruptDatabaseError also when no committee has so many members. */
export function decodeEpochStart({ layer, epoch }: Reign, value: Uint8Array): EpochStart {
  return decoding(`epoch ${epoch} of the ${layer} layer`, () => {
    const reader = new ByteReader(value)
    const root = { height: reader.count(), hash: reader.hash(), payloadHash: reader.hash() }
    const { size } = committeeShape((value.length - ROOT_SIZE) / NODE_ID_SIZE)
    const members = Array.from({ length: size }, (): NodeId => bytesToHex(reader.bytes(NODE_ID_SIZE)))
    reader.end()
    return { layer, epoch, root, members }
  })
}

export interface ProposalRecord {
  readonly proposal: Proposal
  readonly notarization: Certificate | undefined
}

export function encodeProposalRecord({ proposal, notarization }: ProposalRecord): Uint8Array {
  const certificate = notarization === undefined ? [] : [encodeCertificate(notarization)]
  return concatBytes(encodeProposal(proposal), ...certificate)
}

/** @throws CorruptDatabaseError */
export function decodeProposalRecord(value: Uint8Array, committee: CommitteeShape): ProposalRecord {
  return decoding('a proposal', () => {
    const reader = new ByteReader(value)
    const proposal = readProposal(reader)
    const rest = value.subarray(PROPOSAL_SIZE)
    const notarization = rest.length === 0 ? undefined : decodeCertificate(rest, 'notarize', committee)
    return { proposal, notarization }
  })
}

export function encodeCertificate(certificate: Certificate): Uint8Array {
  const writer = new ByteWriter(certificateSize(certificate))
  writeCertificate(writer, certificate)
  return writer.finish()
}

/** @throws CorruptDatabaseError when it is no certificate of this kind by a quorum of such a committee. */
export function decodeCertificate(value: Uint8Array, kind: VoteKind, committee: CommitteeShape): Certificate {
  return decoding('a certificate', () => {
    const reader = new ByteReader(value)
    const certificate = readCertificate(reader, committee)
    reader.end()
    if (certificate.kind !== kind) throw new CorruptDatabaseError('a certificate is of another kind')
    return certificate
  })
}

export interface SealBody {
  /** The chain of randomness after the seal. */
  readonly randomness: Hash
  readonly body: Uint8Array
}

export function encodeSealBody({ randomness, body }: SealBody): Uint8Array {
  return concatBytes(hexToBytes(randomness), body)
}

/** @throws CorruptDatabaseError */
export function decodeSealBody(value: Uint8Array): SealBody {
  const randomness = decoding('the randomness after a seal', () => new ByteReader(value).hash())
  return { randomness, body: value.subarray(HASH_SIZE) }
}

/** Whether a proposal has no body: its payload is then its parent's. */
export function isRepeat({ bodyHash }: Proposal): boolean {
  // The hash of no bytes, of code or of anything else.
  return bodyHash === EMPTY_CODE_HASH
}

/** What the codecs refuse was written by us, and so has been damaged. */
export function decoding<T>(what: string, decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    if (!(cause instanceof AevirError) || cause instanceof CorruptDatabaseError) throw cause
    throw new CorruptDatabaseError(`${what} cannot be read: ${cause.message}`, { cause })
  }
}

function countBytes(value: number): Uint8Array {
  const writer = new ByteWriter(COUNT_SIZE)
  writer.count(value)
  return writer.finish()
}

function readCount(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes)
  const value = reader.count()
  reader.end()
  return value
}
