/** BLAKE2F (EIP-152) against the RFC's compression function, written out plainly here; its price; what fails. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { blake2b } from '@noble/hashes/blake2.js'
import { bigintToFixedBytes, bytesToBigint, concatBytes } from '../../../../src/primitives/bytes.ts'
import { blake2f } from '../../../../runtime/evm/precompiles/09-blake2f.ts'

const MASK = (1n << 64n) - 1n
const IV = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
]
/** RFC 7693 §2.7, a hex digit an index. */
const SIGMA = [
  '0123456789abcdef',
  'ea489fd61c02b753',
  'b8c052fdae367194',
  '7931dcbe265a40f8',
  '905724afe1bc683d',
  '2c6a0b834d75fe19',
  'c51fed4a0763928b',
  'db7ec13950f4862a',
  '6fe9b308c2d714a5',
  'a2847615fb9e3cd0',
].map((row) => Array.from(row, (digit) => Number.parseInt(digit, 16)))

const rotate = (value: bigint, by: bigint): bigint => ((value >> by) | (value << (64n - by))) & MASK
const readWord = (bytes: Uint8Array, index: number): bigint =>
  bytesToBigint(bytes.slice(8 * index, 8 * index + 8).toReversed())

/** RFC 7693 §3.2 word by word: the reference for the generated code. */
function compress(rounds: number, h: Uint8Array, m: Uint8Array, t: Uint8Array, isFinal: boolean): Uint8Array {
  const state = Array.from({ length: 8 }, (_, i) => readWord(h, i))
  const v = [...state, ...IV]
  const at = (i: number): bigint => v[i] as bigint
  v[12] = at(12) ^ readWord(t, 0)
  v[13] = at(13) ^ readWord(t, 1)
  if (isFinal) v[14] = at(14) ^ MASK
  const mix = (a: number, b: number, c: number, d: number, x: bigint, y: bigint): void => {
    for (const [word, first, second] of [
      [x, 32n, 24n],
      [y, 16n, 63n],
    ] as const) {
      v[a] = (at(a) + at(b) + word) & MASK
      v[d] = rotate(at(d) ^ at(a), first)
      v[c] = (at(c) + at(d)) & MASK
      v[b] = rotate(at(b) ^ at(c), second)
    }
  }
  for (let round = 0; round < rounds; round++) {
    const sigma = SIGMA[round % 10] as number[]
    for (let i = 0; i < 8; i++) {
      const [x, y] = [sigma[2 * i], sigma[2 * i + 1]].map((index) => readWord(m, index as number)) as [
        bigint,
        bigint,
      ]
      const diagonal = i < 4 ? 0 : 1
      const lane = (row: number): number => 4 * row + ((i + diagonal * row) % 4)
      mix(lane(0), lane(1), lane(2), lane(3), x, y)
    }
  }
  return concatBytes(...state.map((word, i) => bigintToFixedBytes(word ^ at(i) ^ at(i + 8), 8).toReversed()))
}

function encode(rounds: number, h: Uint8Array, m: Uint8Array, t: Uint8Array, flag: number): Uint8Array {
  return concatBytes(bigintToFixedBytes(BigInt(rounds), 4), h, m, t, Uint8Array.of(flag))
}

const block = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size })

test('equals the RFC for any number of rounds', () => {
  fc.assert(
    fc.property(fc.nat(45), block(64), block(128), block(16), fc.boolean(), (rounds, h, m, t, isFinal) => {
      const output = blake2f.run(encode(rounds, h, m, t, isFinal ? 1 : 0))
      assert.deepEqual(output, compress(rounds, h, m, t, isFinal))
    }),
    { numRuns: 150 },
  )
})

test('equals the RFC where rounds are more than one call runs', () => {
  const [h, m, t] = [64, 128, 16].map((size) => new Uint8Array(size).map((_, index) => 7 * index + size)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  for (const rounds of [1_999, 2_000, 2_001, 4_013]) {
    assert.deepEqual(blake2f.run(encode(rounds, h, m, t, 1)), compress(rounds, h, m, t, true))
  }
})

test('12 rounds over one block make BLAKE2b-512', () => {
  const message = new TextEncoder().encode('abc')
  const h = concatBytes(
    ...IV.map((word, i) => bigintToFixedBytes(i === 0 ? word ^ 0x01010040n : word, 8).toReversed()),
  )
  const m = new Uint8Array(128)
  m.set(message)
  const t = new Uint8Array(16)
  t[0] = message.length
  assert.deepEqual(blake2f.run(encode(12, h, m, t, 1)), blake2b(message))
})

test('1 gas a round, up to 2³² − 1 of them', () => {
  const input = new Uint8Array(213)
  assert.equal(blake2f.gas(input), 0n)
  assert.equal(blake2f.gas(input.fill(0xff)), 0xffff_ffffn)
})

test('another size or flag fails', () => {
  for (const size of [0, 212, 214]) assert.equal(blake2f.run(new Uint8Array(size)), undefined)
  const input = new Uint8Array(213)
  input[212] = 2
  assert.equal(blake2f.run(input), undefined)
})
