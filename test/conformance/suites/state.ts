/**
 * State tests (ethereum/tests, execution-spec-tests): one transaction on a given state; compared are the state root and
 * the hash of the logs. A transaction that must be refused leaves the state as it was.
 *
 * Two layouts: the official one, where a fixture lists results by fork, and packed lines with one fork each.
 */
import { hexToBytes, toAddress, toHash, ZERO_HASH } from '../../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../../src/primitives/keccak.ts'
import { rulesAt } from '../../../src/chain/forks.ts'
import { logsHash } from '../../../src/chain/receipt-codec.ts'
import type { Log } from '../../../src/chain/receipt.ts'
import { decodeTransaction, TransactionDecodingError } from '../../../src/chain/transaction-codec.ts'
import { recoverSender } from '../../../src/chain/transaction-signature.ts'
import type { BlockEnvironment } from '../../../src/execution/environment.ts'
import { InvalidTransactionError } from '../../../src/execution/errors.ts'
import { blobBaseFee, GAS_PER_BLOB } from '../../../src/execution/fees.ts'
import { createSessions } from '../../../src/execution/engines.ts'
import type { OpenSession } from '../../../src/execution/transaction-session.ts'
import { memoryStateOf } from '../../../src/state/genesis-state.ts'
import type { StateDiff, StateReader } from '../../../src/state/state-reader.ts'
import { allocOf, chainConfigOf, type FixtureAlloc, type FixtureConfig } from '../chain-fixtures.ts'
import { fixtureEntries } from '../fixture-files.ts'
import { expectEqual, SkippedCase, type Case, type Suite } from '../suite.ts'

interface StateFixture {
  readonly env: StateEnvironment
  readonly pre: FixtureAlloc
  readonly config?: FixtureConfig
  /** Official layout: by fork. Packed: of {@link fork}. */
  readonly post: Readonly<Record<string, readonly PostState[]>> | readonly PostState[]
  readonly fork?: string
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
  readonly expectException?: string
}

export const stateSuite: Suite = {
  async *cases({ files, slice }, options) {
    const openSession = await createSessions(options.engine)
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
  { env, pre, config }: StateFixture,
  network: string,
  expected: PostState,
  openSession: OpenSession,
): Promise<void> {
  const { txbytes, expectException } = expected
  const environment = environmentOf(env, network, config)
  if (txbytes === undefined) throw new SkippedCase('state tests without the bytes of their transaction')
  const state = memoryStateOf(allocOf(pre))
  const outcome = await execute(state, environment, txbytes, openSession)
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

type Execution = { readonly refusal: string } | { readonly diff: StateDiff; readonly logs: readonly Log[] }

async function execute(
  state: StateReader,
  environment: BlockEnvironment,
  txbytes: string,
  openSession: OpenSession,
): Promise<Execution> {
  const allowance = {
    gas: environment.gasLimit,
    blobGas: BigInt(environment.rules.blobs.max) * GAS_PER_BLOB,
  }
  try {
    const transaction = decodeTransaction(hexToBytes(txbytes))
    const sender = recoverSender(transaction)
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
  const timestamp = BigInt(env.currentTimestamp)
  const rules = rulesAt(config, timestamp)
  const excessBlobGas = BigInt(env.currentExcessBlobGas ?? 0)
  return {
    config,
    rules,
    parentHash: ZERO_HASH,
    number: BigInt(env.currentNumber),
    timestamp,
    beneficiary: toAddress(env.currentCoinbase),
    gasLimit: BigInt(env.currentGasLimit),
    prevRandao: env.currentRandom === undefined ? ZERO_HASH : toHash(env.currentRandom),
    baseFeePerGas: BigInt(env.currentBaseFee ?? 0),
    excessBlobGas,
    blobBaseFee: blobBaseFee(excessBlobGas, rules),
    parentBeaconBlockRoot: ZERO_HASH,
    blockHash: (number) => {
      const given = env.blockHashes?.[String(number)] ?? env.blockHashes?.[`0x${number.toString(16)}`]
      // Where a fixture names none, the hash of a block is that of its number in decimal digits.
      return given === undefined ? keccak256Hash(new TextEncoder().encode(String(number))) : toHash(given)
    },
  }
}
