/** Keccak-256 in Wasm against the node's own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToBigint } from '../../../../src/primitives/bytes.ts'
import { keccak256 } from '../../../../src/primitives/keccak.ts'
import { ARENA } from '../../../../runtime/evm/wasm/layout.ts'
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
