/** Frames survive any division into chunks, and a length that is too large is refused before its bytes are taken. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { frame, FrameDecoder, OversizeFrameError } from '../../src/network/framing.ts'
import { concatBytes } from '../../src/primitives/bytes.ts'

function decodeAll(decoder: FrameDecoder, chunk: Uint8Array): Uint8Array[] {
  decoder.push(chunk)
  const messages: Uint8Array[] = []
  for (let message = decoder.next(); message !== undefined; message = decoder.next()) messages.push(message)
  return messages
}

describe('a frame decoder', () => {
  test('finds the messages again, however they are cut into chunks', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 })
    const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(messages, cuts, (sent, sizes) => {
        const stream = concatBytes(...sent.map(frame))
        const decoder = new FrameDecoder(300)
        const received: Uint8Array[] = []
        let offset = 0
        for (let i = 0; offset < stream.length; i++) {
          const end = offset + (sizes[i % sizes.length] as number)
          received.push(...decodeAll(decoder, stream.slice(offset, end)))
          offset = end
        }
        assert.deepEqual(received, sent)
        assert.equal(decoder.isPartial, false)
      }),
    )
  })

  test('gives out copies: what it read may be overwritten', () => {
    for (const chunk of [frame(Uint8Array.of(1, 2, 3)), Buffer.from(frame(Uint8Array.of(1, 2, 3)))]) {
      const [message] = decodeAll(new FrameDecoder(8), chunk)
      chunk.fill(9)
      assert.deepEqual(message, Uint8Array.of(1, 2, 3))
      assert.equal(message?.buffer.byteLength, 3, 'nothing larger is kept alive')
    }
  })

  test('keeps what was pushed while nobody asked', () => {
    const decoder = new FrameDecoder(8)
    decoder.push(frame(Uint8Array.of(1)))
    assert.deepEqual(decodeAll(decoder, frame(Uint8Array.of(2))), [Uint8Array.of(1), Uint8Array.of(2)])
  })

  test('knows that a message has begun, from its first byte to its last', () => {
    const decoder = new FrameDecoder(8)
    const framed = frame(Uint8Array.of(5, 6))
    for (const byte of framed.subarray(0, 5)) {
      assert.deepEqual(decodeAll(decoder, Uint8Array.of(byte)), [])
      assert.equal(decoder.isPartial, true)
    }
    assert.deepEqual(decodeAll(decoder, framed.slice(5)), [Uint8Array.of(5, 6)])
    assert.equal(decoder.isPartial, false)
  })

  test('refuses a length above the limit as soon as it knows it', () => {
    const decoder = new FrameDecoder(1000)
    assert.deepEqual(decodeAll(decoder, Uint8Array.of(0xff, 0xff, 0xff)), [])
    assert.throws(() => decodeAll(decoder, Uint8Array.of(0xff)), OversizeFrameError)
    assert.equal(decodeAll(new FrameDecoder(1000), frame(new Uint8Array(1000))).length, 1)
    assert.throws(() => decodeAll(new FrameDecoder(1000), frame(new Uint8Array(1001))), OversizeFrameError)
  })

  test('reserves no memory for what was only announced', () => {
    const decoder = new FrameDecoder(2 ** 31)
    const before = process.memoryUsage().arrayBuffers
    assert.deepEqual(decodeAll(decoder, Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 1)), [])
    assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024)
  })
})
