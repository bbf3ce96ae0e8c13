/**
 * Keystores: a secret key under a password, as JSON. ERC-2335 (version 4): the password is stretched by scrypt or PBKDF2,
 * half of the result checks the password, the other half decrypts by AES-128 in counter mode.
 *
 * A file may come from anywhere, so the costs it asks for are bounded before they are paid.
 */
import {
  createCipheriv,
  createHash,
  pbkdf2,
  randomBytes,
  randomUUID,
  scrypt,
  timingSafeEqual,
} from 'node:crypto'
import { promisify } from 'node:util'
import { HexError, hexToBytes, type Hex } from '../../primitives/bytes.ts'
import { KeystoreFormatError } from './key-errors.ts'

/** What a stretched password is made into. */
const DERIVED_SIZE = 32
const SALT_SIZE = 32
const IV_SIZE = 16
/** Ciphertexts above this are none of ours; a secret key has 32 bytes. */
const SECRET_SIZE_MAX = 1024
const SCRYPT_N_MAX = 2 ** 20
/** 128 · n · r bytes. */
const SCRYPT_MEMORY_MAX = 2 ** 30
const SCRYPT_P_MAX = 16
const PBKDF2_COUNT_MAX = 2 ** 24

const stretchByScrypt = promisify<string, Uint8Array, number, object, Buffer>(scrypt)
const stretchByPbkdf2 = promisify(pbkdf2)

export type KeyDerivation =
  | {
      readonly kind: 'scrypt'
      readonly n: number
      readonly r: number
      readonly p: number
      readonly salt: Uint8Array
    }
  | { readonly kind: 'pbkdf2'; readonly count: number; readonly salt: Uint8Array }

/** A keystore that was read and not yet opened. */
export interface Keystore {
  readonly derivation: KeyDerivation
  readonly checksum: Uint8Array
  readonly iv: Uint8Array
  readonly ciphertext: Uint8Array
  /** As the file says; checked by whoever opens it. */
  readonly publicKey: Hex | undefined
  readonly description: string
  /** Where the key stands in a tree of keys (EIP-2334); empty for one that stands alone. */
  readonly path: string
  readonly uuid: string
}

/** How hard guessing is made: as the standard recommends, or quick, for development networks whose passwords are known. */
export type Strength = 'standard' | 'quick'
const SCRYPT_N: Readonly<Record<Strength, number>> = { standard: 262_144, quick: 1024 }

export interface NewKeystore {
  readonly secret: Uint8Array
  readonly publicKey: Hex
  readonly password: string
  readonly description: string
  readonly strength: Strength
}

/** Locks a secret up with scrypt. */
export async function lockKeystore(key: NewKeystore): Promise<Keystore> {
  const derivation: KeyDerivation = {
    kind: 'scrypt',
    n: SCRYPT_N[key.strength],
    r: 8,
    p: 1,
    salt: randomBytes(SALT_SIZE),
  }
  const derived = await derive(derivation, key.password)
  const iv = randomBytes(IV_SIZE)
  const ciphertext = applyCipher(derived, iv, key.secret)
  const { publicKey, description } = key
  const checksum = checksumOf(derived, ciphertext)
  return { derivation, checksum, iv, ciphertext, publicKey, description, path: '', uuid: randomUUID() }
}

/** The secret, or `undefined` when the password is wrong. */
export async function openKeystore(keystore: Keystore, password: string): Promise<Uint8Array | undefined> {
  const derived = await derive(keystore.derivation, password)
  const { checksum, iv, ciphertext } = keystore
  const isRight = timingSafeEqual(checksumOf(derived, ciphertext), checksum)
  return isRight ? applyCipher(derived, iv, ciphertext) : undefined
}

export function keystoreToJson(keystore: Keystore): string {
  const { derivation, checksum, iv, ciphertext, publicKey, description, path, uuid } = keystore
  const salt = derivation.salt.toHex()
  const kdf =
    derivation.kind === 'scrypt'
      ? {
          function: 'scrypt',
          params: { dklen: DERIVED_SIZE, n: derivation.n, r: derivation.r, p: derivation.p, salt },
        }
      : { function: 'pbkdf2', params: { dklen: DERIVED_SIZE, c: derivation.count, prf: 'hmac-sha256', salt } }
  const fields = {
    crypto: {
      kdf: { ...kdf, message: '' },
      checksum: { function: 'sha256', params: {}, message: checksum.toHex() },
      cipher: { function: 'aes-128-ctr', params: { iv: iv.toHex() }, message: ciphertext.toHex() },
    },
    description,
    ...(publicKey === undefined ? {} : { pubkey: publicKey.slice(2) }),
    path,
    uuid,
    version: 4,
  }
  return `${JSON.stringify(fields, null, 2)}\n`
}

/** @throws KeystoreFormatError */
export function parseKeystore(json: string): Keystore {
  const root = new Fields(parseJson(json), 'the file')
  if (root.number('version') !== 4) throw new KeystoreFormatError(`its version is not 4`)
  const crypto = root.fields('crypto')
  const checksum = crypto.fields('checksum')
  const cipher = crypto.fields('cipher')
  if (checksum.text('function') !== 'sha256') throw new KeystoreFormatError('its checksum is not sha256')
  if (cipher.text('function') !== 'aes-128-ctr')
    throw new KeystoreFormatError('its cipher is not aes-128-ctr')
  const keystore: Keystore = {
    derivation: parseDerivation(crypto.fields('kdf')),
    checksum: checksum.bytes('message', 32),
    iv: cipher.fields('params').bytes('iv', IV_SIZE),
    ciphertext: cipher.bytes('message'),
    publicKey: root.has('pubkey') ? `0x${root.bytes('pubkey').toHex()}` : undefined,
    description: root.has('description') ? root.text('description') : '',
    path: root.text('path'),
    uuid: root.text('uuid'),
  }
  if (keystore.ciphertext.length > SECRET_SIZE_MAX) throw new KeystoreFormatError('its secret is too long')
  return keystore
}

function parseDerivation(kdf: Fields): KeyDerivation {
  const kind = kdf.text('function')
  const params = kdf.fields('params')
  const salt = params.bytes('salt')
  if (params.number('dklen') !== DERIVED_SIZE) throw new KeystoreFormatError('its dklen is not 32')
  if (kind === 'scrypt') {
    const [n, r, p] = [params.number('n'), params.number('r'), params.number('p')]
    const isPower = n > 1 && (n & (n - 1)) === 0
    if (
      !isPower ||
      n > SCRYPT_N_MAX ||
      r < 1 ||
      p < 1 ||
      p > SCRYPT_P_MAX ||
      128 * n * r > SCRYPT_MEMORY_MAX
    ) {
      throw new KeystoreFormatError('its scrypt parameters are wrong or too costly')
    }
    return { kind, n, r, p, salt }
  }
  if (kind !== 'pbkdf2') throw new KeystoreFormatError('its kdf is neither scrypt nor pbkdf2')
  const count = params.number('c')
  if (params.text('prf') !== 'hmac-sha256') throw new KeystoreFormatError('its prf is not hmac-sha256')
  if (count < 1 || count > PBKDF2_COUNT_MAX)
    throw new KeystoreFormatError('its pbkdf2 count is wrong or too costly')
  return { kind, count, salt }
}

async function derive(derivation: KeyDerivation, password: string): Promise<Uint8Array> {
  const text = normalize(password)
  if (derivation.kind === 'pbkdf2') {
    return stretchByPbkdf2(text, derivation.salt, derivation.count, DERIVED_SIZE, 'sha256')
  }
  const { n, r, p, salt } = derivation
  return stretchByScrypt(text, salt, DERIVED_SIZE, { N: n, r, p, maxmem: 2 * SCRYPT_MEMORY_MAX })
}

/** ERC-2335: compatibility decomposition, then without control codes. */
function normalize(password: string): string {
  // oxlint-disable-next-line no-control-regex -- control codes are what is removed
  return password.normalize('NFKD').replaceAll(/[\u0000-\u001F\u007F-\u009F]/g, '')
}

function checksumOf(derived: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  return createHash('sha256').update(derived.subarray(16, 32)).update(ciphertext).digest()
}

/** Counter mode: encrypting again decrypts. */
function applyCipher(derived: Uint8Array, iv: Uint8Array, input: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
  return new Uint8Array(Buffer.concat([cipher.update(input), cipher.final()]))
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new KeystoreFormatError('it is no JSON', { cause: error })
  }
}

/** An object of the file; says which field is wrong. */
class Fields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #name: string

  constructor(value: unknown, name: string) {
    if (typeof value !== 'object' || value === null) throw new KeystoreFormatError(`${name} is no object`)
    // Any object may be looked up by names.
    this.#values = value as Record<string, unknown>
    this.#name = name
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined
  }

  fields(key: string): Fields {
    return new Fields(this.#values[key], key)
  }

  text(key: string): string {
    const value = this.#values[key]
    if (typeof value !== 'string') throw new KeystoreFormatError(`${key} of ${this.#name} is no text`)
    return value
  }

  number(key: string): number {
    const value = this.#values[key]
    if (!Number.isSafeInteger(value))
      throw new KeystoreFormatError(`${key} of ${this.#name} is no whole number`)
    return value as number
  }

  bytes(key: string, size?: number): Uint8Array {
    const hex = this.text(key)
    try {
      const bytes = hexToBytes(hex.startsWith('0x') ? hex : `0x${hex}`)
      if (size === undefined || bytes.length === size) return bytes
    } catch (error) {
      if (!(error instanceof HexError)) throw error
    }
    throw new KeystoreFormatError(
      `${key} of ${this.#name} is not hex${size === undefined ? '' : ` of ${size} bytes`}`,
    )
  }
}
