/** What the file system and LMDB report, turned into errors that name a cure. */
import { statfsSync } from 'node:fs'
import { AevirError } from '../primitives/errors.ts'
import {
  CorruptDatabaseError,
  DatabaseIoError,
  DatabasePermissionError,
  DiskFullError,
  NotADirectoryError,
} from './database-errors.ts'

/** `ENOENT` and the like, or LMDB's number; `undefined` when the error has neither. */
export function errorCode(error: unknown): string | number | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  const { code } = error
  return typeof code === 'string' || typeof code === 'number' ? code : undefined
}

/**
 * LMDB calls a write that the disk took only in part an error of input and output. Below this many free bytes, it was
 * for want of space: more than the pages of one large block.
 */
const FREE_BYTES_MIN = 64 * 1024 * 1024

type Make = (directory: string, options: ErrorOptions, message: string) => AevirError

const diskFull: Make = (directory, options) => new DiskFullError(directory, options)
const noPermission: Make = (directory, options) => new DatabasePermissionError(directory, options)
const noDirectory: Make = (directory, options) => new NotADirectoryError(directory, options)
const corrupt: Make = (directory, options, message) =>
  new CorruptDatabaseError(`${message} (${directory})`, options)

const otherError: Make = (directory, options, message) => new DatabaseIoError(directory, message, options)
const ioError: Make = (directory, options, message) => {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize < FREE_BYTES_MIN
    ? new DiskFullError(directory, options)
    : otherError(directory, options, message)
}

/** By the codes of Node, then those of LMDB: of the system where positive, its own (lmdb.h) where negative. */
const ERRORS = new Map<string | number, Make>([
  ['ENOSPC', diskFull],
  ['EDQUOT', diskFull],
  ['EFBIG', diskFull],
  ['EACCES', noPermission],
  ['EPERM', noPermission],
  ['EROFS', noPermission],
  ['ENOTDIR', noDirectory],
  ['EEXIST', noDirectory],
  ['EIO', ioError],
  [5, ioError],
  [28, diskFull],
  [122, diskFull],
  [27, diskFull],
  [13, noPermission],
  [1, noPermission],
  [30, noPermission],
  [20, noDirectory],
  // MDB_MAP_FULL: the file may not grow any further.
  [-30792, diskFull],
  // MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_VERSION_MISMATCH, MDB_INVALID, MDB_BAD_TXN.
  [-30797, corrupt],
  [-30796, corrupt],
  [-30794, corrupt],
  [-30793, corrupt],
  [-30782, corrupt],
])

/** Where the package hands on what LMDB found without its number. */
const LMDB_DAMAGE = /\bMDB_(?:PAGE_NOTFOUND|CORRUPTED|VERSION_MISMATCH|INVALID|BAD_TXN)\b/

/** Codes of the system have no underscore; those of Node's argument checks do. */
const SYSTEM_CODE = /^E[A-Z0-9]+$/

/** @returns the error itself when it came neither from the file system nor from LMDB. */
export function explainError(error: unknown, directory: string): unknown {
  if (error instanceof AevirError || !(error instanceof Error)) return error
  const code = errorCode(error)
  if (code === undefined && LMDB_DAMAGE.test(error.message)) {
    return corrupt(directory, { cause: error }, error.message)
  }
  if (code === undefined || (typeof code === 'string' && !SYSTEM_CODE.test(code))) return error
  const make = ERRORS.get(code) ?? otherError
  return make(directory, { cause: error }, error.message)
}
