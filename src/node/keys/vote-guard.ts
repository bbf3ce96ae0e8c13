/**
 * The guard against signing twice: a file beside the keys that records every statement before it leaves the node. It
 * holds when the log of consensus is lost, damaged or restored from a backup, and when a second process is started with
 * the same keys (the directory is locked).
 *
 * Layout: `AEVGUARD` (8), version (1), node id (48), then records of layer (1), kind (1), epoch (8), view (8), hash (32) and
 * a check (8): the first bytes of `sha256(check before ‖ record)`, so that records cannot be changed, moved or taken out
 * of the middle. A record is written and flushed before its statement may leave: whatever a crash cuts off at the end was
 * never said.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { open, rename, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeId } from '../../consensus/election/election.ts'
import { ByteReader, ByteWriter } from '../../consensus/simplex/binary.ts'
import type { DoubleSignGuard } from '../../consensus/simplex/double-sign-guard.ts'
import { KIND_CODES, LAYER_CODES } from '../../consensus/simplex/signing.ts'
import type { Epoch, Layer, StatementKind, View } from '../../consensus/simplex/types.ts'
import { concatBytes, equalBytes, hexToBytes } from '../../primitives/bytes.ts'
import { DatabaseLockedError } from '../../storage/database-errors.ts'
import { lockDirectory } from '../../storage/lock-file.ts'
import { syncDirectory } from './key-files.ts'
import {
  DoubleSignError,
  GuardDamagedError,
  GuardFailedError,
  GuardLockedError,
} from './vote-guard-errors.ts'
import { VoteRecords, type OwnStatement } from './vote-records.ts'

const MAGIC = new TextEncoder().encode('AEVGUARD')
const VERSION = 1
const NODE_SIZE = 48
const HEADER_SIZE = MAGIC.length + 1 + NODE_SIZE
const BODY_SIZE = 1 + 1 + 8 + 8 + 32
const CHECK_SIZE = 8
export const RECORD_SIZE: number = BODY_SIZE + CHECK_SIZE
/** Records after which the file is written anew with what is still of use: 14 MB. */
const RECORDS_MAX = 250_000

const LAYERS = invert<Layer>(LAYER_CODES)
const KINDS = invert<StatementKind>(KIND_CODES)

interface Waiting {
  readonly statements: readonly OwnStatement[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class VoteGuard {
  /** Whether there was none: a first start, or somebody removed it. */
  readonly isNew: boolean
  readonly #path: string
  readonly #node: NodeId
  readonly #records: VoteRecords
  readonly #unlock: () => void
  readonly #recordsMax: number
  #file: FileHandle
  /** Check of the last record. */
  #check: Uint8Array
  #count: number
  #waiting: Waiting[] = []
  #flushing: Promise<void> | undefined
  #failure: GuardFailedError | undefined

  private constructor(found: Found, file: FileHandle, unlock: () => void, recordsMax: number) {
    this.isNew = found.isNew
    this.#path = found.path
    this.#node = found.node
    this.#records = found.records
    this.#check = found.check
    this.#count = found.count
    this.#file = file
    this.#unlock = unlock
    this.#recordsMax = recordsMax
  }

  /**
   * Opens the guard of a key, or begins one.
   * @param directory for this guard alone; it is locked while the guard is open.
   * @throws GuardLockedError, GuardDamagedError
   */
  static async open(directory: string, node: NodeId, recordsMax = RECORDS_MAX): Promise<VoteGuard> {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const unlock = lock(directory)
    try {
      const path = join(directory, `${node.slice(2, 18)}.votes`)
      const found = existsSync(path) ? read(path, node) : await create(path, node)
      const file = await open(path, 'r+')
      await file.truncate(HEADER_SIZE + found.count * RECORD_SIZE)
      return new VoteGuard(found, file, unlock, recordsMax)
    } catch (error) {
      unlock()
      throw error
    }
  }

  /** Whether a statement contradicts nothing that was said before; saying the same again does not. */
  mayVote(statement: OwnStatement): boolean {
    const judgement = this.#records.judge(statement)
    return this.#failure === undefined && (judgement === 'new' || judgement === 'repeated')
  }

  /**
   * Writes statements down; they may leave when the promise resolves. Counts from the call on: what is asked of
   * {@link mayVote} next is judged by them.
   * @throws DoubleSignError for a statement that contradicts; nothing is written then. GuardFailedError when the disk
   * fails: nobody knows then what it holds, and the guard lets nothing more through.
   */
  async record(statements: readonly OwnStatement[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    this.#examine(statements)
    const added = statements.filter((statement) => this.#records.judge(statement) === 'new')
    for (const statement of added) this.#records.add(statement)
    // Even with nothing to add: what it repeats may not have reached the disk yet.
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ statements: added, resolve, reject })
      this.#flushing ??= this.#flush()
    })
  }

  /** How far the node's statements go, for restoring the core. */
  highest(layer: Layer, epoch: Epoch): DoubleSignGuard {
    return this.#records.highest(layer, epoch)
  }

  async close(): Promise<void> {
    await this.#flushing
    await this.#file.close()
    this.#unlock()
  }

  /** Before anything is remembered, so that what is refused leaves no trace. */
  #examine(statements: readonly OwnStatement[]): void {
    const among = new VoteRecords()
    for (const statement of statements) {
      const judgement = this.#records.judge(statement)
      if (judgement === 'contradiction' || judgement === 'too old to know') {
        throw new DoubleSignError(statement, judgement)
      }
      if (among.judge(statement) === 'contradiction') throw new DoubleSignError(statement, 'contradiction')
      among.add(statement)
    }
  }

  /** Writes what waits, all of it with one flush of the disk, until nothing waits. */
  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        if (this.#failure !== undefined) throw this.#failure
        await this.#append(batch.flatMap(({ statements }) => statements))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        this.#failure ??= new GuardFailedError(this.#path, { cause: error })
        for (const { reject } of batch) reject(this.#failure)
      }
    }
    this.#flushing = undefined
  }

  async #append(statements: readonly OwnStatement[]): Promise<void> {
    if (statements.length === 0) return
    if (this.#count + statements.length > this.#recordsMax) {
      // What is remembered already has the new statements in it.
      await this.#rewrite()
      return
    }
    const { bytes, check } = encode(this.#check, statements)
    await this.#file.write(bytes, 0, bytes.length, HEADER_SIZE + this.#count * RECORD_SIZE)
    await this.#file.datasync()
    this.#check = check
    this.#count += statements.length
  }

  async #rewrite(): Promise<void> {
    const statements = [...this.#records.all()]
    const check = await writeNew(this.#path, this.#node, statements)
    await this.#file.close()
    this.#file = await open(this.#path, 'r+')
    this.#check = check
    this.#count = statements.length
  }
}

interface Found {
  readonly path: string
  readonly node: NodeId
  readonly records: VoteRecords
  readonly check: Uint8Array
  readonly count: number
  readonly isNew: boolean
}

async function create(path: string, node: NodeId): Promise<Found> {
  const check = await writeNew(path, node, [])
  return { path, node, records: new VoteRecords(), check, count: 0, isNew: true }
}

/** Writes a file and puts it in the place of the old one, durably. Returns the check of its last record. */
async function writeNew(
  path: string,
  node: NodeId,
  statements: readonly OwnStatement[],
): Promise<Uint8Array> {
  const header = headerOf(node)
  const { bytes, check } = encode(firstCheck(header), statements)
  const draft = `${path}.draft`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(concatBytes(header, bytes))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
  syncDirectory(join(path, '..'))
  return check
}

/** @throws GuardDamagedError */
function read(path: string, node: NodeId): Found {
  const bytes = readFileSync(path)
  const header = headerOf(node)
  if (!equalBytes(bytes.subarray(0, HEADER_SIZE), header)) {
    throw new GuardDamagedError(path, 'it is not the guard of this key in this version')
  }
  const records = new VoteRecords()
  let check = firstCheck(header)
  let count = 0
  for (let offset = HEADER_SIZE; offset + RECORD_SIZE <= bytes.length; offset += RECORD_SIZE) {
    const body = bytes.subarray(offset, offset + BODY_SIZE)
    const next = checkAfter(check, body)
    if (!equalBytes(next, bytes.subarray(offset + BODY_SIZE, offset + RECORD_SIZE))) {
      // A file that grew before its bytes came holds zeros there; such a tail was never flushed, so never said.
      if (bytes.subarray(offset).every((byte) => byte === 0)) break
      throw new GuardDamagedError(path, `record ${count} is not what was written`)
    }
    records.add(decode(body))
    check = next
    count++
  }
  return { path, node, records, check, count, isNew: false }
}

function headerOf(node: NodeId): Uint8Array {
  return concatBytes(MAGIC, Uint8Array.of(VERSION), hexToBytes(node))
}

function firstCheck(header: Uint8Array): Uint8Array {
  return createHash('sha256').update(header).digest().subarray(0, CHECK_SIZE)
}

function checkAfter(check: Uint8Array, body: Uint8Array): Uint8Array {
  return createHash('sha256').update(check).update(body).digest().subarray(0, CHECK_SIZE)
}

function encode(
  checkBefore: Uint8Array,
  statements: readonly OwnStatement[],
): { readonly bytes: Uint8Array; readonly check: Uint8Array } {
  let check = checkBefore
  const parts = statements.flatMap(({ layer, epoch, kind, view, hash }) => {
    const writer = new ByteWriter(BODY_SIZE)
    writer.uint8(LAYER_CODES[layer])
    writer.uint8(KIND_CODES[kind])
    writer.count(epoch)
    writer.count(view)
    writer.hash(hash)
    const body = writer.finish()
    check = checkAfter(check, body)
    return [body, check]
  })
  return { bytes: concatBytes(...parts), check }
}

/** A record whose check is right was written by {@link encode}: its codes are known. */
function decode(body: Uint8Array): OwnStatement {
  const reader = new ByteReader(body)
  const layer = LAYERS.get(reader.uint8()) as Layer
  const kind = KINDS.get(reader.uint8()) as StatementKind
  return { layer, kind, epoch: reader.count() as Epoch, view: reader.count() as View, hash: reader.hash() }
}

function lock(directory: string): () => void {
  try {
    return lockDirectory(directory)
  } catch (error) {
    if (error instanceof DatabaseLockedError)
      throw new GuardLockedError(directory, error.pid, { cause: error })
    throw error
  }
}

function invert<K extends string>(codes: Readonly<Record<K, number>>): ReadonlyMap<number, K> {
  // The keys of the table are its names.
  return new Map((Object.keys(codes) as K[]).map((name) => [codes[name], name]))
}
