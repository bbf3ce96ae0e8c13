/**
 * The conformance runner itself, as other programs use it: its layouts, its last line, its exit status. Fixtures are
 * written by hand, or cut out of the shared vectors where those are present.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ndjson, SHARED_SKIP } from '../support/shared.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'aevir-conformance-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

function writeFixture(path: string, content: unknown): string {
  const file = join(scratch, path)
  mkdirSync(dirname(file), { recursive: true })
  const isBytes = content instanceof Uint8Array
  writeFileSync(file, isBytes ? content : typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

function conformance(...args: readonly string[]): {
  status: number | null
  lastLine: string
  output: string
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, '--threads', '1', ...args], {
    encoding: 'utf8',
  })
  return { status, lastLine: stdout.trimEnd().split('\n').at(-1) ?? '', output: stdout + stderr }
}

describe('with fixtures made by hand', () => {
  const folder = join(scratch, 'hand')
  writeFixture('hand/RLPTests/good.json', {
    dog: { in: 'dog', out: '0x83646f67' },
    wrong: { in: 'INVALID', out: '0x8100' },
  })
  writeFixture('hand/TrieTests/empty.json', {
    nothing: { in: [], root: '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421' },
  })
  writeFixture('hand/vm/identity.json', [{ Input: '0102', Expected: '0102', Gas: 18, Name: 'two bytes' }])
  writeFixture('hand/notes.txt', 'nothing to run')
  writeFixture('bad/rlp.json', { cat: { in: 'cat', out: '0x83646f67' } })
  writeFixture('old/berlin.json', {
    old: {
      env: { currentCoinbase: '0x00', currentGasLimit: '0x1', currentNumber: '0x1', currentTimestamp: '0x1' },
      pre: {},
      transaction: {},
      post: { Berlin: [{ hash: '0x', logs: '0x', txbytes: '0x' }] },
    },
  })

  test('finds suites by what files hold, and says how many passed', () => {
    const json = join(scratch, 'summary.json')
    const { status, lastLine, output } = conformance('--fixtures', folder, '--json', json)
    assert.equal(lastLine, '4 passed, 0 failed, 0 skipped')
    assert.equal(status, 0)
    assert.match(output, /1 files belong to no suite, the first: notes\.txt/)
    const { suites } = JSON.parse(readFileSync(json, 'utf8')) as {
      suites: Record<string, { passed: number }>
    }
    assert.deepEqual(Object.keys(suites).toSorted(), ['precompiles', 'rlp', 'trie'])
  })

  test('runs one suite, and cases by name', () => {
    assert.equal(
      conformance('--fixtures', folder, '--suite', 'rlp').lastLine,
      '2 passed, 0 failed, 0 skipped',
    )
    assert.equal(
      conformance('--fixtures', folder, '--filter', 'dog').lastLine,
      '1 passed, 0 failed, 0 skipped',
    )
  })

  test('fails when a case fails, with the reason', () => {
    const { status, lastLine, output } = conformance('--fixtures', join(scratch, 'bad'))
    assert.equal(lastLine, '0 passed, 1 failed, 0 skipped')
    assert.equal(status, 1)
    assert.match(output, /FAILED rlp: rlp\.json\/cat\n {2}Error: encodes to 0x83636174/)
  })

  test('skips what is older than the node, and says so', () => {
    const { status, lastLine, output } = conformance('--fixtures', join(scratch, 'old'))
    assert.equal(lastLine, '0 passed, 0 failed, 1 skipped')
    assert.equal(status, 0)
    assert.match(output, /skipped 1: rules of Berlin: this node knows Cancun to BPO5/)
  })

  test('counts a file that cannot be read as a failure', () => {
    const file = writeFixture('broken/state.json', '{"x":{"env":{"currentCoinbase":"0x"},"pre":{')
    const { status, lastLine } = conformance('--fixtures', file)
    assert.equal(lastLine, '0 passed, 1 failed, 0 skipped')
    assert.equal(status, 1)
  })

  test('is not content with nothing', () => {
    assert.equal(conformance('--fixtures', join(scratch, 'hand/notes.txt')).status, 1)
    assert.equal(conformance('--fixtures', join(scratch, 'absent')).status, 2)
    assert.equal(conformance().status, 2)
    assert.match(conformance('--fixtures', folder, '--suite', 'x').output, /unknown suite: x\n/)
    assert.match(conformance('--fixtures', folder, '--engine', 'x').output, /unknown engine: x, known are/)
  })
})

describe('with cases of the shared vectors', { skip: SHARED_SKIP }, () => {
  interface Packed {
    readonly id: string
    readonly fork: string
    readonly post: unknown
    readonly [key: string]: unknown
  }
  const take = (file: string, count: number): Packed[] =>
    SHARED_SKIP === false ? ndjson<Packed>(file).take(count).toArray() : []
  const states = take('evm/eest54-Osaka.dev.ndjson.gz', 20)
  const chains = take('evm/chain54-native.dev.ndjson.gz', 8)

  test('state tests: packed, packed and compressed, and as an official tree', () => {
    const lines = states.map((one) => JSON.stringify(one)).join('\n')
    const expected = `${states.length} passed, 0 failed, 0 skipped`
    assert.equal(conformance('--fixtures', writeFixture('p/s.ndjson', lines)).lastLine, expected)
    assert.equal(conformance('--fixtures', writeFixture('p/s.ndjson.gz', gzipSync(lines))).lastLine, expected)
    for (const [index, { id, fork, post, tx, ...rest }] of states.entries()) {
      const official = { [id]: { ...rest, transaction: tx, post: { [fork]: post } } }
      writeFixture(`tree/state_tests/osaka/case-${index}.json`, official)
    }
    assert.equal(conformance('--fixtures', join(scratch, 'tree')).lastLine, expected)
  })

  test('block chains: packed and as an official file', () => {
    const expected = `${chains.length} passed, 0 failed, 0 skipped`
    const lines = chains.map((one) => JSON.stringify(one)).join('\n')
    assert.equal(conformance('--fixtures', writeFixture('p/c.ndjson', lines)).lastLine, expected)
    const official = Object.fromEntries(
      chains.map(({ id, genesis, ...rest }) => [id, { genesisBlockHeader: genesis, ...rest }]),
    )
    const file = writeFixture('blockchain_tests/all.json', official)
    assert.equal(conformance('--fixtures', file).lastLine, expected)
  })

  test('a changed state root is noticed', () => {
    const [first] = states
    assert.ok(first !== undefined)
    const text = JSON.stringify(first).replace(/"hash":"0x../, '"hash":"0x00')
    const { status, output } = conformance('--fixtures', writeFixture('p/wrong.ndjson', text))
    assert.equal(status, 1)
    assert.match(output, /state root: got 0x/)
  })
})
