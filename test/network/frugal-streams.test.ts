/** What two libraries send less of: pieces of records, and answers to every frame. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StreamMuxerFactory } from '@libp2p/interface'
import { concatBytes } from '../../src/primitives/bytes.ts'
import { inWholeRecords, withRareUpdates } from '../../src/network/frugal-streams.ts'

/** Where yamux makes its streams. */
const NEW_STREAM = '_newStream'

interface Stream {
  state: number
  recvWindow: number
  recvWindowCapacity: number
  sendWindowUpdate(): void
}

/** A stream as yamux would make it, and how often it has sent an update. */
function streamOf(): { stream: Stream; updates: () => number } {
  let count = 0
  const muxer = {
    [NEW_STREAM]: () => ({
      state: 3,
      recvWindow: 1000,
      recvWindowCapacity: 1000,
      sendWindowUpdate: () => (count += 1),
    }),
  }
  const factory = { protocol: '/test', createStreamMuxer: () => muxer } as unknown as StreamMuxerFactory
  const made = withRareUpdates(factory).createStreamMuxer({} as never) as unknown as typeof muxer
  return { stream: made[NEW_STREAM](), updates: () => count }
}

describe('a stream', () => {
  test('is updated when half of its window is used up', () => {
    const { stream, updates } = streamOf()
    for (const capacity of [999, 501]) {
      stream.recvWindowCapacity = capacity
      stream.sendWindowUpdate()
      assert.equal(updates(), 0)
    }
    stream.recvWindowCapacity = 500
    stream.sendWindowUpdate()
    assert.equal(updates(), 1)
  })

  test('is updated at once while it is being opened', () => {
    const { stream, updates } = streamOf()
    stream.state = 2
    stream.sendWindowUpdate()
    assert.equal(updates(), 1)
  })
})

/** The part of a list of bytes, as noise sends them, that matters here. */
interface ByteList extends Iterable<Uint8Array> {
  subarray(): Uint8Array
}

function listOf(...parts: readonly Uint8Array[]): ByteList {
  return { subarray: () => concatBytes(...parts), [Symbol.iterator]: () => parts[Symbol.iterator]() }
}

test('an encrypted record leaves in one piece', async () => {
  const pieces: Uint8Array[] = []
  const connection = {
    send: (data: Uint8Array | ByteList) => {
      // As sockets are written to.
      pieces.push(...(data instanceof Uint8Array ? [data] : data))
      return true
    },
  }
  const secure = async (raw: typeof connection): Promise<void> => {
    raw.send(listOf(Uint8Array.of(0, 3), Uint8Array.of(7, 8, 9)))
    raw.send(Uint8Array.of(1))
  }
  const create = inWholeRecords((() => ({ secureInbound: secure, secureOutbound: secure })) as never)
  const encrypter = create({} as never)
  await encrypter.secureOutbound(connection as never)
  assert.deepEqual(pieces, [Uint8Array.of(0, 3, 7, 8, 9), Uint8Array.of(1)])
})
