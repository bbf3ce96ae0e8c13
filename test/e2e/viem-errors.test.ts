/** What viem makes of the node's errors: it chooses its classes by code and text, and decodes what contracts revert with. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  BaseError,
  ContractFunctionRevertedError,
  encodeFunctionData,
  ExecutionRevertedError,
  FeeCapTooLowError,
  InsufficientFundsError,
  IntrinsicGasTooLowError,
  InvalidParamsRpcError,
  MethodNotFoundRpcError,
  NonceTooLowError,
  parseEther,
  TransactionReceiptNotFoundError,
  type Hash,
  type TransactionSerializable,
} from 'viem'
import { VAULT_ABI, viemWorld, type Vault, type ViemWorld } from '../support/viem-world.ts'

/** The first error of `type` in the chain of causes. */
function causeOf<T extends BaseError>(error: unknown, type: abstract new (...args: never) => T): T {
  assert.ok(error instanceof BaseError, String(error))
  const cause = error.walk((inner) => inner instanceof type)
  assert.ok(cause instanceof type, `expected ${type.name}, got ${error.name}: ${error.details}`)
  return cause
}

describe("the node's errors in viem", { timeout: 60_000 }, () => {
  let world: ViemWorld
  let vault: Vault

  before(async () => {
    world = await viemWorld()
    vault = await world.deployVault()
  })
  after(() => world.node.stop())

  async function rejection(promise: Promise<unknown>): Promise<unknown> {
    try {
      await promise
    } catch (error) {
      return error
    }
    return assert.fail('expected it to fail')
  }

  describe('a revert is decoded', () => {
    const reverted = async (promise: Promise<unknown>): Promise<ContractFunctionRevertedError> =>
      causeOf(await rejection(promise), ContractFunctionRevertedError)

    test('with a reason', async () => {
      const read = await reverted(vault.simulate.deposit(['']))
      assert.equal(read.reason, 'Vault: nothing sent')
      // Writing estimates the gas first, and fails there.
      const written = await reverted(vault.write.deposit(['']))
      assert.equal(written.reason, 'Vault: nothing sent')
    })

    test('with a custom error and its fields', async () => {
      const { accounts } = world
      const { data } = await reverted(vault.write.withdraw([accounts[1].address, 5n]))
      assert.equal(data?.errorName, 'BalanceTooLow')
      assert.deepEqual(data.args, [accounts[0].address, 0n, 5n])
    })

    test('with a panic', async () => {
      const { data, reason } = await reverted(vault.read.share([0n]))
      assert.equal(data?.errorName, 'Panic')
      assert.deepEqual(data.args, [0x12n])
      assert.equal(reason, 'Division or modulo by zero (e.g. `5 / 0` or `23 % 0`).')
    })

    test('without anything', async () => {
      const { data, reason } = await reverted(vault.read.refuse())
      assert.equal(data, undefined)
      assert.equal(reason, 'execution reverted')
    })
  })

  test('a failed transaction is mined, and its receipt says so', async () => {
    const { reader, wallet } = world
    const hash = await vault.write.deposit([''], { gas: 100_000n })
    const receipt = await reader.getTransactionReceipt({ hash })
    assert.equal(receipt.status, 'reverted')
    assert.deepEqual(receipt.logs, [])
    assert.ok(receipt.gasUsed < 100_000n)
    const data = encodeFunctionData({ abi: VAULT_ABI, functionName: 'burn' })
    const burnt = await wallet.sendTransaction({ to: vault.address, data, gas: 90_000n })
    assert.equal((await reader.getTransactionReceipt({ hash: burnt })).gasUsed, 90_000n)
  })

  test('a call that fails otherwise than by reverting names the reason', async () => {
    const error = await rejection(vault.read.burn())
    assert.match(causeOf(error, BaseError).message, /invalid opcode/i)
  })

  describe('a transaction is refused', () => {
    const to = '0x00000000000000000000000000000000000a11ce'
    const gas = 21_000n

    /** Signs as told, whatever it is, and sends it. */
    async function send(transaction: TransactionSerializable): Promise<Hash> {
      const { accounts, reader } = world
      const serializedTransaction = await accounts[0].signTransaction(transaction)
      return reader.sendRawTransaction({ serializedTransaction })
    }
    async function fields(): Promise<{ chainId: number; nonce: number; to: typeof to; gas: bigint } & Fees> {
      const { accounts, reader } = world
      const nonce = await reader.getTransactionCount({ address: accounts[0].address })
      const { maxFeePerGas, maxPriorityFeePerGas } = await reader.estimateFeesPerGas()
      return { chainId: 31_337, nonce, to, gas, maxFeePerGas, maxPriorityFeePerGas }
    }
    interface Fees {
      readonly maxFeePerGas: bigint
      readonly maxPriorityFeePerGas: bigint
    }

    test('for want of funds', async () => {
      const { wallet } = world
      const value = parseEther('20000')
      causeOf(await rejection(wallet.sendTransaction({ to, value })), InsufficientFundsError)
      causeOf(await rejection(wallet.sendTransaction({ to, value, gas })), InsufficientFundsError)
    })

    test('for a used nonce, with the next one and the cure', async () => {
      const { wallet } = world
      const { nonce } = await fields()
      const error = await rejection(wallet.sendTransaction({ to, gas, nonce: 0 }))
      const { details } = causeOf(error, NonceTooLowError)
      assert.match(details, new RegExp(`nonce too low: .*${nonce}.*0.*clear the wallet`))
    })

    test('for too little gas', async () => {
      causeOf(await rejection(world.wallet.sendTransaction({ to, gas: 20_999n })), IntrinsicGasTooLowError)
    })

    test('for fees that do not fit', async () => {
      const { wallet, node, accounts } = world
      const low = wallet.sendTransaction({ to, gas, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n })
      causeOf(await rejection(low), FeeCapTooLowError)
      // viem looks at the tip itself before it signs; a wallet that lets the node sign does not.
      const fees = { maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x2' }
      const tip = node.rpc('eth_sendTransaction', { from: accounts[0].address, to, ...fees })
      assert.match(String(await rejection(tip)), /max priority fee per gas higher than max fee per gas/)
    })

    test('for a second use of a nonce at nearly the same price', async () => {
      const { node } = world
      await node.rpc('evm_setAutomine', false)
      const first = await fields()
      const hash = await send(first)
      assert.match(String(await rejection(send(first))), /already known/)
      assert.match(
        String(await rejection(send({ ...first, value: 1n }))),
        /replacement transaction underpriced/,
      )
      const better = {
        ...first,
        maxFeePerGas: first.maxFeePerGas * 2n,
        maxPriorityFeePerGas: first.maxPriorityFeePerGas * 2n,
      }
      const replacing = await send(better)
      await node.rpc('evm_setAutomine', true)
      await node.rpc('evm_mine')
      const { reader } = world
      assert.equal((await reader.getTransactionReceipt({ hash: replacing })).status, 'success')
      const error = await rejection(reader.getTransactionReceipt({ hash }))
      causeOf(error, TransactionReceiptNotFoundError)
    })

    test('for another chain, for blobs, for noise', async () => {
      assert.match(String(await rejection(send({ ...(await fields()), chainId: 1 }))), /invalid chain id/)
      const blob = {
        ...(await fields()),
        type: 'eip4844',
        maxFeePerBlobGas: 1n,
        blobVersionedHashes: [`0x01${'00'.repeat(31)}`],
      } as const
      assert.match(
        String(await rejection(send(blob))),
        /transaction type not valid|transaction type not supported/,
      )
      const noise = rejection(world.reader.sendRawTransaction({ serializedTransaction: '0x02ff' }))
      assert.ok((await noise) instanceof BaseError)
    })
  })

  test('gas estimation tells what would fail', async () => {
    const { reader, accounts } = world
    const refused = reader.estimateGas({ account: accounts[0], to: vault.address, data: '0xdeadbeef' })
    causeOf(await rejection(refused), ExecutionRevertedError)
    const poor = '0x00000000000000000000000000000000000b0b00'
    const unpaid = reader.estimateGas({ account: poor, to: vault.address, value: 1n })
    causeOf(await rejection(unpaid), InsufficientFundsError)
  })

  test('requests that make no sense are told apart', async () => {
    const { reader } = world
    const ask = (method: string, params: unknown[]): Promise<unknown> =>
      // A method that viem does not know.
      rejection(reader.request({ method, params } as unknown as Parameters<typeof reader.request>[0]))
    causeOf(await ask('eth_nothing', []), MethodNotFoundRpcError)
    causeOf(await ask('eth_getBalance', ['0x12', 'latest']), InvalidParamsRpcError)
    causeOf(await ask('eth_getBalance', []), InvalidParamsRpcError)
  })

  test('a contract that does not exist returns no data', async () => {
    const { reader } = world
    const address = '0x00000000000000000000000000000000000b0b00'
    const error = await rejection(reader.readContract({ address, abi: VAULT_ABI, functionName: 'total' }))
    assert.match(String(error), /returned no data/)
  })
})
