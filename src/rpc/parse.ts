/**
 * Params at the edge: everything a client sends is hostile until one of these has looked at it. Each takes the JSON
 * value and the name of the param, and either gives the typed value or says which param was expected to be what.
 * Encodings: execution-apis, "Hex value encoding" (quantities have no leading zeros, data has whole bytes).
 */
import { EMPTY_BYTES, UINT64_MAX, WORD_MAX, writeHex, type Address, type Hash } from '../primitives/bytes.ts'
import { invalidParams, type RpcError } from './errors.ts'

/** A JSON object whose members are not known yet. Only own members of known names are read from it. */
export type JsonObject = Readonly<Record<string, unknown>>

const QUANTITY = /^0x(?:0|[1-9a-fA-F][0-9a-fA-F]*)$/
const PADDED_QUANTITY = /^0x[0-9a-fA-F]+$/
const DECIMAL = /^[0-9]+$/
const ADDRESS = /^0x[0-9a-fA-F]{40}$/
const HASH = /^0x[0-9a-fA-F]{64}$/
/** `0x` and 64 digits: longer ones are refused before they are read as a number. */
const WORD_TEXT_LENGTH_MAX = 66
/** Digits of 2²⁵⁶ in decimal. */
const DECIMAL_LENGTH_MAX = 78
const SHOWN_LENGTH_MAX = 60

/** Whether an optional param was left out: clients send `null` or stop earlier. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null
}

/** The value by `parse`, or `undefined` when it was left out. */
export function optional<T>(
  value: unknown,
  where: string,
  parse: (value: unknown, where: string) => T,
): T | undefined {
  return isAbsent(value) ? undefined : parse(value, where)
}

/** An unsigned integer of at most `max`. */
export function parseQuantity(value: unknown, where: string, max: bigint = WORD_MAX): bigint {
  if (typeof value !== 'string' || value.length > WORD_TEXT_LENGTH_MAX || !QUANTITY.test(value)) {
    throw unexpected(where, 'a quantity as 0x and hex digits without leading zeros', value)
  }
  return atMost(BigInt(value), max, where)
}

export function parseUint64(value: unknown, where: string): bigint {
  return parseQuantity(value, where, UINT64_MAX)
}

/**
 * An unsigned integer in any of the forms that development tools send: a JSON number, hex with or without leading
 * zeros, or decimal digits.
 */
export function parseLooseQuantity(value: unknown, where: string, max: bigint = WORD_MAX): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
    return atMost(BigInt(value), max, where)
  }
  if (typeof value === 'string') {
    const isHex = value.length <= WORD_TEXT_LENGTH_MAX && PADDED_QUANTITY.test(value)
    const isDecimal = value.length <= DECIMAL_LENGTH_MAX && DECIMAL.test(value)
    if (isHex || isDecimal) return atMost(BigInt(value), max, where)
  }
  throw unexpected(where, 'a whole number, as a JSON number or as hex or decimal digits', value)
}

/** {@link parseLooseQuantity} for counts and times that fit a JavaScript number. */
export function parseLooseNumber(value: unknown, where: string, max: number): number {
  return Number(parseLooseQuantity(value, where, BigInt(max)))
}

/** Whole bytes of any length. Hot: transactions come this way. */
export function parseData(value: unknown, where: string): Uint8Array {
  const bytes = typeof value === 'string' ? bytesOf(value) : undefined
  if (bytes === undefined) throw unexpected(where, 'bytes as 0x and an even number of hex digits', value)
  return bytes
}

function bytesOf(hex: string): Uint8Array | undefined {
  if (hex.length % 2 !== 0 || !hex.startsWith('0x')) return undefined
  if (hex.length === 2) return EMPTY_BYTES
  const bytes = new Uint8Array(hex.length / 2 - 1)
  return writeHex(hex, bytes, 0) ? bytes : undefined
}

export function parseAddress(value: unknown, where: string): Address {
  if (typeof value !== 'string' || !ADDRESS.test(value)) {
    throw unexpected(where, '20 bytes as 0x and 40 hex digits', value)
  }
  // The pattern was just checked; the brand asks for lower case.
  return value.toLowerCase() as Address
}

export function parseHash(value: unknown, where: string): Hash {
  if (typeof value !== 'string' || !HASH.test(value)) {
    throw unexpected(where, '32 bytes as 0x and 64 hex digits', value)
  }
  // The pattern was just checked; the brand asks for lower case.
  return value.toLowerCase() as Hash
}

export function parseBoolean(value: unknown, where: string): boolean {
  if (typeof value !== 'boolean') throw unexpected(where, 'true or false', value)
  return value
}

export function parseString(value: unknown, where: string): string {
  if (typeof value !== 'string') throw unexpected(where, 'a string', value)
  return value
}

export function parseObject(value: unknown, where: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unexpected(where, 'an object', value)
  }
  // Any object has string keys and unknown values; the checks above left nothing else.
  return value as JsonObject
}

/** @param lengthMax most items. */
export function parseArray<T>(
  value: unknown,
  where: string,
  lengthMax: number,
  parseItem: (item: unknown, where: string) => T,
): T[] {
  if (!Array.isArray(value)) throw unexpected(where, 'an array', value)
  if (value.length > lengthMax) {
    throw invalidParams(`${where}: at most ${lengthMax} items are taken, got ${value.length}`)
  }
  return value.map((item: unknown, index) => parseItem(item, `${where}[${index}]`))
}

/** One of some literal strings. */
export function parseOneOf<T extends string>(value: unknown, where: string, options: readonly T[]): T {
  const found = options.find((option) => option === value)
  if (found === undefined) throw unexpected(where, `one of ${options.join(', ')}`, value)
  return found
}

/** The error that says what a param should have been. */
export function unexpected(where: string, expected: string, value: unknown): RpcError {
  return invalidParams(`${where}: expected ${expected}, got ${shown(value)}`)
}

function atMost(value: bigint, max: bigint, where: string): bigint {
  if (value > max) throw invalidParams(`${where}: ${value} is too large, at most ${max} is possible`)
  return value
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value)
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}…`
}
