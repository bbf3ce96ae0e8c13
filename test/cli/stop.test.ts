/** A node ends in order at the first signal, whatever it is doing, and at once at the second. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { outputOf, withScratch } from '../support/cli.ts'
import { startDevNode, type DevNode } from '../support/dev-node.ts'

/** What the node promises. */
const STOP_MAX_MS = 10_000

/** Runs `work` on a node with a database, which must be whole afterwards. */
async function withDatabase(work: (node: DevNode) => Promise<void>): Promise<void> {
  await withScratch(async (directory) => {
    const node = await startDevNode({ directory, args: ['--no-mining'] })
    try {
      await work(node)
    } finally {
      await node.kill()
    }
    assert.match(await outputOf(['db', 'verify', '--data', directory]), /the database is sound/)
  })
}

/** A request that the node cannot answer as long as no block is made. */
async function waitingRequest(node: DevNode): Promise<void> {
  const raw = await node.rpc<{ raw: string } | string>('eth_signTransaction', {
    from: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
    to: '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
    gas: '0x5208',
  })
  const bytes = typeof raw === 'string' ? raw : raw.raw
  node.rpc('eth_sendRawTransactionSync', bytes, 60_000).catch(() => undefined)
  while ((await node.rpc<{ pending: string }>('txpool_status')).pending !== '0x1');
}

async function timed<T>(work: Promise<T>): Promise<[result: T, ms: number]> {
  const startedMs = performance.now()
  const result = await work
  return [result, performance.now() - startedMs]
}

describe('one signal', () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`${signal} ends an idle node with code 0, connections or not, and frees the directory`, () =>
      withScratch(async (directory) => {
        const node = await startDevNode({ directory })
        const socket = new WebSocket(node.webSocketUrl)
        await once(socket, 'open')
        await node.rpc('eth_blockNumber')
        node.signal(signal)
        const [code, ms] = await timed(node.ended())
        assert.equal(code, 0, node.output())
        assert.ok(ms < 3_000, `${ms} ms`)
        assert.match(node.output(), /Stopping; once more to end at once\n$/)
        assert.deepEqual(readdirSync(directory).toSorted(), ['chain.json', 'data.mdb', 'lock.mdb'])
      }))
  }

  test('ends a node that makes 100,000 blocks, between two of them', () =>
    withDatabase(async (node) => {
      const refused = assert.rejects(node.rpc('anvil_mine', 100_000), /the node is stopping/)
      while (Number(await node.rpc('eth_blockNumber')) < 20);
      node.signal('SIGINT')
      const [code, ms] = await timed(node.ended())
      await refused
      assert.equal(code, 0, node.output())
      assert.ok(ms < STOP_MAX_MS, `${ms} ms`)
    }))

  test('ends a node with requests that wait', () =>
    withDatabase(async (node) => {
      await waitingRequest(node)
      node.signal('SIGTERM')
      const [code, ms] = await timed(node.ended())
      assert.equal(code, 0, node.output())
      assert.ok(ms < STOP_MAX_MS, `${ms} ms`)
    }))
})

test('a second signal ends a node at once, and the database is whole', () =>
  withDatabase(async (node) => {
    await node.rpc('anvil_mine', 10)
    await waitingRequest(node)
    node.signal('SIGINT')
    while (!node.output().includes('Stopping')) await new Promise((resolve) => setImmediate(resolve))
    node.signal('SIGINT')
    const [code, ms] = await timed(node.ended())
    assert.equal(code, 130)
    assert.ok(ms < 1_000, `${ms} ms`)
  }))
