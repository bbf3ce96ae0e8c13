/** The hand-made Keccak against @noble/hashes: every short length, every seam of the sponge, random input. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keccak_256 } from '@noble/hashes/sha3.js'
import fc from 'fast-check'
import { EMPTY_CODE_HASH, keccak256, keccak256Hash } from '../../src/primitives/keccak.ts'
import { INPUT_SIZE, KECCAK_RATE } from '../../src/primitives/keccak-wasm.ts'

/** Bytes without a pattern that a block's length could hide. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * index * 31 + index * 7 + 13) & 0xff)
}

function checkLength(length: number): void {
  const bytes = pattern(length)
  assert.equal(keccak256(bytes).toHex(), keccak_256(bytes).toHex(), `${length} bytes`)
}

describe('keccak256', () => {
  test('has the known digests of nothing and of "abc"', () => {
    assert.equal(EMPTY_CODE_HASH, '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470')
    assert.equal(
      keccak256Hash(new TextEncoder().encode('abc')),
      '0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45',
    )
  })

  test('agrees with @noble/hashes at every length from 0 to 600', () => {
    for (let length = 0; length <= 600; length++) checkLength(length)
  })

  test('agrees with @noble/hashes where input is taken up in parts', () => {
    for (const parts of [1, 2, 3]) {
      for (const extra of [-KECCAK_RATE, -1, 0, 1, KECCAK_RATE - 1, KECCAK_RATE]) {
        checkLength(parts * INPUT_SIZE + extra)
      }
    }
  })

  test('agrees with @noble/hashes on random bytes, one after the other', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 1000 }), { minLength: 1, maxLength: 4 }), (inputs) => {
        for (const bytes of inputs) {
          assert.equal(keccak256(bytes).toHex(), keccak_256(bytes).toHex())
          assert.equal(keccak256Hash(bytes), `0x${keccak_256(bytes).toHex()}`)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('hashes a view of a larger buffer and leaves it as it was', () => {
    const buffer = pattern(500)
    const view = buffer.subarray(100, 300)
    assert.deepEqual(keccak256(view), keccak256(view.slice()))
    assert.deepEqual(buffer, pattern(500))
  })

  test('returns bytes that later calls do not change', () => {
    const first = keccak256(pattern(1))
    const copy = first.slice()
    keccak256(pattern(2))
    assert.deepEqual(first, copy)
    assert.equal(first.buffer.byteLength, 32)
  })
})
