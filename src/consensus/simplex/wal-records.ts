/**
 * What the core writes down before it speaks, so that it can go on after a crash as if nothing had happened: its own
 * statements, every certificate it formed or received, and the blocks they are about. Frozen:
 *
 *     version(1) ‖ kind(1) ‖ fields
 *
 * Framing, checksums and files belong to the log that stores records (`wal-frames.ts`).
 */
import { unreachable } from '../../primitives/assert.ts'
import { ByteReader, ByteWriter, HASH_SIZE, WireError } from './binary.ts'
import type { CommitteeShape } from './config.ts'
import { blockSize, readBlock } from './proposal.ts'
import { KIND_CODES } from './signing.ts'
import type { Block, Certificate, SignedStatement, StatementKind, Tip, View } from './types.ts'
import { certificateSize, readCertificate, SIGNATURE_SIZE, writeBlock, writeCertificate } from './wire.ts'

export type WalRecord =
  /** Opens a compacted log: the chain up to here is with the application. */
  | { readonly kind: 'tip'; readonly tip: Tip }
  /** This node's own. */
  | { readonly kind: 'statement'; readonly statement: SignedStatement }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  | { readonly kind: 'block'; readonly block: Block }
  /** An earlier log was lost: up to this view the node may have said what this one does not tell. */
  | { readonly kind: 'silence'; readonly through: View }

const VERSION = 1
const RECORD_CODES: Readonly<Record<WalRecord['kind'], number>> = {
  tip: 0,
  statement: 1,
  certificate: 2,
  block: 3,
  silence: 4,
}
const STATEMENT_KINDS: ReadonlyMap<number, StatementKind> = new Map(
  // The table's keys are the kinds.
  (Object.keys(KIND_CODES) as StatementKind[]).map((kind) => [KIND_CODES[kind], kind]),
)

export function encodeRecord(record: WalRecord): Uint8Array {
  const writer = new ByteWriter(2 + sizeOf(record))
  writer.uint8(VERSION)
  writer.uint8(RECORD_CODES[record.kind])
  switch (record.kind) {
    case 'tip':
      writer.count(record.tip.view)
      writer.count(record.tip.height)
      writer.hash(record.tip.hash)
      writer.hash(record.tip.payloadHash)
      break
    case 'statement': {
      const { kind, view, hash, signer, signature } = record.statement
      writer.uint8(KIND_CODES[kind])
      writer.count(view)
      writer.hash(hash)
      writer.uint32(signer)
      writer.bytes(signature)
      break
    }
    case 'certificate':
      writeCertificate(writer, record.certificate)
      break
    case 'block':
      writeBlock(writer, record.block)
      break
    case 'silence':
      writer.count(record.through)
      break
    default:
      unreachable(record)
  }
  return writer.finish()
}

/** @throws WireError */
export function decodeRecord(bytes: Uint8Array, committee: CommitteeShape): WalRecord {
  const reader = new ByteReader(bytes)
  if (reader.uint8() !== VERSION) throw new WireError('foreign', 'a log record of another version')
  const record = readRecord(reader, committee)
  reader.end()
  return record
}

function readRecord(reader: ByteReader, committee: CommitteeShape): WalRecord {
  const code = reader.uint8()
  switch (code) {
    case RECORD_CODES.tip:
      return { kind: 'tip', tip: readTip(reader) }
    case RECORD_CODES.statement:
      return { kind: 'statement', statement: readStatement(reader) }
    case RECORD_CODES.certificate:
      return { kind: 'certificate', certificate: readCertificate(reader, committee) }
    case RECORD_CODES.block:
      return { kind: 'block', block: readBlock(reader) }
    case RECORD_CODES.silence:
      // A brand only: count() checked the range.
      return { kind: 'silence', through: reader.count() as View }
    default:
      throw new WireError('value', `no log record has the code ${code}`)
  }
}

function readTip(reader: ByteReader): Tip {
  // A brand only: count() checked the range.
  const view = reader.count() as View
  return { view, height: reader.count(), hash: reader.hash(), payloadHash: reader.hash() }
}

function readStatement(reader: ByteReader): SignedStatement {
  const kind = STATEMENT_KINDS.get(reader.uint8())
  if (kind === undefined) throw new WireError('value', 'no such kind of statement')
  // A brand only: count() checked the range.
  const view = reader.count() as View
  return {
    kind,
    view,
    hash: reader.hash(),
    signer: reader.uint32(),
    signature: reader.bytes(SIGNATURE_SIZE),
  }
}

function sizeOf(record: WalRecord): number {
  switch (record.kind) {
    case 'tip':
      return 16 + 2 * HASH_SIZE
    case 'statement':
      return 1 + 8 + HASH_SIZE + 4 + SIGNATURE_SIZE
    case 'certificate':
      return certificateSize(record.certificate)
    case 'block':
      return blockSize(record.block)
    case 'silence':
      return 8
    default:
      return unreachable(record)
  }
}
