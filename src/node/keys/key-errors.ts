/** Why keys cannot be used. Each message says what to do about it, and none shows anything of a secret. */
import { AevirError } from '../../primitives/errors.ts'

export abstract class KeyError extends AevirError {}

export class KeystoreFormatError extends KeyError {
  override readonly code = 'KEYSTORE_FORMAT'
  constructor(what: string, options?: ErrorOptions) {
    super(`no keystore that can be read: ${what}; expected the JSON of ERC-2335, version 4`, options)
  }
}

export class WrongPasswordError extends KeyError {
  override readonly code = 'WRONG_PASSWORD'
  constructor(path: string) {
    super(`the password does not open ${path}: check the password file, and that it belongs to this key`)
  }
}

export class WrongKeyError extends KeyError {
  override readonly code = 'WRONG_KEY'
  constructor(path: string, named: string, found: string) {
    super(`${path} names the key ${named} and holds the key ${found}: restore the file from a backup`)
  }
}

export class NoPasswordError extends KeyError {
  override readonly code = 'NO_PASSWORD'
  constructor() {
    super(
      'no password for the key: name a file with --password-file or in AEVIR_PASSWORD_FILE, or set AEVIR_PASSWORD',
    )
  }
}

export class KeyFileMissingError extends KeyError {
  override readonly code = 'KEY_FILE_MISSING'
  constructor(what: string, path: string, cure: string) {
    super(`no ${what} at ${path}: ${cure}`)
  }
}

export class KeyFileUnreadableError extends KeyError {
  override readonly code = 'KEY_FILE_UNREADABLE'
  constructor(path: string, options: ErrorOptions) {
    super(`cannot read ${path}: ${(options.cause as Error).message}; check its owner and mode`, options)
  }
}

export class KeyFileExposedError extends KeyError {
  override readonly code = 'KEY_FILE_EXPOSED'
  constructor(path: string, mode: number) {
    super(`others may read ${path} (mode ${(mode & 0o777).toString(8)}): run chmod 600 ${path}`)
  }
}

export class KeyExistsError extends KeyError {
  override readonly code = 'KEY_EXISTS'
  constructor(path: string) {
    super(`${path} exists already: nothing was written`)
  }
}

export class SeveralKeysError extends KeyError {
  override readonly code = 'SEVERAL_KEYS'
  constructor(directory: string, nodes: readonly string[]) {
    super(`${directory} holds several keys: name one of ${nodes.join(', ')}`)
  }
}

export class KeyFormatError extends KeyError {
  override readonly code = 'KEY_FORMAT'
  constructor(path: string, expected: string) {
    super(`${path} holds no ${expected}: name another file`)
  }
}
