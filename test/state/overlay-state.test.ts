/** An overlay must show what a commit of the same changes would, or pending state and sealed state drift apart. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import { MemoryState } from '../../src/state/memory-state.ts'
import { memoryStateOf } from '../../src/state/genesis-state.ts'
import { mergeDiffs, OverlayState } from '../../src/state/overlay-state.ts'
import type { StateReader } from '../../src/state/state-reader.ts'
import { ADDRESSES, applyChanges, changes, SLOTS, type World } from '../support/random-state.ts'

/** All that execution can see of a state. Of a storage root that is only whether there is storage. */
function visible(state: StateReader): unknown[] {
  return ADDRESSES.map((address) => {
    const account = state.account(address)
    if (account === undefined) return [address, SLOTS.map((slot) => state.storage(address, slot))]
    const code = state.code(account.codeHash).toHex()
    return [address, account.nonce, account.balance, code, SLOTS.map((slot) => state.storage(address, slot))]
  })
}

test('an overlay shows what a commit of its diff would', () => {
  fc.assert(
    fc.property(changes, changes, (first, second) => {
      const world: World = new Map()
      const state = new MemoryState()
      state.commit(applyChanges(world, state, first))
      const diff = applyChanges(world, state, second)
      const overlay = new OverlayState(state, diff)
      assert.deepEqual(visible(overlay), visible(memoryStateOf(world)))
    }),
  )
})

test('an overlay never hides that an account has storage', () => {
  fc.assert(
    fc.property(changes, changes, (first, second) => {
      const world: World = new Map()
      const state = new MemoryState()
      state.commit(applyChanges(world, state, first))
      const overlay = new OverlayState(state, applyChanges(world, state, second))
      const committed = memoryStateOf(world)
      for (const address of ADDRESSES) {
        if ((committed.account(address)?.storageRoot ?? EMPTY_TRIE_ROOT) === EMPTY_TRIE_ROOT) continue
        assert.notEqual(overlay.account(address)?.storageRoot, EMPTY_TRIE_ROOT)
      }
    }),
  )
})

test('diffs made over overlays merge to one whose commit equals committing each', () => {
  fc.assert(
    fc.property(changes, fc.array(changes, { minLength: 2, maxLength: 4 }), (first, blocks) => {
      const world: World = new Map()
      const state = new MemoryState()
      state.commit(applyChanges(world, state, first))
      let pending = applyChanges(world, state, [])
      for (const block of blocks) {
        pending = mergeDiffs(pending, applyChanges(world, new OverlayState(state, pending), block))
        assert.deepEqual(visible(new OverlayState(state, pending)), visible(memoryStateOf(world)))
      }
      const expected = memoryStateOf(world)
      assert.equal(state.commit(pending), expected.root)
      assert.deepEqual(state.sizes, expected.sizes)
    }),
  )
})
