/** `aevir start`: nodes in processes of their own seal, stop in order, go on after a crash, and say what keeps them from it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { outputOf, refusalOf } from '../support/cli.ts'
import { freePorts, startNode, until, type NodeProcess } from '../support/network-process.ts'
import { addressOf } from '../support/small-world.ts'
import { transfer } from '../support/transfer.ts'

const RECEIVER = addressOf(0xb0b)
/** The node gives itself 10 s. */
const STOP_MS = 10_000

describe('aevir start', { timeout: 300_000 }, () => {
  let directory: string
  const nodes: NodeProcess[] = []
  const configOf = (index: number): string => join(directory, 'network', `node-${index + 1}`, 'aevir.toml')

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'aevir-start.'))
    const port = await freePorts(2)
    const counts = ['--executors', '1', '--witnesses', '1']
    await outputOf(['init', join(directory, 'network'), ...counts, '--network-port', `${port}`])
    nodes.push(...(await Promise.all([startNode(configOf(0)), startNode(configOf(1))])))
  })
  after(async () => {
    for (const node of nodes) node.signal('SIGKILL')
    await Promise.all(nodes.map((node) => node.ended()))
    rmSync(directory, { recursive: true, force: true })
  })

  async function sealedBalance(node: NodeProcess): Promise<bigint> {
    return BigInt(await node.rpc<string>('eth_getBalance', RECEIVER, 'finalized'))
  }

  async function pay(through: number, nonce: bigint): Promise<void> {
    await nodes[through]?.rpc('eth_sendRawTransaction', bytesToHex(transfer(nonce, RECEIVER).bytes))
    await until('the transfer is sealed at both nodes', async () => {
      const balances = await Promise.all(nodes.map(sealedBalance))
      return balances.every((balance) => balance === nonce + 1n) || undefined
    })
  }

  test('two nodes seal what is sent to either', async () => {
    await pay(0, 0n)
    await pay(1, 1n)
    const ready = await fetch(`${nodes[0]?.url}/readyz`)
    assert.equal(ready.status, 200, await ready.text())
  })

  test('ends in order when asked to, and goes on from its disk', async () => {
    const startedMs = Date.now()
    nodes[1]?.signal('SIGTERM')
    assert.equal(await nodes[1]?.ended(), 0)
    assert.ok(Date.now() - startedMs < STOP_MS)
    nodes[1] = await startNode(configOf(1))
    assert.ok((await sealedBalance(nodes[1])) >= 1n)
    await pay(1, 2n)
  })

  test('goes on after it was killed', async () => {
    nodes[0]?.signal('SIGKILL')
    assert.equal(await nodes[0]?.ended(), 'SIGKILL')
    nodes[0] = await startNode(configOf(0))
    await pay(0, 3n)
  })

  test('says what keeps it from starting', async () => {
    const other = join(directory, 'other')
    await outputOf(['init', other, '--executors', '1', '--witnesses', '1', '--network-port', '1024'])
    const otherConfig = join(other, 'node-1', 'aevir.toml')
    const wrongPassword = join(directory, 'wrong')
    writeFileSync(wrongPassword, 'wrong', { mode: 0o600 })
    const misspelt = join(directory, 'misspelt.toml')
    writeFileSync(misspelt, '[node]\ndatta = "data"\n')
    for (const [args, reason] of [
      [
        ['--config', join(directory, 'nowhere.toml')],
        /cannot read the configuration: .* make one with aevir init/,
      ],
      [['--config', misspelt], /"datta" in \[node\] is unknown; did you mean data\?/],
      [['--config', otherConfig, '--password-file', wrongPassword], /the password does not open/],
      [
        ['--config', otherConfig, '--keys', join(directory, 'nowhere')],
        /no consensus key at .*aevir keys new/,
      ],
      [
        ['--config', otherConfig, '--genesis', join(directory, 'network', 'genesis.json')],
        /does not name the key .* set follow = true/,
      ],
      [['--config', configOf(0), '--data', join(directory, 'data')], /process \d+ signs with the keys of/],
      [['--config', otherConfig, '--engine', 'warp'], /warp/],
      [
        [
          '--config',
          otherConfig,
          '--listen',
          '/ip4/127.0.0.1/tcp/0',
          '--port',
          new URL(nodes[0]?.url ?? '').port,
        ],
        /it is in use by another program/,
      ],
    ] as const) {
      assert.match(await refusalOf(['start', ...args], { env: { AEVIR_LOG_LEVEL: 'error' } }), reason)
    }
  })

  test('refuses the database of another network', async () => {
    const other = join(directory, 'third')
    const port = await freePorts(2)
    const args = ['--executors', '1', '--witnesses', '1', '--network-port', `${port}`]
    await outputOf(['init', other, ...args])
    nodes[1]?.signal('SIGTERM')
    await nodes[1]?.ended()
    const data = join(directory, 'network', 'node-2', 'data')
    assert.match(
      await refusalOf(['start', '--config', join(other, 'node-1', 'aevir.toml'), '--data', data], {
        env: { AEVIR_LOG_LEVEL: 'error' },
      }),
      /another|other genesis|belongs/,
    )
  })
})
