/** A Hardhat 3 project, with its network helpers, viem and ethers, deploys and tests a contract on a running node. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startDevNode, type DevNode } from '../support/dev-node.ts'
import { installClients } from '../support/clients.ts'

const RUN_TIMEOUT_MS = 120_000

const clients = await installClients()
let node: DevNode
before(async () => {
  node = await startDevNode()
})
after(() => node.stop())

test(
  "Hardhat 3 runs its project's tests on the node",
  {
    skip: typeof clients === 'string' && clients,
    timeout: RUN_TIMEOUT_MS,
  },
  async () => {
    assert.ok(typeof clients !== 'string')
    const cwd = clients.project('hardhat-project')
    const { exitCode, stdout, stderr } = await clients.run(
      'hardhat',
      ['test', 'nodejs', '--network', 'aevir'],
      {
        cwd,
        env: { AEVIR_URL: node.url },
        timeoutMs: RUN_TIMEOUT_MS,
      },
    )
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`)
    assert.match(stdout, /13 passing/)
    assert.doesNotMatch(stdout, /failing|skipped/)
    // What ran, ran on the node.
    assert.ok(BigInt(await node.rpc<string>('eth_blockNumber')) > 0n)
  },
)
