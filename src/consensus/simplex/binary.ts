/**
 * Writing and reading fixed layouts: big-endian integers, hashes, byte strings with a length of 4 bytes. Reading takes
 * hostile input: every length is checked against what is there before anything is allocated.
 */
import { assert } from '../../primitives/assert.ts'
import { bytesToHash, type Hash } from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import { COUNT_MAX } from './types.ts'

export const HASH_SIZE = 32
/** Bytes of a byte string's length. */
export const LENGTH_SIZE = 4

/** Why bytes are no message. `foreign` ones may be fine elsewhere: another version, layer, epoch or committee. */
export type WireFault = 'truncated' | 'trailing' | 'oversize' | 'value' | 'foreign'

export class WireError extends AevirError {
  override readonly code = 'INVALID_WIRE_BYTES'
  readonly fault: WireFault

  constructor(fault: WireFault, message: string) {
    super(message)
    this.fault = fault
  }
}

/** Fills a buffer of a size that is known beforehand. Hot: every statement that is signed or verified is written. */
export class ByteWriter {
  private readonly buffer: Uint8Array
  private offset = 0

  constructor(size: number) {
    this.buffer = new Uint8Array(size)
  }

  uint8(value: number): void {
    this.buffer[this.offset] = value
    this.offset += 1
  }

  uint32(value: number): void {
    const { buffer, offset } = this
    buffer[offset] = value >>> 24
    buffer[offset + 1] = value >>> 16
    buffer[offset + 2] = value >>> 8
    buffer[offset + 3] = value
    this.offset = offset + 4
  }

  uint64(value: bigint): void {
    this.uint32(Number(value >> 32n))
    this.uint32(Number(value & 0xffff_ffffn))
  }

  /** An integer up to {@link COUNT_MAX} in 8 bytes. */
  count(value: number): void {
    this.uint32(Math.floor(value / 2 ** 32))
    this.uint32(value % 2 ** 32)
  }

  bytes(value: Uint8Array): void {
    this.buffer.set(value, this.offset)
    this.offset += value.length
  }

  /** {@link LENGTH_SIZE} bytes longer than the value. */
  sized(value: Uint8Array): void {
    this.uint32(value.length)
    this.bytes(value)
  }

  hash(value: Hash): void {
    this.buffer.subarray(this.offset, this.offset + HASH_SIZE).setFromHex(value.slice(2))
    this.offset += HASH_SIZE
  }

  finish(): Uint8Array {
    assert(this.offset === this.buffer.length, 'a layout fills its buffer')
    return this.buffer
  }
}

/** Reads what {@link ByteWriter} wrote. Every method throws {@link WireError}. Byte strings are views of the input. */
export class ByteReader {
  private readonly buffer: Uint8Array
  private offset = 0

  constructor(bytes: Uint8Array) {
    this.buffer = bytes
  }

  get position(): number {
    return this.offset
  }

  uint8(): number {
    return this.buffer[this.advance(1)] as number
  }

  uint32(): number {
    const at = this.advance(4)
    const { buffer } = this
    // advance() has checked that these four bytes are there.
    const high = ((buffer[at] as number) << 8) | (buffer[at + 1] as number)
    const low = ((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number)
    return high * 0x1_0000 + low
  }

  uint64(): bigint {
    return (BigInt(this.uint32()) << 32n) | BigInt(this.uint32())
  }

  count(): number {
    const value = this.uint32() * 2 ** 32 + this.uint32()
    if (value > COUNT_MAX) throw new WireError('value', `an integer above ${COUNT_MAX}`)
    return value
  }

  bytes(size: number): Uint8Array {
    const start = this.advance(size)
    return this.buffer.subarray(start, start + size)
  }

  sized(sizeMax: number): Uint8Array {
    const size = this.uint32()
    if (size > sizeMax) throw new WireError('oversize', `${size} bytes where ${sizeMax} are allowed`)
    return this.bytes(size)
  }

  hash(): Hash {
    return bytesToHash(this.bytes(HASH_SIZE))
  }

  /** What was read since `position`. */
  since(position: number): Uint8Array {
    return this.buffer.subarray(position, this.offset)
  }

  end(): void {
    if (this.offset !== this.buffer.length) {
      throw new WireError('trailing', `${this.buffer.length - this.offset} bytes too many`)
    }
  }

  private advance(size: number): number {
    const start = this.offset
    if (size > this.buffer.length - start) {
      throw new WireError('truncated', `${size} bytes wanted, ${this.buffer.length - start} left`)
    }
    this.offset = start + size
    return start
  }
}
