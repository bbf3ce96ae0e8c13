/**
 * The layout of keys and of small values. Everything here is the file format: a change of any byte needs a new
 * {@link FORMAT_VERSION}, and the frozen examples of the tests notice it. All integers are big-endian, so that the
 * order of keys is the order of numbers.
 *
 *   block number     number (8)
 *   account          address (20)
 *   slot             address (20), slot (32)
 *   trie node        [owner's address (20)], nibbles packed two a byte, number of nibbles (1)
 *   historic key     number of its table (1), key
 *   history          number of the block that replaced the value (8), historic key
 *
 * The number of nibbles stands last so that a node lies close to its descendants: nodes that change together share
 * pages. In front of each value of state stands the number of the block that wrote it, as LEB128: 7 bits a byte, the
 * lowest first, the high bit on all but the last.
 */
import { assert } from '../primitives/assert.ts'
import {
  bigintToBytes,
  ByteSlab,
  bytesToBigint,
  bytesToHex,
  EMPTY_BYTES,
  hexToBytes,
  writeHex,
  writeWord,
  type Address,
  type Hash,
} from '../primitives/bytes.ts'
import { EMPTY_CODE_HASH } from '../primitives/keccak.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import type { TransactionLocation } from '../execution/ledger.ts'
import type { Account } from '../state/state-reader.ts'
import { nibbleAt } from '../state/trie-node.ts'
import { CorruptDatabaseError } from './database-errors.ts'
import { HISTORIC_TABLES, type HistoricTable } from './tables.ts'

/** Raised by every change of the format. Databases of other versions are refused. */
export const FORMAT_VERSION = 2

export const NUMBER_SIZE = 8
/** Numbers of blocks are written from doubles. */
const NUMBER_MAX = BigInt(Number.MAX_SAFE_INTEGER)
export const ADDRESS_SIZE = 20
export const HASH_SIZE = 32

// ---- Keys ----------------------------------------------------------------------------------------------------------

export function numberKey(number: bigint): Uint8Array {
  const key = new Uint8Array(NUMBER_SIZE)
  writeNumber(Number(number), key)
  return key
}

/** Writes a number, at most 2⁵³ − 1, as the first 8 bytes. */
function writeNumber(number: number, out: Uint8Array): void {
  for (let i = NUMBER_SIZE - 1, rest = number; i >= 0; i--, rest = Math.floor(rest / 0x100))
    out[i] = rest % 0x100
}

/** The number at `offset`. */
export function readNumber(bytes: Uint8Array, offset = 0): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(offset)
}

// Hot: every read and write of state builds a key. All are small enough for the heap, where an array takes 20 ns.
export function addressKey(address: Address): Uint8Array {
  return hexToBytes(address)
}

export function slotKey(address: Address, slot: bigint): Uint8Array {
  const key = new Uint8Array(ADDRESS_SIZE + HASH_SIZE)
  writeHex(address, key, 0)
  writeWord(slot, wordView, 0)
  key.set(wordBytes, ADDRESS_SIZE)
  return key
}

/** @param owner `null` for the account trie. @param path one hex digit a nibble, at most 64. */
export function nodeKey(owner: Address | null, path: string): Uint8Array {
  const start = owner === null ? 0 : ADDRESS_SIZE
  const end = start + ((path.length + 1) >> 1)
  const key = new Uint8Array(end + 1)
  if (owner !== null) writeHex(owner, key, 0)
  for (let i = 0; i < path.length; i++) {
    const nibble = nibbleAt(path, i)
    const at = start + (i >> 1)
    key[at] = i % 2 === 0 ? nibble << 4 : (key[at] as number) | nibble
  }
  key[end] = path.length
  return key
}

/** A word on its way into a key. */
const wordBytes = new Uint8Array(HASH_SIZE)
const wordView = new DataView(wordBytes.buffer)

/** The path in a {@link nodeKey}, whose owner takes `offset` bytes. */
export function pathOfNodeKey(key: Uint8Array, offset: number): string {
  const last = key.length - 1
  return key.subarray(offset, last).toHex().slice(0, key[last])
}

/** The least key that is greater than all keys beginning with `prefix`; `undefined` when there is none. */
export function endOfPrefix(prefix: Uint8Array): Uint8Array | undefined {
  const end = prefix.slice()
  for (let i = end.length - 1; i >= 0; i--) {
    const byte = end[i] as number
    if (byte < 0xff) {
      end[i] = byte + 1
      return end.subarray(0, i + 1)
    }
  }
  return undefined
}

export function historicKey(table: HistoricTable, key: Uint8Array): Uint8Array {
  const result = new Uint8Array(1 + key.length)
  result[0] = HISTORIC_TABLES[table]
  result.set(key, 1)
  return result
}

const TABLE_BY_NUMBER = new Map(
  // The keys of HISTORIC_TABLES are HistoricTable by definition.
  Object.entries(HISTORIC_TABLES).map(([name, number]) => [number as number, name as HistoricTable]),
)

/** Table and key of a {@link historicKey}. @throws CorruptDatabaseError */
export function parseHistoricKey(bytes: Uint8Array): {
  readonly table: HistoricTable
  readonly key: Uint8Array
} {
  const table = TABLE_BY_NUMBER.get(bytes[0] ?? 0)
  if (table === undefined || bytes.length === 1) {
    throw new CorruptDatabaseError(`${bytesToHex(bytes)} is no key of history`)
  }
  return { table, key: bytes.subarray(1) }
}

/** @param historic a {@link historicKey}. */
export function historyKey(number: number, historic: Uint8Array): Uint8Array {
  const key = values.take(NUMBER_SIZE + historic.length)
  writeNumber(number, key)
  key.set(historic, NUMBER_SIZE)
  return key
}

/** The historic key in a key of history. */
export function historicPart(key: Uint8Array): Uint8Array {
  return key.subarray(NUMBER_SIZE)
}

// ---- Values --------------------------------------------------------------------------------------------------------

/** Bytes that an unsigned integer takes as LEB128. */
export function sizeOfUint(value: number): number {
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

/** Writes an unsigned integer, at most 2⁵³ − 1, as LEB128. @returns the offset behind it */
export function writeUint(value: number, out: Uint8Array, offset: number): number {
  let position = offset
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out[position++] = (rest % 0x80) + 0x80
  out[position++] = rest
  return position
}

/** Of keys and values that are forgotten once they are written. */
export const values = new ByteSlab(64 * 1024)

/** A value of state, or former value, with the number of the block that wrote it. */
export interface Stamped {
  readonly block: number
  /** A view into the stored bytes. */
  readonly value: Uint8Array
}

export function stamp(block: number, value: Uint8Array): Uint8Array {
  const result = values.take(sizeOfUint(block) + value.length)
  result.set(value, writeUint(block, result, 0))
  return result
}

/** @throws CorruptDatabaseError */
export function readStamp(bytes: Uint8Array): Stamped {
  let block = 0
  let weight = 1
  for (let i = 0; i < bytes.length && weight <= Number.MAX_SAFE_INTEGER; i++) {
    const byte = bytes[i] as number
    block += (byte & 0x7f) * weight
    if (byte < 0x80) return { block, value: bytes.subarray(i + 1) }
    weight *= 0x80
  }
  throw new CorruptDatabaseError(`${bytesToHex(bytes.subarray(0, 8))} is no block number`)
}

/** A value of state without the block that wrote it. Hot: every read of state. */
export function withoutStamp(bytes: Uint8Array): Uint8Array {
  let start = 0
  while ((bytes[start] as number) >= 0x80) start++
  return bytes.subarray(start + 1)
}

const NONCE_SIZE_MASK = 0x0f
const HAS_STORAGE = 0x10
const HAS_CODE = 0x20

/**
 * One byte of flags with the size of the nonce in its low half, the nonce, storage root and code hash unless they are
 * empty, and the balance in what remains: 11 bytes for most accounts, where their RLP in the trie takes 77.
 */
export function encodeAccountValue(account: Account): Uint8Array {
  const nonce = bigintToBytes(account.nonce)
  const balance = bigintToBytes(account.balance)
  const hasStorage = account.storageRoot !== EMPTY_TRIE_ROOT
  const hasCode = account.codeHash !== EMPTY_CODE_HASH
  const hashesSize = HASH_SIZE * (Number(hasStorage) + Number(hasCode))
  const value = new Uint8Array(1 + nonce.length + hashesSize + balance.length)
  value[0] = nonce.length + (hasStorage ? HAS_STORAGE : 0) + (hasCode ? HAS_CODE : 0)
  value.set(nonce, 1)
  let at = 1 + nonce.length
  if (hasStorage) writeHex(account.storageRoot, value, at)
  if (hasStorage) at += HASH_SIZE
  if (hasCode) writeHex(account.codeHash, value, at)
  value.set(balance, value.length - balance.length)
  return value
}

/** @throws CorruptDatabaseError */
export function decodeAccountValue(bytes: Uint8Array): Account {
  const hex = bytes.toHex()
  const flags = bytes[0] ?? 0xff
  const nonceEnd = 2 + 2 * (flags & NONCE_SIZE_MASK)
  const storageEnd = nonceEnd + ((flags & HAS_STORAGE) === 0 ? 0 : 2 * HASH_SIZE)
  const codeEnd = storageEnd + ((flags & HAS_CODE) === 0 ? 0 : 2 * HASH_SIZE)
  if (flags >= 2 * HAS_CODE || codeEnd > hex.length) {
    throw new CorruptDatabaseError(`${bytesToHex(bytes)} is no account`)
  }
  // A slice of 64 digits behind 0x is a hash.
  return {
    nonce: nonceEnd === 2 ? 0n : BigInt(`0x${hex.slice(2, nonceEnd)}`),
    balance: codeEnd === hex.length ? 0n : BigInt(`0x${hex.slice(codeEnd)}`),
    storageRoot: storageEnd === nonceEnd ? EMPTY_TRIE_ROOT : (`0x${hex.slice(nonceEnd, storageEnd)}` as Hash),
    codeHash: codeEnd === storageEnd ? EMPTY_CODE_HASH : (`0x${hex.slice(storageEnd, codeEnd)}` as Hash),
  }
}

/** Minimal bytes; 0 has no entry. */
export function encodeSlotValue(value: bigint): Uint8Array {
  assert(value !== 0n, 'a cleared slot has no entry')
  return bigintToBytes(value)
}

export function decodeSlotValue(bytes: Uint8Array | undefined): bigint {
  return bytes === undefined ? 0n : bytesToBigint(bytes)
}

export function encodeLocation({ blockNumber, index }: TransactionLocation): Uint8Array {
  const value = new Uint8Array(NUMBER_SIZE + 4)
  writeNumber(Number(blockNumber), value)
  for (let i = 0; i < 4; i++) value[NUMBER_SIZE + i] = index >>> (24 - 8 * i)
  return value
}

export function decodeLocation(bytes: Uint8Array): TransactionLocation {
  expectSize(bytes, NUMBER_SIZE + 4, 'location of a transaction')
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const blockNumber = view.getBigUint64(0)
  if (blockNumber > NUMBER_MAX) throw new CorruptDatabaseError(`there is no block ${blockNumber}`)
  return { blockNumber, index: view.getUint32(NUMBER_SIZE) }
}

export function encodeAddresses(addresses: readonly Address[]): Uint8Array {
  return addresses.length === 0
    ? EMPTY_BYTES
    : hexToBytes(`0x${addresses.map((address) => address.slice(2)).join('')}`)
}

export function decodeAddresses(bytes: Uint8Array): Address[] {
  if (bytes.length % ADDRESS_SIZE !== 0) throw new CorruptDatabaseError('a list of senders is cut off')
  const hex = bytes.toHex()
  const addresses: Address[] = []
  // 40 digits behind 0x are an address.
  for (let i = 0; i < hex.length; i += 2 * ADDRESS_SIZE) {
    addresses.push(`0x${hex.slice(i, i + 2 * ADDRESS_SIZE)}` as Address)
  }
  return addresses
}

/** @throws CorruptDatabaseError when `bytes` has another size. */
export function expectSize(bytes: Uint8Array, size: number, what: string): void {
  if (bytes.length !== size) {
    throw new CorruptDatabaseError(`a ${what} has ${size} bytes, not ${bytes.length}`)
  }
}
