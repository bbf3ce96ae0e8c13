/** Why a database cannot be opened or written. Each message says what to do about it. */
import { AevirError } from '../primitives/errors.ts'
import type { Hash } from '../primitives/bytes.ts'

export abstract class DatabaseError extends AevirError {}

/** What a database was made for. */
export interface DatabaseIdentity {
  readonly chainId: bigint
  readonly genesisHash: Hash
}

export class ForeignDatabaseError extends DatabaseError {
  override readonly code = 'DATABASE_OF_ANOTHER_CHAIN'
  readonly expected: DatabaseIdentity
  readonly found: DatabaseIdentity

  constructor(expected: DatabaseIdentity, found: DatabaseIdentity) {
    super(
      `the database belongs to chain ${found.chainId} with genesis ${found.genesisHash}, ` +
        `not to chain ${expected.chainId} with genesis ${expected.genesisHash}: ` +
        'name another data directory, or start with the genesis this one was made with',
    )
    this.expected = expected
    this.found = found
  }
}

export class NewerFormatError extends DatabaseError {
  override readonly code = 'DATABASE_FORMAT_NEWER'
  constructor(found: number, supported: number) {
    super(
      `the database has format ${found}, this version reads format ${supported}: ` +
        'use the newer version that wrote it, or name another data directory',
    )
  }
}

export class OlderFormatError extends DatabaseError {
  override readonly code = 'DATABASE_FORMAT_OLDER'
  constructor(found: number, supported: number) {
    super(
      `the database has format ${found}, this version reads format ${supported}: ` +
        'use the version that wrote it, or name an empty data directory and import the chain again',
    )
  }
}

export class DatabaseLockedError extends DatabaseError {
  override readonly code = 'DATABASE_LOCKED'
  /** The process that holds the lock. */
  readonly pid: number
  constructor(directory: string, pid: number, cure: string) {
    super(`the database in ${directory} is in use by process ${pid}: ${cure}`)
    this.pid = pid
  }
}

export class DiskFullError extends DatabaseError {
  override readonly code = 'DATABASE_DISK_FULL'
  constructor(directory: string, options?: ErrorOptions) {
    super(
      `no space is left for the database in ${directory}: nothing was written; free some space and try again`,
      options,
    )
  }
}

export class NotADirectoryError extends DatabaseError {
  override readonly code = 'DATABASE_NOT_A_DIRECTORY'
  constructor(path: string, options?: ErrorOptions) {
    super(
      `the data directory ${path} is a file or lies below one: name a directory, existing or not`,
      options,
    )
  }
}

export class DatabasePermissionError extends DatabaseError {
  override readonly code = 'DATABASE_NO_PERMISSION'
  constructor(path: string, options?: ErrorOptions) {
    super(
      `no permission to read and write the data directory ${path}: ` +
        'change its owner or mode, or name another directory',
      options,
    )
  }
}

/** The bytes are no database of ours, or were damaged. */
export class CorruptDatabaseError extends DatabaseError {
  override readonly code = 'DATABASE_CORRUPT'
  constructor(what: string, options?: ErrorOptions) {
    super(
      `the database is damaged: ${what}; run \`aevir db verify\` for details, then restore a copy of the data ` +
        'directory or import the chain again into an empty one',
      options,
    )
  }
}

/** Any other failure of the disk or of the database below us. */
export class DatabaseIoError extends DatabaseError {
  override readonly code = 'DATABASE_IO'
  constructor(directory: string, reason: string, options?: ErrorOptions) {
    super(`the database in ${directory} cannot be read or written (${reason}): check the disk`, options)
  }
}
