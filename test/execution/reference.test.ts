/** The reference engine runs whole blocks exactly as ours does: the same effects, the same refusals, the same roots. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  bigintToFixedBytes,
  bytesToHex,
  concatBytes,
  EMPTY_BYTES,
  wordToHash,
  ZERO_ADDRESS,
  type Address,
} from '../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import { privateKeyToAddress } from '../../src/primitives/secp256k1.ts'
import type { Withdrawal } from '../../src/chain/block.ts'
import { delegationTo } from '../../src/chain/delegation.ts'
import { MAINNET_DEPOSIT_CONTRACT, rulesAt, type ChainConfig, type ForkName } from '../../src/chain/forks.ts'
import {
  BEACON_ROOTS_ADDRESS,
  CONSOLIDATION_REQUESTS_ADDRESS,
  HISTORY_STORAGE_ADDRESS,
  SYSTEM_CONTRACTS,
  WITHDRAWAL_REQUESTS_ADDRESS,
} from '../../src/chain/system-contracts.ts'
import { transactionFromFields, type UnsignedTransactionFields } from '../../src/chain/transaction-codec.ts'
import { signAuthorization, signTransaction } from '../../src/chain/transaction-signature.ts'
import { createExecutor, ENGINE_NAMES, UnknownEngineError } from '../../src/execution/engines.ts'
import type { BlockEnvironment } from '../../src/execution/environment.ts'
import { InvalidBlockError, type TransactionRefusal } from '../../src/execution/errors.ts'
import {
  exactly,
  type BlockEffects,
  type Offer,
  type TransactionSource,
} from '../../src/execution/executor.ts'
import { blobBaseFee } from '../../src/execution/fees.ts'
import type { MemoryState } from '../../src/state/memory-state.ts'
import { commitState } from '../../src/state/state-tree.ts'
import { assemble, pushOf } from '../support/assembler.ts'
import { addressOf, smallEnvironment, smallWorld, type SmallAccount } from '../support/small-world.ts'

const ETHER = 10n ** 18n
const GWEI = 1_000_000_000n
const CHAIN_ID = 31_337n
const KEY = bigintToFixedBytes(0xabcn, 32)
const SENDER = privateKeyToAddress(KEY)
const CONTRACT = addressOf(0xc0de)

/** A chain of its own: another chain id and other blob parameters than mainnet's. */
function configOf(fork: ForkName): ChainConfig {
  return {
    chainId: CHAIN_ID,
    forks: [{ name: fork, timestamp: 0n }],
    blobSchedule: { [fork]: { target: 2, max: 4, baseFeeUpdateFraction: 2_000_000n } },
    depositContractAddress: MAINNET_DEPOSIT_CONTRACT,
  }
}

function environmentOf(fork: ForkName, changes: Partial<BlockEnvironment> = {}): BlockEnvironment {
  const config = configOf(fork)
  const rules = rulesAt(config, 1n)
  const excessBlobGas = 30n * 131_072n
  return smallEnvironment(fork, {
    config,
    rules,
    parentHash: wordToHash(0x99n),
    prevRandao: wordToHash(0x1234_5678n),
    baseFeePerGas: 7n,
    excessBlobGas,
    blobBaseFee: blobBaseFee(excessBlobGas, rules),
    parentBeaconBlockRoot: wordToHash(0xbeac07n),
    blockHash: (number) => wordToHash(number * 1_000n),
    ...changes,
  })
}

function worldOf(accounts: readonly [Address, SmallAccount][] = []): MemoryState {
  const system = SYSTEM_CONTRACTS.map(({ address, code }): [Address, SmallAccount] => [
    address,
    { nonce: 1n, code },
  ])
  return smallWorld(new Map([[SENDER, { balance: ETHER }], ...system, ...accounts]))
}

type Call = Partial<Pick<UnsignedTransactionFields, 'nonce' | 'gasLimit' | 'to' | 'value' | 'data'>>

function transfer(call: Call): Offer {
  const fields: UnsignedTransactionFields = {
    type: 2,
    chainId: CHAIN_ID,
    nonce: 0n,
    gasLimit: 100_000n,
    to: addressOf(0x70),
    value: 1n,
    data: EMPTY_BYTES,
    maxFeePerGas: 50n,
    maxPriorityFeePerGas: 3n,
    accessList: [],
    ...call,
  }
  return { transaction: signTransaction(fields, KEY), sender: SENDER }
}

/** Offers everything once and notes why offers were refused. */
function offering(offers: readonly Offer[]): TransactionSource & { readonly refusals: TransactionRefusal[] } {
  const refusals: TransactionRefusal[] = []
  let index = 0
  return { refusals, next: () => offers[index++], refused: (_, { reason }) => refusals.push(reason) }
}

interface Run {
  readonly fork?: ForkName
  readonly state?: MemoryState
  readonly offers?: readonly Offer[]
  readonly withdrawals?: readonly Withdrawal[]
  readonly changes?: Partial<BlockEnvironment>
}

/** Runs a block on both engines, asserts that they agree, and returns what came of it. */
async function runOnBoth({ fork = 'osaka', state = worldOf(), offers = [], withdrawals = [], changes }: Run) {
  const environment = environmentOf(fork, changes)
  const outcomes = await Promise.all(
    ENGINE_NAMES.map(async (name) => {
      const source = offering(offers)
      const effects = await (await createExecutor(name)).run({ state, environment, source, withdrawals })
      return { effects, refusals: source.refusals }
    }),
  )
  const [ours, theirs] = outcomes
  assert.ok(ours !== undefined && theirs !== undefined)
  assert.deepEqual(tell(theirs.effects, state), tell(ours.effects, state))
  assert.deepEqual(theirs.refusals, ours.refusals)
  return { ...ours, after: afterwards(state, ours.effects) }
}

/** Effects as they can be compared, and the root that they lead to. Code counts where an account has it. */
function tell({ diff, ...rest }: BlockEffects, state: MemoryState): object {
  const { codes: _, ...changes } = diff
  return { ...rest, ...changes, root: commitState(state, state.root, diff).root }
}

function afterwards(state: MemoryState, { diff }: BlockEffects): MemoryState {
  state.commit(diff)
  return state
}

describe('a block on both engines', () => {
  test('passes over what is refused, for the same reasons', async () => {
    const poor = bigintToFixedBytes(0xdefn, 32)
    const { effects, refusals } = await runOnBoth({
      offers: [
        transfer({}),
        transfer({ nonce: 5n }),
        transfer({ nonce: 0n }),
        transfer({ nonce: 1n, gasLimit: 20_999n }),
        transfer({ nonce: 1n, data: new Uint8Array(1_000).fill(1), gasLimit: 50_000n }),
        transfer({ nonce: 1n, gasLimit: 1n << 25n }),
        transfer({ nonce: 1n, value: 2n * ETHER }),
        {
          transaction: signTransaction({ ...legacy(), gasPrice: 6n }, KEY),
          sender: SENDER,
        },
        { transaction: signTransaction({ ...legacy(), nonce: 0n }, poor), sender: privateKeyToAddress(poor) },
        { transaction: signTransaction({ ...legacy(), chainId: 1n }, KEY), sender: SENDER },
        transfer({ nonce: 1n, gasLimit: 16_000_000n }),
        transfer({ nonce: 2n, gasLimit: 16_000_000n }),
      ],
      changes: { gasLimit: 16_025_000n },
    })
    assert.deepEqual(refusals, [
      'nonceTooHigh',
      'nonceTooLow',
      'intrinsicGasTooLow',
      'calldataFloorTooLow',
      'gasLimitAboveMaximum',
      'insufficientFunds',
      'feeCapBelowBaseFee',
      'insufficientFunds',
      'wrongChainId',
      'gasLimitAboveBlock',
    ])
    assert.equal(effects.receipts.length, 2)
    assert.equal(effects.gasUsed, 42_000n)
  })

  test('gives the block up when one of exactly these transactions is refused', async () => {
    for (const name of ENGINE_NAMES) {
      const { transaction } = transfer({ nonce: 1n })
      const run = (await createExecutor(name)).run({
        state: worldOf(),
        environment: environmentOf('osaka'),
        source: exactly([transaction], [SENDER]),
        withdrawals: [],
      })
      await assert.rejects(
        run,
        (error) => error instanceof InvalidBlockError && error.reason === 'transaction',
      )
    }
  })

  test('creates, reverts, halts and deletes across transactions', async () => {
    const runtime = assemble(
      'PUSH0 CALLDATALOAD PUSH0 SSTORE PUSH0 CALLDATALOAD PUSH0 MSTORE PUSH1 32 PUSH0 LOG0 STOP',
    )
    const size = pushOf(runtime.length)
    const initcode = assemble(
      `${size} PUSH1 :runtime PUSH0 CODECOPY ${size} PUSH0 RETURN :runtime ${bytesToHex(runtime)}`,
    )
    const { effects } = await runOnBoth({
      state: worldOf([
        [
          CONTRACT,
          {
            code: assemble(
              'PUSH0 CALLDATALOAD PUSH2 @fail JUMPI CALLER SELFDESTRUCT @fail PUSH0 PUSH0 REVERT',
            ),
          },
        ],
        [addressOf(0xbad), { code: assemble('INVALID'), balance: 5n }],
      ]),
      offers: [
        transfer({ to: null, data: initcode, gasLimit: 300_000n }),
        transfer({ nonce: 1n, to: CONTRACT, data: bigintToFixedBytes(1n, 32) }),
        transfer({ nonce: 2n, to: CONTRACT }),
        transfer({ nonce: 3n, to: addressOf(0xbad) }),
        transfer({ nonce: 4n, to: null, data: assemble('CALLER SELFDESTRUCT') }),
      ],
    })
    assert.deepEqual(
      effects.receipts.map(({ succeeded }) => succeeded),
      [true, false, true, false, true],
    )
  })

  test('takes the sender from the offer: an impersonated account signs nothing', async () => {
    const whale = addressOf(0x3a1e)
    const unsigned = { yParity: 0, r: BigInt(whale), s: 1n } as const
    const common = { chainId: CHAIN_ID, gasLimit: 21_000n, to: addressOf(0x70), value: 9n, data: EMPTY_BYTES }
    const fees = { maxFeePerGas: 20n, maxPriorityFeePerGas: 1n, accessList: [] }
    const { effects, after } = await runOnBoth({
      state: worldOf([[whale, { balance: ETHER }]]),
      offers: [
        {
          transaction: transactionFromFields({ type: 2, ...common, ...fees, nonce: 0n, ...unsigned }),
          sender: whale,
        },
        {
          transaction: transactionFromFields({ type: 0, ...common, gasPrice: 20n, nonce: 1n, ...unsigned }),
          sender: whale,
        },
      ],
    })
    assert.equal(effects.receipts.length, 2)
    assert.equal(after.account(addressOf(0x70))?.balance, 18n)
    assert.equal(after.account(whale)?.nonce, 2n)
  })

  test('pays withdrawals in gwei and leaves no empty accounts', async () => {
    const withdrawal = { index: 0n, validatorIndex: 0n }
    const { after } = await runOnBoth({
      offers: [transfer({})],
      withdrawals: [
        { ...withdrawal, address: addressOf(0x111), amount: 3n },
        { ...withdrawal, address: addressOf(0x111), amount: 4n },
        { ...withdrawal, address: addressOf(0x222), amount: 0n },
        { ...withdrawal, address: SENDER, amount: 1n },
      ],
    })
    assert.equal(after.account(addressOf(0x111))?.balance, 7n * GWEI)
    assert.equal(after.account(addressOf(0x222)), undefined)
  })
})

function legacy(): Extract<UnsignedTransactionFields, { type: 0 }> {
  return {
    type: 0,
    chainId: CHAIN_ID,
    nonce: 1n,
    gasLimit: 21_000n,
    to: ZERO_ADDRESS,
    value: 0n,
    data: EMPTY_BYTES,
    gasPrice: 10n,
  }
}

describe('what programs see of a block', () => {
  /** Stores the word that each of these leaves. */
  const reads = [
    'CHAINID',
    'BLOBBASEFEE',
    'BASEFEE',
    'PREVRANDAO',
    'COINBASE',
    'GASLIMIT',
    'TIMESTAMP',
    'NUMBER BLOCKHASH',
    'PUSH1 1 NUMBER SUB BLOCKHASH',
    'PUSH0 BLOBHASH',
    'GASPRICE',
  ]
  const observer = assemble(...reads.map((read, slot) => `${read} ${pushOf(slot)} SSTORE`))

  for (const fork of ['cancun', 'prague', 'osaka', 'bpo1', 'bpo3', 'bpo5'] as const) {
    test(`is the same in ${fork}`, async () => {
      const blobs = [keccak256Hash(EMPTY_BYTES)].map((hash) => `0x01${hash.slice(4)}` as const)
      const fields = { ...legacy(), nonce: 0n, to: CONTRACT, gasLimit: 400_000n }
      const { gasPrice: _, ...common } = fields
      const blobTransaction = signTransaction(
        {
          ...common,
          type: 3,
          chainId: CHAIN_ID,
          to: CONTRACT,
          maxFeePerGas: 100n,
          maxPriorityFeePerGas: 2n,
          accessList: [],
          // The bytes of a hash with another version are a hash.
          blobVersionedHashes: blobs.map((hash) => wordToHash(BigInt(hash))),
          maxFeePerBlobGas: GWEI,
        },
        KEY,
      )
      const { effects, after } = await runOnBoth({
        fork,
        state: worldOf([[CONTRACT, { code: observer }]]),
        offers: [{ transaction: blobTransaction, sender: SENDER }],
      })
      const environment = environmentOf(fork)
      assert.deepEqual(
        effects.receipts.map(({ succeeded }) => succeeded),
        [true],
      )
      assert.equal(effects.blobGasUsed, 131_072n)
      assert.equal(after.storage(CONTRACT, 0n), CHAIN_ID)
      assert.equal(after.storage(CONTRACT, 1n), environment.blobBaseFee)
      assert.ok(environment.blobBaseFee > 1n)
      assert.equal(after.storage(CONTRACT, 3n), 0x1234_5678n)
      assert.equal(after.storage(CONTRACT, 7n), 0n)
      assert.equal(after.storage(CONTRACT, 8n), 99_000n)
    })
  }

  test('includes blobs up to the limit of this chain', async () => {
    const blob = wordToHash((1n << 248n) | 5n)
    const offer = (nonce: bigint, count: number): Offer => ({
      transaction: signTransaction(
        {
          ...legacy(),
          type: 3,
          chainId: CHAIN_ID,
          nonce,
          to: ZERO_ADDRESS,
          maxFeePerGas: 100n,
          maxPriorityFeePerGas: 2n,
          accessList: [],
          blobVersionedHashes: Array.from({ length: count }, () => blob),
          maxFeePerBlobGas: GWEI,
        },
        KEY,
      ),
      sender: SENDER,
    })
    const { effects, refusals } = await runOnBoth({
      offers: [offer(0n, 3), offer(1n, 2), offer(1n, 1), offer(2n, 5)],
    })
    assert.deepEqual(refusals, ['blobGasAboveBlock', 'blobGasAboveBlock'])
    assert.equal(effects.blobGasUsed, 4n * 131_072n)
  })

  test('includes delegations (EIP-7702)', async () => {
    const authority = bigintToFixedBytes(0x7702n, 32)
    const delegated = privateKeyToAddress(authority)
    const authorization = signAuthorization({ chainId: 0n, address: CONTRACT, nonce: 0n }, authority)
    const fields = { ...legacy(), nonce: 0n, chainId: CHAIN_ID, gasLimit: 200_000n, to: delegated }
    const { gasPrice: _, ...common } = fields
    const fees = { maxFeePerGas: 100n, maxPriorityFeePerGas: 2n, accessList: [] }
    const setCode = signTransaction({ ...common, ...fees, type: 4, authorizationList: [authorization] }, KEY)
    const { after } = await runOnBoth({
      state: worldOf([[CONTRACT, { code: assemble('ADDRESS PUSH1 7 SSTORE') }]]),
      offers: [{ transaction: setCode, sender: SENDER }, transfer({ nonce: 1n, to: delegated })],
    })
    assert.equal(after.storage(delegated, 7n), BigInt(delegated))
    const codeHash = after.account(delegated)?.codeHash
    assert.equal(codeHash, keccak256Hash(delegationTo(CONTRACT)))
  })
})

describe('the protocol around the transactions', () => {
  test('remembers the beacon root and the parent', async () => {
    const { after } = await runOnBoth({})
    const { timestamp } = environmentOf('osaka')
    assert.equal(after.storage(BEACON_ROOTS_ADDRESS, (timestamp % 8_191n) + 8_191n), 0xbeac07n)
    assert.equal(after.storage(HISTORY_STORAGE_ADDRESS, 99n), 0x99n)
  })

  test('collects deposits, withdrawals and consolidations', async () => {
    const topic = '0x649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5'
    const depositor = assemble(
      `CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY PUSH32 ${topic} CALLDATASIZE PUSH0 LOG1`,
    )
    const { effects } = await runOnBoth({
      state: worldOf([[MAINNET_DEPOSIT_CONTRACT, { code: depositor }]]),
      offers: [
        transfer({ to: MAINNET_DEPOSIT_CONTRACT, data: depositEvent(), value: 0n }),
        transfer({
          nonce: 1n,
          to: WITHDRAWAL_REQUESTS_ADDRESS,
          data: new Uint8Array(56).fill(3),
          gasLimit: 300_000n,
        }),
        transfer({
          nonce: 2n,
          to: CONSOLIDATION_REQUESTS_ADDRESS,
          data: new Uint8Array(96).fill(4),
          gasLimit: 300_000n,
        }),
      ],
    })
    assert.deepEqual(
      effects.requests.map((request) => [request[0], request.length]),
      [
        [0, 1 + 192],
        [1, 1 + 76],
        [2, 1 + 116],
      ],
    )
  })

  test('refuses a block whose request contract is missing or fails', async () => {
    for (const code of [EMPTY_BYTES, assemble('PUSH0 PUSH0 REVERT')]) {
      for (const name of ENGINE_NAMES) {
        const run = (await createExecutor(name)).run({
          state: worldOf([[WITHDRAWAL_REQUESTS_ADDRESS, { nonce: 1n, code }]]),
          environment: environmentOf('osaka'),
          source: offering([]),
          withdrawals: [],
        })
        await assert.rejects(
          run,
          (error) => error instanceof InvalidBlockError && error.reason === 'systemCall',
        )
      }
    }
  })
})

/** The data of a deposit's event: five byte strings, ABI-encoded (EIP-6110). */
function depositEvent(): Uint8Array {
  const sizes = [48, 32, 8, 96, 8]
  const heads: Uint8Array[] = []
  const tails: Uint8Array[] = []
  let offset = 32 * sizes.length
  for (const size of sizes) {
    const padded = 32 * Math.ceil(size / 32)
    const value = new Uint8Array(padded).fill(size, 0, size)
    heads.push(bigintToFixedBytes(BigInt(offset), 32))
    tails.push(bigintToFixedBytes(BigInt(size), 32), value)
    offset += 32 + padded
  }
  return concatBytes(...heads, ...tails)
}

describe('the choice of an engine', () => {
  test('is by name', async () => {
    for (const name of ENGINE_NAMES) assert.equal((await createExecutor(name)).name, name)
  })

  test('names the engines there are when one is not known', async () => {
    await assert.rejects(createExecutor('tier9'), (error) => {
      assert.ok(error instanceof UnknownEngineError)
      assert.match(error.message, /tier9.*tier0.*reference/)
      return true
    })
  })
})
