/**
 * State tests (ethereum/tests, execution-spec-tests): one transaction on a given state; compared are the state root and
 * the hash of the logs. A transaction that must be refused leaves the state as it was.
 *
 * Two layouts: the official one, where a fixture lists results by fork, and packed lines with one fork each. Fields of
 * the environment that a filler left out have the values that go-ethereum's runner gives them.
 */
import { ZERO_HASH } from '../../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../../src/primitives/keccak.ts'
import { rulesAt } from '../../../src/chain/forks.ts'
import { logsHash } from '../../../src/chain/receipt-codec.ts'
import type { Log } from '../../../src/chain/receipt.ts'
import { TransactionDecodingError } from '../../../src/chain/transaction-codec.ts'
import type { BlockEnvironment } from '../../../src/execution/environment.ts'
import { InvalidTransactionError } from '../../../src/execution/errors.ts'
import { blobBaseFee, GAS_PER_BLOB } from '../../../src/execution/fees.ts'
import type { OpenSession } from '../../../src/execution/transaction-session.ts'
import { memoryStateOf } from '../../../src/state/genesis-state.ts'
import type { StateDiff, StateReader } from '../../../src/state/state-reader.ts'
import { executionOf } from '../engines.ts'
import { allocOf, chainConfigOf, type FixtureAlloc, type FixtureConfig } from '../chain-fixtures.ts'
import { fixtureEntries } from '../fixture-files.ts'
import { addressOf, hashOf, integerOf, wordOf } from '../fixture-values.ts'
import {
  transactionFromBytes,
  transactionFromParts,
  type FixtureIndexes,
  type FixtureTransaction,
  type SignedTransaction,
} from '../state-transaction.ts'
import { expectEqual, SkippedCase, type Case, type Suite } from '../suite.ts'

interface StateFixture {
  readonly env: StateEnvironment
  readonly pre: FixtureAlloc
  readonly config?: FixtureConfig
  /** Official layout: by fork. Packed: of {@link fork}. */
  readonly post: Readonly<Record<string, readonly PostState[]>> | readonly PostState[]
  readonly fork?: string
  /** Official layout. */
  readonly transaction?: FixtureTransaction
  /** Packed. */
  readonly tx?: FixtureTransaction
}

interface StateEnvironment {
  readonly currentCoinbase: string
  readonly currentGasLimit: string
  readonly currentNumber: string
  readonly currentTimestamp: string
  readonly currentRandom?: string
  readonly currentBaseFee?: string
  readonly currentExcessBlobGas?: string
  readonly blockHashes?: Readonly<Record<string, string>>
}

interface PostState {
  /** State root afterwards. */
  readonly hash: string
  /** Hash of the RLP of the logs. */
  readonly logs: string
  readonly txbytes?: string
  readonly indexes?: FixtureIndexes
  readonly expectException?: string
}

/** In wei per gas, where a fixture gives no base fee. */
const DEFAULT_BASE_FEE = '0x0a'

export const stateSuite: Suite = {
  async *cases({ files, slice }, options) {
    const { openSession } = await executionOf(options.engine)
    for (const file of files) {
      for (const [name, value] of fixtureEntries(file, slice))
        yield* casesOf(name, value as StateFixture, openSession)
    }
  },
}

function* casesOf(name: string, fixture: StateFixture, openSession: OpenSession): Generator<Case> {
  const { post, fork } = fixture
  const byFork = isList(post) ? { [fork ?? '']: post } : post
  for (const [network, results] of Object.entries(byFork)) {
    for (const [index, result] of results.entries()) {
      const id = results.length === 1 && isList(post) ? name : `${name} ${network}[${index}]`
      yield { id, run: () => runCase(fixture, network, result, openSession) }
    }
  }
}

function isList(post: StateFixture['post']): post is readonly PostState[] {
  return Array.isArray(post)
}

async function runCase(
  fixture: StateFixture,
  network: string,
  expected: PostState,
  openSession: OpenSession,
): Promise<void> {
  const { expectException } = expected
  const environment = environmentOf(fixture.env, network, fixture.config)
  const state = memoryStateOf(allocOf(fixture.pre))
  const sign = (): SignedTransaction => signedOf(fixture, expected, environment.config.chainId)
  const outcome = await execute(state, environment, sign, openSession)
  if ('refusal' in outcome) {
    if (expectException === undefined) throw new Error(`the transaction was refused: ${outcome.refusal}`)
  } else {
    if (expectException !== undefined)
      throw new Error(`the transaction was accepted, must be: ${expectException}`)
    state.commit(outcome.diff)
  }
  expectEqual(logsHash('refusal' in outcome ? [] : outcome.logs), expected.logs, 'hash of the logs')
  expectEqual(state.root, expected.hash, 'state root')
}

function signedOf(
  { transaction, tx }: StateFixture,
  { txbytes, indexes }: PostState,
  chainId: bigint,
): SignedTransaction {
  if (txbytes !== undefined) return transactionFromBytes(txbytes)
  const parts = transaction ?? tx
  if (parts === undefined) throw new SkippedCase('state tests without a transaction')
  return transactionFromParts(parts, indexes ?? { data: 0, gas: 0, value: 0 }, chainId)
}

type Execution = { readonly refusal: string } | { readonly diff: StateDiff; readonly logs: readonly Log[] }

async function execute(
  state: StateReader,
  environment: BlockEnvironment,
  sign: () => SignedTransaction,
  openSession: OpenSession,
): Promise<Execution> {
  const allowance = {
    gas: environment.gasLimit,
    blobGas: BigInt(environment.rules.blobs.max) * GAS_PER_BLOB,
  }
  try {
    const { transaction, sender } = sign()
    if (sender === undefined) return { refusal: 'no sender fits the signature' }
    const session = await openSession(state, environment)
    const { logs } = await session.execute({ transaction, sender }, allowance)
    return { diff: session.diff(), logs }
  } catch (error) {
    if (error instanceof TransactionDecodingError || error instanceof InvalidTransactionError) {
      return { refusal: error.message }
    }
    throw error
  }
}

function environmentOf(
  env: StateEnvironment,
  network: string,
  fixtureConfig: FixtureConfig | undefined,
): BlockEnvironment {
  const config = chainConfigOf(network, fixtureConfig)
  const timestamp = integerOf(env.currentTimestamp)
  const rules = rulesAt(config, timestamp)
  const excessBlobGas = integerOf(env.currentExcessBlobGas ?? 0)
  return {
    config,
    rules,
    parentHash: ZERO_HASH,
    number: integerOf(env.currentNumber),
    timestamp,
    beneficiary: addressOf(env.currentCoinbase),
    gasLimit: integerOf(env.currentGasLimit),
    prevRandao: env.currentRandom === undefined ? ZERO_HASH : wordOf(env.currentRandom),
    baseFeePerGas: integerOf(env.currentBaseFee ?? DEFAULT_BASE_FEE),
    excessBlobGas,
    blobBaseFee: blobBaseFee(excessBlobGas, rules),
    parentBeaconBlockRoot: ZERO_HASH,
    blockHash: (number) => {
      const given = env.blockHashes?.[String(number)] ?? env.blockHashes?.[`0x${number.toString(16)}`]
      // Where a fixture names none, the hash of a block is that of its number in decimal digits.
      return given === undefined ? keccak256Hash(new TextEncoder().encode(String(number))) : hashOf(given)
    },
  }
}
