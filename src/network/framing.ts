/**
 * Messages on a stream: each is preceded by its length, 4 bytes big-endian. A decoder takes chunks as they arrive and
 * hands out whole messages; it never holds more than one message and one chunk, and refuses a length above its limit
 * before it has stored a byte of the message.
 */
import { EMPTY_BYTES } from '../primitives/bytes.ts'
import { AevirError } from '../primitives/errors.ts'

export const FRAME_HEADER_SIZE = 4
/** What is reserved for a message before its bytes have come; a declared length costs its sender nothing. */
const FIRST_CAPACITY = 64 * 1024

export class OversizeFrameError extends AevirError {
  override readonly code = 'OVERSIZE_FRAME'
  constructor(size: number, sizeMax: number) {
    super(`a frame of ${size} bytes where ${sizeMax} are allowed`)
  }
}

/** A message with its length in front. */
export function frame(bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(FRAME_HEADER_SIZE + bytes.length)
  new DataView(framed.buffer).setUint32(0, bytes.length)
  framed.set(bytes, FRAME_HEADER_SIZE)
  return framed
}

export class FrameDecoder {
  readonly #sizeMax: number
  /** Chunk being read, and how far. */
  #chunk: Uint8Array = EMPTY_BYTES
  #offset = 0
  readonly #header = new Uint8Array(FRAME_HEADER_SIZE)
  #headerFilled = 0
  #size = 0
  #body: Uint8Array = EMPTY_BYTES
  #bodyFilled = 0

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** Whether a message has begun and not ended. */
  get isPartial(): boolean {
    return this.#headerFilled > 0
  }

  /** Adds bytes. Call {@link next} until it has no more. */
  push(chunk: Uint8Array): void {
    const rest = this.#chunk.subarray(this.#offset)
    this.#offset = 0
    if (rest.length === 0) {
      this.#chunk = chunk
      return
    }
    this.#chunk = new Uint8Array(rest.length + chunk.length)
    this.#chunk.set(rest)
    this.#chunk.set(chunk, rest.length)
  }

  // Hot: once a message, for every vote that arrives. A message within one chunk is copied once.
  /** The next whole message, a copy of its own, or `undefined`. @throws OversizeFrameError */
  next(): Uint8Array | undefined {
    if (!this.#readHeader()) return undefined
    const available = this.#chunk.length - this.#offset
    const missing = this.#size - this.#bodyFilled
    if (this.#bodyFilled === 0 && available >= missing) {
      // Not `slice`: of a Buffer that is a view, which would keep the whole chunk alive.
      const message = new Uint8Array(this.#chunk.subarray(this.#offset, this.#offset + missing))
      this.#offset += missing
      this.#headerFilled = 0
      return message
    }
    this.#append(Math.min(available, missing))
    if (this.#bodyFilled < this.#size) return undefined
    const message = this.#body
    this.#body = EMPTY_BYTES
    this.#bodyFilled = 0
    this.#headerFilled = 0
    return message
  }

  #readHeader(): boolean {
    if (this.#headerFilled === FRAME_HEADER_SIZE) return true
    while (this.#headerFilled < FRAME_HEADER_SIZE && this.#offset < this.#chunk.length) {
      this.#header[this.#headerFilled++] = this.#chunk[this.#offset++] as number
    }
    if (this.#headerFilled < FRAME_HEADER_SIZE) {
      // What was read must not be kept alive by an idle stream.
      this.#chunk = EMPTY_BYTES
      this.#offset = 0
      return false
    }
    this.#size = new DataView(this.#header.buffer).getUint32(0)
    if (this.#size > this.#sizeMax) throw new OversizeFrameError(this.#size, this.#sizeMax)
    return true
  }

  #append(count: number): void {
    const filled = this.#bodyFilled + count
    if (filled > this.#body.length) {
      const capacity = Math.min(this.#size, Math.max(FIRST_CAPACITY, 2 * this.#body.length, filled))
      const larger = new Uint8Array(capacity)
      larger.set(this.#body.subarray(0, this.#bodyFilled))
      this.#body = larger
    }
    this.#body.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#bodyFilled)
    this.#bodyFilled = filled
    this.#offset += count
  }
}
