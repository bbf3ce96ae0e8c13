/** The guard before the multiplexer: what honest peers send passes, what would hurt it does not. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { YamuxGuard } from '../../src/network/yamux-guard.ts'
import { concatBytes } from '../../src/primitives/bytes.ts'

const DATA = 0
const WINDOW_UPDATE = 1
const PING = 2
const SYN = 1
const WINDOW = 1024 * 1024

function header(type: number, flags: number, length: number): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  view.setUint8(1, type)
  view.setUint16(2, flags)
  view.setUint32(4, 3)
  view.setUint32(8, length)
  return bytes
}

describe('the guard of the multiplexer', () => {
  test('lets frames up to the window pass, however they are cut', () => {
    const frames = [
      header(WINDOW_UPDATE, SYN, 0),
      header(DATA, 0, 5),
      // Looks like a header that would be refused.
      new Uint8Array(5).fill(0xff),
      header(DATA, 0, WINDOW),
      new Uint8Array(WINDOW).fill(0xff),
      header(PING, SYN, 77),
    ]
    const stream = concatBytes(...frames)
    for (const size of [1, 7, 4096, stream.length]) {
      const guard = new YamuxGuard(WINDOW, 0)
      for (let offset = 0; offset < stream.length; offset += size) {
        assert.equal(guard.watch(stream.subarray(offset, offset + size), 0), undefined)
      }
    }
  })

  test('refuses a frame above the window at its header', () => {
    assert.equal(new YamuxGuard(WINDOW, 0).watch(header(DATA, 0, WINDOW + 1), 0), 'oversize frame')
    assert.equal(new YamuxGuard(WINDOW, 0).watch(header(DATA, 0, 0xffff_ffff), 0), 'oversize frame')
  })

  test('refuses floods of pings and of streams, but not their normal use over time', () => {
    for (const [type, abuse] of [
      [PING, 'flood of pings'],
      [WINDOW_UPDATE, 'flood of streams'],
    ] as const) {
      const flood = new YamuxGuard(WINDOW, 0)
      const results = Array.from({ length: 100 }, () => flood.watch(header(type, SYN, 1), 0))
      assert.ok(results.includes(abuse))
      const steady = new YamuxGuard(WINDOW, 0)
      for (let second = 0; second < 200; second++) {
        assert.equal(steady.watch(header(type, SYN, 1), second * 1000), undefined)
      }
    }
  })

  test('does not count window updates of streams that are open', () => {
    const guard = new YamuxGuard(WINDOW, 0)
    for (let i = 0; i < 10_000; i++) assert.equal(guard.watch(header(WINDOW_UPDATE, 0, 100), 0), undefined)
  })
})
