/** viem drives a running node: a contract from deployment to logs, every kind of transaction, fees, proofs, traces. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  createPublicClient,
  encodeFunctionData,
  getAddress,
  http,
  isAddressEqual,
  keccak256,
  numberToHex,
  pad,
  parseEther,
  parseGwei,
  recoverMessageAddress,
  toHex,
  webSocket,
  type Hash,
  type TransactionReceipt,
} from 'viem'
import { VAULT_ABI, viemWorld, type Vault, type ViemWorld } from '../support/viem-world.ts'

describe('viem on a running node', { timeout: 60_000 }, () => {
  let world: ViemWorld
  let vault: Vault

  before(async () => {
    world = await viemWorld()
    vault = await world.deployVault()
  })
  after(() => world.node.stop())

  const receiptOf = (hash: Hash): Promise<TransactionReceipt> =>
    world.reader.waitForTransactionReceipt({ hash, timeout: 5_000 })

  describe('a contract', () => {
    test('is deployed, written to and read', async () => {
      const { reader, accounts } = world
      const hash = await vault.write.deposit(['rent'], { value: 5n })
      // The node answers once the block is made: no waiting, no polling.
      const receipt = await reader.getTransactionReceipt({ hash })
      assert.equal(receipt.status, 'success')
      assert.equal(await vault.read.balanceOf([accounts[0].address]), 5n)
      assert.equal(await vault.read.total(), 5n)
      assert.equal(await reader.getBalance({ address: vault.address }), 5n)
      assert.ok((await reader.getCode({ address: vault.address }))?.startsWith('0x60'))
      assert.equal(await reader.getStorageAt({ address: vault.address, slot: '0x1' }), pad('0x5'))
    })

    test('is read as it was in an earlier block', async () => {
      const { reader } = world
      const blockNumber = await reader.getBlockNumber()
      const before = await vault.read.total()
      await vault.write.deposit([''], { value: 1n })
      assert.equal(await vault.read.total(), before + 1n)
      assert.equal(await vault.read.total({ blockNumber }), before)
    })

    test('tells its events: in the receipt, by query, by filter', async () => {
      const { reader, accounts } = world
      const filter = await vault.createEventFilter.Deposited({ by: accounts[1].address })
      const everything = await reader.createBlockFilter()
      const hash = await world.walletOf(accounts[1]).writeContract({
        address: vault.address,
        abi: VAULT_ABI,
        functionName: 'deposit',
        args: ['filtered'],
        value: 7n,
      })
      const { logs, blockHash, blockNumber } = await receiptOf(hash)
      assert.equal(logs.length, 1)
      const expected = { by: accounts[1].address, amount: 7n, note: 'filtered' }
      const changes = await reader.getFilterChanges({ filter })
      assert.deepEqual(changes[0]?.args, expected)
      assert.deepEqual(await reader.getFilterChanges({ filter }), [])
      assert.deepEqual(await reader.getFilterLogs({ filter }), changes)
      assert.deepEqual(await vault.getEvents.Deposited({ by: accounts[1].address }, { blockHash }), changes)
      const none = await vault.getEvents.Deposited({ by: accounts[2].address }, { fromBlock: 0n })
      assert.deepEqual(none, [])
      assert.ok((await reader.getFilterChanges({ filter: everything })).includes(blockHash))
      assert.equal(changes[0]?.blockNumber, blockNumber)
      assert.ok(await reader.uninstallFilter({ filter }))
    })

    test('several calls go as one batch', async () => {
      const { chain, node, accounts } = world
      const batching = createPublicClient({ chain, transport: http(node.url, { batch: true }) })
      const [balance, total, block] = await Promise.all([
        batching.getBalance({ address: accounts[2].address }),
        batching.readContract({ address: vault.address, abi: VAULT_ABI, functionName: 'total' }),
        batching.getBlock(),
      ])
      assert.ok(balance > 0n && total > 0n)
      assert.equal(block.hash.length, 66)
    })
  })

  describe('over WebSocket', () => {
    test('new blocks, logs and pending transactions are pushed', async () => {
      const { chain, node, accounts } = world
      const transport = webSocket(node.webSocketUrl, { reconnect: false, keepAlive: false })
      const client = createPublicClient({ chain, transport })
      const heads = Promise.withResolvers<bigint>()
      const logs = Promise.withResolvers<string | undefined>()
      const pending = Promise.withResolvers<Hash>()
      const failed = (error: Error): void => heads.reject(error)
      const stops = [
        client.watchBlocks({ onBlock: ({ number }) => heads.resolve(number), onError: failed }),
        client.watchContractEvent({
          address: vault.address,
          abi: VAULT_ABI,
          eventName: 'Deposited',
          args: { by: accounts[0].address },
          onLogs: ([log]) => logs.resolve(log?.args.note),
          onError: failed,
        }),
        client.watchPendingTransactions({
          onTransactions: ([hash]) => hash !== undefined && pending.resolve(hash),
          onError: failed,
        }),
      ]
      // Answered after the three subscriptions that were sent before it on the same connection.
      const before = await client.getBlockNumber({ cacheTime: 0 })
      const hash = await vault.write.deposit(['pushed'], { value: 1n })
      assert.equal(await pending.promise, hash)
      assert.equal(await logs.promise, 'pushed')
      assert.equal(await heads.promise, before + 1n)
      for (const stop of stops) stop()
      const { close } = await client.transport.getRpcClient()
      close()
    })
  })

  describe('transactions', () => {
    const to = '0x00000000000000000000000000000000000a11ce'

    test('of every type are made, mined and shown', async () => {
      const { wallet, reader } = world
      const gasPrice = await reader.getGasPrice()
      const fees = await reader.estimateFeesPerGas()
      const accessList = [{ address: vault.address, storageKeys: [pad('0x1')] }]
      const sent = [
        ['legacy', await wallet.sendTransaction({ to, value: 1n, type: 'legacy', gasPrice })],
        ['eip2930', await wallet.sendTransaction({ to, value: 1n, type: 'eip2930', gasPrice, accessList })],
        ['eip1559', await wallet.sendTransaction({ to, value: 1n, type: 'eip1559', accessList, ...fees })],
      ] as const
      for (const [type, hash] of sent) {
        const receipt = await receiptOf(hash)
        const transaction = await reader.getTransaction({ hash })
        assert.equal(receipt.status, 'success')
        assert.equal(receipt.type, type)
        assert.equal(transaction.type, type)
        assert.equal(transaction.blockHash, receipt.blockHash)
        assert.ok(receipt.effectiveGasPrice > 0n)
        if (type !== 'legacy') assert.deepEqual(transaction.accessList, accessList)
      }
      assert.equal(await reader.getBalance({ address: to }), 3n)
    })

    test('give an account code (EIP-7702) and take it away', async () => {
      const { walletOf, accounts, reader } = world
      const owner = walletOf(accounts[2])
      const authorization = await owner.signAuthorization({
        contractAddress: vault.address,
        executor: 'self',
      })
      const hash = await owner.sendTransaction({
        to: accounts[2].address,
        data: encodeFunctionData({ abi: VAULT_ABI, functionName: 'deposit', args: ['to myself'] }),
        value: 3n,
        authorizationList: [authorization],
      })
      const receipt = await receiptOf(hash)
      assert.equal(receipt.type, 'eip7702')
      assert.equal(receipt.logs[0]?.address, accounts[2].address.toLowerCase())
      const transaction = await reader.getTransaction({ hash })
      assert.ok(isAddressEqual(transaction.authorizationList?.[0]?.address ?? '0x', vault.address))
      const code = await reader.getCode({ address: accounts[2].address })
      assert.equal(code, `0xef0100${vault.address.slice(2).toLowerCase()}`)
      assert.equal(await reader.getDelegation({ address: accounts[2].address }), getAddress(vault.address))
      const away = await owner.signAuthorization({
        contractAddress: '0x0000000000000000000000000000000000000000',
        executor: 'self',
      })
      await receiptOf(await owner.sendTransaction({ to, authorizationList: [away] }))
      assert.equal(await reader.getCode({ address: accounts[2].address }), undefined)
    })

    test('can be sent raw and waited for in one request (EIP-7966)', async () => {
      const { wallet } = world
      const request = await wallet.prepareTransactionRequest({ to, value: 1n })
      const serializedTransaction = await wallet.signTransaction(request)
      const receipt = await wallet.sendRawTransactionSync({ serializedTransaction })
      assert.equal(receipt.transactionHash, keccak256(serializedTransaction))
      assert.equal(receipt.status, 'success')
    })

    test('are counted, found by place, and confirmed', async () => {
      const { wallet, reader, accounts } = world
      const { address } = accounts[0]
      const nonce = await reader.getTransactionCount({ address })
      const hash = await wallet.sendTransaction({ to, value: 1n })
      assert.equal(await reader.getTransactionCount({ address }), nonce + 1)
      const { blockHash, transactionIndex } = await receiptOf(hash)
      const found = await reader.getTransaction({ blockHash, index: transactionIndex })
      assert.equal(found.hash, hash)
      assert.equal(found.nonce, nonce)
      assert.equal(await reader.getTransactionConfirmations({ hash }), 1n)
      assert.equal(await reader.getBlockTransactionCount({ blockHash }), 1)
    })
  })

  describe('fees and gas', () => {
    test('are estimated well enough to be included', async () => {
      const { reader, wallet, accounts } = world
      const { baseFeePerGas } = await reader.getBlock()
      const { maxFeePerGas, maxPriorityFeePerGas } = await reader.estimateFeesPerGas()
      assert.ok(maxFeePerGas > (baseFeePerGas ?? 0n) && maxPriorityFeePerGas > 0n)
      const request = {
        address: vault.address,
        abi: VAULT_ABI,
        functionName: 'deposit',
        args: ['estimated'],
        value: 1n,
      } as const
      const gas = await reader.estimateContractGas({ ...request, account: accounts[0] })
      const { gasUsed, status } = await receiptOf(await wallet.writeContract({ ...request, gas }))
      assert.equal(status, 'success')
      assert.ok(gasUsed <= gas && gas - gasUsed < 10_000n, `estimated ${gas}, used ${gasUsed}`)
      assert.equal(
        await reader.estimateGas({ account: accounts[0], to: accounts[1].address, value: 1n }),
        21_000n,
      )
    })

    test('have a history', async () => {
      const { reader } = world
      const history = await reader.getFeeHistory({ blockCount: 2, rewardPercentiles: [10, 50] })
      assert.equal(history.baseFeePerGas.length, 3)
      assert.equal(history.gasUsedRatio.length, 2)
      assert.ok(history.reward?.every((row) => row.length === 2))
    })

    test('are less with the access list that the node makes', async () => {
      const { reader, accounts } = world
      const data = encodeFunctionData({ abi: VAULT_ABI, functionName: 'total' })
      const { accessList, gasUsed } = await reader.createAccessList({
        account: accounts[0],
        to: vault.address,
        data,
      })
      assert.deepEqual(accessList, [{ address: vault.address.toLowerCase(), storageKeys: [pad('0x1')] }])
      assert.ok(gasUsed > 21_000n)
    })
  })

  describe('calls', () => {
    test('are simulated with another state', async () => {
      const { reader, accounts } = world
      const [owner] = accounts
      const half = await reader.readContract({
        address: vault.address,
        abi: VAULT_ABI,
        functionName: 'share',
        args: [2n],
        stateOverride: [{ address: vault.address, stateDiff: [{ slot: pad('0x1'), value: pad('0x64') }] }],
      })
      assert.equal(half, 50n)
      const poor = '0x00000000000000000000000000000000000b0b00'
      const { data } = await reader.call({
        account: poor,
        to: vault.address,
        value: 10n,
        data: encodeFunctionData({ abi: VAULT_ABI, functionName: 'deposit', args: [''] }),
        stateOverride: [{ address: poor, balance: 10n }],
      })
      assert.equal(data, undefined)
      const code = await reader.call({
        account: owner,
        to: poor,
        stateOverride: [{ address: poor, code: '0x602a5f5260205ff3' }],
      })
      assert.equal(code.data, pad('0x2a'))
    })

    test('are simulated over several blocks', async () => {
      const { reader, accounts } = world
      const [owner] = accounts
      const { results, assetChanges } = await reader.simulateCalls({
        account: owner.address,
        calls: [
          { to: vault.address, abi: VAULT_ABI, functionName: 'deposit', args: ['simulated'], value: 9n },
          { to: vault.address, abi: VAULT_ABI, functionName: 'refuse' },
        ],
      })
      assert.deepEqual(
        results.map(({ status }) => status),
        ['success', 'failure'],
      )
      assert.deepEqual(assetChanges, [])
      const blocks = await reader.simulateBlocks({
        blocks: [
          { blockOverrides: { time: 4_000_000_000n }, calls: [{ to: vault.address, data: '0x2ddbd13a' }] },
          { calls: [{ from: owner.address, to: accounts[1].address, value: parseEther('1') }] },
        ],
      })
      assert.equal(blocks[0]?.timestamp, 4_000_000_000n)
      assert.equal(blocks[0]?.calls[0]?.data, numberToHex(await vault.read.total(), { size: 32 }))
      assert.equal(blocks[1]?.calls[0]?.gasUsed, 21_000n)
    })

    test('are traced', async () => {
      const { reader, node, accounts } = world
      const hash = await vault.write.withdraw([accounts[1].address, 1n])
      await receiptOf(hash)
      interface Frame {
        readonly type: string
        readonly to: string
        readonly value: string
        readonly calls?: readonly Frame[]
        readonly logs?: readonly unknown[]
      }
      const frame = await node.rpc<Frame>('debug_traceTransaction', hash, {
        tracer: 'callTracer',
        tracerConfig: { withLog: true },
      })
      assert.equal(frame.type, 'CALL')
      assert.equal(frame.logs?.length, 1)
      assert.deepEqual(
        frame.calls?.map(({ type, to, value }) => ({ type, to, value })),
        [{ type: 'CALL', to: accounts[1].address.toLowerCase(), value: '0x1' }],
      )
      const steps = await node.rpc<{ structLogs: { op: string }[]; gas: number }>(
        'debug_traceTransaction',
        hash,
      )
      assert.ok(steps.structLogs.some(({ op }) => op === 'LOG3'))
      assert.equal(BigInt(steps.gas), (await reader.getTransactionReceipt({ hash })).gasUsed)
    })
  })

  test('blocks are found by number, hash and tag', async () => {
    const { reader } = world
    const latest = await reader.getBlock({ includeTransactions: true })
    assert.equal(latest.transactions[0]?.blockHash, latest.hash)
    assert.deepEqual(await reader.getBlock({ blockHash: latest.hash, includeTransactions: true }), latest)
    assert.equal((await reader.getBlock({ blockNumber: 0n })).number, 0n)
    assert.equal((await reader.getBlock({ blockTag: 'finalized' })).number, latest.number)
    assert.equal((await reader.getBlock({ blockTag: 'safe' })).number, latest.number)
    const pending = await reader.getBlock({ blockTag: 'pending' })
    assert.equal(pending.parentHash, latest.hash)
    await assert.rejects(reader.getBlock({ blockNumber: 1_000_000n }), { name: 'BlockNotFoundError' })
  })

  test('accounts and slots are proven', async () => {
    const { reader } = world
    const proof = await reader.getProof({ address: vault.address, storageKeys: [pad('0x1')] })
    const block = await reader.getBlock()
    assert.equal(keccak256(proof.accountProof[0] ?? '0x'), block.stateRoot)
    assert.equal(proof.storageProof[0]?.value, await vault.read.total())
    assert.equal(keccak256(proof.storageProof[0]?.proof[0] ?? '0x'), proof.storageHash)
  })

  test("the node signs with its own accounts' keys", async () => {
    const { node, accounts, walletOf, reader } = world
    const { address } = accounts[1]
    const remote = walletOf({ address, type: 'json-rpc' })
    assert.deepEqual((await remote.getAddresses()).length, 10)
    const signature = await remote.signMessage({ message: 'hello' })
    assert.equal(await recoverMessageAddress({ message: 'hello', signature }), address)
    const hash = await remote.sendTransaction({ to: accounts[2].address, value: parseGwei('1') })
    assert.equal((await reader.getTransactionReceipt({ hash })).status, 'success')
    assert.equal(await node.rpc('web3_sha3', toHex('hello')), keccak256(toHex('hello')))
    assert.equal(await reader.getChainId(), 31_337)
  })
})
