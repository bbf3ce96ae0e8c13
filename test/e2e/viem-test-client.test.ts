/** viem's test client, which knows the development methods of anvil and of Hardhat, changes a running node at will. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  createTestClient,
  http,
  numberToHex,
  pad,
  parseEther,
  TransactionNotFoundError,
  type Chain,
  type HttpTransport,
  type TestClient,
} from 'viem'
import { viemWorld, type Vault, type ViemWorld } from '../support/viem-world.ts'

const MODES = ['anvil', 'hardhat'] as const
type Mode = (typeof MODES)[number]

for (const mode of MODES) {
  describe(`viem's test client in mode ${mode}`, { timeout: 60_000 }, () => {
    let world: ViemWorld
    let vault: Vault
    let dev: TestClient<Mode, HttpTransport, Chain>

    before(async () => {
      world = await viemWorld()
      vault = await world.deployVault()
      dev = createTestClient({ mode, chain: world.chain, transport: http(world.node.url, { retryCount: 0 }) })
    })
    after(() => world.node.stop())

    const to = '0x00000000000000000000000000000000000a11ce'

    test('mines blocks, some seconds apart', async () => {
      const { reader } = world
      const before = await reader.getBlock()
      await dev.mine({ blocks: 3, interval: 60 })
      const latest = await reader.getBlock()
      assert.equal(latest.number, before.number + 3n)
      assert.ok(latest.timestamp - before.timestamp >= 120n)
      const previous = await reader.getBlock({ blockNumber: latest.number - 1n })
      assert.equal(latest.timestamp - previous.timestamp, 60n)
    })

    test('sets balance, nonce, code and storage', async () => {
      const { reader } = world
      await dev.setBalance({ address: to, value: parseEther('3') })
      await dev.setNonce({ address: to, nonce: 9 })
      await dev.setCode({ address: to, bytecode: '0x602a5f5260205ff3' })
      await dev.setStorageAt({ address: vault.address, index: 1, value: pad('0x64') })
      assert.equal(await reader.getBalance({ address: to }), parseEther('3'))
      assert.equal(await reader.getTransactionCount({ address: to }), 9)
      assert.equal((await reader.call({ to })).data, pad('0x2a'))
      assert.equal(await vault.read.share([4n]), 25n)
      // Changes last: they are part of the next block's state.
      await dev.mine({ blocks: 1 })
      assert.equal(await reader.getBalance({ address: to }), parseEther('3'))
      await dev.setStorageAt({ address: vault.address, index: 1, value: pad('0x0') })
      await dev.setCode({ address: to, bytecode: '0x' })
      await dev.setNonce({ address: to, nonce: 10 })
    })

    test('acts as an account without its key', async () => {
      const { reader, walletOf } = world
      const whale = '0x00000000000000000000000000000000000fa7e5'
      await dev.setBalance({ address: whale, value: parseEther('5') })
      const wallet = walletOf({ address: whale, type: 'json-rpc' })
      const request = { to, value: parseEther('1'), type: 'eip1559' } as const
      await assert.rejects(wallet.sendTransaction(request))
      await dev.impersonateAccount({ address: whale })
      const hash = await wallet.sendTransaction(request)
      const transaction = await reader.getTransaction({ hash })
      assert.equal(transaction.from, whale)
      assert.equal((await reader.getTransactionReceipt({ hash })).from, whale)
      await dev.stopImpersonatingAccount({ address: whale })
      await assert.rejects(wallet.sendTransaction(request))
    })

    test('goes back to a snapshot', async () => {
      const { reader } = world
      const { number, hash } = await reader.getBlock()
      const id = await dev.snapshot()
      const sent = await vault.write.deposit(['undone'], { value: 5n })
      assert.equal(await vault.read.total(), 5n)
      await dev.revert({ id })
      assert.equal(await vault.read.total(), 0n)
      const latest = await reader.getBlock()
      assert.deepEqual([latest.number, latest.hash], [number, hash])
      await assert.rejects(reader.getTransaction({ hash: sent }), TransactionNotFoundError)
      await vault.write.deposit(['again'], { value: 6n })
      assert.equal(await vault.read.total(), 6n)
    })

    test('travels in time', async () => {
      const { reader } = world
      const { timestamp } = await reader.getBlock()
      await dev.increaseTime({ seconds: 3_600 })
      await dev.mine({ blocks: 1 })
      const later = (await reader.getBlock()).timestamp
      assert.ok(later - timestamp >= 3_600n && later - timestamp < 3_700n)
      await dev.setNextBlockTimestamp({ timestamp: later + 1_000n })
      await dev.mine({ blocks: 1 })
      assert.equal((await reader.getBlock()).timestamp, later + 1_000n)
      await assert.rejects(dev.setNextBlockTimestamp({ timestamp: later }), /timestamp/i)
    })

    test('holds transactions back, shows and drops them', async () => {
      const { reader, wallet, accounts } = world
      const { address } = accounts[0]
      await dev.setAutomine(false)
      if (mode !== 'hardhat') assert.equal(await dev.getAutomine(), false)
      const nonce = await reader.getTransactionCount({ address })
      const first = await wallet.sendTransaction({ to, value: 1n })
      const second = await wallet.sendTransaction({ to, value: 2n })
      assert.equal(await reader.getTransactionCount({ address }), nonce)
      assert.equal(await reader.getTransactionCount({ address, blockTag: 'pending' }), nonce + 2)
      assert.deepEqual(await dev.getTxpoolStatus(), { pending: 2, queued: 0 })
      const { pending } = await dev.getTxpoolContent()
      const mine = Object.entries(pending).find(([sender]) => sender.toLowerCase() === address.toLowerCase())
      assert.equal(mine?.[1][`${nonce}`]?.hash, first)
      const waiting = await reader.getTransaction({ hash: second })
      assert.deepEqual([waiting.blockHash, waiting.blockNumber], [null, null])
      const block = await reader.getBlock({ blockTag: 'pending' })
      assert.deepEqual(block.transactions, [first, second])
      await dev.dropTransaction({ hash: second })
      await dev.mine({ blocks: 1 })
      await dev.setAutomine(true)
      assert.equal(await reader.getTransactionCount({ address }), nonce + 1)
      assert.equal((await reader.getTransactionReceipt({ hash: first })).status, 'success')
      await assert.rejects(reader.getTransaction({ hash: second }), TransactionNotFoundError)
    })

    test('decides what the next block says', async () => {
      const { reader, node } = world
      await dev.setCoinbase({ address: to })
      await dev.setNextBlockBaseFeePerGas({ baseFeePerGas: 77_000_000n })
      await dev.setBlockGasLimit({ gasLimit: 20_000_000n })
      const randao = pad('0x1234')
      await node.rpc(`${mode}_setPrevRandao`, randao)
      await dev.mine({ blocks: 1 })
      const { miner, baseFeePerGas, gasLimit, mixHash } = await reader.getBlock()
      assert.deepEqual([miner, baseFeePerGas, gasLimit, mixHash], [to, 77_000_000n, 20_000_000n, randao])
    })

    test('makes blocks by time', async () => {
      const { reader } = world
      const number = await reader.getBlockNumber()
      const { promise: grown, resolve } = Promise.withResolvers<void>()
      const stop = reader.watchBlockNumber({ onBlockNumber: (latest) => latest >= number + 2n && resolve() })
      await dev.setIntervalMining({ interval: 1 })
      await grown
      stop()
      await dev.setIntervalMining({ interval: 0 })
    })

    test('tells what it is, and starts over', async () => {
      const { node, reader } = world
      const metadata = await node.rpc<{ chainId: number; clientVersion: string }>(`${mode}_metadata`)
      assert.equal(metadata.chainId, 31_337)
      assert.equal(metadata.clientVersion, await node.rpc('web3_clientVersion'))
      const dump = await node.rpc<string>(`${mode}_dumpState`)
      const balance = await reader.getBalance({ address: to })
      await dev.reset()
      assert.equal(await reader.getBlockNumber(), 0n)
      assert.equal(await reader.getBalance({ address: to }), 0n)
      await node.rpc(`${mode}_loadState`, dump)
      assert.equal(await reader.getBalance({ address: to }), balance)
      assert.equal(await reader.getStorageAt({ address: vault.address, slot: numberToHex(1) }), pad('0x6'))
    })
  })
}
