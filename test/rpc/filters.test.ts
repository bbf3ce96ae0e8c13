/** Filters that are polled: what they collect, when they go, and how many there can be. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonRecord } from '../../src/rpc/format.ts'
import {
  FILTER_CHANGES_MAX,
  FILTER_IDLE_MS,
  FILTERS_OVER_HTTP_MAX,
  FILTERS_PER_CONNECTION_MAX,
  Filters,
} from '../../src/rpc/filters.ts'
import { CONTRACT, FakeBackend, logOf, signedTransaction, TOPIC } from '../support/fake-backend.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { rpcWorld } from '../support/rpc-client.ts'

describe('a filter', () => {
  it('of blocks gives the hashes since the last poll', async () => {
    const { backend, call } = rpcWorld()
    const id = await call('eth_newBlockFilter')
    const [first, second] = [backend.addBlock(), backend.addBlock()]
    assert.deepEqual(await call('eth_getFilterChanges', id), [first.hash, second.hash])
    assert.deepEqual(await call('eth_getFilterChanges', id), [])
  })

  it('of pending transactions gives hashes, or bodies', async () => {
    const { backend, call } = rpcWorld()
    const [hashes, bodies] = [
      await call('eth_newPendingTransactionFilter'),
      await call('eth_newPendingTransactionFilter', true),
    ]
    const { hash } = signedTransaction(0n)
    backend.addToPool(signedTransaction(0n))
    assert.deepEqual(await call('eth_getFilterChanges', hashes), [hash])
    const [body] = (await call('eth_getFilterChanges', bodies)) as JsonRecord[]
    assert.deepEqual([body?.['hash'], body?.['blockHash']], [hash, null])
  })

  it('of logs gives matching ones, and again as removed when their block is taken back', async () => {
    const { backend, call } = rpcWorld()
    const id = await call('eth_newFilter', { address: CONTRACT, topics: [TOPIC] })
    backend.addBlock([signedTransaction(0n)], [[logOf(CONTRACT), logOf(CONTRACT, TOPIC)]])
    const [log, ...others] = (await call('eth_getFilterChanges', id)) as JsonRecord[]
    assert.deepEqual([log?.['logIndex'], log?.['removed'], others.length], ['0x1', false, 0])
    backend.revoke()
    assert.deepEqual(await call('eth_getFilterChanges', id), [{ ...log, removed: true }])
  })

  it('of logs can be asked for all it finds on the chain', async () => {
    const { backend, call, fail } = rpcWorld()
    backend.addBlock([signedTransaction(0n)], [[logOf(CONTRACT)]])
    const id = await call('eth_newFilter', { fromBlock: '0x0', toBlock: 'latest' })
    assert.equal(((await call('eth_getFilterLogs', id)) as unknown[]).length, 1)
    const error = await fail('eth_getFilterLogs', await call('eth_newBlockFilter'))
    assert.match(error.message, /is not a log filter/)
  })

  it('of logs keeps to the blocks it names', async () => {
    const { backend, call } = rpcWorld()
    const id = await call('eth_newFilter', { fromBlock: '0x2', toBlock: '0x2' })
    for (let nonce = 0n; nonce < 3n; nonce++) {
      backend.addBlock([signedTransaction(nonce)], [[logOf(CONTRACT)]])
    }
    const changes = (await call('eth_getFilterChanges', id)) as JsonRecord[]
    assert.deepEqual(
      changes.map(({ blockNumber }) => blockNumber),
      ['0x2'],
    )
  })

  it('can be removed', async () => {
    const { call, fail } = rpcWorld()
    const id = await call('eth_newBlockFilter')
    assert.equal(await call('eth_uninstallFilter', id), true)
    assert.equal(await call('eth_uninstallFilter', id), false)
    assert.match((await fail('eth_getFilterChanges', id)).message, /^filter not found/)
  })
})

describe('bounds of filters', () => {
  it('who does not poll loses the filter, who polls keeps it', async () => {
    const { call, clock, dispatcher, fail } = rpcWorld()
    const [idle, polled] = [await call('eth_newBlockFilter'), await call('eth_newBlockFilter')]
    for (let minutes = 0; minutes < 8; minutes++) {
      clock.advance(60_000)
      await call('eth_getFilterChanges', polled)
    }
    assert.match((await fail('eth_getFilterChanges', idle)).message, /was not polled for 5 minutes/)
    assert.deepEqual(await call('eth_getFilterChanges', polled), [])
    dispatcher.close()
    assert.equal(clock.scheduledCount, 0)
  })

  it('idle filters go by themselves', () => {
    const clock = new ManualClock()
    const filters = new Filters(clock, new FakeBackend().ledger)
    filters.add({ kind: 'blocks' }, undefined)
    clock.advance(FILTER_IDLE_MS)
    assert.equal(filters.count, 0)
    assert.equal(clock.scheduledCount, 0)
  })

  it('there are only so many, by connection and over HTTP', () => {
    const filters = new Filters(new ManualClock(), new FakeBackend().ledger)
    const owners: readonly (readonly [object | undefined, number])[] = [
      [{}, FILTERS_PER_CONNECTION_MAX],
      [{}, FILTERS_PER_CONNECTION_MAX],
      [undefined, FILTERS_OVER_HTTP_MAX],
    ]
    for (const [owner, max] of owners) {
      for (let count = 0; count < max; count++) filters.add({ kind: 'blocks' }, owner)
      assert.throws(() => filters.add({ kind: 'blocks' }, owner), /too many filters: \d+ of \d+ are in use/)
    }
    for (const [owner] of owners) if (owner !== undefined) filters.removeOwner(owner)
    assert.equal(filters.count, FILTERS_OVER_HTTP_MAX)
  })

  it('one that is never read does not grow without bound', async () => {
    const { backend, call, fail } = rpcWorld()
    const id = await call('eth_newPendingTransactionFilter')
    const pooled = backend.addToPool(signedTransaction(0n))
    for (let count = 0; count < FILTER_CHANGES_MAX; count++) backend.emit({ kind: 'transaction', pooled })
    assert.match((await fail('eth_getFilterChanges', id)).message, /had more than 10000 changes/)
  })

  it('ids cannot be guessed and differ', () => {
    const filters = new Filters(new ManualClock(), new FakeBackend().ledger)
    const ids = Array.from({ length: 100 }, () => filters.add({ kind: 'blocks' }, undefined))
    assert.equal(new Set(ids).size, ids.length)
    for (const id of ids) assert.match(id, /^0x[1-9a-f][0-9a-f]{31}$/)
  })
})
