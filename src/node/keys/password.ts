/** Where the password of a key comes from: a file that only its owner reads, or the environment. */
import { NoPasswordError } from './key-errors.ts'
import { readSecretFile } from './key-files.ts'

/**
 * @param file named on the command line; wins over the environment.
 * @throws NoPasswordError when nothing names one; KeyError when the file cannot be used.
 */
export function readPassword(file: string | undefined, environment: NodeJS.ProcessEnv): string {
  const path = file ?? environment['AEVIR_PASSWORD_FILE']
  // Editors end a file with a line feed; it is no part of a password, nor would ERC-2335 count it.
  if (path !== undefined) return readSecretFile('password file', path, 'check the path').replace(/\r?\n$/, '')
  const password = environment['AEVIR_PASSWORD']
  if (password === undefined) throw new NoPasswordError()
  return password
}
