/** Hex, integers and byte strings: conversions and their limits. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { AssertionFailure } from '../../src/primitives/assert.ts'
import {
  bigintToBytes,
  bigintToFixedBytes,
  ByteSlab,
  bytesToAddress,
  bytesToBigint,
  bytesToHash,
  bytesToHex,
  compareBytes,
  concatBytes,
  equalBytes,
  HexError,
  hexToBytes,
  toAddress,
  toHash,
  WORD_MAX,
  wordToAddress,
  wordToHash,
  writeHex,
  writeWord,
} from '../../src/primitives/bytes.ts'

const anyBytes = fc.uint8Array({ maxLength: 80 })
const anyWord = fc.bigInt({ min: 0n, max: WORD_MAX })

suite('hex', () => {
  test('is read in either case and written in lower case', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const hex = bytesToHex(bytes)
        assert.match(hex, /^0x[0-9a-f]*$/)
        assert.deepEqual(hexToBytes(hex), bytes)
        assert.deepEqual(hexToBytes(`0x${hex.slice(2).toUpperCase()}`), bytes)
      }),
    )
  })

  test('is refused without prefix, with an odd digit or with what is no digit', () => {
    for (const text of ['', '12', '0X12', '0x1', '0x1g', '0x 12', '0x12 ', '0x12\n', '0x１２']) {
      assert.throws(() => hexToBytes(text), HexError, JSON.stringify(text))
    }
  })

  test('of many megabytes is read without running out of stack, and shortened in errors', () => {
    const size = 4_000_000
    assert.equal(hexToBytes(`0x${'ab'.repeat(size)}`).length, size)
    assert.throws(
      () => hexToBytes(`0x${'zz'.repeat(size)}`),
      (error: Error) => error instanceof HexError && error.message.length < 120,
    )
  })
})

suite('addresses and hashes', () => {
  test('have 20 and 32 bytes and are lower case', () => {
    assert.equal(toAddress(`0x${'AB'.repeat(20)}`), `0x${'ab'.repeat(20)}`)
    assert.equal(toHash(`0x${'AB'.repeat(32)}`), `0x${'ab'.repeat(32)}`)
    assert.throws(() => bytesToAddress(new Uint8Array(19)), /an address has 20 bytes, not 19/)
    assert.throws(() => bytesToHash(new Uint8Array(33)), /a hash has 32 bytes, not 33/)
    assert.throws(() => toAddress('0x'), HexError)
    assert.throws(() => toHash('0x00'), HexError)
  })

  test('are cut from words: an address from the low 160 bits', () => {
    fc.assert(
      fc.property(anyWord, (word) => {
        const hash = wordToHash(word)
        assert.equal(BigInt(hash), word)
        assert.equal(toHash(hash), hash)
        assert.equal(wordToAddress(word), `0x${hash.slice(-40)}`)
      }),
    )
  })
})

suite('integers', () => {
  test('come back from their shortest bytes and from padded ones', () => {
    fc.assert(
      fc.property(anyWord, (word) => {
        const shortest = bigintToBytes(word)
        assert.notEqual(shortest[0], 0)
        assert.equal(bytesToBigint(shortest), word)
        const padded = bigintToFixedBytes(word, 32)
        assert.equal(padded.length, 32)
        assert.equal(bytesToBigint(padded), word)
      }),
    )
    assert.equal(bigintToBytes(0n).length, 0)
    assert.equal(bytesToBigint(new Uint8Array(0)), 0n)
  })

  test('that do not fit their size are a broken invariant, never cut', () => {
    assert.throws(() => bigintToFixedBytes(256n, 1), AssertionFailure)
    assert.throws(() => bigintToFixedBytes(1n << 256n, 32), AssertionFailure)
  })
})

suite('byte strings', () => {
  test('concatenate in order', () => {
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 5 }), (parts) => {
        assert.deepEqual(
          [...concatBytes(...parts)],
          parts.flatMap((part) => [...part]),
        )
      }),
    )
  })

  test('compare like their hex', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (a, b) => {
        const [left, right] = [bytesToHex(a), bytesToHex(b)]
        assert.equal(Math.sign(compareBytes(a, b)), left < right ? -1 : Number(left > right))
        assert.equal(equalBytes(a, b), left === right)
        assert.ok(equalBytes(a, Uint8Array.from(a)))
      }),
    )
  })
})

suite('arrays out of a slab', () => {
  test('are zeros of their size, and share no byte', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { maxLength: 60 }), (sizes) => {
        const slab = new ByteSlab(512)
        const arrays = sizes.map((size, index) => {
          const bytes = slab.take(size)
          assert.deepEqual(bytes, new Uint8Array(size))
          return bytes.fill(index + 1)
        })
        for (const [index, bytes] of arrays.entries()) {
          assert.ok(bytes.every((byte) => byte === index + 1))
        }
      }),
    )
  })
})

test('words and hex are written in place, and bad digits are reported', () => {
  fc.assert(
    fc.property(anyWord, fc.nat(9), (word, offset) => {
      const view = new DataView(new ArrayBuffer(64))
      writeWord(word, view, offset)
      const bytes = new Uint8Array(view.buffer)
      assert.deepEqual(bytes.slice(offset, offset + 32), bigintToFixedBytes(word, 32))
      assert.ok(writeHex(wordToHash(word), bytes.fill(0xff), offset))
      assert.equal(bytesToBigint(bytes.slice(offset, offset + 32)), word)
      assert.deepEqual(bytes.slice(offset + 32), new Uint8Array(32 - offset).fill(0xff))
    }),
  )
  for (const size of [2, 100]) {
    assert.equal(writeHex(`0x${'0g'.repeat(size)}`, new Uint8Array(200), 0), false)
    assert.equal(writeHex(`0x${'１2'.repeat(size)}`, new Uint8Array(200), 0), false)
  }
})
