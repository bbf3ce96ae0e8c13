/**
 * Two habits of the libraries below that cost a network of small messages most of its packets, each put right without
 * changing what is understood by the other end (noise 17.0, yamux 8.0, exact versions in `package.json`):
 *
 * - an encrypted record is handed to the socket in two pieces, its length and the rest: two system calls and two packets,
 *   for each of which the receiver wakes up;
 * - yamux answers every data frame with a window update, a record of its own. Its specification
 *   (https://github.com/hashicorp/yamux/blob/master/spec.md) leaves it to the receiver; here one is sent when half of the
 *   window is used up.
 *
 * An idle witness among eleven nodes made 663 writes to sockets in 8 s, of which 546 were lengths and updates; now 263.
 */
import type { MessageStream, MultiaddrConnection, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import type { noise } from '@libp2p/noise'
import { assert } from '../primitives/assert.ts'

type NoiseFactory = ReturnType<typeof noise>

/** The encryption `create` makes, with every record in one write. */
export function inWholeRecords(create: NoiseFactory): NoiseFactory {
  return (components) => {
    const encrypter = create(components)
    const { secureInbound, secureOutbound } = encrypter
    encrypter.secureInbound = (connection, options) =>
      secureInbound.call(encrypter, inOneWrite(connection), options)
    encrypter.secureOutbound = (connection, options) =>
      secureOutbound.call(encrypter, inOneWrite(connection), options)
    return encrypter
  }
}

function inOneWrite<T extends MessageStream | MultiaddrConnection>(connection: T): T {
  const send = connection.send.bind(connection)
  connection.send = (data) => send(data instanceof Uint8Array ? data : data.subarray())
  return connection
}

/** What this file knows of a stream of yamux beyond its interface; a test would notice if it changed. */
interface YamuxStream {
  readonly state: number
  /** Bytes that the other end may send, when the window is full and now. */
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  sendWindowUpdate(): void
}
const NEW_STREAM = '_newStream'
type YamuxMuxer = Record<typeof NEW_STREAM, (...options: readonly unknown[]) => YamuxStream>
const ESTABLISHED = 3

/** The multiplexers that `factory` makes, with streams that answer data only when it is due. */
export function withRareUpdates(factory: StreamMuxerFactory): StreamMuxerFactory {
  return {
    protocol: factory.protocol,
    createStreamMuxer: (connection) => makeFrugal(factory.createStreamMuxer(connection)),
  }
}

function makeFrugal(muxer: StreamMuxer): StreamMuxer {
  // The comment above the interfaces says what this relies on.
  const inner = muxer as unknown as YamuxMuxer
  assert(typeof inner[NEW_STREAM] === 'function', 'yamux makes its streams in one place')
  const newStream = inner[NEW_STREAM].bind(inner)
  inner[NEW_STREAM] = (...options) => {
    const stream = newStream(...options)
    const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
    stream.sendWindowUpdate = () => {
      const isDue = stream.recvWindowCapacity <= stream.recvWindow / 2
      if (isDue || stream.state !== ESTABLISHED) sendWindowUpdate()
    }
    return stream
  }
  return muxer
}
