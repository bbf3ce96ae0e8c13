/** `aevir devnet --processes`: nodes that are processes, which can be killed, and none of which outlives the network. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_ADDRESS } from '../../src/primitives/bytes.ts'
import { withScratch } from '../support/cli.ts'
import { startDevnet, type Devnet } from '../support/devnet.ts'

const SIZE = ['--processes', '--executors', '4', '--witnesses', '4']

/** Waits until nobody answers at any of the nodes' addresses. */
async function allGone({ nodes }: Devnet): Promise<void> {
  for (const { url, name } of nodes) {
    const answers = async (): Promise<boolean> =>
      fetch(url).then(
        () => true,
        () => false,
      )
    while (await answers()) assert.ok(url, name)
  }
}

test('a network of processes seals, loses one and gets it back, goes on after a stop, and leaves nobody behind', () =>
  withScratch(async (scratch) => {
    const args = [...SIZE, '--data', `${scratch}/network`]
    const first = await startDevnet(args)
    try {
      await first.sealed()
      await first.rpc('aevir_setFault', { fault: 'crash', node: 'witness-2' })
      const [, , , , , crashed] = first.nodes
      assert.equal(crashed?.name, 'witness-2')
      await assert.rejects(fetch(crashed.url))
      await first.sealed()
      await first.rpc('aevir_setFault', { fault: 'none', node: 'witness-2' })
      await first.sealed()
      assert.equal(await first.stop(), 0)
      await allGone(first)
    } finally {
      first.kill()
    }

    const second = await startDevnet([...args, '--history', '1'])
    try {
      assert.ok(second.head > 0, 'the chain goes on')
      await assert.rejects(second.rpc('eth_getBalance', ZERO_ADDRESS, '0x0'), /state/)
      await second.sealed()
      second.kill()
      await allGone(second)
    } finally {
      second.kill()
    }
  }))
