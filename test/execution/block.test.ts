/** Blocks: what is built verifies, what breaks a rule is refused with its name. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { toHash, ZERO_ADDRESS, ZERO_HASH } from '../../src/primitives/bytes.ts'
import { privateKeyToAddress } from '../../src/primitives/secp256k1.ts'
import type { Block, Header } from '../../src/chain/block.ts'
import { blockFromParts, encodeBlock, transactionsRoot } from '../../src/chain/block-codec.ts'
import { devGenesis } from '../../src/chain/dev-genesis.ts'
import { genesisBlock } from '../../src/chain/genesis.ts'
import { transactionFromFields } from '../../src/chain/transaction-codec.ts'
import { signTransaction } from '../../src/chain/transaction-signature.ts'
import type { Transaction } from '../../src/chain/transaction.ts'
import { buildBlock, verifyBlock, type ParentBlock } from '../../src/execution/block.ts'
import { environmentAfter } from '../../src/execution/environment.ts'
import { InvalidBlockError, type BlockRefusal } from '../../src/execution/errors.ts'
import { exactly, nativeExecutor } from '../../src/execution/executor.ts'
import { COMMITTEE_POLICY, validateBody, type HeaderPolicy } from '../../src/execution/header-validation.ts'
import type { ExecutedBlock } from '../../src/execution/ledger.ts'
import { memoryStateOf } from '../../src/state/genesis-state.ts'
import { tier0 } from '../../runtime/evm/engine.ts'
import { addressOf } from '../support/small-world.ts'

const KEY = new Uint8Array(32).fill(5)
const SENDER = privateKeyToAddress(KEY)
const EXECUTOR = nativeExecutor(tier0)
const STRICT = { hasFreeLimits: false }
const ATTRIBUTES = { timestamp: 1_700_000_000n, beneficiary: addressOf(0xbe), prevRandao: ZERO_HASH }

function genesis(): {
  readonly parent: ParentBlock
  readonly config: ReturnType<typeof devGenesis>['config']
} {
  const { alloc, ...rest } = devGenesis()
  const funded = new Map(alloc).set(SENDER, {
    balance: 10n ** 20n,
    nonce: 0n,
    code: new Uint8Array(0),
    storage: new Map(),
  })
  const state = memoryStateOf(funded)
  const block = genesisBlock({ ...rest, alloc: funded }, state.root)
  return { parent: { header: block.header, hash: block.hash, state }, config: rest.config }
}

function transfer(nonce: bigint): Transaction {
  return signTransaction(
    {
      type: 2,
      chainId: 31_337n,
      nonce,
      gasLimit: 21_000n,
      to: addressOf(0x77),
      value: 3n,
      data: new Uint8Array(0),
      accessList: [],
      maxFeePerGas: 2_000_000_000n,
      maxPriorityFeePerGas: 1n,
    },
    KEY,
  )
}

const WITHDRAWALS = [{ index: 0n, validatorIndex: 1n, address: addressOf(0x99), amount: 2n }]

async function build(
  transactions: readonly Transaction[],
  withdrawals = WITHDRAWALS,
  gasLimit?: bigint,
): Promise<ExecutedBlock> {
  const { parent, config } = genesis()
  const attributes = { ...ATTRIBUTES, ...(gasLimit === undefined ? {} : { gasLimit }) }
  return buildBlock(EXECUTOR, {
    parent,
    environment: environmentAfter(parent.header, parent.hash, attributes, config, () => undefined),
    source: exactly(
      transactions,
      transactions.map(() => SENDER),
    ),
    withdrawals,
    extraData: new Uint8Array(0),
  })
}

function verify(block: Block, policy: HeaderPolicy = STRICT): Promise<ExecutedBlock> {
  const { parent, config } = genesis()
  const senders = block.transactions.map(() => SENDER)
  return verifyBlock(EXECUTOR, { parent, block, senders, config, hashes: () => undefined, policy })
}

async function assertRefused(
  reason: BlockRefusal,
  change: (header: Header) => Partial<Header>,
): Promise<void> {
  const { block } = await build([transfer(0n)])
  const header = { ...block.header, ...change(block.header) }
  await assert.rejects(
    verify(blockFromParts(header, block.transactions, block.withdrawals)),
    (error) => error instanceof InvalidBlockError && error.reason === reason,
    reason,
  )
}

describe('a block that was built', () => {
  test('verifies to the same effects', async () => {
    const built = await build([transfer(0n), transfer(1n)])
    const verified = await verify(built.block)
    assert.deepEqual(verified.receipts, built.receipts)
    assert.deepEqual(verified.stateDiff, built.stateDiff)
    assert.equal(built.block.header.gasUsed, 42_000n)
    assert.equal(built.stateDiff.accounts.get(addressOf(0x77))?.balance, 6n)
    assert.equal(
      built.stateDiff.accounts.get(addressOf(0x99))?.balance,
      2_000_000_000n,
      'withdrawals are in gwei',
    )
  })

  test('writes its parent hash into the history contract (EIP-2935)', async () => {
    const { stateDiff } = await build([])
    const { parent } = genesis()
    const slots = stateDiff.storage.get('0x0000f90827f1c53a10cb7a02335b175320002935' as typeof ZERO_ADDRESS)
    assert.equal(slots?.get(0n), BigInt(parent.hash))
  })
})

describe('a block is refused for', () => {
  const other = toHash(`0x${'11'.repeat(32)}`)
  const cases: readonly (readonly [BlockRefusal, (header: Header) => Partial<Header>, string?])[] = [
    ['parent', () => ({ parentHash: other })],
    ['number', () => ({ number: 2n })],
    ['timestamp', () => ({ timestamp: 0n })],
    ['gasLimit', ({ gasLimit }) => ({ gasLimit: gasLimit + gasLimit / 1024n })],
    ['gasLimit', () => ({ gasLimit: 2n ** 63n }), 'gasLimit above 2⁶³ − 1'],
    ['gasUsed', () => ({ gasUsed: 21_001n })],
    ['baseFee', () => ({ baseFeePerGas: 1n })],
    ['extraData', () => ({ extraData: new Uint8Array(33) })],
    ['proofOfWorkFields', () => ({ difficulty: 1n })],
    ['ommers', () => ({ ommersHash: other })],
    ['transactionsRoot', () => ({ transactionsRoot: other })],
    ['receiptsRoot', () => ({ receiptsRoot: other })],
    ['withdrawalsRoot', () => ({ withdrawalsRoot: other })],
    ['stateRoot', () => ({ stateRoot: other })],
    ['logsBloom', () => ({ logsBloom: new Uint8Array(256).fill(1) })],
    ['blobGasUsed', () => ({ blobGasUsed: 131_072n })],
    ['excessBlobGas', () => ({ excessBlobGas: 1n })],
    ['requests', () => ({ requestsHash: other })],
  ]
  for (const [reason, change, title = reason] of cases) test(title, () => assertRefused(reason, change))

  test('a transaction that may not be in it, with the transaction named', async () => {
    const { block } = await build([transfer(0n)])
    const twice = blockFromParts(block.header, [transfer(0n), transfer(0n)], block.withdrawals)
    await assert.rejects(verify(twice), { reason: 'transactionsRoot' })
    await assert.rejects(build([transfer(1n)]), /transaction 0 \(0x[0-9a-f]{64}\) is invalid: nonce too high/)
  })

  test('its size: 8 MiB of RLP are the most from Osaka on (EIP-7934)', async () => {
    const { config } = genesis()
    const { block } = await build([])
    const sizeMax = 8 * 1024 * 1024
    const blockOf = (dataSize: number): Block => {
      const transaction = transactionFromFields({ ...transfer(0n).fields, data: new Uint8Array(dataSize) })
      const transactions = [transaction]
      const header = { ...block.header, transactionsRoot: transactionsRoot(transactions) }
      return blockFromParts(header, transactions, block.withdrawals)
    }
    // All lengths in it take four bytes from here on: a byte more data is a byte more block.
    const rest = encodeBlock(blockOf(sizeMax - 4_096)).length - (sizeMax - 4_096)
    const largest = blockOf(sizeMax - rest)
    assert.equal(encodeBlock(largest).length, sizeMax)
    validateBody(largest, config)
    const larger = blockOf(sizeMax - rest + 1)
    assert.throws(() => validateBody(larger, config), { reason: 'size' })
    const prague = { ...config, forks: [{ name: 'prague', timestamp: 0n } as const] }
    validateBody(larger, prague)
  })

  test('a withdrawal or another gas limit, where a committee makes the chain', async () => {
    const limit = genesis().parent.header.gasLimit
    const paying = await build([])
    await verify(paying.block)
    await assert.rejects(verify(paying.block, COMMITTEE_POLICY), { reason: 'withdrawalsRoot' })
    for (const gasLimit of [limit + 1n, limit - 1n]) {
      const { block } = await build([], [], gasLimit)
      await verify(block)
      await assert.rejects(verify(block, COMMITTEE_POLICY), { reason: 'gasLimit' })
    }
    const { block } = await build([transfer(0n)], [])
    await verify(block, COMMITTEE_POLICY)
  })

  test('missing system contracts (EIP-7002)', async () => {
    const { parent, config } = genesis()
    const bare = { ...parent, state: memoryStateOf(new Map()) }
    const environment = environmentAfter(parent.header, parent.hash, ATTRIBUTES, config, () => undefined)
    const input = {
      parent: bare,
      environment,
      source: exactly([], []),
      withdrawals: [],
      extraData: new Uint8Array(0),
    }
    await assert.rejects(buildBlock(EXECUTOR, input), { reason: 'systemCall' })
  })
})
