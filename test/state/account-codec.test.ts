/** Keys of slots, whoever chose them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bigintToFixedBytes } from '../../src/primitives/bytes.ts'
import { keccak256 } from '../../src/primitives/keccak.ts'
import { slotKey } from '../../src/state/account-codec.ts'

const COUNT = 8000

/** Milliseconds for the keys of as many slots, each of which is asked for twice. */
function timeOf(shift: bigint): number {
  const start = performance.now()
  for (let turn = 0; turn < 2; turn++) for (let i = 1n; i <= COUNT; i++) slotKey(i << shift)
  return performance.now() - start
}

test('the key of a slot is its hash, also when slots agree in their lowest bits', () => {
  const slots = [0n, 1n, 1n << 14n, 1n << 32n, 1n << 64n, (1n << 64n) + 1n, 1n << 255n, (1n << 256n) - 1n]
  for (const slot of [...slots, ...slots])
    assert.deepEqual(slotKey(slot), keccak256(bigintToFixedBytes(slot, 32)))
})

test('keys of slots that were chosen to be hard to find are found as fast', () => {
  const easyMs = Math.min(timeOf(0n), timeOf(0n))
  const hardMs = Math.min(timeOf(64n), timeOf(64n))
  assert.ok(hardMs < 15 * easyMs + 20, `${hardMs} ms, where others take ${easyMs} ms`)
})
