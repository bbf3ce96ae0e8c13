/**
 * The write-ahead log of one instance of consensus, that is of one layer and epoch, as a file:
 *
 *     'AEVIRWAL' ‖ version(1) ‖ layer(1) ‖ epoch(8) ‖ chain(8) ‖ committee(32) ‖ salt(16) ‖ check(8)
 *
 * then frames (`wal-frames.ts`). The check is the beginning of sha256 of what is before it.
 *
 * Records are appended and flushed before anybody is told that they are durable; those that come while the disk works
 * share its next flush. A replacement is written beside the log, flushed, and put in its place.
 *
 * Opening reads the log back, drops what a crash left at its end, and writes what is good anew as a replacement: what a
 * process wrote before it was killed, or before a flush failed, may be readable without being on the disk, and a second
 * flush of the same pages need not put it there.
 *
 * The first failure is the last: all later writes are refused, for nobody knows what such a disk holds.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ByteWriter } from '../consensus/simplex/binary.ts'
import type { WriteAheadLog } from '../consensus/simplex/driver.ts'
import { LAYER_CODES } from '../consensus/simplex/signing.ts'
import { CorruptLogError, frameRecord, readLog } from '../consensus/simplex/wal-frames.ts'
import { decodeRecord, encodeRecord, type WalRecord } from '../consensus/simplex/wal-records.ts'
import type { WireContext } from '../consensus/simplex/wire.ts'
import { concatBytes, equalBytes } from '../primitives/bytes.ts'
import { errorCode, explainError } from './file-errors.ts'
import { lockDirectory } from './lock-file.ts'
import { systemDisk, type WalDisk, type WalFileHandle } from './wal-disk.ts'
import { damagedAt, ForeignWalError, WalDamagedError, WalFailedError } from './wal-errors.ts'

export const WAL_FILE_NAME = 'consensus.wal'
const WAL_DRAFT_NAME = 'consensus.wal.draft'

const MAGIC = new TextEncoder().encode('AEVIRWAL')
const VERSION = 2
const DOMAIN_SIZE = MAGIC.length + 1 + 1 + 8 + 8 + 32
const SALT_SIZE = 16
const CHECK_SIZE = 8
export const WAL_HEADER_SIZE: number = DOMAIN_SIZE + SALT_SIZE + CHECK_SIZE

/** Several times what a log holds between two compactions with the largest blocks; also what Node reads at once. */
const FILE_SIZE_MAX = 2 ** 31 - 1
/** Records that may wait for the disk. Their blocks are those of the core, which has as many at most. */
const WAITING_BYTES_MAX = 512 << 20
/** Bytes that are put together for one flush, unless one call alone has more. */
const FLUSH_BYTES_MAX = 16 << 20
/** Of a record without its block, in memory. */
const RECORD_WEIGHT = 512

export interface WalOptions {
  /** For this log alone; it is made when missing, and locked while the log is open. */
  readonly directory: string
  readonly context: WireContext
  /** Once, when the log can no longer be written. */
  readonly onFailure: (error: WalFailedError) => void
  readonly disk?: WalDisk
}

export interface OpenedWal {
  readonly log: WalFile
  /** What the core is restored from. */
  readonly records: readonly WalRecord[]
  /** Bytes at the end that a crash had left incomplete. */
  readonly tornSize: number
}

interface Batch {
  readonly kind: 'append' | 'replace'
  readonly records: readonly WalRecord[]
  readonly onDone: (isDurable: boolean) => void
  /** What it takes of {@link WAITING_BYTES_MAX}. */
  readonly weight: number
}

export class WalFile implements WriteAheadLog {
  readonly #options: WalOptions
  readonly #disk: WalDisk
  readonly #path: string
  readonly #unlock: () => void
  #file: WalFileHandle | undefined
  /** Of the file. */
  #salt: Uint8Array = new Uint8Array(SALT_SIZE)
  /** Bytes of frames in the file; all of them are durable between two writes. */
  #size = 0
  #waiting: Batch[] = []
  #waitingWeight = 0
  #working: Promise<void> | undefined
  #failure: WalFailedError | undefined
  #isClosed = false

  private constructor(options: WalOptions, unlock: () => void) {
    this.#options = options
    this.#disk = options.disk ?? systemDisk
    this.#path = join(options.directory, WAL_FILE_NAME)
    this.#unlock = unlock
  }

  /**
   * Opens the log in a directory, or begins one.
   * @throws DatabaseLockedError, WalDamagedError, ForeignWalError; a DatabaseError when the disk refuses.
   */
  static async open(options: WalOptions): Promise<OpenedWal> {
    const { directory, context } = options
    let log: WalFile | undefined
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      log = new WalFile(options, lockDirectory(directory))
      rmSync(join(directory, WAL_DRAFT_NAME), { force: true })
      const { records, tornSize } = readFile(log.#path, context)
      await log.#writeAnew(records)
      return { log, records, tornSize }
    } catch (error) {
      await log?.close()
      throw explainError(error, directory)
    }
  }

  append(records: readonly WalRecord[], onDone: (isDurable: boolean) => void): void {
    this.#enqueue('append', records, onDone)
  }

  replace(records: readonly WalRecord[], onDone: (isDurable: boolean) => void): void {
    this.#enqueue('replace', records, onDone)
  }

  /** Waits for what was begun; what comes later is refused. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#working
    await this.#file?.close()
    this.#unlock()
  }

  #enqueue(kind: Batch['kind'], records: readonly WalRecord[], onDone: (isDurable: boolean) => void): void {
    if (this.#isClosed) {
      void this.#refuse(onDone)
      return
    }
    const weight = records.reduce((sum, record) => sum + weightOf(record), 0)
    if (this.#waitingWeight > 0 && this.#waitingWeight + weight > WAITING_BYTES_MAX) {
      this.#fail(new WalFailedError(this.#path, 'the disk is too slow: too much waits for it'))
    }
    this.#waiting.push({ kind, records, onDone, weight })
    this.#waitingWeight += weight
    this.#working ??= this.#work()
  }

  /** After everybody who called before. */
  async #refuse(onDone: (isDurable: boolean) => void): Promise<void> {
    await this.#working
    onDone(false)
  }

  /** One write and one flush after the other, until nothing waits. */
  async #work(): Promise<void> {
    // A turn later, so that everything which one event makes the core write shares a flush.
    await Promise.resolve()
    for (let batches = this.#takeBatches(); batches.length > 0; batches = this.#takeBatches()) {
      const isDurable = await this.#carryOut(batches)
      for (const { onDone, weight } of batches) {
        this.#waitingWeight -= weight
        onDone(isDurable)
      }
    }
    this.#working = undefined
  }

  /** A replacement stands alone, appended records go together. */
  #takeBatches(): Batch[] {
    const taken: Batch[] = []
    let weight = 0
    for (const batch of this.#waiting) {
      weight += batch.weight
      const fits = taken.length === 0 || (batch.kind === 'append' && weight <= FLUSH_BYTES_MAX)
      if (!fits || taken[0]?.kind === 'replace') break
      taken.push(batch)
    }
    this.#waiting.splice(0, taken.length)
    return taken
  }

  async #carryOut(batches: readonly Batch[]): Promise<boolean> {
    if (this.#failure !== undefined) return false
    const records = batches.flatMap(({ records }) => records)
    try {
      if (batches[0]?.kind === 'replace') await this.#writeAnew(records)
      else await this.#writeBehind(records)
      return true
    } catch (error) {
      if (!(error instanceof WalFailedError) && errorCode(error) === undefined) throw error
      this.#fail(
        error instanceof WalFailedError
          ? error
          : new WalFailedError(this.#path, String(errorCode(error)), { cause: error }),
      )
      return false
    }
  }

  async #writeBehind(records: readonly WalRecord[]): Promise<void> {
    if (records.length === 0) return
    const frames = concatBytes(...records.map((record) => frameRecord(record, this.#size, this.#salt)))
    this.#checkSize(this.#size + frames.length)
    await this.#file?.write(frames, WAL_HEADER_SIZE + this.#size)
    await this.#file?.sync()
    this.#size += frames.length
  }

  /** Writes a file and puts it in the place of the log. Whatever happens on the way, one of the two is there whole. */
  async #writeAnew(records: readonly WalRecord[]): Promise<void> {
    const { directory, context } = this.#options
    const draft = join(directory, WAL_DRAFT_NAME)
    const file = await this.#disk.create(draft)
    const salt = randomBytes(SALT_SIZE)
    let size = 0
    try {
      await file.write(headerOf(context, salt), 0)
      for (const record of records) {
        // By the time that anybody reads this file, all that is before a frame is durable.
        const frame = frameRecord(record, size, salt)
        await file.write(frame, WAL_HEADER_SIZE + size)
        size += frame.length
      }
      this.#checkSize(size)
      await file.sync()
      await this.#disk.rename(draft, this.#path)
      await this.#disk.syncDirectory(directory)
    } catch (error) {
      await file.close()
      throw error
    }
    // It is the same file under its new name.
    const before = this.#file
    this.#file = file
    this.#salt = salt
    this.#size = size
    await before?.close()
  }

  /** A log that nobody could read again is no log. */
  #checkSize(size: number): void {
    if (WAL_HEADER_SIZE + size <= FILE_SIZE_MAX) return
    throw new WalFailedError(this.#path, `it would be larger than ${FILE_SIZE_MAX} bytes`)
  }

  #fail(error: WalFailedError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#options.onFailure(error)
  }
}

function readFile(path: string, context: WireContext): Omit<OpenedWal, 'log'> {
  const bytes = readIfThere(path)
  if (bytes === undefined) return { records: [], tornSize: 0 }
  const header = bytes.subarray(0, WAL_HEADER_SIZE)
  const salt = header.subarray(DOMAIN_SIZE, DOMAIN_SIZE + SALT_SIZE)
  const checked = header.subarray(0, DOMAIN_SIZE + SALT_SIZE)
  const isOurs = equalBytes(header.subarray(0, MAGIC.length), MAGIC)
  // The header comes with the file: no crash can take it away.
  if (!isOurs || !equalBytes(header.subarray(checked.length), checkOf(checked))) {
    throw new WalDamagedError(path, 'it does not begin like one')
  }
  if (!equalBytes(header, headerOf(context, salt))) throw new ForeignWalError(path)
  const frames = bytes.subarray(WAL_HEADER_SIZE)
  try {
    const { records, goodSize } = readLog(frames, context, salt)
    // Records with bytes of their own: a view of the file would keep all of it in memory.
    const copies = records.map((record) => decodeRecord(encodeRecord(record), context))
    return { records: copies, tornSize: frames.length - goodSize }
  } catch (error) {
    if (error instanceof CorruptLogError) throw damagedAt(path, error)
    throw error
  }
}

function readIfThere(path: string): Uint8Array | undefined {
  const size = statSync(path, { throwIfNoEntry: false })?.size
  if (size === undefined) return undefined
  if (size > FILE_SIZE_MAX) throw new WalDamagedError(path, `${size} bytes are more than any log has`)
  return readFileSync(path)
}

function headerOf({ domain }: WireContext, salt: Uint8Array): Uint8Array {
  const writer = new ByteWriter(DOMAIN_SIZE + SALT_SIZE)
  writer.bytes(MAGIC)
  writer.uint8(VERSION)
  writer.uint8(LAYER_CODES[domain.layer])
  writer.count(domain.epoch)
  writer.uint64(domain.chainId)
  writer.hash(domain.committeeHash)
  writer.bytes(salt)
  const checked = writer.finish()
  return concatBytes(checked, checkOf(checked))
}

function checkOf(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest().subarray(0, CHECK_SIZE)
}

function weightOf(record: WalRecord): number {
  return RECORD_WEIGHT + (record.kind === 'block' ? record.block.body.length : 0)
}
