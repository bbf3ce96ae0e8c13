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

const signed = signTransaction(UNSIGNED, KEY)

function publish(slots: RecoverySlots, count: number): void {
  for (let i = 0; i < count; i++) slots.publish((out, offset) => writeRecovery(signed, out, offset))
}

function taken(slots: RecoverySlots): number[] {
  return Array.from({ length: SLOTS_MAX + 1 }, () => slots.take()).filter((number) => number >= 0)
}

test('each number is taken once', () => {
  const [main, helper] = twins()
  let next = 0
  for (const count of [1, 2, SLOTS_MAX]) {
    publish(main, count)
    assert.equal(main.untakenCount, count)
    const all = [main.take(), ...taken(helper), ...taken(main)].filter((number) => number >= 0)
    assert.deepEqual(
      all.toSorted((a, b) => a - b),
      Array.from({ length: count }, () => next++),
    )
    for (const number of all) main.work(number)
  }
})

test('what one thread works on another one reads', () => {
  const [main, helper] = twins()
  publish(main, 1)
  main.call(1)
  assert.equal(helper.waitForCall(0), 1)
  assert.equal(main.isDone(0), false)
  helper.work(helper.take())
  assert.equal(main.isDone(0), true)
  const publicKey = main.publicKey(0)
  assert.ok(publicKey)
  assert.equal(publicKeyToAddress(publicKey), privateKeyToAddress(KEY))
})

test('what has nothing to recover has no key', () => {
  const slots = new RecoverySlots()
  slots.publish(() => false)
  assert.equal(slots.isDone(0), false)
  slots.work(slots.take())
  assert.equal(slots.isDone(0), true)
  assert.equal(slots.publicKey(0), undefined)
})

test('a slot is free again when somebody has taken it and is through', () => {
  const slots = new RecoverySlots()
  publish(slots, SLOTS_MAX)
  assert.equal(slots.isFull, true)
  const number = slots.take()
  assert.equal(slots.isFull, true)
  slots.work(number)
  assert.equal(slots.isFull, false)
  slots.publish(() => false)
  assert.equal(slots.isFull, true)
})

test('nobody waits for a call any more once all are stopped', () => {
  const [main, helper] = twins()
  main.stop()
  assert.equal(helper.waitForCall(0), undefined)
})

function twins(): readonly [main: RecoverySlots, helper: RecoverySlots] {
  const main = new RecoverySlots()
  return [main, new RecoverySlots(main.buffer)]
}
