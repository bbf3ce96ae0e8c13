/**
 * A growing buffer of bytes with the integer encodings of WebAssembly (Core Specification 2.0 §5.2): LEB128, unsigned
 * and signed. Modules are emitted while contracts wait: no arrays of numbers, and 64 bits come as two halves, not as a
 * `bigint`.
 */

const INITIAL_CAPACITY = 256

export class ByteBuffer {
  private bytes: Uint8Array<ArrayBuffer> = new Uint8Array(INITIAL_CAPACITY)
  private count = 0

  /** Bytes written so far. */
  get size(): number {
    return this.count
  }

  // Hot: nearly every byte of a module passes here.
  byte(value: number): void {
    if (this.count === this.bytes.length) this.reserve(1)
    this.bytes[this.count] = value
    this.count += 1
  }

  /** LEB128 of an unsigned integer below 2³². */
  unsigned(value: number): void {
    let rest = value >>> 0
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  /** LEB128 of a signed integer of 32 bits; a value from 2³¹ on is read as its two's complement. */
  signed(value: number): void {
    let rest = value | 0
    while (rest < -64 || rest > 63) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>= 7
    }
    this.byte(rest & 0x7f)
  }

  /** LEB128 of the signed integer of 64 bits whose halves are `low` and `high`, each read modulo 2³². */
  signed64(low: number, high: number): void {
    let lower = low | 0
    let upper = high | 0
    // While the rest is not the sign extension of its lowest 7 bits.
    while (upper !== lower >> 31 || lower < -64 || lower > 63) {
      this.byte((lower & 0x7f) | 0x80)
      lower = (lower >>> 7) | (upper << 25)
      upper >>= 7
    }
    this.byte(lower & 0x7f)
  }

  /** Four bytes, little-endian. */
  fixed32(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.byte((value >>> shift) & 0xff)
  }

  append(source: Uint8Array): void {
    if (this.count + source.length > this.bytes.length) this.reserve(source.length)
    this.bytes.set(source, this.count)
    this.count += source.length
  }

  /** A vector of bytes: their number, then they. */
  vector(source: Uint8Array): void {
    this.unsigned(source.length)
    this.append(source)
  }

  /** A name: UTF-8 behind its length. */
  text(value: string): void {
    this.vector(new TextEncoder().encode(value))
  }

  /** What was written, valid until more is. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.count)
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.count)
  }

  private reserve(more: number): void {
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.count + more))
    grown.set(this.view())
    this.bytes = grown
  }
}
