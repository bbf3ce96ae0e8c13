/** Overrides of state with keys that collide in a `Map` of bigints: a request must not keep the node busy with them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toAddress } from '../../src/primitives/bytes.ts'
import { overrideDiff, parseStateOverride } from '../../src/rpc/overrides.ts'
import { MemoryState } from '../../src/state/memory-state.ts'
import { mergeDiffs } from '../../src/state/overlay-state.ts'

const SLOTS = 15_000
const OWNER = toAddress(`0x${'c0'.repeat(20)}`)

/** Milliseconds to take slots in that are multiples of 2^shift, as an overlay and as one that is joined with another. */
function timeOf(shift: bigint): number {
  const stateDiff = Object.fromEntries(
    Array.from({ length: SLOTS }, (_, i) => [`0x${(BigInt(i + 1) << shift).toString(16)}`, '0x1']),
  )
  const start = performance.now()
  const diff = overrideDiff(new MemoryState(), parseStateOverride({ [OWNER]: { stateDiff } }, 'overrides'))
  const joined = mergeDiffs(diff, diff).storage.get(OWNER)
  assert.equal(joined?.get(BigInt(SLOTS) << shift), 1n)
  const elapsed = performance.now() - start
  assert.equal(joined?.size, SLOTS)
  return elapsed
}

test('slots that collide are taken in as fast as others', () => {
  timeOf(0n)
  // With Maps it is 7 s against 20 ms.
  assert(timeOf(64n) < 20 * timeOf(0n) + 100)
})
