/**
 * The forms in which fixtures come: one state test, a transfer of 1 wei, is written in each of them and must be found
 * and pass. Its expected roots come from the accounts that must be there afterwards.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { toAddress } from '../../src/primitives/bytes.ts'
import { privateKeyToAddress } from '../../src/primitives/secp256k1.ts'
import { logsHash } from '../../src/chain/receipt-codec.ts'
import { stateRootOf } from '../../src/state/genesis-state.ts'
import { discover } from './discover.ts'
import { listFixtureFiles } from './fixture-files.ts'
import { allocOf, chainConfigOf } from './chain-fixtures.ts'
import { integerOf, wordOf } from './fixture-values.ts'
import { SkippedCase, SUITE_NAMES, type SuiteName } from './suite.ts'
import { loadSuite } from './suite-table.ts'

const scratch = mkdtempSync(join(tmpdir(), 'aevir-layouts-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

const KEY = `0x${'45'.repeat(32)}`
const SENDER = privateKeyToAddress(Uint8Array.fromHex(KEY.slice(2)))
const RECIPIENT = toAddress('0x00000000000000000000000000000000000b0b00')
const COINBASE = toAddress('0x00000000000000000000000000000000c01bba5e')

const ENV = {
  currentCoinbase: COINBASE,
  currentGasLimit: '0x989680',
  currentNumber: '0x01',
  currentTimestamp: '0x03e8',
  currentBaseFee: '0x0a',
  currentRandom: '0x20000',
  someKeyOfTomorrow: {},
}
const PRE = { [SENDER]: { nonce: '0x00', balance: '0xde0b6b3a7640000', code: '0x', storage: {} } }
const TRANSACTION = {
  nonce: '0x00',
  gasPrice: '0x0c',
  gasLimit: ['0x00', '0x5208'],
  to: RECIPIENT,
  value: ['0x01'],
  data: ['0x'],
  secretKey: KEY,
  sender: SENDER,
}
const NO_LOGS = logsHash([])
const NEXT_ROOT = stateRootOf(
  allocOf({
    [SENDER]: { nonce: '0x01', balance: String(10n ** 18n - 21_000n * 12n - 1n) },
    [RECIPIENT]: { balance: '1' },
    [COINBASE]: { balance: String(21_000n * 2n) },
  }),
)
const POST = { hash: NEXT_ROOT, logs: NO_LOGS, indexes: { data: 0, gas: 1, value: 0 } }
/** The same transaction with the other gas limit, 0: it must be refused. */
const REFUSED = {
  hash: stateRootOf(allocOf(PRE)),
  logs: NO_LOGS,
  indexes: { data: 0, gas: 0, value: 0 },
  expectException: 'TransactionException.INTRINSIC_GAS_TOO_LOW|TransactionException.OTHER',
}
const OFFICIAL = { env: ENV, pre: PRE, transaction: TRANSACTION, post: { Prague: [POST], Berlin: [POST] } }
const PACKED = {
  id: 'transfer',
  fork: 'Osaka',
  env: ENV,
  pre: PRE,
  tx: TRANSACTION,
  post: [POST],
  config: {},
}

let folderCount = 0

/** Writes files into a folder of their own and returns it. */
function folderOf(files: Readonly<Record<string, unknown>>): string {
  const folder = join(scratch, String(folderCount++))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    const isReady = typeof content === 'string' || content instanceof Uint8Array
    writeFileSync(join(folder, path), isReady ? content : JSON.stringify(content))
  }
  return folder
}

/** Runs everything under a path in this process; what became of each case by its name. */
async function outcomesOf(path: string): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {}
  const { jobs } = discover(listFixtureFiles(path), new Set(SUITE_NAMES))
  for (const job of jobs) {
    const suite = await loadSuite(job.suite)
    for await (const one of suite.cases(job, { engine: 'tier0' })) {
      outcomes[one.id] = await Promise.try(() => one.run()).then(
        () => 'passed',
        (error: unknown) => `${error instanceof SkippedCase ? 'skipped' : 'failed'}: ${String(error)}`,
      )
    }
  }
  return outcomes
}

function suitesOf(path: string): readonly SuiteName[] {
  return discover(listFixtureFiles(path), new Set(SUITE_NAMES)).jobs.map(({ suite }) => suite)
}

describe('one state test', () => {
  test('as a packed file, alone in a folder, compressed or not', async () => {
    const line = `${JSON.stringify(PACKED)}\n`
    for (const files of [
      { 'a.ndjson': line },
      { 'a.ndjson.gz': gzipSync(line) },
      { 'deep/down/a.jsonl': line },
    ]) {
      assert.deepEqual(await outcomesOf(folderOf(files)), { transfer: 'passed' })
    }
  })

  test('as a JSON file that holds a list of packed cases, or one', async () => {
    assert.deepEqual(await outcomesOf(join(folderOf({ 'one.json': PACKED }), 'one.json')), {
      transfer: 'passed',
    })
    assert.deepEqual(await outcomesOf(folderOf({ 'list.json': [PACKED] })), { transfer: 'passed' })
  })

  test('as an official tree: results by fork, forks that are too old counted', async () => {
    const folder = folderOf({ 'fixtures/state_tests/prague/x/transfer.json': { case: OFFICIAL } })
    const outcomes = await outcomesOf(folder)
    assert.equal(outcomes['case Prague[0]'], 'passed')
    assert.match(outcomes['case Berlin[0]'] ?? '', /^skipped: .*rules of Berlin/)
  })

  test('several results, of which one must be refused', async () => {
    const outcomes = await outcomesOf(
      folderOf({ 'a.ndjson': JSON.stringify({ ...PACKED, post: [POST, REFUSED] }) }),
    )
    assert.deepEqual(outcomes, { 'transfer Osaka[0]': 'passed', 'transfer Osaka[1]': 'passed' })
  })

  test('behind keys of any length and order', async () => {
    const late = { _info: { comment: 'x'.repeat(100_000) }, ...PACKED }
    assert.deepEqual(await outcomesOf(folderOf({ 'a.ndjson': JSON.stringify(late) })), { transfer: 'passed' })
  })

  test('without the values that a filler may leave out', async () => {
    const { currentBaseFee: _fee, currentRandom: _random, ...env } = ENV
    const pre = { [SENDER.slice(2)]: { balance: '1000000000000000000' } }
    const { secretKey: _key, ...tx } = TRANSACTION
    const bare = { ...PACKED, env, pre, tx, config: undefined }
    assert.deepEqual(await outcomesOf(folderOf({ 'a.ndjson': JSON.stringify(bare) })), { transfer: 'passed' })
  })

  test('a wrong root fails, and so does a refusal that nobody expects', async () => {
    const wrong = { ...PACKED, post: [{ ...POST, hash: REFUSED.hash }] }
    const refused = { ...PACKED, id: 'refused', post: [{ ...REFUSED, expectException: undefined }] }
    const lines = [wrong, refused].map((one) => JSON.stringify(one)).join('\n')
    const outcomes = await outcomesOf(folderOf({ 'a.ndjson': lines }))
    assert.match(outcomes['transfer'] ?? '', /^failed: .*state root/)
    assert.match(outcomes['refused'] ?? '', /^failed: .*refused: intrinsic gas too low/)
  })
})

describe('exchanges of JSON-RPC', () => {
  const CHAIN = { 'genesis.json': {}, 'chain.rlp': 'x' }
  const jobsOf = (files: Readonly<Record<string, unknown>>): readonly (readonly string[])[] =>
    discover(listFixtureFiles(folderOf(files)), new Set(SUITE_NAMES)).jobs.map((job) =>
      job.files.map(({ label }) => label),
    )

  test('belong to the chain above them, else to the only one', () => {
    assert.deepEqual(jobsOf({ ...CHAIN, 'eth_call/a.io': '' }), [
      ['chain.rlp', 'genesis.json', 'eth_call/a.io'],
    ])
    const beside = { 'chain/chain.rlp': 'x', 'chain/genesis.json': {}, 'tests/eth_call/a.io': '' }
    assert.deepEqual(jobsOf(beside), [['chain/chain.rlp', 'chain/genesis.json', 'tests/eth_call/a.io']])
  })

  test('are counted when there is no chain for them', async () => {
    const outcomes = await outcomesOf(folderOf({ 'eth_call/a.io': '>> {}\n<< {}\n' }))
    assert.match(outcomes['eth_call/a.io'] ?? '', /^skipped: .*without a chain\.rlp/)
  })
})

test('a chain of blocks is found by its genesis, an unknown file by nothing', () => {
  const chain = {
    network: 'Prague',
    blocks: [],
    postState: {},
    pre: {},
    lastblockhash: '0x',
    genesisRLP: '0x',
  }
  assert.deepEqual(suitesOf(folderOf({ 'blockchain_tests/a.json': { a: chain } })), ['blockchain'])
  assert.deepEqual(suitesOf(folderOf({ 'a.ndjson.gz': gzipSync(JSON.stringify(chain)) })).length, 16)
  assert.deepEqual(suitesOf(folderOf({ '.meta/index.json': { root_hash: '0x', test_cases: [] } })), [])
})

test('transactions are judged by the newest rules they name, those of before London counted', async () => {
  const result = { exception: 'TR_RLP_WRONGVALUE', intrinsicGas: '0x00' }
  const outcomes = await outcomesOf(
    folderOf({
      'new.json': { wrong: { txbytes: '0xc0', result: { Berlin: result, Prague: result } } },
      'old.json': { wrong: { txbytes: '0xc0', result: { Berlin: result } } },
    }),
  )
  assert.equal(outcomes['new.json/wrong'], 'passed')
  assert.match(outcomes['old.json/wrong'] ?? '', /^skipped: .*before London/)
})

test('precompile vectors are found by the names of go-ethereum and of the EIPs', async () => {
  const infinity = '0'.repeat(256)
  const vector = { Input: infinity + infinity, Expected: infinity, Gas: 375, Name: 'infinity' }
  const outcomes = await outcomesOf(
    folderOf({ 'blsG1Add.json': [vector], 'add_G1_bls.json': [vector], 'fail-add_G1_bls.json': [vector] }),
  )
  assert.deepEqual(Object.values(outcomes), ['passed', 'passed', 'passed'])
})

describe('values', () => {
  test('of numbers: hex, decimal, none, or too large for a word', () => {
    assert.deepEqual(['0x0a', '10', '0x', '', 10].map(integerOf), [10n, 10n, 0n, 0n, 10n])
    assert.equal(integerOf(`0x:bigint 0x1${'00'.repeat(32)}`), 1n << 256n)
    assert.throws(() => integerOf('ten'), /"ten" is no number/)
  })

  test('of words: padded or not', () => {
    assert.equal(wordOf('0x20000'), `0x${'20000'.padStart(64, '0')}`)
    assert.equal(wordOf('0a'), `0x${'a'.padStart(64, '0')}`)
  })
})

test('names of networks: forks, and passages from one to the next', () => {
  const forksOf = (network: string) => chainConfigOf(network, undefined).forks.map(({ name }) => name)
  assert.deepEqual(forksOf('Cancun'), ['cancun'])
  assert.deepEqual(forksOf('BPO1'), ['bpo1'])
  assert.deepEqual(forksOf('BPO1ToBPO2AtTime15k'), ['bpo1', 'bpo2'])
  assert.deepEqual(forksOf('PragueToOsakaAtTime15k'), ['prague', 'osaka'])
  for (const old of ['Frontier', 'Paris', 'ShanghaiToCancunAtTime15k', 'BerlinToLondonAt5', 'Amsterdam']) {
    assert.throws(() => forksOf(old), SkippedCase)
  }
})

test('bytes that a transaction cannot have are a refusal, not a crash', async () => {
  const tx = { ...TRANSACTION, value: [`0x:bigint 0x1${'00'.repeat(32)}`] }
  const post = [{ ...REFUSED, indexes: POST.indexes }]
  const line = JSON.stringify({ ...PACKED, tx, post })
  assert.deepEqual(await outcomesOf(folderOf({ 'a.ndjson': line })), { transfer: 'passed' })
})
