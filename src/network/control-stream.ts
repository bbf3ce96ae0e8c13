/** The control stream of a connection: whole control messages in and out, at a rate that is limited. */
import type { Stream } from '@libp2p/interface'
import { WireError } from '../consensus/simplex/binary.ts'
import type { Clock } from '../consensus/plugin.ts'
import {
  CONTROL_MESSAGE_SIZE_MAX,
  decodeControl,
  encodeControl,
  type ControlMessage,
} from './control-messages.ts'
import { frame, FrameDecoder, OversizeFrameError } from './framing.ts'
import { TokenBucket } from './token-bucket.ts'

export const CONTROL_PROTOCOL = '/aevir/control/1'
const MESSAGES_PER_SECOND = 10
const MESSAGES_BURST = 200
/** Control messages that a peer does not read; above, it is not one that lives. */
const UNSENT_BYTES_MAX = 1024 * 1024

export interface ControlListener {
  onMessage(message: ControlMessage): void
  /** The peer sent what no peer sends. Nothing follows. */
  onViolation(): void
}

export class ControlStream {
  readonly #stream: Stream
  readonly #decoder = new FrameDecoder(CONTROL_MESSAGE_SIZE_MAX)
  readonly #rate: TokenBucket
  readonly #clock: Clock
  #listener: ControlListener | undefined
  #isClosed = false

  constructor(stream: Stream, clock: Clock) {
    this.#stream = stream
    this.#clock = clock
    this.#rate = new TokenBucket(MESSAGES_PER_SECOND, MESSAGES_BURST, clock.nowMs())
    stream.addEventListener('close', () => {
      this.#isClosed = true
    })
  }

  /** Begins to read; what came before was kept by the stream. */
  listen(listener: ControlListener): void {
    const isFirst = this.#listener === undefined
    this.#listener = listener
    if (!isFirst) return
    this.#stream.addEventListener('message', ({ data }) => {
      this.#receive(data instanceof Uint8Array ? data : data.subarray())
    })
  }

  send(message: ControlMessage): void {
    if (this.#isClosed || this.#stream.writeStatus !== 'writable') return
    if (this.#stream.writeBufferLength > UNSENT_BYTES_MAX) {
      this.#violate()
      return
    }
    try {
      this.#stream.send(frame(encodeControl(message)))
    } catch {
      // The connection broke a moment ago; its close event says so to everybody.
      this.#isClosed = true
    }
  }

  #receive(chunk: Uint8Array): void {
    if (this.#isClosed) return
    this.#decoder.push(chunk)
    try {
      for (;;) {
        const bytes = this.#decoder.next()
        if (bytes === undefined || this.#isClosed) return
        if (!this.#rate.tryTake(1, this.#clock.nowMs())) throw new WireError('value', 'too many messages')
        this.#listener?.onMessage(decodeControl(bytes))
      }
    } catch (error) {
      if (!(error instanceof WireError) && !(error instanceof OversizeFrameError)) throw error
      this.#violate()
    }
  }

  #violate(): void {
    this.#isClosed = true
    this.#listener?.onViolation()
  }
}
