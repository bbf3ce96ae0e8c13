/** Reading and writing files that hold secrets: for the owner only, written whole or not at all. */
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../../storage/file-errors.ts'
import {
  KeyError,
  KeyExistsError,
  KeyFileExposedError,
  KeyFileMissingError,
  KeyFileUnreadableError,
} from './key-errors.ts'

const OWNER_ONLY = 0o600
const OTHERS = 0o077
const SIZE_MAX = 64 * 1024

/**
 * The text of a file with a secret in the clear: nobody else may read it.
 * @param cure what to do when it is not there.
 * @throws KeyFileMissingError, KeyFileUnreadableError, KeyFileExposedError
 */
export function readSecretFile(what: string, path: string, cure: string): string {
  return read(what, path, cure, true)
}

/** {@link readSecretFile} for what is encrypted. */
export function readKeyFile(what: string, path: string, cure: string): string {
  return read(what, path, cure, false)
}

function read(what: string, path: string, cure: string, isClear: boolean): string {
  try {
    const { mode, size } = statSync(path)
    // Windows keeps permissions elsewhere and reports none here.
    const isExposed = process.platform !== 'win32' && (mode & OTHERS) !== 0
    if (isClear && isExposed) throw new KeyFileExposedError(path, mode)
    if (size > SIZE_MAX) throw new KeyFileUnreadableError(path, { cause: new Error('it is too large') })
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new KeyFileMissingError(what, path, cure)
    if (error instanceof KeyError) throw error
    throw new KeyFileUnreadableError(path, { cause: error })
  }
}

/** Writes a new file, durably. @throws KeyExistsError when there is one. */
export function writeSecretFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${process.pid}.draft`
  const file = openSync(draft, 'w', OWNER_ONLY)
  try {
    writeSync(file, text)
    fsyncSync(file)
    // Unlike a rename, a link never replaces anything.
    linkSync(draft, path)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw new KeyExistsError(path)
    throw error
  } finally {
    closeSync(file)
    rmSync(draft, { force: true })
  }
  syncDirectory(dirname(path))
}

/** Makes names durable that were added to or removed from a directory. */
export function syncDirectory(directory: string): void {
  // Windows cannot, and need not.
  if (process.platform === 'win32') return
  const file = openSync(directory, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
