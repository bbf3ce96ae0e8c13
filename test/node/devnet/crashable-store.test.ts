/** What a node does after it was cut off reaches no storage, and the node does not notice. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CrashableLogs, CrashableStore } from '../../../src/node/devnet/crashable-store.ts'
import { MemoryLogs } from '../../../src/node/bft/instance-logs.ts'
import type { WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { committeeOf, voteOf } from '../bft/committee.ts'

const KEY = Uint8Array.of(1)

describe('a store that is cut off', () => {
  test('keeps what was there, and forgets what is written while it says that it did', async () => {
    const inner = new MemoryStore()
    const store = new CrashableStore(inner, async () => undefined)
    store.write((transaction) => transaction.put('meta', KEY, Uint8Array.of(1)))
    store.cut()
    const seen = store.write((transaction) => {
      transaction.put('meta', KEY, Uint8Array.of(2))
      return transaction.get('meta', KEY)
    })
    assert.deepEqual(seen, Uint8Array.of(2))
    await store.close()
    assert.deepEqual(new CrashableStore(inner, () => inner.close()).get('meta', KEY), Uint8Array.of(1))
  })

  test('still tells of a failure within a transaction', () => {
    const store = new CrashableStore(new MemoryStore(), async () => undefined)
    store.cut()
    const failing = (): void => {
      throw new Error('on purpose')
    }
    assert.throws(() => store.write(failing), /on purpose/)
  })
})

describe('logs that are cut off', () => {
  const committee = committeeOf(4)
  const record = (signer: number): WalRecord => ({ kind: 'statement', statement: voteOf(committee, signer) })

  test('confirm nothing any more, and hold what they held', async () => {
    const inner = new MemoryLogs()
    const logs = new CrashableLogs(inner)
    const { log } = await logs.open(committee.context, assert.ifError)
    const confirmed: string[] = []
    log.append([record(0)], () => confirmed.push('before'))
    logs.cut()
    log.append([record(1)], () => confirmed.push('after'))
    log.replace([], () => confirmed.push('after'))
    assert.deepEqual(confirmed, ['before'])
    const { records } = await new CrashableLogs(inner).open(committee.context, assert.ifError)
    assert.deepEqual(records, [record(0)])
  })

  test('are not removed by an epoch that ends then', async () => {
    const inner = new MemoryLogs()
    const logs = new CrashableLogs(inner)
    const opened = await logs.open(committee.context, assert.ifError)
    opened.log.append([record(0)], () => undefined)
    logs.cut()
    await opened.remove()
    assert.equal((await inner.open(committee.context)).records.length, 1)
  })
})
