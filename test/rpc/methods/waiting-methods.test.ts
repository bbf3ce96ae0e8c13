/** Sending and waiting: EIP-7966 and our own, and the status that says how far a transaction has come. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesToHex } from '../../../src/primitives/bytes.ts'
import type { JsonRecord } from '../../../src/rpc/format.ts'
import { SYNC_TIMEOUT_MS } from '../../../src/rpc/methods/eth-transaction.ts'
import { signedTransaction } from '../../support/fake-backend.ts'
import { rpcWorld } from '../../support/rpc-client.ts'

const transaction = signedTransaction(0n)
const raw = bytesToHex(transaction.bytes)
/** Lets everything that can go on do so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('eth_sendRawTransactionSync', () => {
  it('gives the receipt when the transaction is in a block, and lets go of the node', async () => {
    const { backend, call, clock } = rpcWorld()
    const listeners = backend.listeners.size
    const receipt = call('eth_sendRawTransactionSync', raw)
    await settled()
    assert.equal(backend.listeners.size, listeners + 1)
    backend.addBlock([transaction])
    assert.equal(((await receipt) as JsonRecord)['transactionHash'], transaction.hash)
    assert.equal(backend.listeners.size, listeners)
    assert.equal(clock.scheduledCount, 0)
  })

  it('gives it at once when sending mines', async () => {
    const { backend, call } = rpcWorld()
    backend.onSubmit = () => backend.addBlock([transaction])
    assert.equal(((await call('eth_sendRawTransactionSync', raw, 500)) as JsonRecord)['blockNumber'], '0x1')
  })

  for (const [timeout, expectedMs] of [
    [undefined, SYNC_TIMEOUT_MS],
    [500, 500],
    ['0x1f4', 500],
    [0, SYNC_TIMEOUT_MS],
    [3_600_000, SYNC_TIMEOUT_MS],
  ] as const) {
    it(`waits ${expectedMs} ms when asked for ${timeout}`, async () => {
      const { clock, fail } = rpcWorld()
      let isOver = false
      const failure = fail('eth_sendRawTransactionSync', raw, timeout).finally(() => {
        isOver = true
      })
      await settled()
      clock.advance(expectedMs - 1)
      await settled()
      assert.ok(!isOver)
      clock.advance(1)
      const { code, data, message } = await failure
      assert.deepEqual([code, data], [4, transaction.hash])
      assert.match(message, /was added to the mempool but wasn't processed in/)
    })
  }

  it('says so when the transaction waits for an earlier one', async () => {
    const { fail } = rpcWorld()
    const later = signedTransaction(9n)
    const error = await fail('eth_sendRawTransactionSync', bytesToHex(later.bytes))
    assert.deepEqual([error.code, error.data], [5, later.hash])
    assert.match(error.message, /nonce too high: .* waits for nonce 1, it has 9/)
  })

  it('does not wait for a transaction that the pool gave up', async () => {
    const { backend, fail } = rpcWorld()
    const failure = fail('eth_sendRawTransactionSync', raw)
    await settled()
    backend.pooled.delete(transaction.hash)
    backend.droppedReasons.set(transaction.hash, 'replaced')
    backend.addBlock()
    assert.match((await failure).message, /was dropped from the pool: replaced/)
  })
})

describe('aevir_sendRawTransactionAndWait', () => {
  it('waits until the commit state that is asked for', async () => {
    const { backend, call } = rpcWorld()
    let receipt: JsonRecord | undefined
    const wait = call('aevir_sendRawTransactionAndWait', raw, { until: 'sealed' }).then((result) => {
      receipt = result as JsonRecord
      return receipt
    })
    await settled()
    backend.addBlock([transaction])
    backend.commit('final', 1n)
    await settled()
    assert.equal(receipt, undefined)
    backend.commit('sealed', 1n)
    assert.equal((await wait)['commitState'], 'sealed')
  })

  it('says how far the transaction has come when time is up', async () => {
    const { backend, clock, fail } = rpcWorld()
    const failure = fail('aevir_sendRawTransactionAndWait', raw, { until: 'final', timeoutMs: 100 })
    await settled()
    backend.addBlock([transaction])
    clock.advance(100)
    const { code, data, message } = await failure
    assert.deepEqual([code, data], [4, transaction.hash])
    assert.match(message, /is preconfirmed after 100 ms, not yet final/)
  })

  it('takes known states and bounded times only', async () => {
    const { fail } = rpcWorld()
    assert.equal((await fail('aevir_sendRawTransactionAndWait', raw, { until: 'soon' })).code, -32602)
    assert.equal((await fail('aevir_sendRawTransactionAndWait', raw, { timeoutMs: 60_001 })).code, -32602)
  })
})

describe('aevir_getTransactionStatus', () => {
  it('follows a transaction', async () => {
    const { backend, call } = rpcWorld()
    const status = (): Promise<unknown> => call('aevir_getTransactionStatus', transaction.hash)
    assert.deepEqual(await status(), { status: 'unknown' })
    backend.addToPool(transaction)
    assert.deepEqual(await status(), { status: 'queued' })
    const block = backend.addBlock([transaction])
    const place = { blockNumber: '0x1', blockHash: block.hash, transactionIndex: '0x0' }
    assert.deepEqual(await status(), { status: 'preconfirmed', ...place })
    backend.commit('final', 1n)
    assert.deepEqual(await status(), { status: 'final', ...place })
    backend.commit('sealed', 1n)
    assert.deepEqual(await status(), { status: 'sealed', ...place })
  })

  it('says why one is gone', async () => {
    const { backend, call } = rpcWorld()
    backend.droppedReasons.set(transaction.hash, 'evicted')
    assert.deepEqual(await call('aevir_getTransactionStatus', transaction.hash), {
      status: 'dropped',
      reason: 'evicted',
    })
  })
})
