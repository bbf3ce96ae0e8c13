/**
 * How records lie in a log file, so that a reader can tell what a crash did to it from what must not happen:
 *
 *     length(4) ‖ durable(8) ‖ check(4) ‖ checksum(8) ‖ record                                            big-endian
 *
 * `durable` is how many bytes of the file were known to be durable when the frame was written; the check is the beginning
 * of keccak-256(salt ‖ length ‖ durable), the checksum that of keccak-256(salt ‖ length ‖ durable ‖ record). The salt is
 * drawn for each file and kept beside the frames: whoever makes blocks could else put frames into one, and a node that
 * crashed while it wrote that block would take them for its own. The check is there for the same block: full of lengths
 * of megabytes, it would have a node that looks for frames in it hash each of those megabytes, for minutes.
 *
 * After a crash the end of the file may be cut off, half written, or have holes. Nothing that depends on those frames has
 * left the node, so they are dropped. But a bad frame below what a later one calls durable is a broken disk, or a hand:
 * what stood there may have been a vote, and a node that goes on without it could vote again.
 */
import { concatBytes, equalBytes } from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import { keccak256 } from '../../primitives/keccak.ts'
import { ByteReader, ByteWriter, WireError } from './binary.ts'
import { LIMITS, type CommitteeShape } from './config.ts'
import { decodeRecord, encodeRecord, type WalRecord } from './wal-records.ts'

const PREFIX_SIZE = 4 + 8
const CHECK_SIZE = 4
const CHECKSUM_SIZE = 8
const CHECKSUM_OFFSET = PREFIX_SIZE + CHECK_SIZE
const HEADER_SIZE = CHECKSUM_OFFSET + CHECKSUM_SIZE
/** A record of silence is the shortest. */
const RECORD_SIZE_MIN = 10
const RECORD_SIZE_MAX = LIMITS.bodySize + 1024

export class CorruptLogError extends AevirError {
  override readonly code = 'CORRUPT_CONSENSUS_LOG'
  /** Where the first bad frame begins. */
  readonly offset: number

  constructor(offset: number) {
    super(
      `the consensus log is damaged at byte ${offset}, where it was complete once: votes may be missing. Move it away; ` +
        'the node then catches up from its peers and votes again above the view in its double-sign guard',
    )
    this.offset = offset
  }
}

export interface ReadLog {
  readonly records: readonly WalRecord[]
  /** Bytes up to the end of the last good frame; a writer cuts the file off here before it appends. */
  readonly goodSize: number
}

const NO_SALT: Uint8Array = new Uint8Array(0)

/**
 * @param durableSize bytes of the file that are known to be durable.
 * @param salt unpredictable bytes; none where no file is.
 */
export function frameRecord(record: WalRecord, durableSize: number, salt = NO_SALT): Uint8Array {
  const bytes = encodeRecord(record)
  const prefix = new ByteWriter(PREFIX_SIZE)
  prefix.uint32(bytes.length)
  prefix.count(durableSize)
  const head = prefix.finish()
  return concatBytes(head, check(salt, head), checksum(salt, head, bytes), bytes)
}

/** @throws CorruptLogError when what was durable is not readable. */
export function readLog(file: Uint8Array, committee: CommitteeShape, salt = NO_SALT): ReadLog {
  const records: WalRecord[] = []
  let offset = 0
  for (let frame = readFrame(file, 0, committee, salt); frame !== undefined;) {
    records.push(frame.record)
    offset = frame.end
    frame = readFrame(file, offset, committee, salt)
  }
  checkTail(file, offset, committee, salt)
  return { records, goodSize: offset }
}

interface Frame {
  readonly record: WalRecord
  readonly end: number
}

function readFrame(
  file: Uint8Array,
  offset: number,
  committee: CommitteeShape,
  salt: Uint8Array,
): Frame | undefined {
  const start = offset + HEADER_SIZE
  if (start > file.length) return undefined
  const prefix = file.subarray(offset, offset + PREFIX_SIZE)
  const reader = new ByteReader(prefix)
  const size = reader.uint32()
  if (size < RECORD_SIZE_MIN || size > RECORD_SIZE_MAX || size > file.length - start) return undefined
  const checksumStart = offset + CHECKSUM_OFFSET
  if (!equalBytes(check(salt, prefix), file.subarray(offset + PREFIX_SIZE, checksumStart))) return undefined
  const bytes = file.subarray(start, start + size)
  if (!equalBytes(checksum(salt, prefix, bytes), file.subarray(checksumStart, start))) return undefined
  try {
    return { record: decodeRecord(bytes, committee), end: start + size }
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}

/**
 * Looks at every offset: the length of a bad frame cannot be trusted to lead to the next one. `durable` is looked at
 * first, because a torn block is megabytes of what somebody else chose, and a hash at each of its bytes takes seconds.
 */
function checkTail(file: Uint8Array, badOffset: number, committee: CommitteeShape, salt: Uint8Array): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  for (let offset = badOffset + 1; offset + HEADER_SIZE < file.length; offset++) {
    const durableSize = view.getUint32(offset + 4) * 2 ** 32 + view.getUint32(offset + 8)
    if (durableSize <= badOffset || durableSize > offset) continue
    if (readFrame(file, offset, committee, salt) !== undefined) throw new CorruptLogError(badOffset)
  }
}

function check(salt: Uint8Array, prefix: Uint8Array): Uint8Array {
  return keccak256(concatBytes(salt, prefix)).subarray(0, CHECK_SIZE)
}

function checksum(salt: Uint8Array, prefix: Uint8Array, bytes: Uint8Array): Uint8Array {
  return keccak256(concatBytes(salt, prefix, bytes)).subarray(0, CHECKSUM_SIZE)
}
