/**
 * The three commit states wherever the API speaks of blocks: `latest` is pre-confirmed, `safe` execution-final, `finalized`
 * sealed; and what users are told when a pre-confirmed block is taken back.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import type { JsonRecord } from '../../src/rpc/format.ts'
import type { Subscriber } from '../../src/rpc/subscriptions.ts'
import { CONTRACT, FakeBackend, logOf, signedTransaction, TOPIC } from '../support/fake-backend.ts'
import { consensusWorld } from '../support/consensus-world.ts'
import { rpcWorld, type RpcWorld } from '../support/rpc-client.ts'

const PENDING_NUMBER = '0x5'

/** Four blocks with a log each: two are sealed, three final, four pre-confirmed. */
function threeStates(): RpcWorld {
  const backend = new FakeBackend({ isDevelopment: false })
  for (let nonce = 0n; nonce < 4n; nonce++) {
    backend.addBlock([signedTransaction(nonce)], [[logOf(CONTRACT, TOPIC)]])
  }
  backend.commit('final', 3n)
  backend.commit('sealed', 2n)
  return rpcWorld(backend)
}

const TAGS = [
  ['latest', '0x4', 'preconfirmed'],
  ['safe', '0x3', 'final'],
  ['finalized', '0x2', 'sealed'],
] as const

describe('tags', () => {
  for (const [tag, number, commitState] of TAGS) {
    it(`${tag} is the newest ${commitState} block`, async () => {
      const { backend, call } = threeStates()
      const { hash } = backend.ledger.block(BigInt(number)) ?? assert.fail('no block')
      for (const method of ['eth_getBlockByNumber', 'eth_getHeaderByNumber']) {
        const block = (await call(
          method,
          tag,
          ...(method === 'eth_getBlockByNumber' ? [false] : []),
        )) as JsonRecord
        assert.deepEqual([block['number'], block['hash']], [number, hash], method)
      }
      const block = (await call('eth_getBlockByNumber', tag, false)) as JsonRecord
      assert.equal(block['commitState'], commitState)
      const [receipt] = (await call('eth_getBlockReceipts', tag)) as JsonRecord[]
      assert.deepEqual([receipt?.['blockNumber'], receipt?.['commitState']], [number, commitState])
      assert.equal(await call('eth_getBlockTransactionCountByNumber', tag), '0x1')
      const transaction = (await call('eth_getTransactionByBlockNumberAndIndex', tag, '0x0')) as JsonRecord
      assert.equal(transaction['blockNumber'], number)
      const history = (await call('eth_feeHistory', '0x1', tag, [])) as JsonRecord
      assert.equal(history['oldestBlock'], number)
    })
  }

  it('read the state of their block', async () => {
    const { backend, call } = threeStates()
    const asked: bigint[] = []
    const { stateAt } = backend
    backend.stateAt = (number) => {
      asked.push(number)
      return stateAt.call(backend, number)
    }
    for (const tag of ['latest', 'safe', 'finalized']) {
      await call('eth_getBalance', CONTRACT, tag)
      await call('eth_call', { to: CONTRACT }, tag)
    }
    // The newest state is read as such, with what development put on top.
    assert.deepEqual([...new Set(asked)], [3n, 2n])
  })

  it('bound searches for logs', async () => {
    const { call } = threeStates()
    const numbersOf = async (fromBlock: string, toBlock: string): Promise<unknown[]> =>
      ((await call('eth_getLogs', { fromBlock, toBlock })) as JsonRecord[]).map((log) => log['blockNumber'])
    assert.deepEqual(await numbersOf('0x0', 'finalized'), ['0x1', '0x2'])
    assert.deepEqual(await numbersOf('finalized', 'safe'), ['0x2', '0x3'])
    assert.deepEqual(await numbersOf('safe', 'latest'), ['0x3', '0x4'])
    assert.deepEqual(await numbersOf('latest', 'pending'), ['0x4'])
  })

  it('do not exceed what consensus has settled when the head moves', async () => {
    const { backend, call } = threeStates()
    backend.addBlock()
    assert.equal(
      ((await call('eth_getBlockByNumber', 'latest', false)) as JsonRecord)['number'],
      PENDING_NUMBER,
    )
    assert.equal(((await call('eth_getBlockByNumber', 'safe', false)) as JsonRecord)['number'], '0x3')
  })
})

describe('a log filter', () => {
  const changes = async ({ call }: RpcWorld, id: unknown): Promise<unknown[]> =>
    ((await call('eth_getFilterChanges', id)) as JsonRecord[]).map(({ blockNumber, removed }) => [
      blockNumber,
      removed,
    ])

  it('up to safe or finalized tells of blocks when they are that, and never takes them back', async () => {
    const world = threeStates()
    const { backend, call } = world
    const [latest, safe, finalized] = [
      await call('eth_newFilter', { address: CONTRACT }),
      await call('eth_newFilter', { toBlock: 'safe' }),
      await call('eth_newFilter', { toBlock: 'finalized' }),
    ]
    backend.addBlock([signedTransaction(4n)], [[logOf(CONTRACT)]])
    assert.deepEqual(await changes(world, latest), [['0x5', false]])
    assert.deepEqual(await changes(world, safe), [])
    backend.commit('final', 4n)
    assert.deepEqual(await changes(world, safe), [['0x4', false]])
    assert.deepEqual(await changes(world, finalized), [])
    backend.commit('sealed', 4n)
    assert.deepEqual(await changes(world, finalized), [
      ['0x3', false],
      ['0x4', false],
    ])
    backend.revoke()
    assert.deepEqual(await changes(world, latest), [['0x5', true]])
    for (const id of [safe, finalized]) assert.deepEqual(await changes(world, id), [])
  })

  it('tells of a block that took the place of another after the removal of that', async () => {
    const world = threeStates()
    const { backend, call } = world
    const id = await call('eth_newFilter', {})
    backend.addBlock([signedTransaction(4n)], [[logOf(CONTRACT), logOf(CONTRACT, TOPIC)]])
    backend.revoke()
    backend.addBlock([signedTransaction(5n)], [[logOf(CONTRACT)]])
    const told = (await call('eth_getFilterChanges', id)) as JsonRecord[]
    assert.deepEqual(
      told.map(({ logIndex, removed }) => [logIndex, removed]),
      [
        ['0x0', false],
        ['0x1', false],
        ['0x0', true],
        ['0x1', true],
        ['0x0', false],
      ],
    )
    assert.notEqual(told[0]?.['blockHash'], told.at(-1)?.['blockHash'])
  })
})

/** A client that hears notifications. */
class Listener implements Subscriber {
  readonly told: unknown[] = []

  send(text: string): void {
    const message = JSON.parse(text) as { readonly params?: { readonly result: unknown } }
    if (message.params !== undefined) this.told.push(message.params.result)
  }

  static async subscribe({ dispatcher }: RpcWorld, ...params: readonly unknown[]): Promise<Listener> {
    const listener = new Listener()
    await dispatcher.serve(
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params }),
      listener,
    )
    return listener
  }
}

describe('a subscription', () => {
  it('to aevirNewHeads follows each block from pre-confirmed to sealed, with one hash', async () => {
    const world = threeStates()
    const { backend } = world
    const { told } = await Listener.subscribe(world, 'aevirNewHeads')
    const block = backend.addBlock()
    backend.commit('preconfirmed', 5n)
    backend.commit('final', 5n)
    backend.commit('sealed', 5n)
    const steps = (told as JsonRecord[]).map((head) => [head['number'], head['commitState']])
    assert.deepEqual(steps, [
      ['0x5', 'preconfirmed'],
      ['0x4', 'final'],
      ['0x5', 'final'],
      ['0x3', 'sealed'],
      ['0x4', 'sealed'],
      ['0x5', 'sealed'],
    ])
    for (const { hash, number } of told as JsonRecord[]) if (number === '0x5') assert.equal(hash, block.hash)
  })

  it('to aevirNewHeads tells that a block was taken back, and follows the one in its place', async () => {
    const world = threeStates()
    const { backend } = world
    const { told } = await Listener.subscribe(world, 'aevirNewHeads')
    const first = backend.addBlock([signedTransaction(4n)])
    backend.revoke()
    backend.commit('preconfirmed', 4n)
    const second = backend.addBlock()
    backend.commit('final', 5n)
    const steps = told.map((head) => [(head as JsonRecord)['hash'], (head as JsonRecord)['commitState']])
    assert.deepEqual(steps, [
      [first.hash, 'preconfirmed'],
      [first.hash, 'revoked'],
      [second.hash, 'preconfirmed'],
      [backend.ledger.hashOf(4n), 'final'],
      [second.hash, 'final'],
    ])
  })

  it('to logs tells removals only to those who asked for such logs', async () => {
    const world = threeStates()
    const [one, other] = [
      await Listener.subscribe(world, 'logs', { address: CONTRACT }),
      await Listener.subscribe(world, 'logs', { topics: [`0x${'77'.repeat(32)}`] }),
    ]
    world.backend.revoke()
    assert.deepEqual(
      one.told.map((log) => [(log as JsonRecord)['blockNumber'], (log as JsonRecord)['removed']]),
      [['0x4', true]],
    )
    assert.deepEqual(other.told, [])
  })

  it('to syncing tells when the node falls behind and when it has caught up', async () => {
    const { backend, running } = await consensusWorld()
    const { told } = await Listener.subscribe(rpcWorld(backend), 'syncing')
    backend.addBlock()
    running.isSynced = false
    backend.addBlock()
    backend.addBlock()
    running.isSynced = true
    backend.addBlock()
    const status = { startingBlock: '0x32', currentBlock: '0x34', highestBlock: '0x34' }
    assert.deepEqual(told, [false, { syncing: true, status }, false])
  })
})

describe('a transaction in a block that is taken back', () => {
  const transaction = signedTransaction(4n)

  it('is queued again, and found in its next block', async () => {
    const { backend, call } = threeStates()
    const status = async (): Promise<unknown> =>
      ((await call('aevir_getTransactionStatus', transaction.hash)) as JsonRecord)['status']
    backend.addBlock([transaction])
    assert.equal(await status(), 'preconfirmed')
    backend.revoke()
    backend.addToPool(transaction)
    assert.equal(await status(), 'queued')
    assert.equal(await call('eth_getTransactionReceipt', transaction.hash), null)
    backend.addBlock([transaction])
    assert.equal(await status(), 'preconfirmed')
  })

  it('keeps whoever waits for more than a pre-confirmation waiting', async () => {
    const { backend, call } = threeStates()
    let isOver = false
    const wait = call('aevir_sendRawTransactionAndWait', bytesToHex(transaction.bytes), {
      until: 'final',
    }).then((receipt) => {
      isOver = true
      return receipt
    })
    await new Promise((resolve) => setImmediate(resolve))
    backend.addBlock([transaction])
    backend.revoke()
    backend.addToPool(transaction)
    backend.commit('final', 4n)
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(!isOver)
    const { hash } = backend.addBlock([transaction])
    backend.commit('final', 5n)
    const receipt = (await wait) as JsonRecord
    assert.deepEqual([receipt['blockHash'], receipt['commitState']], [hash, 'final'])
  })
})
