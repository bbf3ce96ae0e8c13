/** `aevir init`: a network or a node that can be started, or nothing at all and the reason. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseNodeConfig } from '../../src/node/config/node-config.ts'
import { listKeys } from '../../src/node/keys/node-keys.ts'
import { parseNetworkGenesis } from '../../src/node/network-genesis.ts'
import { outputOf, refusalOf, withScratch } from '../support/cli.ts'

const NETWORK = ['--executors', '2', '--witnesses', '1'] as const

interface Made {
  readonly genesis: string
  readonly nodes: readonly {
    readonly node: string
    readonly config: string
    readonly address: string
    readonly operator: string
  }[]
}

describe('aevir init', () => {
  test('makes a network of which each node finds the others', () =>
    withScratch(async (directory) => {
      const path = join(directory, 'network')
      const ports = ['--network-port', '4001', '--rpc-port', '5001', '--cycle-blocks', '100']
      const made = JSON.parse(await outputOf(['init', path, ...NETWORK, ...ports, '--json'])) as Made
      const { nodes, parameters } = parseNetworkGenesis(readFileSync(made.genesis, 'utf8'))
      assert.deepEqual(
        nodes.map(({ id, payout }) => [id, payout]),
        made.nodes.map(({ node, operator }) => [node, operator]),
      )
      assert.deepEqual(
        [parameters.executorSeats, parameters.witnessSeats, parameters.cycleBlocks],
        [2, 1, 100],
      )
      for (const [index, { config, node, address }] of made.nodes.entries()) {
        const settings = parseNodeConfig(readFileSync(config, 'utf8'), config)
        assert.equal(settings.genesis, made.genesis)
        assert.deepEqual(
          listKeys(settings.keys).map((key) => key.node),
          [node],
        )
        assert.equal(statSync(settings.passwordFile ?? '').mode & 0o777, 0o600)
        assert.deepEqual(settings.listen, [`/ip4/127.0.0.1/tcp/${4001 + index}`])
        assert.equal(settings.rpcPort, 5001 + index)
        const others = made.nodes.map((other) => other.address).filter((other) => other !== address)
        assert.deepEqual(settings.bootstrap, others)
      }
    }))

  test('makes a node that follows a network', () =>
    withScratch(async (directory) => {
      await outputOf(['init', join(directory, 'network'), ...NETWORK])
      const genesis = join(directory, 'network', 'genesis.json')
      const path = join(directory, 'follower')
      const output = await outputOf(
        ['init', path, '--network', genesis, '--bootstrap', '/ip4/127.0.0.1/tcp/1'],
        {
          env: { AEVIR_PASSWORD: 'geheim' },
        },
      )
      assert.match(output, /A node that follows/)
      assert.match(output, /"proofOfPossession": "0x[0-9a-f]{192}"/)
      const config = join(path, 'aevir.toml')
      const settings = parseNodeConfig(readFileSync(config, 'utf8'), config)
      assert.equal(settings.follow, true)
      assert.equal(settings.passwordFile, undefined)
      assert.deepEqual(settings.bootstrap, ['/ip4/127.0.0.1/tcp/1'])
      assert.equal(readFileSync(settings.genesis, 'utf8'), readFileSync(genesis, 'utf8'))
    }))

  test('refuses what does not fit, and writes nothing', () =>
    withScratch(async (directory) => {
      const path = join(directory, 'network')
      for (const [args, reason] of [
        [[], /say which network: --network GENESIS .* or --executors/],
        [[...NETWORK, '--network', 'genesis.json'], /say which network/],
        [['--executors', '14', '--witnesses', '4'], /executorSeats" has no quorum.*choose one of/],
        [['--executors', '4'], /witnessSeats" must be above 0/],
        [[...NETWORK, '--cycle-blocks', '10'], /windowBlocks" is 64, but must be below "cycleBlocks" at 10/],
        [[...NETWORK, '--rpc-port', '65535'], /not that many ports/],
        [['--network', join(directory, 'nowhere')], /cannot read the genesis file: there is no .*nowhere/],
      ] as const) {
        assert.match(await refusalOf(['init', path, ...args]), reason)
        assert.equal(existsSync(path), false)
      }
      writeFileSync(join(directory, 'mine'), 'precious')
      assert.match(await refusalOf(['init', directory, ...NETWORK]), /is not empty/)
    }))
})
