/**
 * Recursive Length Prefix (Ethereum yellow paper, appendix B), strict: there is exactly one accepted encoding of each
 * item, trailing bytes are refused, lengths are checked before anything is read, nesting is bounded.
 */
import { bigintToBytes, bytesToBigint } from './bytes.ts'
import { AevirError } from './errors.ts'

/** A byte string or a list of items. */
export type RlpItem = Uint8Array | readonly RlpItem[]

/** Deepest accepted nesting of lists; real structures stay below 8. */
export const RLP_DEPTH_MAX = 1024
/**
 * Most items of one decoding. An item costs about a hundred bytes of memory and as little as one of input, so that
 * input of 10 MB could ask for a gigabyte; items of real blocks take 7 bytes and more.
 */
export const RLP_ITEMS_MAX = 1 << 21

const STRING_OFFSET = 0x80
const LIST_OFFSET = 0xc0
const SHORT_MAX = 55

export class RlpError extends AevirError {
  override readonly code = 'INVALID_RLP'
}

export function encodeRlp(item: RlpItem): Uint8Array {
  const sizes: ListSizes = { payloads: [], next: 0 }
  const result = new Uint8Array(measureItem(item, sizes.payloads))
  writeItem(item, sizes, result, 0)
  return result
}

/** Sizes of the payloads of all lists in the order in which they open, so that nothing is measured twice. */
interface ListSizes {
  readonly payloads: number[]
  next: number
}

/** Bytes a big-endian length takes: 0 for lengths of up to 55, which sit in the prefix itself. */
function lengthOfLength(length: number): number {
  if (length <= SHORT_MAX) return 0
  let size = 0
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size++
  return size
}

/** Bytes that the prefix of a string or list takes whose payload has `length` bytes; a self-encoding byte has none. */
export function rlpPrefixSize(length: number): number {
  return 1 + lengthOfLength(length)
}

/** Bytes that a byte string takes. */
export function rlpStringSize(item: Uint8Array): number {
  return isSelfEncoding(item) ? 1 : rlpPrefixSize(item.length) + item.length
}

/** Writes the prefix of a list whose payload has `length` bytes; returns the offset behind it. */
export function writeRlpListPrefix(length: number, out: Uint8Array, offset: number): number {
  return writePrefix(LIST_OFFSET, length, out, offset)
}

/** Writes the prefix of a byte string, which must not encode itself; returns the offset behind it. */
export function writeRlpStringPrefix(length: number, out: Uint8Array, offset: number): number {
  return writePrefix(STRING_OFFSET, length, out, offset)
}

/** Writes a byte string; returns the offset behind it. */
export function writeRlpString(item: Uint8Array, out: Uint8Array, offset: number): number {
  if (isSelfEncoding(item)) {
    out[offset] = item[0] as number
    return offset + 1
  }
  const start = writePrefix(STRING_OFFSET, item.length, out, offset)
  out.set(item, start)
  return start + item.length
}

function isSelfEncoding(item: Uint8Array): boolean {
  return item.length === 1 && (item[0] as number) < STRING_OFFSET
}

/** The encoded size of `item`; notes the payloads of its lists. */
function measureItem(item: RlpItem, payloads: number[]): number {
  if (item instanceof Uint8Array) return rlpStringSize(item)
  const index = payloads.push(0) - 1
  let payload = 0
  for (const child of item) payload += measureItem(child, payloads)
  payloads[index] = payload
  return 1 + lengthOfLength(payload) + payload
}

/** Writes `item` at `offset` and returns the offset behind it. */
function writeItem(item: RlpItem, sizes: ListSizes, out: Uint8Array, offset: number): number {
  if (item instanceof Uint8Array) return writeRlpString(item, out, offset)
  let position = writePrefix(LIST_OFFSET, sizes.payloads[sizes.next++] as number, out, offset)
  for (const child of item) position = writeItem(child, sizes, out, position)
  return position
}

function writePrefix(base: number, length: number, out: Uint8Array, offset: number): number {
  const size = lengthOfLength(length)
  if (size === 0) {
    out[offset] = base + length
    return offset + 1
  }
  out[offset] = base + SHORT_MAX + size
  for (let i = size, rest = length; i > 0; i--, rest = Math.floor(rest / 256)) out[offset + i] = rest % 256
  return offset + 1 + size
}

/**
 * Decodes exactly one item that fills `bytes`. Byte strings of the result are views into `bytes`.
 * @throws RlpError on truncation, trailing bytes, a non-minimal encoding, nesting beyond {@link RLP_DEPTH_MAX} or more
 * than {@link RLP_ITEMS_MAX} items.
 */
export function decodeRlp(bytes: Uint8Array): RlpItem {
  const reader = { bytes, position: 0, items: 0 }
  const item = readItem(reader, bytes.length, 0)
  if (reader.position !== bytes.length) {
    throw new RlpError(`${bytes.length - reader.position} trailing bytes after the item`)
  }
  return item
}

interface Reader {
  readonly bytes: Uint8Array
  position: number
  /** Items read so far. */
  items: number
}

/**
 * Bytes that the item at the start of `bytes` takes, its prefix included: how a file of items one after the other is
 * cut. `undefined` when `bytes` end inside of the prefix, which takes up to 9 of them.
 * @throws RlpError when the length is not minimal.
 */
export function rlpItemSize(bytes: Uint8Array): number | undefined {
  const prefix = bytes[0]
  if (prefix === undefined) return undefined
  if (prefix < STRING_OFFSET) return 1
  // Strings and lists count alike from their offsets, which are 0x40 apart.
  const short = prefix % (LIST_OFFSET - STRING_OFFSET)
  if (bytes.length < 1 + short - SHORT_MAX) return undefined
  const reader = { bytes, position: 0, items: 0 }
  const length = readLength(reader, short, Infinity)
  return reader.position + length
}

function readItem(reader: Reader, end: number, depth: number): RlpItem {
  if (depth > RLP_DEPTH_MAX) throw new RlpError(`lists are nested more than ${RLP_DEPTH_MAX} deep`)
  if (reader.position >= end) throw new RlpError('unexpected end of input')
  if (++reader.items > RLP_ITEMS_MAX) throw new RlpError(`more than ${RLP_ITEMS_MAX} items`)
  const prefix = reader.bytes[reader.position] as number
  if (prefix < STRING_OFFSET) {
    reader.position += 1
    return reader.bytes.subarray(reader.position - 1, reader.position)
  }
  const isList = prefix >= LIST_OFFSET
  const length = readLength(reader, prefix - (isList ? LIST_OFFSET : STRING_OFFSET), end)
  const itemEnd = reader.position + length
  if (isList) {
    const items: RlpItem[] = []
    while (reader.position < itemEnd) items.push(readItem(reader, itemEnd, depth + 1))
    return items
  }
  const string = reader.bytes.subarray(reader.position, itemEnd)
  if (isSelfEncoding(string)) throw new RlpError('a byte below 0x80 must encode itself')
  reader.position = itemEnd
  return string
}

/** Reads a length behind its prefix, whose offset was taken off, and leaves the reader at the payload. */
function readLength(reader: Reader, short: number, end: number): number {
  reader.position += 1
  let length = short
  if (short > SHORT_MAX) {
    const size = short - SHORT_MAX
    if (reader.position + size > end) throw new RlpError('truncated length')
    if (reader.bytes[reader.position] === 0) throw new RlpError('length with a leading zero')
    length = 0
    for (let i = 0; i < size; i++) length = length * 256 + (reader.bytes[reader.position + i] as number)
    if (length <= SHORT_MAX) throw new RlpError('length of at most 55 in the long form')
    reader.position += size
  }
  if (length > end - reader.position) throw new RlpError(`item of ${length} bytes runs past its end`)
  return length
}

/** The item, which must be a byte string. @throws RlpError when it is a list. */
export function rlpBytes(item: RlpItem | undefined, what: string): Uint8Array {
  if (!(item instanceof Uint8Array)) throw new RlpError(`${what} must be a byte string`)
  return item
}

/** The item, which must be a byte string of `size` bytes. @throws RlpError otherwise. */
export function rlpFixedBytes(item: RlpItem | undefined, size: number, what: string): Uint8Array {
  const bytes = rlpBytes(item, what)
  if (bytes.length !== size) throw new RlpError(`${what} must have ${size} bytes, not ${bytes.length}`)
  return bytes
}

/** The item, which must be a list, of `length` items where that is given. @throws RlpError otherwise. */
export function rlpList(item: RlpItem | undefined, what: string, length?: number): readonly RlpItem[] {
  if (item === undefined || item instanceof Uint8Array) throw new RlpError(`${what} must be a list`)
  if (length !== undefined && item.length !== length) {
    throw new RlpError(`${what} must have ${length} items, not ${item.length}`)
  }
  return item
}

/** An unsigned integer without leading zeros, of at most `sizeMax` bytes. @throws RlpError otherwise. */
export function rlpUint(item: RlpItem | undefined, sizeMax: number, what: string): bigint {
  const bytes = rlpBytes(item, what)
  if (bytes.length > sizeMax)
    throw new RlpError(`${what} must have at most ${sizeMax} bytes, not ${bytes.length}`)
  if (bytes[0] === 0) throw new RlpError(`${what} has a leading zero`)
  return bytesToBigint(bytes)
}

/** The RLP form of an unsigned integer. */
export const rlpFromUint: (value: bigint) => Uint8Array = bigintToBytes
