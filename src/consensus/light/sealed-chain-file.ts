/**
 * A file of sealed headers with everything that proves them, for `light-verifier.ts`. Frozen; a change means another
 * version:
 *
 *     'AEVIR_SEALED_CHAIN' ‖ version(1) ‖ chainId(8) ‖ number(8) ‖ hash(32)      the block that it begins after
 *     size(4) ‖ proposal(121) ‖ finalization ‖ body ‖ count(2) ‖ headers         for each item
 *     0(4) ‖ number(8) ‖ hash(32)                                                the block that it ends with
 *
 * with big-endian integers; `size` counts what follows it in the item. A finalization, a body and each header stand behind
 * their length of 4 bytes, and a finalization that is absent is one without bytes. The end makes a file that was cut off
 * between items different from a shorter chain. Written and read in pieces: a reader holds one item.
 */
import { concatBytes } from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import type { BlockReference } from '../plugin.ts'
import { ByteReader, ByteWriter, HASH_SIZE, LENGTH_SIZE, WireError } from '../simplex/binary.ts'
import { encodeProposal, PROPOSAL_SIZE, readProposal } from '../simplex/proposal.ts'
import type { Certificate } from '../simplex/types.ts'
import { certificateSize, readCertificate, SIGNATURE_SIZE, writeCertificate } from '../simplex/wire.ts'
import type { SealedItem } from './light-verifier.ts'

const MAGIC = new TextEncoder().encode('AEVIR_SEALED_CHAIN')
const VERSION = 1
const COUNT_SIZE = 2
const REFERENCE_SIZE = 8 + HASH_SIZE
const START_SIZE = MAGIC.length + 1 + 8 + REFERENCE_SIZE
/** Of one item in bytes: a thousand headers and the largest seal. */
const ITEM_SIZE_MAX = 4 << 20
/** Of a certificate before its bitmap and after it. */
const CERTIFICATE_FRAME = 1 + 8 + HASH_SIZE + SIGNATURE_SIZE
/** Members that a certificate in a file can name. */
const MEMBERS_MAX = 256

/** Which chain a file is about. */
export interface SealedChainStart {
  readonly chainId: bigint
  /** The block before the first item. */
  readonly block: BlockReference
}

/** The bytes are no file of sealed headers, or were damaged. */
export class SealedChainFileError extends AevirError {
  override readonly code = 'SEALED_CHAIN_FILE'
}

// ---- Writing -------------------------------------------------------------------------------------------------------

export function encodeStart({ chainId, block }: SealedChainStart): Uint8Array {
  const writer = new ByteWriter(START_SIZE)
  writer.bytes(MAGIC)
  writer.uint8(VERSION)
  writer.uint64(chainId)
  writeReference(writer, block)
  return writer.finish()
}

export function encodeItem({ headers, proposal, body, finalization }: SealedItem): Uint8Array {
  const certificate = finalization === undefined ? 0 : certificateSize(finalization)
  const headersSize = headers.reduce((sum, header) => sum + LENGTH_SIZE + header.length, COUNT_SIZE)
  const size = PROPOSAL_SIZE + LENGTH_SIZE + certificate + LENGTH_SIZE + body.length + headersSize
  const writer = new ByteWriter(LENGTH_SIZE + size)
  writer.uint32(size)
  writer.bytes(encodeProposal(proposal))
  writer.uint32(certificate)
  if (finalization !== undefined) writeCertificate(writer, finalization)
  writer.sized(body)
  writer.uint8(headers.length >> 8)
  writer.uint8(headers.length & 0xff)
  for (const header of headers) writer.sized(header)
  return writer.finish()
}

/** @param last the last sealed block in the file. */
export function encodeEnd(last: BlockReference): Uint8Array {
  const writer = new ByteWriter(LENGTH_SIZE + REFERENCE_SIZE)
  writer.uint32(0)
  writeReference(writer, last)
  return writer.finish()
}

// ---- Reading -------------------------------------------------------------------------------------------------------

/** Takes a file in pieces of any size. */
export class SealedChainReader {
  private rest: Uint8Array = new Uint8Array(0)
  private itemCount = 0
  private started: SealedChainStart | undefined
  private ended: BlockReference | undefined

  /** `undefined` until enough was read. */
  get start(): SealedChainStart | undefined {
    return this.started
  }

  /** @returns the items that are complete now. @throws SealedChainFileError */
  push(chunk: Uint8Array): SealedItem[] {
    this.rest = this.rest.length === 0 ? chunk : concatBytes(this.rest, chunk)
    this.started ??= this.take('the start', START_SIZE, readStart)
    const items: SealedItem[] = []
    while (this.started !== undefined && this.ended === undefined && this.rest.length >= LENGTH_SIZE) {
      const size = new ByteReader(this.rest).uint32()
      const what = `item ${this.itemCount}`
      if (size > ITEM_SIZE_MAX) throw new SealedChainFileError(`${what} has ${size} bytes, which none has`)
      if (size === 0) {
        this.ended = this.take('the end', LENGTH_SIZE + REFERENCE_SIZE, readEnd)
        break
      }
      const item = this.take(what, LENGTH_SIZE + size, readItem)
      if (item === undefined) break
      this.itemCount += 1
      items.push(item)
    }
    if (this.ended !== undefined && this.rest.length > 0) {
      throw new SealedChainFileError(`${this.rest.length} bytes or more follow the end`)
    }
    return items
  }

  /**
   * Nothing more comes.
   * @returns the block that the file says it ends with.
   * @throws SealedChainFileError when something is missing
   */
  end(): BlockReference {
    if (this.ended !== undefined) return this.ended
    const where = this.started === undefined ? 'within the start' : `after ${this.itemCount} items`
    throw new SealedChainFileError(`the file is cut off ${where}: copy it again`)
  }

  private take<T>(what: string, size: number, read: (reader: ByteReader) => T): T | undefined {
    if (this.rest.length < size) return undefined
    const reader = new ByteReader(this.rest.subarray(0, size))
    this.rest = this.rest.subarray(size)
    try {
      const result = read(reader)
      reader.end()
      return result
    } catch (cause) {
      if (!(cause instanceof WireError)) throw cause
      throw new SealedChainFileError(`${what} cannot be read: ${cause.message}`, { cause })
    }
  }
}

function readStart(reader: ByteReader): SealedChainStart {
  const magic = reader.bytes(MAGIC.length)
  if (magic.toHex() !== MAGIC.toHex()) throw new WireError('foreign', 'this is no file of sealed headers')
  const version = reader.uint8()
  if (version !== VERSION)
    throw new WireError('foreign', `its version is ${version}, this program reads ${VERSION}`)
  return { chainId: reader.uint64(), block: readReference(reader) }
}

function readItem(reader: ByteReader): SealedItem {
  reader.uint32()
  const proposal = readProposal(reader)
  const finalization = readFinalization(reader.sized(CERTIFICATE_FRAME + MEMBERS_MAX / 8))
  const body = reader.sized(ITEM_SIZE_MAX)
  const count = reader.uint8() * 256 + reader.uint8()
  const headers = Array.from({ length: count }, () => reader.sized(ITEM_SIZE_MAX))
  return { headers, proposal, body, finalization }
}

/** Of a committee of any size: the length tells that of the bitmap. Who made a quorum is for the verifier to say. */
function readFinalization(bytes: Uint8Array): Certificate | undefined {
  if (bytes.length === 0) return undefined
  const reader = new ByteReader(bytes)
  const size = Math.max(bytes.length - CERTIFICATE_FRAME, 0) * 8
  const certificate = readCertificate(reader, { size, quorum: 0 })
  reader.end()
  return certificate
}

function readEnd(reader: ByteReader): BlockReference {
  reader.uint32()
  return readReference(reader)
}

function writeReference(writer: ByteWriter, { number, hash }: BlockReference): void {
  writer.uint64(number)
  writer.hash(hash)
}

function readReference(reader: ByteReader): BlockReference {
  return { number: reader.uint64(), hash: reader.hash() }
}
