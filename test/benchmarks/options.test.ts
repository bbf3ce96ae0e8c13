/** Command lines of `npm run bench`: what makes no sense is refused at once, with the cure and without a stack trace. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, describe, test } from 'node:test'
import { evmOptionsOf } from '../../benchmarks/evm-options.ts'
import { ProgramsAbsentError } from '../../benchmarks/evm-program-files.ts'
import { oneOf, parseOptions, someOf, UsageError, wholeNumber } from '../../benchmarks/options.ts'

const RUN = fileURLToPath(new URL('../../benchmarks/run.ts', import.meta.url))

function refusal(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    if (error instanceof UsageError || error instanceof ProgramsAbsentError) return error.message
    throw error
  }
  return assert.fail('it was not refused')
}

describe('options', () => {
  test('that take a number take whole ones within their bounds', () => {
    assert.equal(wholeNumber('--rounds', '7', { min: 1 }), 7)
    assert.equal(wholeNumber('--rounds', '1', { min: 1, max: 1 }), 1)
    for (const text of ['abc', '', '0', '-1', '1.5', '1e3', '0x10', ' 7', '11', '9'.repeat(20)]) {
      assert.equal(
        refusal(() => wholeNumber('--rounds', text, { min: 1, max: 10 })),
        `--rounds takes a whole number from 1 to 10, not "${text}"`,
      )
    }
  })

  test('that take a name take one of those that there are, in whatever case', () => {
    assert.equal(oneOf('--nodes', 'hardhat', ['anvil', 'Hardhat']), 'Hardhat')
    assert.deepEqual(someOf('--nodes', 'Anvil, hardhat', ['anvil', 'Hardhat']), ['anvil', 'Hardhat'])
    assert.equal(
      refusal(() => someOf('--nodes', 'anvil,geth', ['anvil', 'Hardhat'])),
      '--nodes takes anvil, Hardhat; not "geth"',
    )
  })

  test('that a suite does not have are answered with those that it has', () => {
    const parse = (...args: string[]): unknown =>
      parseOptions({ args, options: { rounds: { type: 'string' }, gas: { type: 'string' } } })
    assert.match(
      refusal(() => parse('--round', '7')),
      /'--round'; options of this suite: --rounds, --gas$/,
    )
    assert.match(
      refusal(() => parse('--rounds')),
      /argument missing; options of this suite: --rounds, --gas$/,
    )
    assert.match(
      refusal(() => parse('word')),
      /'word'.*; options of this suite: --rounds, --gas$/,
    )
  })
})

describe('options of the evm suite', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'aevir-options-'))
    const hex = {
      code: '0x00',
      calldata: '0x',
      address: `0x${'11'.repeat(20)}`,
      caller: `0x${'22'.repeat(20)}`,
    }
    writeFileSync(join(folder, 'stop.json'), JSON.stringify({ name: 'stop', gas: 1e10, ...hex }))
  })
  after(() => rmSync(folder, { recursive: true }))

  test('have defaults that measure everything on the engine of nodes', () => {
    const { programs, ...options } = evmOptionsOf([folder])
    assert.deepEqual(options, {
      engine: 'tiered',
      rounds: 7,
      nodes: ['anvil', 'Hardhat'],
      gasMax: 4_000_000_000,
      report: undefined,
      installPeers: false,
      withEthereumJs: true,
    })
    assert.equal(programs[0]?.name, 'stop')
    assert.equal(programs[0]?.gas, 4_000_000_000)
  })

  test('choose programs, engine and company', () => {
    const line = `stop --programs ${folder} --engine tier1 --rounds 2 --nodes none --gas 1000 --without-ethereumjs`
    const { programs, engine, rounds, nodes, withEthereumJs } = evmOptionsOf(line.split(' '))
    assert.deepEqual([engine, rounds, nodes, withEthereumJs], ['tier1', 2, [], false])
    assert.deepEqual(
      programs.map(({ name, gas }) => [name, gas]),
      [['stop', 1000]],
    )
  })

  test('make the folder of the report, or refuse before anything is measured', () => {
    const report = join(folder, 'new/report')
    assert.equal(evmOptionsOf([folder, '--report', report]).report, report)
    assert.ok(existsSync(report))
    const file = join(folder, 'stop.json')
    assert.match(
      refusal(() => evmOptionsOf([folder, '--report', file])),
      /--report takes a folder, and .* cannot/,
    )
  })

  const refused: readonly [string, RegExp][] = [
    ['--rounds abc', /^--rounds takes a whole number from 1 to 1000, not "abc"$/],
    ['--rounds 0', /^--rounds takes a whole number from 1/],
    ['--gas 1e9', /^--gas takes a whole number from 1, not "1e9"$/],
    ['--engine fast', /^--engine takes tier0, tier1, tier2, tiered; not "fast"$/],
    ['--engine reference', /^--engine takes tier0/],
    ['--nodes geth', /^--nodes takes anvil, Hardhat, none; not "geth"$/],
    ['nothing', /^no program or folder nothing; known programs: stop, own_curve/],
    ['--programs /nowhere', /^one folder of programs at a time/],
  ]
  for (const [line, reason] of refused) {
    test(`are refused: ${line}`, () => {
      assert.match(
        refusal(() => evmOptionsOf([folder, ...line.split(' ')])),
        reason,
      )
    })
  }
})

describe('npm run bench', { timeout: 60_000 }, () => {
  async function run(
    line: string,
  ): Promise<readonly [exitCode: number | null, errors: string, output: string]> {
    const child = spawn(process.execPath, [RUN, ...line.split(' ').filter(Boolean)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [errors, output] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    await once(child, 'close')
    return [child.exitCode, errors, output]
  }

  test('lists the suites', async () => {
    const [exitCode, errors, output] = await run('')
    assert.deepEqual([exitCode, errors], [0, ''])
    assert.match(output, /^ {2}evm +programs on each of our engines/m)
  })

  const refused: readonly [string, RegExp][] = [
    ['nosuite', /^there is no suite "nosuite"\n\nnpm run bench -- SUITE/],
    ['evm --json', /^--json needs the name of a file to write\n$/],
    ['evm --json --rounds 1', /^--json needs the name of a file to write\n$/],
    ['evm --json /nowhere/at/all.json', /^--json: there is no folder \/nowhere\/at\n$/],
    ['evm --engine fast', /^--engine takes .*\n$/],
    ['evm --programs /nowhere', /^there is no folder \/nowhere\n$/],
    ['tps --part all', /^--part takes in-process, ledger, http; not "all"\n$/],
    ['hostile nothing', /^no program has nothing in its name; there are: 24 KB of JUMPDEST, /],
    ['trie --size 7', /^Unknown option '--size'; options of this suite: none\n$/],
  ]
  for (const [line, expected] of refused) {
    test(`refuses with exit code 2 and no stack trace: ${line}`, async () => {
      const [exitCode, errors] = await run(line)
      assert.match(errors, expected)
      assert.doesNotMatch(errors, /^ +at /m)
      assert.equal(exitCode, 2)
    })
  }
})
