/** MODEXP against its definition, with hostile lengths, in both prices (EIP-2565, EIP-7883) and with its bound (EIP-7823). */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import {
  bigintToBytes,
  bigintToFixedBytes,
  bytesToBigint,
  concatBytes,
  EMPTY_BYTES,
  WORD_MAX,
} from '../../../../src/primitives/bytes.ts'
import { modexpEip2565, modexpEip7883 } from '../../../../runtime/evm/precompiles/05-modexp.ts'

const word = (value: bigint | number): Uint8Array => bigintToFixedBytes(BigInt(value), 32)

function encode(base: Uint8Array, exponent: Uint8Array, modulus: Uint8Array): Uint8Array {
  return concatBytes(word(base.length), word(exponent.length), word(modulus.length), base, exponent, modulus)
}

/** The definition, one multiplication per bit from the right. */
function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n % modulus
  for (let bits = exponent, square = base % modulus; bits > 0n; bits >>= 1n) {
    if ((bits & 1n) === 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength }),
    // Runs of equal bits: the edges of windows and of carries.
    fc
      .tuple(fc.constantFrom(0, 0xff, 0x80, 1), fc.nat(maxLength))
      .map(([byte, size]) => new Uint8Array(size).fill(byte)),
  )

test('equals the definition', () => {
  fc.assert(
    fc.property(bytes(150), bytes(80), bytes(150), (base, exponent, modulus) => {
      const input = encode(base, exponent, modulus)
      const m = bytesToBigint(modulus)
      const expected = m === 0n ? 0n : power(bytesToBigint(base), bytesToBigint(exponent), m)
      const output = modulus.length === 0 ? EMPTY_BYTES : bigintToFixedBytes(expected, modulus.length)
      assert.deepEqual(modexpEip2565.run(input), output)
      assert.deepEqual(modexpEip7883.run(input), output)
    }),
    { numRuns: 500 },
  )
})

test('corners: 0⁰ is 1, modulo 1 everything is 0, modulo 0 too', () => {
  const run = (b: bigint, e: bigint, m: bigint): string | undefined =>
    modexpEip7883.run(encode(word(b), bigintToBytes(e), word(m)))?.toHex()
  assert.equal(run(0n, 0n, 7n), word(1n).toHex())
  assert.equal(run(7n, 0n, 7n), word(1n).toHex())
  assert.equal(run(0n, 0n, 1n), word(0n).toHex())
  assert.equal(run(5n, 3n, 0n), word(0n).toHex())
  assert.equal(run(WORD_MAX, WORD_MAX, 1n), word(0n).toHex())
})

test('input that ends early reads as zero', () => {
  // 3 to the power 0x0500 modulo 0x0100: the exponent and the modulus lose their last byte.
  const input = concatBytes(word(1), word(2), word(2), Uint8Array.of(3, 5))
  assert.deepEqual(modexpEip7883.run(input), new Uint8Array(2))
  assert.deepEqual(
    modexpEip7883.run(concatBytes(input, Uint8Array.of(0, 1))),
    bigintToFixedBytes(power(3n, 0x0500n, 0x0100n), 2),
  )
  assert.deepEqual(modexpEip7883.run(EMPTY_BYTES), EMPTY_BYTES)
})

test('declared lengths up to 2²⁵⁶ − 1 cost accordingly and allocate nothing', () => {
  const lengths = [0n, 1n, 32n, 33n, 1024n, 1025n, 1n << 32n, 1n << 64n, WORD_MAX]
  for (const base of lengths) {
    for (const exponent of lengths) {
      for (const modulus of lengths) {
        const input = concatBytes(word(base), word(exponent), word(modulus), Uint8Array.of(1, 2, 3))
        const longest = base > modulus ? base : modulus
        const [old, current] = [modexpEip2565.gas(input), modexpEip7883.gas(input)]
        assert.ok(old >= 200n && current >= 500n && current >= old)
        // Quadratic in the longer of base and modulus.
        if (longest >= 1n << 32n) assert.ok(old >= (1n << 58n) / 3n)
      }
    }
  }
})

test('no modulus makes any base and exponent free to skip: the output is empty', () => {
  const input = concatBytes(word(0), word(WORD_MAX), word(0))
  assert.equal(modexpEip2565.gas(input), 200n)
  assert.deepEqual(modexpEip2565.run(input), EMPTY_BYTES)
})

test('lengths that no block can pay for fail instead of being allocated', () => {
  for (const lengths of [
    [0n, WORD_MAX, 1n],
    [WORD_MAX, 1n, 1n],
    [1n, 1n, 1n << 40n],
  ]) {
    const input = concatBytes(...lengths.map(word))
    assert.ok(modexpEip2565.gas(input) > 5_000_000_000n)
    assert.equal(modexpEip2565.run(input), undefined)
  }
})

test('EIP-7823: a length above 1,024 fails, even one that is not used', () => {
  const lengths = [0, 0, 0]
  for (const i of [0, 1, 2]) {
    const at = (length: number): Uint8Array => concatBytes(...lengths.with(i, length).map(word))
    assert.notEqual(modexpEip7883.run(at(1024)), undefined)
    assert.equal(modexpEip7883.run(at(1025)), undefined)
    assert.notEqual(modexpEip2565.run(at(1025)), undefined)
  }
})

/** Of EIP-2565 and EIP-7883. */
const prices = (b: number, e: bigint, m: number): [bigint, bigint] => {
  const input = encode(new Uint8Array(b), bigintToBytes(e), new Uint8Array(m))
  return [modexpEip2565.gas(input), modexpEip7883.gas(input)]
}

test('prices of EIP-2565 and EIP-7883', () => {
  // 16 · 255 / 3 and 16 · 255: words are squared up to Prague, 16 is the least complexity from Osaka on.
  assert.deepEqual(prices(32, WORD_MAX, 32), [1360n, 4080n])
  // 33 bytes take 5 words: 25 · 255 / 3 and 2 · 25 · 255.
  assert.deepEqual(prices(33, WORD_MAX, 1), [2125n, 12750n])
  // The exponent's 33rd byte counts 8 or 16 iterations: 16 · (255 + 8) / 3 and 16 · (255 + 16).
  assert.deepEqual(prices(32, (1n << 264n) - 1n, 32), [1402n, 4336n])
})
