/**
 * Watches the multiplexer's frames of a connection before the multiplexer sees them, and ends connections that abuse it.
 *
 * Why: `@libp2p/yamux` 8.0 collects a whole data frame before it looks at the window, so that a header that announces
 * 4 GiB makes it store whatever follows; it answers every ping; and it sets up a stream, timers included, for every SYN.
 * An honest peer never sends a frame above the window, pings twice a minute, and opens a stream for each class.
 *
 * Frame header (yamux specification): version (1), type (1), flags (2), stream id (4), length (4), big-endian.
 */
import { TokenBucket } from './token-bucket.ts'

const HEADER_SIZE = 12
const TYPE_DATA = 0
const TYPE_PING = 2
const FLAG_SYN = 1

export type YamuxAbuse = 'oversize frame' | 'flood of pings' | 'flood of streams'

export class YamuxGuard {
  readonly #frameSizeMax: number
  readonly #pings: TokenBucket
  readonly #streams: TokenBucket
  readonly #header = new Uint8Array(HEADER_SIZE)
  #headerFilled = 0
  /** Bytes of the current data frame still to come. */
  #rest = 0

  /** @param frameSizeMax the largest window that is ever granted, in bytes. */
  constructor(frameSizeMax: number, nowMs: number) {
    this.#frameSizeMax = frameSizeMax
    this.#pings = new TokenBucket(2, 20, nowMs)
    this.#streams = new TokenBucket(4, 64, nowMs)
  }

  // Hot: sees every byte that arrives, reads only headers.
  /** Takes decrypted bytes as they arrive. Returns what is wrong with them. */
  watch(chunk: Uint8Array, nowMs: number): YamuxAbuse | undefined {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#rest > 0) {
        const skipped = Math.min(this.#rest, chunk.length - offset)
        this.#rest -= skipped
        offset += skipped
        continue
      }
      this.#header[this.#headerFilled++] = chunk[offset++] as number
      if (this.#headerFilled < HEADER_SIZE) continue
      this.#headerFilled = 0
      const abuse = this.#inspect(nowMs)
      if (abuse !== undefined) return abuse
    }
    return undefined
  }

  #inspect(nowMs: number): YamuxAbuse | undefined {
    const view = new DataView(this.#header.buffer)
    const type = view.getUint8(1)
    if (type === TYPE_DATA) {
      this.#rest = view.getUint32(8)
      if (this.#rest > this.#frameSizeMax) return 'oversize frame'
    }
    if (type === TYPE_PING && !this.#pings.tryTake(1, nowMs)) return 'flood of pings'
    const isNewStream = type !== TYPE_PING && (view.getUint16(2) & FLAG_SYN) !== 0
    return isNewStream && !this.#streams.tryTake(1, nowMs) ? 'flood of streams' : undefined
  }
}
