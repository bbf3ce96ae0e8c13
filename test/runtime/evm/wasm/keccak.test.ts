/** Keccak-256 in Wasm against the node's own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesToBigint } from '../../../../src/primitives/bytes.ts'
import { keccak256 } from '../../../../src/primitives/keccak.ts'
import { ARENA, ENGINE } from '../../../../runtime/evm/wasm/layout.ts'
import { createRuntimeWorld, fromResult } from './runtime-world.ts'

test('keccak256 of every length around the size of a block, at any alignment, leaves its input alone', () => {
  const world = createRuntimeWorld()
  const bytes = world.bytes()
  for (let size = 0; size <= 3 * 136 + 9; size++) {
    const address = ARENA + (size % 9)
    const input = Uint8Array.from({ length: size }, (_, i) => (i * 31 + size) & 0xff)
    bytes.fill(0xee, ARENA, ARENA + 1024)
    bytes.set(input, address)
    const hash = fromResult(world.functions.keccak256(address, size))
    assert.equal(hash, bytesToBigint(keccak256(input)), `${size} bytes`)
    assert.deepEqual(bytes.slice(address, address + size), input)
  }
})

test('hashes that are remembered are those of their inputs, also when these share a place or differ in padding alone', () => {
  const world = createRuntimeWorld()
  world.view().setUint32(ENGINE.remembersHashes, 1, true)
  const hashOf = (input: Uint8Array): bigint => {
    world.bytes().set(input, ARENA)
    return fromResult(world.functions.keccak256(ARENA, input.length))
  }
  // 32 bytes padded are 64 bytes, and those are other 64 bytes that are not.
  const padded = new Uint8Array(64).fill(7, 0, 32)
  padded[32] = 1
  // Few bytes, each anywhere: many inputs come again, and some of 2,048 places are taken twice.
  const input = fc
    .tuple(
      fc.constantFrom(0, 31, 32, 33, 63, 64, 65),
      fc.array(fc.tuple(fc.nat({ max: 63 }), fc.nat({ max: 255 })), { maxLength: 2 }),
    )
    .map(([size, marks]) => {
      const bytes = new Uint8Array(size)
      for (const [at, value] of marks) if (at < size) bytes[at] = value
      return bytes
    })
  const known = fc.constantFrom(padded.slice(0, 32), padded, padded.slice(0, 33), new Uint8Array(64))
  fc.assert(
    fc.property(fc.array(fc.oneof(input, known), { minLength: 1, maxLength: 60 }), (inputs) => {
      for (const bytes of inputs) assert.equal(hashOf(bytes), bytesToBigint(keccak256(bytes)))
    }),
    { numRuns: 300 },
  )
})
