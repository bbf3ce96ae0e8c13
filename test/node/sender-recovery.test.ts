/** Senders are found whatever way a transaction takes: a few at once, or many together, before the thread is up and after. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { privateKeyToAddress } from '../../src/primitives/secp256k1.ts'
import { bigintToFixedBytes, ZERO_ADDRESS, type Address } from '../../src/primitives/bytes.ts'
import { transactionFromFields } from '../../src/chain/transaction-codec.ts'
import { signTransaction } from '../../src/chain/transaction-signature.ts'
import type { Transaction } from '../../src/chain/transaction.ts'
import { SenderRecovery } from '../../src/node/sender-recovery.ts'

/** Enough that the thread is asked. */
const MANY = 40
const ROUNDS = 60

interface Signed {
  readonly transaction: Transaction
  readonly sender: Address | undefined
}

function signedBy(index: number): Signed {
  const key = bigintToFixedBytes(BigInt(index + 1), 32)
  const fields = {
    type: 0,
    chainId: 1n,
    nonce: 0n,
    gasPrice: 1n,
    gasLimit: 21_000n,
    to: ZERO_ADDRESS,
    value: BigInt(index),
    data: new Uint8Array(0),
  } as const
  return { transaction: signTransaction(fields, key), sender: privateKeyToAddress(key) }
}

/** No point has this r. */
function unsigned(): Signed {
  const { fields } = signedBy(0).transaction
  return { transaction: transactionFromFields({ ...fields, r: 0n }), sender: undefined }
}

test('finds the sender of each transaction', async () => {
  const recovery = new SenderRecovery()
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const count = [1, 3, MANY][round % 3] ?? 1
      const signed = [...Array.from({ length: count }, (_, index) => signedBy(index)), unsigned()]
      const senders = await recovery.recoverAll(signed.map(({ transaction }) => transaction))
      assert.deepEqual(
        senders,
        signed.map(({ sender }) => sender),
      )
      // The thread comes up in one of these turns.
      await setImmediate()
    }
  } finally {
    await recovery.close()
  }
})

test('tells senders in the order of arrival, however many come while others are worked on', async () => {
  const recovery = new SenderRecovery()
  const signed = Array.from({ length: 2000 }, (_, index) => (index % 50 === 7 ? unsigned() : signedBy(index)))
  const told: number[] = []
  const ask = async (index: number): Promise<void> => {
    const { transaction, sender } = signed[index] as Signed
    assert.equal(await recovery.recover(transaction), sender)
    told.push(index)
  }
  try {
    while (!recovery.hasThread) {
      await recovery.recoverAll(signed.slice(0, MANY).map(({ transaction }) => transaction))
      await setImmediate()
    }
    const asked: Promise<void>[] = []
    for (let arrived = 0, size = 1; arrived < signed.length; size = size === 1 ? 900 : size - 153) {
      for (let i = 0; i < Math.max(1, size) && arrived < signed.length; i++) asked.push(ask(arrived++))
      await setImmediate()
    }
    await Promise.all(asked)
    assert.deepEqual(told, [...signed.keys()])
  } finally {
    await recovery.close()
  }
})

test('needs no thread for a few at a time', async () => {
  const recovery = new SenderRecovery()
  const { transaction, sender } = signedBy(1)
  for (let round = 0; round < ROUNDS; round++) assert.equal(await recovery.recover(transaction), sender)
  assert.equal(recovery.hasThread, false)
  await recovery.close()
})

test('leaves nobody waiting when it is closed', async () => {
  const recovery = new SenderRecovery()
  const { transaction } = signedBy(1)
  const ask = (): Promise<PromiseSettledResult<Address | undefined>[]> =>
    Promise.allSettled(Array.from({ length: MANY }, () => recovery.recover(transaction)))
  while (!recovery.hasThread) {
    await ask()
    await setImmediate()
  }
  const asked = ask()
  await recovery.close()
  assert.ok((await asked).every(({ status }) => status === 'rejected'))
})
