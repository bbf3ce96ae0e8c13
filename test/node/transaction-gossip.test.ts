/** Transactions between nodes: together where they come together, once for all nodes of a process, judged by what they are. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import type { Transaction } from '../../src/chain/transaction.ts'
import { TOPICS } from '../../src/network/topics.ts'
import { SenderRecovery } from '../../src/node/sender-recovery.ts'
import { TransactionDecoder, TransactionGossip } from '../../src/node/transaction-gossip.ts'
import { PoolError, type PooledTransaction, type PoolRefusal } from '../../src/pool/transaction-pool.ts'
import type { Hash } from '../../src/primitives/bytes.ts'
import { decodeRlp, encodeRlp } from '../../src/primitives/rlp.ts'
import { transfer } from '../support/transfer.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { addressOf } from '../support/small-world.ts'

function messageOf(repetition: number, ...transactions: readonly Uint8Array[]): Uint8Array {
  return encodeRlp([repetition === 0 ? new Uint8Array(0) : Uint8Array.of(repetition), ...transactions])
}

describe('gossip of transactions', () => {
  const clock = new ManualClock()
  let senders: SenderRecovery
  let gossip: TransactionGossip
  let refusal: PoolRefusal | undefined
  let sendToExecutors: (bytes: Uint8Array) => boolean
  const published: Uint8Array[] = []
  const admitted: Transaction[] = []
  const pool = new Map<Hash, PooledTransaction>()

  beforeEach(() => {
    published.length = 0
    admitted.length = 0
    pool.clear()
    refusal = undefined
    sendToExecutors = () => false
    senders = new SenderRecovery()
    gossip = new TransactionGossip({
      network: { publish: (_, bytes) => published.push(bytes) },
      sendToExecutors: (bytes) => sendToExecutors(bytes),
      clock,
      decoder: new TransactionDecoder(senders),
      pool,
      admit: (transaction) => {
        if (refusal !== undefined) throw new PoolError(refusal, 'refused')
        admitted.push(transaction)
      },
    })
  })
  afterEach(async () => {
    gossip.stop()
    await senders.close()
  })

  const countsOf = (): number[] => published.map((bytes) => decodeRlp(bytes).length - 1)

  test('sends the first at once and those that follow together, as large as a message may be', () => {
    for (let nonce = 0n; nonce < 600n; nonce++) gossip.announce(transfer(nonce))
    assert.deepEqual(countsOf(), [1])
    clock.advance(20)
    assert.deepEqual(countsOf(), [1, 512, 87])
    assert.ok(published.every(({ length }) => length <= TOPICS.transactions.messageSizeMax))
  })

  test('sends to executors alone while one is reached, but repeats to all', () => {
    let isReached = true
    const direct: Uint8Array[] = []
    sendToExecutors = (bytes) => isReached && direct.push(bytes) > 0
    const [first, second] = [transfer(0n), transfer(1n)]
    gossip.announce(first)
    assert.equal(direct.length, 1)
    assert.deepEqual(countsOf(), [])
    isReached = false
    clock.advance(20)
    gossip.announce(second)
    assert.equal(direct.length, 1)
    assert.deepEqual(countsOf(), [1])
    for (const transaction of [first, second]) {
      pool.set(transaction.hash, { transaction, sender: addressOf(1), arrival: 0 })
    }
    isReached = true
    clock.advance(20_000)
    assert.equal(published.length, 2)
  })

  test('repeats own transactions while they wait', () => {
    const [waiting, mined] = [transfer(0n), transfer(1n)]
    gossip.announce(waiting)
    gossip.announce(mined)
    pool.set(waiting.hash, { transaction: waiting, sender: addressOf(1), arrival: 0 })
    clock.advance(20_000)
    assert.deepEqual(published.at(-1), messageOf(1, waiting.bytes))
    const count = published.length
    pool.clear()
    clock.advance(60_000)
    assert.equal(published.length, count)
  })

  test('repeats them soon when a peer comes that may not know them', () => {
    const waiting = transfer(0n)
    gossip.announce(waiting)
    pool.set(waiting.hash, { transaction: waiting, sender: addressOf(1), arrival: 0 })
    gossip.onPeerUp()
    clock.advance(500)
    gossip.onPeerUp()
    clock.advance(500)
    assert.deepEqual(published, [messageOf(0, waiting.bytes), messageOf(1, waiting.bytes)])
  })

  test('passes on what the pool takes', async () => {
    const message = messageOf(0, transfer(0n).bytes, transfer(1n).bytes)
    assert.equal(await gossip.receive(message), 'accept')
    assert.deepEqual(
      admitted.map(({ hash }) => hash),
      [transfer(0n).hash, transfer(1n).hash],
    )
    assert.deepEqual(published, [])
  })

  for (const [reason, verdict] of [
    ['alreadyKnown', 'ignore'],
    ['nonceTooLow', 'ignore'],
    ['poolFull', 'ignore'],
    ['insufficientFunds', 'ignore'],
    ['wrongChainId', 'reject'],
    ['intrinsicGasTooLow', 'reject'],
  ] as const) {
    test(`says ${verdict} when the pool says ${reason}`, async () => {
      refusal = reason
      assert.equal(await gossip.receive(messageOf(0, transfer(0n).bytes)), verdict)
    })
  }

  test('rejects what is no message, and what nobody signed', async () => {
    const good = transfer(0n)
    const unsigned = good.bytes.slice()
    // The last 32 bytes are s: above half of the order it is no signature (EIP-2).
    unsigned.fill(0xff, -32)
    for (const bytes of [
      new Uint8Array(0),
      encodeRlp([]),
      messageOf(0),
      messageOf(0, Uint8Array.of(1)),
      encodeRlp([Uint8Array.of(0), good.bytes]),
      encodeRlp([new Uint8Array(5).fill(1), good.bytes]),
      encodeRlp([new Uint8Array(0), [good.bytes]]),
      encodeRlp([good.bytes]),
      good.bytes,
      messageOf(0, ...Array<Uint8Array>(513).fill(good.bytes)),
      messageOf(0, unsigned),
    ]) {
      assert.equal(await gossip.receive(bytes), 'reject')
    }
    assert.deepEqual(admitted, [])
  })

  test('never fails for bytes of others', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const message = messageOf(0, transfer(0n).bytes, transfer(1n).bytes)
        const offset = at % message.length
        message[offset] = (message[offset] ?? 0) ^ mask
        await gossip.receive(message)
      }),
    ))

  test('decodes once for all nodes of a process', async () => {
    const decoder = new TransactionDecoder(senders)
    const message = messageOf(0, transfer(0n).bytes)
    assert.equal(await decoder.decode(message), await decoder.decode(message))
  })
})
