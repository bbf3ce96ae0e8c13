/** Reading the chain: tags, pending data, members of our own, and what is not there. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeBlock, decodeHeader } from '../../../src/chain/block-codec.ts'
import { decodeReceipt } from '../../../src/chain/receipt-codec.ts'
import { hexToBytes, toAddress, wordToHash, type Address, type Hash } from '../../../src/primitives/bytes.ts'
import type { JsonRecord } from '../../../src/rpc/format.ts'
import { verifyAccountProof } from '../../../src/state/proof.ts'
import type { AccountProof } from '../../../src/state/state-reader.ts'
import { CONTRACT, FakeBackend, logOf, SENDER, signedTransaction, TOPIC } from '../../support/fake-backend.ts'
import { rpcWorld } from '../../support/rpc-client.ts'

const NOBODY = toAddress(`0x${'00'.repeat(19)}99`)

describe('accounts', () => {
  const { backend, call, fail } = rpcWorld()

  it('have balance, nonce, code and storage', async () => {
    assert.equal(await call('eth_getBalance', CONTRACT, 'latest'), '0x3e8')
    assert.equal(await call('eth_getBalance', CONTRACT), '0x3e8')
    assert.equal(await call('eth_getTransactionCount', CONTRACT, '0x0'), '0x1')
    assert.equal(await call('eth_getCode', CONTRACT, { blockHash: backend.ledger.headHash() }), '0x6001')
    assert.equal(await call('eth_getStorageAt', CONTRACT, '0x0', 'latest'), wordToHash(28n))
  })

  it('that do not exist are empty', async () => {
    assert.equal(await call('eth_getBalance', NOBODY, 'latest'), '0x0')
    assert.equal(await call('eth_getTransactionCount', NOBODY, 'latest'), '0x0')
    assert.equal(await call('eth_getCode', NOBODY, 'latest'), '0x')
    assert.equal(await call('eth_getStorageAt', NOBODY, wordToHash(1n), 'latest'), wordToHash(0n))
  })

  it('have a pending nonce with the queue counted in', async () => {
    const own = rpcWorld()
    own.backend.addToPool(signedTransaction(0n))
    assert.equal(await own.call('eth_getTransactionCount', SENDER, 'pending'), '0x1')
    assert.equal(await own.call('eth_getTransactionCount', SENDER, 'latest'), '0x0')
  })

  it('are told only of blocks that exist and states that are kept', async () => {
    assert.equal((await fail('eth_getBalance', CONTRACT, '0x9')).code, -32001)
    const pruned = rpcWorld()
    pruned.backend.addBlock()
    pruned.backend.oldestState = 1n
    const error = await pruned.fail('eth_getBalance', CONTRACT, '0x0')
    assert.equal(error.code, 4444)
    assert.match(error.message, /the node keeps it from block 1 on .*--history/)
  })

  it('are proven', async () => {
    const keys = ['0x00', wordToHash(5n)]
    const proof = (await call('eth_getProof', CONTRACT, keys, 'latest')) as {
      balance: string
      nonce: string
      codeHash: Hash
      storageHash: Hash
      accountProof: AccountProof['accountProof']
      storageProof: { key: string; value: string; proof: AccountProof['accountProof'] }[]
    }
    assert.deepEqual(
      proof.storageProof.map(({ key, value }) => [key, value]),
      [
        ['0x0', '0x1c'],
        [wordToHash(5n), '0x0'],
      ],
    )
    verifyAccountProof(backend.state.root, CONTRACT, {
      account: {
        nonce: BigInt(proof.nonce),
        balance: BigInt(proof.balance),
        storageRoot: proof.storageHash,
        codeHash: proof.codeHash,
      },
      accountProof: proof.accountProof,
      storageProof: proof.storageProof.map(({ key, value, proof: nodes }) => ({
        slot: BigInt(key),
        value: BigInt(value),
        proof: nodes,
      })),
    })
  })

  it('have storage keys of up to 32 bytes', async () => {
    for (const key of [`0x${'0'.repeat(65)}`, '0xasdf', 'x']) {
      const error = await fail('eth_getStorageAt', CONTRACT, key, 'latest')
      assert.equal(error.code, -32000)
      assert.match(error.message, /unable to decode storage key/)
    }
  })
})

describe('blocks', () => {
  const backend = new FakeBackend()
  const transaction = signedTransaction(0n)
  const block = backend.addBlock([transaction], [[logOf(CONTRACT, TOPIC)]])
  backend.addBlock()
  backend.addBlock()
  backend.commit('final', 2n)
  backend.commit('sealed', 1n)
  const { call, fail } = rpcWorld(backend)
  const get = async (...params: unknown[]): Promise<JsonRecord> =>
    (await call('eth_getBlockByNumber', ...params)) as JsonRecord

  it('are found by tag, and carry how far consensus has come with them', async () => {
    const expected = { latest: '0x3', safe: '0x2', finalized: '0x1', earliest: '0x0' }
    for (const [tag, number] of Object.entries(expected)) assert.equal((await get(tag))['number'], number)
    assert.equal((await get('latest'))['commitState'], 'preconfirmed')
    assert.equal((await get('safe'))['commitState'], 'final')
    assert.equal((await get('finalized'))['commitState'], 'sealed')
    const receipt = (await call('eth_getTransactionReceipt', transaction.hash)) as JsonRecord
    assert.equal(receipt['commitState'], 'sealed')
  })

  it('have no members of our own where those are turned off', async () => {
    const plain = rpcWorld(backend, { commitStates: false })
    for (const method of ['eth_getBlockByNumber', 'eth_getHeaderByNumber']) {
      assert.ok(!('commitState' in ((await plain.call(method, '0x1')) as JsonRecord)))
    }
    const [receipt] = (await plain.call('eth_getBlockReceipts', '0x1')) as JsonRecord[]
    assert.ok(receipt !== undefined && !('commitState' in receipt))
  })

  it('hold hashes or bodies', async () => {
    assert.deepEqual((await get('0x1', false))['transactions'], [transaction.hash])
    const [body] = (await get('0x1', true))['transactions'] as JsonRecord[]
    assert.deepEqual(body, await call('eth_getTransactionByHash', transaction.hash))
    assert.deepEqual(body, await call('eth_getTransactionByBlockHashAndIndex', block.hash, '0x0'))
    assert.equal(body?.['gasPrice'], `0x${1_000_000_002n.toString(16)}`)
  })

  it('that are pending have no hash, and their transactions no block', async () => {
    const own = rpcWorld()
    own.backend.addToPool(transaction)
    const pending = (await own.call('eth_getBlockByNumber', 'pending', true)) as JsonRecord
    assert.deepEqual(
      [pending['hash'], pending['nonce'], pending['miner'], pending['number']],
      [null, null, null, '0x1'],
    )
    const [body] = pending['transactions'] as JsonRecord[]
    assert.deepEqual([body?.['hash'], body?.['blockHash']], [transaction.hash, null])
    assert.ok(!('commitState' in pending))
    assert.deepEqual(body, await own.call('eth_getTransactionByHash', transaction.hash))
  })

  it('that do not exist are null, also what would be in them', async () => {
    const unknown = wordToHash(1n)
    for (const [method, ...params] of [
      ['eth_getBlockByNumber', '0x9'],
      ['eth_getBlockByHash', unknown],
      ['eth_getBlockReceipts', '0x9'],
      ['eth_getHeaderByHash', unknown],
      ['eth_getBlockTransactionCountByNumber', '0x9'],
      ['eth_getBlockTransactionCountByHash', unknown],
      ['eth_getTransactionByHash', unknown],
      ['eth_getTransactionReceipt', unknown],
      ['eth_getTransactionByBlockNumberAndIndex', '0x1', '0x1'],
      ['eth_getTransactionByBlockNumberAndIndex', '0x9', '0x0'],
      ['eth_getRawTransactionByHash', unknown],
      ['eth_getUncleByBlockNumberAndIndex', '0x1', '0x0'],
      ['eth_getUncleCountByBlockNumber', '0x9'],
    ] as const) {
      assert.equal(await call(method, ...params), null, method)
    }
    assert.equal(await call('eth_getUncleCountByBlockNumber', '0x1'), '0x0')
    assert.equal((await fail('debug_getRawBlock', '0x9')).code, -32001)
  })

  it('have their bytes', async () => {
    const raw = async (method: string, param: string): Promise<Uint8Array> =>
      hexToBytes((await call(method, param)) as string)
    assert.equal(decodeBlock(await raw('debug_getRawBlock', '0x1')).hash, block.hash)
    assert.deepEqual(decodeHeader(await raw('debug_getRawHeader', block.hash)), block.header)
    assert.deepEqual(await raw('debug_getRawTransaction', transaction.hash), transaction.bytes)
    const [receipt] = (await call('debug_getRawReceipts', '0x1')) as string[]
    assert.equal(decodeReceipt(hexToBytes(receipt ?? '')).logs.length, 1)
  })

  it('have receipts that agree with each other', async () => {
    const [receipt] = (await call('eth_getBlockReceipts', '0x1')) as JsonRecord[]
    assert.deepEqual(receipt, await call('eth_getTransactionReceipt', transaction.hash))
    assert.deepEqual(await call('eth_getLogs', { blockHash: block.hash }), receipt?.['logs'])
    assert.deepEqual([receipt?.['status'], receipt?.['from'], receipt?.['to']], ['0x1', SENDER, CONTRACT])
  })
})

describe('the pool', () => {
  it('is shown by sender and nonce', async () => {
    const { backend, call } = rpcWorld()
    const { hash } = backend.addToPool(signedTransaction(0n)).transaction
    assert.deepEqual(await call('txpool_status'), { pending: '0x1', queued: '0x0' })
    const content = (await call('txpool_content')) as { pending: Record<Address, Record<string, JsonRecord>> }
    assert.equal(content.pending[SENDER]?.['0']?.['hash'], hash)
    assert.deepEqual(await call('txpool_contentFrom', SENDER), {
      pending: content.pending[SENDER],
      queued: {},
    })
    assert.deepEqual(await call('txpool_inspect'), {
      pending: { [SENDER]: { '0': `${CONTRACT}: 5 wei + 21000 gas × 2000000000 wei` } },
      queued: {},
    })
    assert.deepEqual(
      ((await call('eth_pendingTransactions')) as JsonRecord[]).map((pooled) => pooled['hash']),
      [hash],
    )
  })
})

describe('the node', () => {
  it('says who it is', async () => {
    const { call } = rpcWorld()
    assert.equal(await call('eth_chainId'), '0x7a69')
    assert.equal(await call('net_version'), '31337')
    assert.equal(await call('net_listening'), true)
    assert.equal(await call('web3_clientVersion'), 'Aevir/0.0.0/test')
    assert.equal(await call('eth_syncing'), false)
    assert.deepEqual(await call('eth_accounts'), [SENDER])
    assert.equal(
      await call('web3_sha3', '0x68656c6c6f'),
      '0x1c8aff950685c2ed4bc3174f3472287b56d9517b9c948127319a09a7a36deac8',
    )
    assert.equal(((await call('rpc_modules')) as JsonRecord)['evm'], '1.0')
    const closed = rpcWorld(new FakeBackend({ isDevelopment: false }))
    assert.ok(!('evm' in ((await closed.call('rpc_modules')) as JsonRecord)))
  })

  it('lists the rules of its forks and its precompiles (EIP-7910)', async () => {
    const { call } = rpcWorld()
    const { current, next, last } = (await call('eth_config')) as {
      current: JsonRecord & { precompiles: JsonRecord; systemContracts: JsonRecord }
      next: unknown
      last: unknown
    }
    assert.deepEqual([next, last], [null, null])
    assert.deepEqual(current['blobSchedule'], { baseFeeUpdateFraction: 5_007_716, max: 9, target: 6 })
    assert.deepEqual([current['activationTime'], current['chainId']], [0, '0x7a69'])
    assert.match(JSON.stringify(current['forkId']), /^"0x[0-9a-f]{8}"$/)
    assert.equal(current.precompiles['ECREC'], `0x${'00'.repeat(19)}01`)
    assert.equal(current.precompiles['P256VERIFY'], `0x${'00'.repeat(18)}0100`)
    assert.deepEqual(Object.keys(current.systemContracts), [
      'BEACON_ROOTS_ADDRESS',
      'CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS',
      'HISTORY_STORAGE_ADDRESS',
      'WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS',
    ])
  })

  it('tells how far back it can answer', async () => {
    const { backend, call } = rpcWorld()
    backend.addBlock()
    backend.oldestState = 1n
    const { head, state, blocks } = (await call('eth_capabilities')) as Record<string, JsonRecord>
    assert.deepEqual(head, { number: '0x1', hash: backend.ledger.headHash() })
    assert.equal(state?.['oldestBlock'], '0x1')
    assert.equal(blocks?.['oldestBlock'], '0x0')
  })
})

describe('fees', () => {
  it('are what the next block asks for, and what recent ones took', async () => {
    const { backend, call } = rpcWorld()
    // The empty head lowers the base fee by an eighth.
    assert.equal(await call('eth_baseFee'), `0x${875_000_000n.toString(16)}`)
    assert.equal(await call('eth_maxPriorityFeePerGas'), '0x3b9aca00')
    assert.equal(await call('eth_gasPrice'), `0x${1_875_000_000n.toString(16)}`)
    assert.equal(await call('eth_blobBaseFee'), '0x1')
    backend.addBlock([signedTransaction(0n)])
    assert.equal(await call('eth_maxPriorityFeePerGas'), '0x2')
  })

  it('have a history with one price more than blocks', async () => {
    const { backend, call } = rpcWorld()
    backend.addBlock([signedTransaction(0n), signedTransaction(1n)])
    const history = (await call('eth_feeHistory', '0x2', 'latest', [0, 50, 100])) as Record<string, unknown[]>
    assert.equal(history['oldestBlock'], '0x0')
    assert.deepEqual(history['reward'], [
      ['0x0', '0x0', '0x0'],
      ['0x2', '0x2', '0x2'],
    ])
    assert.equal(history['baseFeePerGas']?.length, 3)
    assert.equal(history['baseFeePerBlobGas']?.length, 3)
    assert.deepEqual(history['gasUsedRatio'], [0, 42_000 / 30_000_000])
    assert.deepEqual(history['blobGasUsedRatio'], [0, 0])
    assert.ok(!('reward' in ((await call('eth_feeHistory', 1, 'pending')) as JsonRecord)))
    assert.equal(
      ((await call('eth_feeHistory', '0x400', 'latest', [])) as Record<string, unknown[]>)['gasUsedRatio']
        ?.length,
      2,
    )
  })

  it('have percentiles that ascend from 0 to 100', async () => {
    const { fail } = rpcWorld()
    for (const percentiles of [[101], [-1], [50, 49], ['5'], [null], 5]) {
      assert.equal((await fail('eth_feeHistory', '0x1', 'latest', percentiles)).code, -32602)
    }
  })
})
