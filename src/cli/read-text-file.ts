/** Reads a file that the command line or a configuration names. */
import { readFile } from 'node:fs/promises'
import { AevirError } from '../primitives/errors.ts'

class UnreadableFileError extends AevirError {
  override readonly code = 'UNREADABLE_FILE'
}

/** @param cure what to do when it is not there. @throws AevirError */
export async function readTextFile(path: string, what: string, cure: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const text = code === 'ENOENT' ? `there is no ${path}; ${cure}` : message
    throw new UnreadableFileError(`cannot read ${what}: ${text}`, { cause: error })
  }
}
