/**
 * The values of a genesis file. The format grew over years: quantities are hex or decimal text or JSON numbers,
 * `null` stands for absent, addresses come with or without 0x. Anything else is refused by the name of its key.
 */
import { hexToBytes, type Hex } from '../primitives/bytes.ts'
import { AevirError } from '../primitives/errors.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** A genesis that cannot be used. */
export class GenesisError extends AevirError {
  override readonly code = 'INVALID_GENESIS'
  /** The key that is wrong, such as `config.pragueTime`; empty when the file as a whole is. */
  readonly key: string

  constructor(key: string, problem: string, options?: ErrorOptions) {
    super(key === '' ? `genesis: ${problem}` : `genesis: "${key}" ${problem}`, options)
    this.key = key
  }
}

export const UINT64_BITS = 64
export const WORD_BITS = 256

const HEX_QUANTITY = /^0x[0-9a-fA-F]+$/
const DECIMAL_QUANTITY = /^[0-9]{1,80}$/
const STORAGE_WORD = /^(?:0x)?[0-9a-fA-F]{1,64}$/

/** The object a file holds. JSON numbers of any size keep all their digits. @throws GenesisError */
export function parseGenesisJson(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text, exactInteger)
  } catch (error) {
    throw new GenesisError('', `the file is not JSON: ${(error as Error).message}`, { cause: error })
  }
  if (!isObject(value)) throw new GenesisError('', 'the file must hold a JSON object')
  return value
}

/** Integers as bigint, from their digits: a balance in wei does not fit a double. */
function exactInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source
  return typeof value === 'number' && source !== undefined && DECIMAL_QUANTITY.test(source)
    ? BigInt(source)
    : value
}

/** Refuses keys that differ from a known one by case only, which would silently have no effect. */
export function checkKeys(object: JsonObject, known: readonly string[], path: string): void {
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue
    const meant = known.find((name) => name.toLowerCase() === key.toLowerCase())
    if (meant !== undefined) throw new GenesisError(join(path, key), `is unknown: write "${meant}"`)
  }
}

/** The object at `key`. @throws GenesisError when there is none. */
export function readObject(parent: JsonObject, key: string, path: string): JsonObject {
  const value = parent[key]
  if (value === undefined || value === null)
    throw new GenesisError(join(path, key), 'is missing: add it as an object')
  if (!isObject(value)) throw new GenesisError(join(path, key), 'must be an object')
  return value
}

/** An unsigned integer of at most `bits` bits; `undefined` when absent. @throws GenesisError */
export function readQuantity(
  parent: JsonObject,
  key: string,
  path: string,
  bits: number,
): bigint | undefined {
  const value = parent[key]
  if (value === undefined || value === null) return undefined
  const isText = typeof value === 'string' && (HEX_QUANTITY.test(value) || DECIMAL_QUANTITY.test(value))
  if (!isText && typeof value !== 'bigint') {
    throw new GenesisError(join(path, key), `must be a number such as 1000 or "0x3e8", not ${show(value)}`)
  }
  const quantity = BigInt(value)
  if (quantity >> BigInt(bits) !== 0n) {
    throw new GenesisError(join(path, key), `must be below 2^${bits}, it is ${show(value)}`)
  }
  return quantity
}

/** Bytes; `undefined` when absent. @throws GenesisError */
export function readBytes(parent: JsonObject, key: string, path: string): Uint8Array | undefined {
  const hex = readHex(parent, key, path)
  return hex === undefined ? undefined : hexToBytes(hex)
}

/** Exactly `size` bytes as lower-case hex, which the caller brands; `undefined` when absent. @throws GenesisError */
export function readFixedHex(parent: JsonObject, key: string, path: string, size: number): Hex | undefined {
  const hex = readHex(parent, key, path)
  if (hex !== undefined && hex.length !== 2 + 2 * size) {
    throw new GenesisError(join(path, key), `must have ${size} bytes, not ${(hex.length - 2) / 2}`)
  }
  return hex
}

/** A key or value of an account's storage: hex of up to 32 bytes. @throws GenesisError */
export function parseStorageWord(value: unknown, path: string): bigint {
  if (typeof value !== 'string' || !STORAGE_WORD.test(value)) {
    throw new GenesisError(path, `must be hex of at most 32 bytes such as "0x01", not ${show(value)}`)
  }
  return BigInt(value.startsWith('0x') ? value : `0x${value}`)
}

/** The name of a key inside of an object. */
export function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

function readHex(parent: JsonObject, key: string, path: string): Hex | undefined {
  const value = parent[key]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]*$/.test(value) || value.length % 2 !== 0) {
    throw new GenesisError(join(path, key), `must be hex of whole bytes such as "0x00ff", not ${show(value)}`)
  }
  // The pattern was just checked.
  return value.toLowerCase() as Hex
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: unknown): string {
  // Integers are bigint here, also within lists and objects, where JSON knows none.
  const text = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? Number(item) : item,
  )
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}
