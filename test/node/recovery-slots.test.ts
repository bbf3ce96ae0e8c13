/** Slots of recoveries: each is taken once, by whoever comes, and holds the key that fits or none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_ADDRESS } from '../../src/primitives/bytes.ts'
import { privateKeyToAddress, publicKeyToAddress } from '../../src/primitives/secp256k1.ts'
import { signTransaction, writeRecovery } from '../../src/chain/transaction-signature.ts'
import { RecoverySlots, SLOTS_MAX } from '../../src/node/recovery-slots.ts'

const KEY = new Uint8Array(32).fill(7)
const UNSIGNED = {
  type: 0,
  chainId: 1n,
  nonce: 0n,
  gasPrice: 1n,
  gasLimit: 21_000n,
  to: ZERO_ADDRESS,
  value: 0n,
  data: new Uint8Array(0),
} as const

function open(slots: RecoverySlots, count: number): void {
  const transaction = signTransaction(UNSIGNED, KEY)
  for (let slot = 0; slot < count; slot++) {
    slots.prepare(slot, (out, offset) => writeRecovery(transaction, out, offset))
  }
  slots.open(count, 0)
}

function taken(slots: RecoverySlots): number[] {
  return Array.from({ length: SLOTS_MAX + 1 }, () => slots.take()).filter((slot) => slot >= 0)
}

test('each slot of a round is taken once', () => {
  const [main, helper] = twins()
  for (const count of [1, 2, SLOTS_MAX]) {
    open(main, count)
    const all = [main.take(), ...taken(helper), ...taken(main)].filter((slot) => slot >= 0)
    assert.deepEqual(
      all.toSorted((a, b) => a - b),
      Array.from({ length: count }, (_, slot) => slot),
    )
  }
})

test('what one thread works on another one reads', () => {
  const [main, helper] = twins()
  open(main, 1)
  assert.equal(helper.waitForRound(0), 1)
  assert.equal(main.isDone(0), false)
  helper.work(helper.take())
  assert.equal(main.isDone(0), true)
  const publicKey = main.publicKey(0)
  assert.ok(publicKey)
  assert.equal(publicKeyToAddress(publicKey), privateKeyToAddress(KEY))
})

test('a slot without anything to recover is done at once, without a key', () => {
  const slots = new RecoverySlots()
  slots.prepare(0, () => false)
  slots.open(1, 0)
  assert.equal(slots.isDone(0), true)
  slots.work(slots.take())
  assert.equal(slots.publicKey(0), undefined)
})

test('nobody waits for a round any more once it is stopped', () => {
  const [main, helper] = twins()
  main.stop()
  assert.equal(helper.waitForRound(0), undefined)
})

function twins(): readonly [main: RecoverySlots, helper: RecoverySlots] {
  const main = new RecoverySlots()
  return [main, new RecoverySlots(main.buffer)]
}
