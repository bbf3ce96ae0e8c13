/** Development's changes of state that wait for a block: their order, what a block takes of them, a restart. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WritableLedger } from '../../src/execution/ledger.ts'
import { accountLayer, slotLayer, StateOverlay } from '../../src/node/dev/state-overlay.ts'
import type { StateReader } from '../../src/state/state-reader.ts'
import { addressOf, smallWorld } from '../support/small-world.ts'

const ACCOUNT = addressOf(0xc0de)
const STATE: StateReader = smallWorld(new Map([[ACCOUNT, { balance: 1n }]]))

/** The little of a ledger that an overlay uses. */
function ledgerOf(entries: Map<string, Uint8Array>): WritableLedger {
  const set = (key: string, value: Uint8Array | undefined): void => {
    if (value === undefined) entries.delete(key)
    else entries.set(key, value)
  }
  // The cast: nothing else of it is called.
  return { meta: (key: string) => entries.get(key), setMeta: set } as unknown as WritableLedger
}

function setBalance(overlay: StateOverlay, balance: bigint): void {
  overlay.add(accountLayer(overlay.over(STATE), ACCOUNT, { balance }))
}

function balanceIn(overlay: StateOverlay): bigint | undefined {
  return overlay.over(STATE).account(ACCOUNT)?.balance
}

describe('changes that wait', () => {
  test('are seen at once, the later one over the earlier, each slot for itself', () => {
    const overlay = new StateOverlay(ledgerOf(new Map()))
    setBalance(overlay, 2n)
    for (const slot of [1n, 2n]) overlay.add(slotLayer(overlay.over(STATE), ACCOUNT, slot, slot))
    overlay.add(slotLayer(overlay.over(STATE), ACCOUNT, 1n, 9n))
    setBalance(overlay, 3n)
    assert.equal(balanceIn(overlay), 3n)
    assert.deepEqual(
      [1n, 2n, 3n].map((slot) => overlay.over(STATE).storage(ACCOUNT, slot)),
      [9n, 2n, 0n],
    )
  })

  test('survive a restart one by one', () => {
    const entries = new Map<string, Uint8Array>()
    const overlay = new StateOverlay(ledgerOf(entries))
    for (const balance of [2n, 3n, 4n]) setBalance(overlay, balance)
    const restarted = new StateOverlay(ledgerOf(entries))
    assert.equal(restarted.layerCount, 3)
    assert.equal(balanceIn(restarted), 4n)
  })

  test('enter a block as far as they were there when it was begun; the rest goes on waiting', () => {
    const entries = new Map<string, Uint8Array>()
    const overlay = new StateOverlay(ledgerOf(entries))
    setBalance(overlay, 2n)
    const { layerCount } = overlay
    setBalance(overlay, 3n)
    for (const [key, value] of overlay.metaWith(7n, layerCount)) {
      if (value !== undefined) entries.set(key, value)
    }
    overlay.dropFirst(layerCount)
    assert.equal(overlay.layerCount, 1)
    assert.equal(overlay.before(7n, STATE).account(ACCOUNT)?.balance, 2n, 'what the block began with')
    assert.equal(balanceIn(new StateOverlay(ledgerOf(entries))), 3n)
  })

  test('come back from a snapshot', () => {
    const overlay = new StateOverlay(ledgerOf(new Map()))
    setBalance(overlay, 2n)
    const saved = overlay.save()
    setBalance(overlay, 3n)
    overlay.restore(saved)
    assert.equal(balanceIn(overlay), 2n)
    overlay.clear()
    assert.equal(overlay.diff(), undefined)
  })
})
