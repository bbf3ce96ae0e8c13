/**
 * Looks at a database file before LMDB does. The package ends the whole process with a segmentation fault when LMDB
 * refuses a file or cannot create one (seen with lmdb 3.5.6), and a file that was cut off kills it later, when a page
 * behind the end is read. So these are found out here, where they are errors that name a cure.
 *
 * Layout (mdb.c of LMDB 1.0, 64 bits, in the byte order of the machine): pages 0 and 1 are meta pages, each with a
 * header of 24 bytes and then magic (4), version (4), address (8), map size (8), the records of the tree of free pages
 * and of the main tree (48 each), last page (8), transaction (8). A tree's record has, besides others, at 0 the size
 * of pages (in the first one) and at 40 the page of its root.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  statfsSync,
} from 'node:fs'
import { join } from 'node:path'
import { CorruptDatabaseError, DiskFullError } from './database-errors.ts'

export const DATA_FILE_NAME = 'data.mdb'
const LOCK_TABLE_NAME = 'lock.mdb'

const MAGIC = 0xbeefc0de
const VERSION = 2
const VERSION_MASK = 0xffff
const META_OFFSET = 24
const META_SIZE = 136
const TREES_OFFSET = 24
const TREE_SIZE = 48
const ROOT_OFFSET = 40
const LAST_PAGE_OFFSET = TREES_OFFSET + 2 * TREE_SIZE
const TRANSACTION_OFFSET = LAST_PAGE_OFFSET + 8
const PAGE_SIZE_MIN = 256
const PAGE_SIZE_MAX = 65_536
/** A tree without entries has no root. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn
/** Pages that a write took from the end of the file and gave back are never written; more than this is a cut. */
const UNWRITTEN_PAGES_MAX = 4096n

/** To open a database, LMDB writes its lock table and, in a new one, a page a table: this is ten times as much. */
const FREE_BYTES_MIN = 1024 * 1024

interface Meta {
  readonly pageSize: number
  readonly roots: readonly bigint[]
  readonly lastPage: bigint
  readonly transaction: bigint
}

/**
 * @param directory that exists; a new one needs no file.
 * @throws CorruptDatabaseError | DiskFullError | Error with the code of the file system
 */
export function checkLmdbFile(directory: string): void {
  accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  checkFreeSpace(directory, FREE_BYTES_MIN)
  for (const name of [DATA_FILE_NAME, LOCK_TABLE_NAME]) {
    const path = join(directory, name)
    if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK)
  }
  const path = join(directory, DATA_FILE_NAME)
  if (!existsSync(path)) return
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    // LMDB creates the file before it writes the first pages.
    if (size > 0) checkContent(file, size, path)
  } finally {
    closeSync(file)
  }
}

/** @throws DiskFullError when the disk of `directory` has less than `bytesMin` free. */
export function checkFreeSpace(directory: string, bytesMin: number): void {
  const { bavail, bsize } = statfsSync(directory)
  if (bavail * bsize < bytesMin) throw new DiskFullError(directory)
}

function checkContent(file: number, size: number, path: string): void {
  const first = readMeta(file, 0)
  const second = first && readMeta(file, first.pageSize)
  if (first === undefined || second === undefined || first.pageSize !== second.pageSize) {
    throw new CorruptDatabaseError(`${path} is no database of this program`)
  }
  const { pageSize, roots, lastPage } = second.transaction > first.transaction ? second : first
  const pages = BigInt(Math.floor(size / pageSize))
  const isCut = roots.some((root) => root !== NO_PAGE && root >= pages)
  if (isCut || lastPage >= pages + UNWRITTEN_PAGES_MAX) {
    throw new CorruptDatabaseError(`${path} has been cut off: ${pages} of ${lastPage + 1n} pages are left`)
  }
}

/** `undefined` when there is no meta page at `position`. */
function readMeta(file: number, position: number): Meta | undefined {
  const bytes = new Uint8Array(META_SIZE)
  const count = readSync(file, bytes, 0, META_SIZE, position + META_OFFSET)
  const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
  const view = new DataView(bytes.buffer)
  const version = view.getUint32(4, isLittleEndian) & VERSION_MASK
  if (count < META_SIZE || view.getUint32(0, isLittleEndian) !== MAGIC || version !== VERSION)
    return undefined
  const pageSize = view.getUint32(TREES_OFFSET, isLittleEndian)
  if (pageSize < PAGE_SIZE_MIN || pageSize > PAGE_SIZE_MAX) return undefined
  const rootAt = (tree: number): bigint =>
    view.getBigUint64(TREES_OFFSET + tree * TREE_SIZE + ROOT_OFFSET, isLittleEndian)
  return {
    pageSize,
    roots: [rootAt(0), rootAt(1)],
    lastPage: view.getBigUint64(LAST_PAGE_OFFSET, isLittleEndian),
    transaction: view.getBigUint64(TRANSACTION_OFFSET, isLittleEndian),
  }
}
