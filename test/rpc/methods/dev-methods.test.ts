/** evm_, hardhat_ and anvil_: the params that their tools send, what reaches the node, and the answers they expect. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wordToHash } from '../../../src/primitives/bytes.ts'
import type { JsonRecord } from '../../../src/rpc/format.ts'
import { CONTRACT, FakeBackend, SENDER, signedTransaction, TOPIC } from '../../support/fake-backend.ts'
import { rpcWorld } from '../../support/rpc-client.ts'

interface Case {
  readonly method: string
  readonly params: readonly unknown[]
  /** What the node is asked to do. */
  readonly does: readonly (readonly unknown[])[]
  readonly answers: unknown
}

const CASES: readonly Case[] = [
  { method: 'evm_snapshot', params: [], does: [['snapshot']], answers: '0x1' },
  { method: 'evm_revert', params: ['0x1'], does: [['revert', 1]], answers: true },
  { method: 'evm_revert', params: [1], does: [['revert', 1]], answers: true },
  { method: 'evm_revert', params: [`0x${'f'.repeat(64)}`], does: [], answers: false },
  { method: 'evm_mine', params: [], does: [['mine', 1]], answers: '0x0' },
  {
    method: 'evm_mine',
    params: ['0x0'],
    does: [
      ['setNextBlockTimestamp', 0n],
      ['mine', 1],
    ],
    answers: '0x0',
  },
  { method: 'evm_mine', params: [{ blocks: 3 }], does: [['mine', 3]], answers: '0x0' },
  {
    method: 'evm_mine',
    params: [{ timestamp: 2_000_000_000, blocks: '0x2' }],
    does: [
      ['setNextBlockTimestamp', 2_000_000_000n],
      ['mine', 2],
    ],
    answers: '0x0',
  },
  { method: 'evm_increaseTime', params: [60], does: [['increaseTime', 60n]], answers: 60 },
  { method: 'evm_increaseTime', params: ['0x3c'], does: [['increaseTime', 60n]], answers: 60 },
  { method: 'evm_increaseTime', params: ['60'], does: [['increaseTime', 60n]], answers: 60 },
  { method: 'evm_setNextBlockTimestamp', params: [5], does: [['setNextBlockTimestamp', 5n]], answers: null },
  { method: 'evm_setTime', params: [1_700_000_000], does: [['setTime', 1_700_000_000n]], answers: 0 },
  { method: 'evm_setTime', params: [1_700_000_000_000], does: [['setTime', 1_700_000_000n]], answers: 0 },
  { method: 'evm_setAutomine', params: [false], does: [['setAutomine', false]], answers: true },
  { method: 'evm_setIntervalMining', params: [5_000], does: [['setIntervalMining', 5_000]], answers: true },
  {
    method: 'evm_setIntervalMining',
    params: [[3_000, 6_000]],
    does: [['setIntervalMining', 4_500]],
    answers: true,
  },
  {
    method: 'evm_setBlockGasLimit',
    params: ['0x1c9c380'],
    does: [['setBlockGasLimit', 30_000_000n]],
    answers: true,
  },
  { method: 'hardhat_mine', params: [], does: [['mine', 1]], answers: true },
  { method: 'hardhat_mine', params: ['0x3e8', '0x3c'], does: [['mine', 1_000, 60n]], answers: true },
  { method: 'hardhat_mine', params: ['0x0'], does: [], answers: true },
  {
    method: 'hardhat_setBalance',
    params: [CONTRACT, '0x10'],
    does: [['setBalance', CONTRACT, 16n]],
    answers: true,
  },
  {
    method: 'anvil_setBalance',
    params: [CONTRACT, '16'],
    does: [['setBalance', CONTRACT, 16n]],
    answers: null,
  },
  {
    method: 'anvil_addBalance',
    params: [CONTRACT, '0x1'],
    does: [['setBalance', CONTRACT, 1_001n]],
    answers: null,
  },
  {
    method: 'hardhat_setCode',
    params: [CONTRACT, '0x00'],
    does: [['setCode', CONTRACT, Uint8Array.of(0)]],
    answers: true,
  },
  {
    method: 'hardhat_setNonce',
    params: [CONTRACT, '0x5'],
    does: [['setNonce', CONTRACT, 5n]],
    answers: true,
  },
  {
    method: 'evm_setAccountNonce',
    params: [CONTRACT, '0x5'],
    does: [['setNonce', CONTRACT, 5n]],
    answers: true,
  },
  {
    method: 'hardhat_setStorageAt',
    params: [CONTRACT, '0x0', wordToHash(7n)],
    does: [['setStorage', CONTRACT, 0n, 7n]],
    answers: true,
  },
  {
    method: 'anvil_setStorageAt',
    params: [CONTRACT, wordToHash(1n), wordToHash(7n)],
    does: [['setStorage', CONTRACT, 1n, 7n]],
    answers: true,
  },
  {
    method: 'hardhat_impersonateAccount',
    params: [CONTRACT],
    does: [['impersonate', CONTRACT]],
    answers: true,
  },
  {
    method: 'hardhat_stopImpersonatingAccount',
    params: [CONTRACT],
    does: [
      ['isImpersonated', CONTRACT],
      ['stopImpersonating', CONTRACT],
    ],
    answers: true,
  },
  {
    method: 'anvil_autoImpersonateAccount',
    params: [true],
    does: [['setAutoImpersonate', true]],
    answers: null,
  },
  { method: 'anvil_dropTransaction', params: [TOPIC], does: [['dropTransaction', TOPIC]], answers: TOPIC },
  { method: 'hardhat_dropTransaction', params: [TOPIC], does: [['dropTransaction', TOPIC]], answers: true },
  { method: 'anvil_dropAllTransactions', params: [], does: [['dropAllTransactions']], answers: null },
  { method: 'hardhat_setCoinbase', params: [CONTRACT], does: [['setCoinbase', CONTRACT]], answers: true },
  {
    method: 'hardhat_setNextBlockBaseFeePerGas',
    params: ['0x7'],
    does: [['setNextBlockBaseFee', 7n]],
    answers: true,
  },
  {
    method: 'hardhat_setPrevRandao',
    params: [wordToHash(9n)],
    does: [['setNextPrevRandao', wordToHash(9n)]],
    answers: true,
  },
  {
    method: 'anvil_setPrevRandao',
    params: ['0x9'],
    does: [['setNextPrevRandao', wordToHash(9n)]],
    answers: null,
  },
  { method: 'hardhat_setMinGasPrice', params: ['0x1'], does: [['setMinGasPrice', 1n]], answers: true },
  { method: 'anvil_setIntervalMining', params: [5], does: [['setIntervalMining', 5_000]], answers: null },
  {
    method: 'anvil_setBlockTimestampInterval',
    params: [12],
    does: [['setBlockTimestampInterval', 12n]],
    answers: null,
  },
  {
    method: 'anvil_removeBlockTimestampInterval',
    params: [],
    does: [['setBlockTimestampInterval', undefined]],
    answers: true,
  },
  { method: 'hardhat_reset', params: [], does: [['reset']], answers: true },
  { method: 'anvil_reset', params: [null], does: [['reset']], answers: null },
  { method: 'anvil_dumpState', params: [], does: [['dumpState']], answers: '0x01' },
  { method: 'anvil_loadState', params: ['0x01'], does: [['loadState', Uint8Array.of(1)]], answers: true },
  { method: 'anvil_reorg', params: [0, []], does: [['reorg', 0]], answers: null },
  { method: 'hardhat_getAutomine', params: [], does: [['automine']], answers: true },
  { method: 'anvil_getIntervalMining', params: [], does: [['info']], answers: null },
  { method: 'hardhat_setLoggingEnabled', params: [true], does: [], answers: true },
]

describe('development methods', () => {
  for (const { method, params, does, answers } of CASES) {
    it(`${method} ${JSON.stringify(params)}`, async () => {
      const backend = new FakeBackend()
      assert.deepEqual(await rpcWorld(backend).call(method, ...params), answers)
      assert.deepEqual(backend.devCalls, does)
    })
  }

  it('say whose fault a value out of range is', async () => {
    const backend = new FakeBackend()
    backend.devAnswers['setNextBlockTimestamp'] = () => {
      throw new RangeError('timestamp 5 is not after the head, 9')
    }
    const error = await rpcWorld(backend).fail('evm_setNextBlockTimestamp', 5)
    assert.deepEqual(
      [error.code, error.message],
      [-32602, 'invalid params: timestamp 5 is not after the head, 9'],
    )
  })

  it('say what this node cannot do', async () => {
    const { fail } = rpcWorld()
    const unsupported: readonly (readonly unknown[])[] = [
      ['anvil_setRpcUrl', 'http://x'],
      ['anvil_setChainId', 1],
      ['anvil_rollback', 1],
      ['hardhat_reset', { forking: { jsonRpcUrl: 'http://x' } }],
      ['anvil_reset', { jsonRpcUrl: 'http://x' }],
      ['anvil_reorg', 0, [['0x', 0]]],
    ]
    for (const [method, ...params] of unsupported) {
      const error = await fail(String(method), ...params)
      assert.equal(error.code, -32004)
      assert.match(error.message, /^not supported: /)
    }
  })

  it('mine_detailed gives the blocks', async () => {
    const { backend, call } = rpcWorld()
    const [block] = (await call('evm_mine_detailed')) as JsonRecord[]
    assert.equal(block?.['hash'], backend.ledger.headHash())
  })

  it('anvil_removePoolTransactions drops all of a sender', async () => {
    const { backend, call } = rpcWorld()
    const { hash } = backend.addToPool(signedTransaction(0n)).transaction
    await call('anvil_removePoolTransactions', SENDER)
    assert.deepEqual(backend.devCalls, [['dropTransaction', hash]])
  })

  it('metadata and node info have the shapes of Hardhat and alloy', async () => {
    const { backend, call } = rpcWorld()
    const instanceId = `0x${'ab'.repeat(32)}`
    const metadata = {
      clientVersion: 'Aevir/0.0.0/test',
      chainId: 31337,
      instanceId,
      latestBlockNumber: 0,
      latestBlockHash: backend.ledger.headHash(),
    }
    assert.deepEqual(await call('hardhat_metadata'), metadata)
    assert.deepEqual(await call('anvil_metadata'), { ...metadata, snapshots: {} })
    assert.deepEqual(await call('anvil_nodeInfo'), {
      currentBlockNumber: '0x0',
      currentBlockTimestamp: 1_700_000_000,
      currentBlockHash: backend.ledger.headHash(),
      hardFork: 'osaka',
      transactionOrder: 'fees',
      environment: { baseFee: '0x342770c0', chainId: 31337, gasLimit: '0x1c9c380', gasPrice: '0x342770c0' },
      forkConfig: { forkUrl: null, forkBlockNumber: null, forkRetryBackoff: null },
    })
  })
})

describe('accounts that the node holds', () => {
  it('send what the client left open as open', async () => {
    const { backend, call } = rpcWorld()
    assert.equal(
      await call('eth_sendTransaction', { to: CONTRACT, value: '0x5' }),
      signedTransaction(0n).hash,
    )
    assert.deepEqual(backend.devCalls, [
      [
        'sendTransaction',
        {
          from: SENDER,
          to: CONTRACT,
          gasLimit: undefined,
          gasPrice: undefined,
          maxFeePerGas: undefined,
          maxPriorityFeePerGas: undefined,
          nonce: undefined,
          value: 5n,
          data: new Uint8Array(0),
          accessList: undefined,
          authorizationList: undefined,
        },
      ],
    ])
  })

  it('sign messages with the params in either order', async () => {
    const { backend, call } = rpcWorld()
    assert.equal(await call('eth_sign', SENDER, '0x01'), `0x${'01'.repeat(65)}`)
    assert.equal(await call('personal_sign', '0x01', SENDER), `0x${'01'.repeat(65)}`)
    assert.deepEqual(backend.devCalls[0], backend.devCalls[1])
  })

  it('do not sign for another chain', async () => {
    const error = await rpcWorld().fail('eth_sendTransaction', { chainId: '0x1' })
    assert.match(error.message, /this chain is 31337, the transaction is for 1/)
  })
})
