/** ethers drives a running node: a contract from deployment to events, every kind of transaction, and its errors. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  Contract,
  ContractFactory,
  getAddress,
  HDNodeWallet,
  isCallException,
  isError,
  JsonRpcProvider,
  Mnemonic,
  parseEther,
  toBeHex,
  Transaction,
  WebSocketProvider,
  ZeroAddress,
  type BaseContract,
  type CallExceptionError,
  type ContractTransactionResponse,
  type ErrorCode,
  type InterfaceAbi,
  type TransactionReceipt,
  type TransactionRequest,
} from 'ethers'
import { present } from '../../src/primitives/assert.ts'
import { MNEMONIC, startDevNode, type DevNode } from '../support/dev-node.ts'
import { compileVault } from '../support/solidity.ts'

/** `test/clients/contracts/Vault.sol` as ethers makes it from the interface. */
interface Vault extends BaseContract {
  balanceOf(owner: string): Promise<bigint>
  total(): Promise<bigint>
  deposit(note: string, overrides?: object): Promise<ContractTransactionResponse>
  withdraw(to: string, amount: bigint, overrides?: object): Promise<ContractTransactionResponse>
  share(parts: bigint): Promise<bigint>
  refuse(): Promise<void>
}

describe('ethers on a running node', { timeout: 60_000 }, () => {
  let node: DevNode
  let provider: JsonRpcProvider
  let wallets: readonly [HDNodeWallet, HDNodeWallet, HDNodeWallet]
  let vault: Vault
  const to = getAddress('0x00000000000000000000000000000000000a11ce')

  before(async () => {
    node = await startDevNode()
    provider = new JsonRpcProvider(node.url, undefined, { pollingInterval: 20, cacheTimeout: -1 })
    const root = HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(MNEMONIC), "m/44'/60'/0'/0")
    wallets = [walletAt(root, 0), walletAt(root, 1), walletAt(root, 2)]
    const { abi, bytecode } = await compileVault()
    // The compiler's JSON interface is what ethers takes.
    const factory = new ContractFactory<[], Vault>(abi as InterfaceAbi, bytecode, wallets[0])
    vault = await (await factory.deploy()).waitForDeployment()
  })
  after(async () => {
    provider.destroy()
    await node.stop()
  })

  function walletAt(root: HDNodeWallet, index: number): HDNodeWallet {
    return root.deriveChild(index).connect(provider)
  }

  async function receiptOf(response: {
    wait(): Promise<TransactionReceipt | null>
  }): Promise<TransactionReceipt> {
    return present(await response.wait(), 'receipt')
  }

  describe('a contract', () => {
    test('is written to and read, also as it was', async () => {
      const [owner] = wallets
      const blockTag = await provider.getBlockNumber()
      const receipt = await receiptOf(await vault.deposit('rent', { value: 12n }))
      assert.equal(receipt.status, 1)
      assert.equal(await vault.balanceOf(owner.address), 12n)
      assert.equal(await vault.getFunction('total').staticCall(), 12n)
      assert.equal(await vault.getFunction('total').staticCall({ blockTag }), 0n)
      const address = await vault.getAddress()
      assert.equal(await provider.getBalance(address), 12n)
      assert.equal(BigInt(await provider.getStorage(address, 1)), 12n)
    })

    test('tells its events', async () => {
      const [, other] = wallets
      const connected = vault.connect(other) as unknown as Vault
      const { blockNumber } = await receiptOf(await connected.deposit('by another', { value: 3n }))
      const filter = present(vault.filters['Deposited'], 'event')(other.address)
      const [event] = await vault.queryFilter(filter, blockNumber)
      assert.ok(event !== undefined && 'args' in event)
      assert.deepEqual([...event.args], [other.address, 3n, 'by another'])
    })

    test('speaks over WebSocket', async () => {
      const socket = new WebSocketProvider(node.webSocketUrl)
      try {
        const heard = Promise.withResolvers<unknown[]>()
        const block = Promise.withResolvers<number>()
        const listening = vault.connect(socket) as unknown as Vault
        await listening.on('Deposited', (...args: unknown[]) => heard.resolve(args.slice(0, 3)))
        await socket.on('block', (number: number) => block.resolve(number))
        const before = await socket.getBlockNumber()
        await vault.deposit('pushed', { value: 1n })
        assert.deepEqual(await heard.promise, [wallets[0].address, 1n, 'pushed'])
        assert.equal(await block.promise, before + 1)
      } finally {
        await socket.destroy()
      }
    })

    test('is polled for events over HTTP', async () => {
      const heard = Promise.withResolvers<unknown>()
      await vault.once('Deposited', (_by, _amount, note: unknown) => heard.resolve(note))
      await vault.deposit('polled', { value: 1n })
      assert.equal(await heard.promise, 'polled')
    })
  })

  describe('transactions', () => {
    test('of every type are made, mined and shown', async () => {
      const [owner] = wallets
      const accessList = [{ address: await vault.getAddress(), storageKeys: [toBeHex(1, 32)] }]
      const { gasPrice } = await provider.getFeeData()
      const requests: TransactionRequest[] = [
        { type: 0, gasPrice },
        { type: 1, gasPrice, accessList },
        { type: 2, accessList },
      ]
      for (const request of requests) {
        const response = await owner.sendTransaction({ to, value: 1n, ...request })
        const receipt = await receiptOf(response)
        assert.deepEqual([receipt.status, receipt.type], [1, request.type])
        const found = present(await provider.getTransaction(response.hash), 'transaction')
        assert.equal(Transaction.from(found).hash, response.hash)
        assert.equal(found.blockHash, receipt.blockHash)
      }
      assert.equal(await provider.getBalance(to), 3n)
    })

    test('give an account code (EIP-7702) and take it away', async () => {
      const [, , owner] = wallets
      const target = await vault.getAddress()
      for (const address of [target, ZeroAddress]) {
        const nonce = await owner.getNonce()
        // The sender's own nonce goes up before the authorization is looked at.
        const authorization = await owner.authorize({ address, nonce: nonce + 1 })
        const request = { type: 4, to, nonce, authorizationList: [authorization] }
        const receipt = await receiptOf(await owner.sendTransaction(request))
        assert.deepEqual([receipt.status, receipt.type], [1, 4])
        const code = address === ZeroAddress ? '0x' : `0xef0100${target.slice(2).toLowerCase()}`
        assert.equal(await provider.getCode(owner.address), code)
      }
    })

    test('wait in the pool, and the newer of the same nonce wins', async () => {
      const [owner] = wallets
      await provider.send('evm_setAutomine', [false])
      const nonce = await owner.getNonce()
      const first = await owner.sendTransaction({ to, value: 1n, nonce })
      assert.equal(await owner.getNonce('pending'), nonce + 1)
      assert.equal((await first.getTransaction())?.blockHash, null)
      const replaced = first.wait(1, 20_000)
      const refused = owner.sendTransaction({ to, value: 2n, nonce })
      await assert.rejects(refused, code('REPLACEMENT_UNDERPRICED'))
      const { maxFeePerGas, maxPriorityFeePerGas } = first
      const second = await owner.sendTransaction({
        to,
        value: 2n,
        nonce,
        maxFeePerGas: present(maxFeePerGas ?? undefined, 'fee') * 2n,
        maxPriorityFeePerGas: present(maxPriorityFeePerGas ?? undefined, 'tip') * 2n,
      })
      await provider.send('evm_mine', [])
      await provider.send('evm_setAutomine', [true])
      await assert.rejects(replaced, (error) => {
        assert.ok(isError(error, 'TRANSACTION_REPLACED'))
        assert.equal(error.replacement.hash, second.hash)
        return true
      })
    })

    test("are signed by the node for its own accounts' signers", async () => {
      const signer = await provider.getSigner(1)
      assert.equal(signer.address, wallets[1].address)
      const receipt = await receiptOf(await signer.sendTransaction({ to, value: 5n }))
      assert.equal(receipt.from, wallets[1].address)
      const message = await signer.signMessage('hello')
      assert.equal(message, await wallets[1].signMessage('hello'))
      const domain = { name: 'Vault', version: '1', chainId: 31_337, verifyingContract: to }
      const types = { Note: [{ name: 'text', type: 'string' }] }
      const signed = await signer.signTypedData(domain, types, { text: 'typed' })
      assert.equal(signed, await wallets[1].signTypedData(domain, types, { text: 'typed' }))
      assert.equal((await provider.listAccounts()).length, 10)
    })
  })

  describe('errors', () => {
    const reverted = async (promise: Promise<unknown>): Promise<CallExceptionError> => {
      try {
        await promise
      } catch (error) {
        assert.ok(isCallException(error), String(error))
        return error
      }
      return assert.fail('expected it to revert')
    }

    test('a revert is decoded: reason, custom error, panic, nothing', async () => {
      const [owner] = wallets
      const { reason, revert } = await reverted(vault.deposit(''))
      assert.equal(reason, 'Vault: nothing sent')
      assert.deepEqual([revert?.name, ...(revert?.args ?? [])], ['Error', 'Vault: nothing sent'])
      // Sending leaves what came back undecoded; a static call names it.
      const { data } = await reverted(vault.withdraw(to, 10n ** 20n))
      assert.equal(vault.interface.parseError(data ?? '0x')?.name, 'BalanceTooLow')
      const custom = await reverted(vault.getFunction('withdraw').staticCall(to, 10n ** 20n))
      const balance = await vault.balanceOf(owner.address)
      assert.equal(custom.revert?.name, 'BalanceTooLow')
      assert.deepEqual([...custom.revert.args], [owner.address, balance, 10n ** 20n])
      const panic = await reverted(vault.share(0n))
      assert.equal(panic.reason, 'Panic due to DIVIDE_BY_ZERO(18)')
      const silent = await reverted(vault.refuse())
      assert.deepEqual([silent.reason, silent.revert], ['require(false)', null])
    })

    test('a failed transaction has a receipt that says so', async () => {
      const response = await vault.deposit('', { gasLimit: 100_000n })
      const { receipt } = await reverted(response.wait())
      assert.equal(receipt?.status, 0)
    })

    test('a refused transaction has the code that ethers knows it by', async () => {
      const [owner] = wallets
      const funds = owner.sendTransaction({ to, value: parseEther('20000'), gasLimit: 21_000n })
      await assert.rejects(funds, code('INSUFFICIENT_FUNDS'))
      await assert.rejects(
        owner.sendTransaction({ to, value: parseEther('20000') }),
        code('INSUFFICIENT_FUNDS'),
      )
      await assert.rejects(owner.sendTransaction({ to, nonce: 0, gasLimit: 21_000n }), code('NONCE_EXPIRED'))
      const cheap = owner.sendTransaction({
        to,
        maxFeePerGas: 1n,
        maxPriorityFeePerGas: 1n,
        gasLimit: 21_000n,
      })
      await assert.rejects(cheap, /max fee per gas less than block base fee/)
    })

    test('an unknown method is unsupported', async () => {
      await assert.rejects(provider.send('eth_nothing', []), code('UNSUPPORTED_OPERATION'))
    })
  })

  test('blocks, fees and the network are read', async () => {
    assert.equal((await provider.getNetwork()).chainId, 31_337n)
    const block = present((await provider.getBlock('latest', true)) ?? undefined, 'block')
    const transaction = present(block.prefetchedTransactions[0], 'transaction')
    assert.equal(Transaction.from(transaction).hash, transaction.hash)
    assert.deepEqual(await provider.getBlock(block.hash ?? ''), await provider.getBlock(block.number))
    assert.equal((await provider.getBlock('finalized'))?.number, block.number)
    assert.equal((await provider.getBlock('pending'))?.parentHash, block.hash)
    assert.equal(await provider.getBlock(1_000_000), null)
    const { maxFeePerGas, maxPriorityFeePerGas } = await provider.getFeeData()
    assert.ok((maxFeePerGas ?? 0n) > (block.baseFeePerGas ?? 0n) && maxPriorityFeePerGas !== null)
    assert.equal(await provider.estimateGas({ from: wallets[0].address, to, value: 1n }), 21_000n)
    assert.equal(await provider.lookupAddress(to).catch(() => 'no names here'), 'no names here')
  })

  test('requests that ethers puts into one batch are all answered', async () => {
    const balances = await Promise.all(wallets.map(({ address }) => provider.getBalance(address)))
    assert.ok(balances.every((balance) => balance > 0n))
    const contract = new Contract(to, ['function total() view returns (uint256)'], provider)
    await assert.rejects(contract.getFunction('total').staticCall(), code('BAD_DATA'))
  })
})

/** For `assert.rejects`: an error of ethers with this code. */
function code(expected: ErrorCode): (error: unknown) => true {
  return (error) => {
    assert.ok(isError(error, expected), `expected ${expected}, got ${String(error)}`)
    return true
  }
}
