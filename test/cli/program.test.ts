/** What the command line says of itself, and how it refuses what it does not understand: in one line, with a cure. */
import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { VERSION } from '../../src/node/version.ts'
import { outputOf, refusalOf, runAevir } from '../support/cli.ts'
import { runProgram } from '../support/run-program.ts'

describe('help', () => {
  test('lists the commands, on standard output when asked for', async () => {
    const help = await outputOf(['--help'])
    for (const command of ['dev', 'import', 'db']) {
      assert.match(help, new RegExp(`^  ${command}\\b`, 'm'))
    }
    const unasked = await runAevir([])
    assert.deepEqual([unasked.exitCode, unasked.stdout, unasked.stderr], [1, '', help])
  })

  test('of a command has defaults and environment variables', async () => {
    const help = (await outputOf(['dev', '--help'])).replaceAll(/\s+/g, ' ')
    assert.match(help, /--host <address> [^(]*\(default: "127\.0\.0\.1", env: AEVIR_HOST\)/)
    assert.match(help, /--port <number> [^(]*\(default: 8545, env: AEVIR_PORT\)/)
    assert.match(help, /--balance <coins> [^(]*\(default: 10000, env: AEVIR_BALANCE\)/)
    assert.match(help, /--block-time <seconds> [^(]*\(env: AEVIR_BLOCK_TIME\)/)
    assert.match(await outputOf(['db', '--help']), /verify .*\n[^]*stats .*\n[^]*export /)
    assert.match(await outputOf(['import', '--help']), /--genesis <file>[^]*--chain <file>/)
  })

  test('gives the version', async () => {
    assert.equal(await outputOf(['--version']), `${VERSION}\n`)
  })

  test('is the same of the command that npx runs in a checkout', async () => {
    const command = fileURLToPath(new URL('../../src/cli/aevir.js', import.meta.url))
    const { stdout, stderr } = await runProgram(process.execPath, [command, '--version'], {
      cwd: tmpdir(),
      timeoutMs: 60_000,
    })
    assert.deepEqual([stdout, stderr], [`${VERSION}\n`, ''])
  })
})

describe('what is not understood', () => {
  const REFUSALS: readonly (readonly [args: string, message: RegExp])[] = [
    ['dv', /unknown command 'dv'; did you mean one of db, dev\?/],
    ['frobnicate', /unknown command 'frobnicate'; see aevir --help/],
    ['db verfy', /unknown command 'verfy'; did you mean verify\?/],
    ['dev --prot 1', /unknown option '--prot'; did you mean --port\?/],
    ['dev --nonsense', /unknown option '--nonsense'; see aevir dev --help/],
    ['dev now', /too many arguments for 'dev'.*; see aevir dev --help/],
    ['dev --port', /option '-p, --port <number>' argument missing; see aevir dev --help/],
    ['import --genesis g.json', /required option '--chain <file>' not specified; see aevir import --help/],
    ['dev --port abc', /'abc' is invalid\. Expected a whole number from 0 to 65535; see/],
    ['dev --port 65536', /'65536' is invalid/],
    ['dev --port -1', /'-1' is invalid/],
    ['dev --chain-id 0', /Expected a whole number from 1 to 9007199254740991/],
    ['dev --chain-id 0x7a69', /'0x7a69' is invalid/],
    ['dev --balance 1.5', /'1\.5' is invalid/],
    ['dev --gas-limit 4999', /from 5000 to 9223372036854775807/],
    ['dev --gas-limit 9223372036854775808', /is invalid/],
    [`dev --base-fee ${'9'.repeat(100)}`, /is invalid/],
    ['dev --block-time 0', /Expected seconds, from 0\.001 to 86400/],
    ['dev --block-time Infinity', /is invalid/],
    ['dev --history many', /is invalid/],
    ['dev --block-time 1 --no-mining', /'--no-mining' cannot be used with option '-b, --block-time/],
    ['dev --genesis g.json --balance 5', /'--genesis <file>' cannot be used with option '--balance/],
    [
      'dev --memory --engine warp',
      /unknown engine "warp"; known engines: tier0, tier1, tier2, tiered, reference/,
    ],
    ['dev --memory --genesis nowhere.json', /cannot read the genesis file nowhere\.json: ENOENT/],
    ['dev --memory --host 203.0.113.7', /this machine has no such address; choose 127\.0\.0\.1/],
  ]

  for (const [args, message] of REFUSALS) {
    test(`aevir ${args.slice(0, 60)}`, async () => {
      assert.match(await refusalOf(args.split(' ')), message)
    })
  }

  test('in the environment is refused alike', async () => {
    assert.match(
      await refusalOf(['dev'], { env: { AEVIR_PORT: 'high' } }),
      /'-p, --port <number>' value 'high' from env 'AEVIR_PORT' is invalid/,
    )
  })
})
