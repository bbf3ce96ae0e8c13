/** The configuration file: what it may say, what it need not, and what is said about mistakes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatNodeConfig, parseNodeConfig } from '../../../src/node/config/node-config.ts'

const PATH = '/etc/aevir/aevir.toml'
const LEAST = '[node]\ndata = "data"\ngenesis = "../genesis.json"\nkeys = "/keys"\n'

describe('the configuration', () => {
  test('has paths relative to its file, and defaults for the rest', () => {
    assert.deepEqual(parseNodeConfig(LEAST, PATH), {
      data: '/etc/aevir/data',
      genesis: '/etc/genesis.json',
      engine: 'tiered',
      keys: '/keys',
      passwordFile: undefined,
      follow: false,
      history: 10_000,
      listen: ['/ip4/0.0.0.0/tcp/30303'],
      announce: undefined,
      bootstrap: [],
      timing: 'regional',
      rpcHost: '127.0.0.1',
      rpcPort: 8545,
      logLevel: 'info',
      logFormat: 'auto',
    })
  })

  test('gives way to what the command line says', () => {
    const config = parseNodeConfig(`${LEAST}[rpc]\nport = 1`, PATH, {
      rpcPort: 2,
      data: 'here',
      engine: undefined,
    })
    assert.deepEqual([config.rpcPort, config.data, config.engine], [2, 'here', 'tiered'])
  })

  test('is read as it was written', () => {
    const settings = {
      data: '/d',
      genesis: '/g',
      keys: '/k',
      follow: true,
      listen: ['/ip4/127.0.0.1/tcp/1'],
      bootstrap: ['/ip4/127.0.0.1/tcp/2/p2p/Q"m', '/ip4/127.0.0.1/tcp/3'],
      rpcPort: 9,
      logLevel: 'debug',
    } as const
    const read = parseNodeConfig(formatNodeConfig(settings), PATH)
    assert.deepEqual({ ...read, ...settings }, read)
  })

  const mistakes: readonly [string, string, RegExp][] = [
    ['a missing setting', '[node]\ndata = "data"', /aevir.toml: "genesis" in \[node\] is missing/],
    [
      'a misspelt setting',
      `${LEAST}engin = "tier0"`,
      /"engin" in \[node\] is unknown; did you mean engine\?/,
    ],
    ['a misspelt section', `${LEAST}[netwrk]`, /\[netwrk\] is unknown; did you mean network\?/],
    ['a setting outside of a section', `port = 1\n${LEAST}`, /\[port\] is unknown/],
    ['a section that is none', `node = 1`, /"node" must be a section/],
    [
      'a port that is none',
      `${LEAST}[rpc]\nport = 70000`,
      /"port" in \[rpc\] must be a whole number from 0 to/,
    ],
    [
      'text where a list belongs',
      `${LEAST}[network]\nlisten = "/ip4"`,
      /"listen" in \[network\] must be a list/,
    ],
    [
      'an unknown level',
      `${LEAST}[log]\nlevel = "loud"`,
      /"level" in \[log\] must be one of "debug", "info"/,
    ],
    ['what is no flag', `${LEAST}follow = "yes"`, /"follow" in \[node\] must be true or false/],
    ['what is not TOML', `${LEAST}[rpc\nport = 1`, /aevir.toml: line 5, column \d+: /],
  ]
  for (const [name, text, message] of mistakes) {
    test(`refuses ${name}`, () => {
      assert.throws(() => parseNodeConfig(text, PATH), { code: 'CONFIG', message })
    })
  }
})
