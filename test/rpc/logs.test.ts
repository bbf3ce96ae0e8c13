/** `eth_getLogs`: what matches, which blocks are searched, and the limits. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { wordToHash, type Address } from '../../src/primitives/bytes.ts'
import type { Log } from '../../src/chain/receipt.ts'
import type { JsonRecord } from '../../src/rpc/format.ts'
import { LOG_ALTERNATIVES_MAX, parseLogFilter, searchLogs } from '../../src/rpc/logs.ts'
import { CONTRACT, FakeBackend, logOf, signedTransaction, TOPIC } from '../support/fake-backend.ts'
import { rpcWorld } from '../support/rpc-client.ts'
import { addressOf } from '../support/small-world.ts'

const OTHER = wordToHash(2n)
const whole = { fromBlock: '0x0', toBlock: 'latest' }
const noTurn = (): Promise<void> => Promise.resolve()

function chainOf(...blocks: readonly (readonly Log[])[]): FakeBackend {
  const backend = new FakeBackend()
  for (const [nonce, logs] of blocks.entries()) {
    backend.addBlock([signedTransaction(BigInt(nonce))], [logs])
  }
  return backend
}

describe('a log', () => {
  const backend = chainOf([logOf(CONTRACT, TOPIC, OTHER)])
  const found = async (filter: object): Promise<boolean> => {
    const logs = await searchLogs(backend.ledger, parseLogFilter({ ...whole, ...filter }, 'filter'), noTurn)
    return logs.length === 1
  }
  const cases: readonly (readonly [object, boolean])[] = [
    [{}, true],
    [{ address: null, topics: null }, true],
    [{ address: CONTRACT }, true],
    [{ address: [] }, true],
    [{ address: [addressOf(1), CONTRACT] }, true],
    [{ address: addressOf(1) }, false],
    [{ topics: [] }, true],
    [{ topics: [TOPIC] }, true],
    [{ topics: [null, OTHER] }, true],
    [{ topics: [[], OTHER] }, true],
    [{ topics: [[OTHER, TOPIC]] }, true],
    [{ topics: [OTHER] }, false],
    [{ topics: [TOPIC, TOPIC] }, false],
    [{ topics: [TOPIC, OTHER, null] }, false],
    [{ address: addressOf(1), topics: [TOPIC] }, false],
  ]
  for (const [filter, isFound] of cases) {
    it(`is ${isFound ? 'found' : 'not found'} by ${JSON.stringify(filter)}`, async () => {
      assert.equal(await found(filter), isFound)
    })
  }

  it('is found exactly when the plain definition says so', async () => {
    const topic = fc.integer({ min: 0, max: 3 }).map((value) => wordToHash(BigInt(value)))
    const address = fc.integer({ min: 1, max: 3 }).map(addressOf)
    const log = fc.record({ address, topics: fc.array(topic, { maxLength: 4 }) })
    const filter = fc.record({
      address: fc.option(fc.uniqueArray(address, { minLength: 1, maxLength: 2 })),
      topics: fc.array(fc.option(fc.uniqueArray(topic, { minLength: 1, maxLength: 2 })), { maxLength: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(log, { maxLength: 4 }), { maxLength: 4 }),
        filter,
        async (blocks, wanted) => {
          const chain = chainOf(...blocks.map((logs) => logs.map((one) => logOf(one.address, ...one.topics))))
          const logs = await searchLogs(
            chain.ledger,
            parseLogFilter({ ...whole, ...wanted }, 'filter'),
            noTurn,
          )
          const expected = blocks.flatMap((all, block) =>
            all.flatMap((one, index) =>
              matchesPlainly(one, wanted) ? [[`0x${block + 1}`, `0x${index}`]] : [],
            ),
          )
          assert.deepEqual(
            logs.map(({ blockNumber, logIndex }) => [blockNumber, logIndex]),
            expected,
          )
        },
      ),
    )
  })
})

function matchesPlainly(
  log: { address: Address; topics: readonly string[] },
  filter: { address: readonly Address[] | null; topics: readonly (readonly string[] | null)[] },
): boolean {
  if (filter.address !== null && !filter.address.includes(log.address)) return false
  return filter.topics.every(
    (set, i) => i < log.topics.length && (set === null || set.includes(log.topics[i] ?? '')),
  )
}

describe('the blocks of a search', () => {
  const numbersOf = (logs: unknown): unknown[] => (logs as JsonRecord[]).map(({ blockNumber }) => blockNumber)
  const world = rpcWorld(chainOf([logOf(CONTRACT)], [logOf(CONTRACT)], [logOf(CONTRACT)]))
  const { backend, call, fail } = world

  it('are the head alone when none are named', async () => {
    assert.deepEqual(numbersOf(await call('eth_getLogs', {})), ['0x3'])
  })

  it('are a range, whose end may lie ahead of the head', async () => {
    assert.deepEqual(numbersOf(await call('eth_getLogs', { fromBlock: '0x2', toBlock: '0x64' })), [
      '0x2',
      '0x3',
    ])
    assert.deepEqual(numbersOf(await call('eth_getLogs', { fromBlock: 'earliest' })), ['0x1', '0x2', '0x3'])
    assert.deepEqual(numbersOf(await call('eth_getLogs', { fromBlock: '0x9', toBlock: '0x64' })), [])
  })

  it('are one by hash', async () => {
    const blockHash = backend.blocks[2]?.hash
    assert.deepEqual(numbersOf(await call('eth_getLogs', { blockHash })), ['0x2'])
    assert.match((await fail('eth_getLogs', { blockHash, fromBlock: '0x1' })).message, /cannot specify both/)
    assert.equal((await fail('eth_getLogs', { blockHash: TOPIC })).code, -32001)
  })

  it('are at most 10,000, and not backwards', async () => {
    const error = await fail('eth_getLogs', { fromBlock: '0x0', toBlock: '0x2710' })
    assert.equal(error.code, -32005)
    assert.match(
      error.message,
      /10001 blocks, at most 10000 can be searched at once; ask for blocks 0 to 9999/,
    )
    assert.deepEqual(numbersOf(await call('eth_getLogs', { fromBlock: '0x1', toBlock: '0x2710' })).length, 3)
    assert.equal((await fail('eth_getLogs', { fromBlock: '0x2', toBlock: '0x1' })).code, -32602)
  })

  it('are searched for at most 1,000 addresses or topics', async () => {
    const addresses = Array.from({ length: LOG_ALTERNATIVES_MAX + 1 }, (_, index) => addressOf(index))
    assert.match(
      (await fail('eth_getLogs', { address: addresses })).message,
      /at most 1000 items are taken, got 1001/,
    )
    assert.deepEqual(await call('eth_getLogs', { address: addresses.slice(1) }), [])
    assert.equal((await fail('eth_getLogs', { topics: [null, null, null, null, null] })).code, -32602)
  })

  it('may go away while they are searched', async () => {
    const chain = new FakeBackend()
    for (let count = 0; count < 600; count++) chain.addBlock()
    const logs = await searchLogs(chain.ledger, parseLogFilter(whole, 'filter'), () => {
      while (chain.blocks.length > 400) chain.revoke()
      return Promise.resolve()
    })
    assert.deepEqual(logs, [])
  })
})
