/**
 * The digest of typed structured data (EIP-712), as `eth_signTypedData_v4` signs it.
 *
 * digest = keccak256(0x1901 ‖ hashStruct(EIP712Domain, domain) ‖ hashStruct(primaryType, message))
 *
 * The types come from the client: everything is checked while it is encoded, and recursion is bounded by the depth of the
 * data, which the request's own limit bounds.
 */
import {
  bigintToFixedBytes,
  concatBytes,
  EMPTY_BYTES,
  hexToBytes,
  type Address,
} from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import { invalidParams } from './errors.ts'
import {
  isAbsent,
  parseAddress,
  parseArray,
  parseBoolean,
  parseData,
  parseObject,
  parseString,
  unexpected,
  type JsonObject,
} from './parse.ts'

interface Field {
  readonly name: string
  readonly type: string
}
type Types = ReadonlyMap<string, readonly Field[]>

const WORD_SIZE = 32
const FIELDS_MAX = 256
const TYPES_MAX = 256
const ITEMS_MAX = 10_000
const DOMAIN = 'EIP712Domain'
const PREFIX = Uint8Array.of(0x19, 0x01)
const ARRAY = /^(?<item>.+)\[(?<length>[0-9]{0,6})\]$/
const INTEGER = /^(?<sign>u?)int(?<bits>[0-9]{1,3})$/
const FIXED_BYTES = /^bytes(?<size>[0-9]{1,2})$/
const INTEGER_TEXT = /^-?(?:[0-9]{1,78}|0x[0-9a-fA-F]{1,64})$/

/** The domain's fields in their order; a domain without a type of its own has those that it names. */
const DOMAIN_FIELDS: readonly Field[] = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
  { name: 'salt', type: 'bytes32' },
]

/** @param value the typed data, as an object or as its JSON text. @returns 32 bytes. @throws RpcError */
export function typedDataDigest(value: unknown, where: string): Uint8Array {
  const data = parseObject(typeof value === 'string' ? parseText(value, where) : value, where)
  const domain = parseObject(data['domain'], `${where}.domain`)
  const types = parseTypes(data['types'], domain, `${where}.types`)
  const primaryType = parseString(data['primaryType'], `${where}.primaryType`)
  const separator = hashStruct(types, DOMAIN, domain, `${where}.domain`)
  const message =
    primaryType === DOMAIN ? EMPTY_BYTES : hashStruct(types, primaryType, data['message'], `${where}.message`)
  return keccak256(concatBytes(PREFIX, separator, message))
}

function parseText(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw unexpected(where, 'an object of typed data, or its JSON text', text)
  }
}

function parseTypes(value: unknown, domain: JsonObject, where: string): Types {
  const entries = Object.entries(parseObject(value, where))
  if (entries.length > TYPES_MAX) throw invalidParams(`${where}: at most ${TYPES_MAX} types are taken`)
  const types = new Map<string, readonly Field[]>()
  for (const [name, fields] of entries) {
    types.set(
      name,
      parseArray(fields, `${where}.${name}`, FIELDS_MAX, (item, path) => {
        const field = parseObject(item, path)
        return {
          name: parseString(field['name'], `${path}.name`),
          type: parseString(field['type'], `${path}.type`),
        }
      }),
    )
  }
  if (!types.has(DOMAIN)) {
    types.set(
      DOMAIN,
      DOMAIN_FIELDS.filter(({ name }) => !isAbsent(domain[name])),
    )
  }
  return types
}

function hashStruct(types: Types, name: string, value: unknown, where: string): Uint8Array {
  const fields = types.get(name)
  if (fields === undefined) throw invalidParams(`${where}: the type ${name} is not among the types`)
  const struct = parseObject(value, where)
  const words = fields.map((field) => {
    // Own members only: a field may be called `constructor`.
    const member = Object.hasOwn(struct, field.name) ? struct[field.name] : undefined
    return encodeField(types, field.type, member, `${where}.${field.name}`)
  })
  return keccak256(concatBytes(typeHash(types, name), ...words))
}

function typeHash(types: Types, name: string): Uint8Array {
  const [first, ...others] = dependencies(types, name)
  const text = [first, ...others.toSorted()].map((type) => {
    const fields = types.get(type as string) ?? []
    return `${type}(${fields.map((field) => `${field.type} ${field.name}`).join(',')})`
  })
  return keccak256(new TextEncoder().encode(text.join('')))
}

/** A struct and all that it refers to, itself first. */
function dependencies(types: Types, name: string): string[] {
  const found = new Set([name])
  // A set that grows while it is walked: each new type is visited in its turn.
  for (const type of found) {
    for (const field of types.get(type) ?? []) {
      const base = field.type.split('[', 1)[0] as string
      if (types.has(base)) found.add(base)
    }
  }
  return [...found]
}

/** One word: the value itself, or the hash of what does not fit. */
function encodeField(types: Types, type: string, value: unknown, where: string): Uint8Array {
  const array = ARRAY.exec(type)?.groups
  if (array !== undefined) return encodeArray(types, array, value, where)
  if (types.has(type)) {
    return isAbsent(value) ? new Uint8Array(WORD_SIZE) : hashStruct(types, type, value, where)
  }
  return encodeAtom(type, value, where)
}

function encodeArray(
  types: Types,
  array: Readonly<Record<string, string | undefined>>,
  value: unknown,
  where: string,
): Uint8Array {
  const itemType = array['item'] ?? ''
  const items = parseArray(value, where, ITEMS_MAX, (item, path) => encodeField(types, itemType, item, path))
  const length = array['length'] ?? ''
  if (length !== '' && Number(length) !== items.length) {
    throw invalidParams(`${where}: expected ${length} items, got ${items.length}`)
  }
  return keccak256(concatBytes(...items))
}

function encodeAtom(type: string, value: unknown, where: string): Uint8Array {
  switch (type) {
    case 'string':
      return keccak256(new TextEncoder().encode(parseString(value, where)))
    case 'bytes':
      return keccak256(parseData(value, where))
    case 'bool':
      return bigintToFixedBytes(parseBoolean(value, where) ? 1n : 0n, WORD_SIZE)
    case 'address':
      return leftPadded(parseAddress(value, where))
    default:
      return encodeSized(type, value, where)
  }
}

function leftPadded(address: Address): Uint8Array {
  return concatBytes(new Uint8Array(12), hexToBytes(address))
}

function encodeSized(type: string, value: unknown, where: string): Uint8Array {
  const size = Number(FIXED_BYTES.exec(type)?.groups?.['size'] ?? 0)
  if (size >= 1 && size <= WORD_SIZE) {
    const bytes = parseData(value, where)
    if (bytes.length > size) throw invalidParams(`${where}: ${type} holds ${size} bytes, got ${bytes.length}`)
    return concatBytes(bytes, new Uint8Array(WORD_SIZE - bytes.length))
  }
  const integer = INTEGER.exec(type)?.groups
  const bits = Number(integer?.['bits'] ?? 0)
  if (integer === undefined || bits < 8 || bits > 256 || bits % 8 !== 0) {
    throw invalidParams(`${where}: the type ${type} is neither known to EIP-712 nor among the types`)
  }
  const isUnsigned = integer['sign'] === 'u'
  const number = parseInteger(value, where)
  const fits = isUnsigned ? BigInt.asUintN(bits, number) === number : BigInt.asIntN(bits, number) === number
  if (!fits) throw invalidParams(`${where}: ${number} does not fit ${type}`)
  return bigintToFixedBytes(BigInt.asUintN(256, number), WORD_SIZE)
}

function parseInteger(value: unknown, where: string): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value !== 'string' || !INTEGER_TEXT.test(value)) throw unexpected(where, 'an integer', value)
  return value.startsWith('-') ? -BigInt(value.slice(1)) : BigInt(value)
}
