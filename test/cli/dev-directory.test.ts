/** Directories that `aevir dev` cannot use: each is refused in a line with a cure, and left as it was. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openLmdbStore } from '../../src/storage/lmdb-store.ts'
import { FORMAT_VERSION } from '../../src/storage/schema.ts'
import { outputOf, refusalOf, runAevir, withScratch } from '../support/cli.ts'
import { RpcFailure, startDevNode } from '../support/dev-node.ts'
import { GENESIS_TEXT } from '../support/genesis-text.ts'

const PAGE_SIZE = 4096
const ACCOUNT = Buffer.from('3c44cdddb6a900fa2b585dd299e03d12fa4293bc', 'hex')

/** Makes a chain with some blocks in the directory. */
async function makeChain(directory: string, args: readonly string[] = []): Promise<void> {
  const node = await startDevNode({ directory, args })
  await node.rpc('anvil_mine', 5)
  assert.equal(await node.stop(), 0, node.output())
}

const refused = (data: string, ...more: readonly string[]): Promise<string> =>
  refusalOf(['dev', '--port', '0', '--data', data, ...more])

describe('a directory is refused', () => {
  test('when it is a file, or lies below one', () =>
    withScratch(async (directory) => {
      const file = join(directory, 'file')
      writeFileSync(file, 'mine')
      for (const data of [file, join(file, 'data')]) {
        assert.match(await refused(data), /is a file or lies below one: name a directory/)
        assert.match(await refused(data, '--reset'), /is a file or lies below one: name a directory/)
      }
      assert.equal(readFileSync(file, 'utf8'), 'mine')
    }))

  test('when its database file is something else, or was cut off', () =>
    withScratch(async (directory) => {
      const path = join(directory, 'data.mdb')
      writeFileSync(path, Buffer.alloc(20_000, 0x5a))
      assert.match(await refused(directory), /data\.mdb is no database of this program/)
      assert.deepEqual(readdirSync(directory), ['data.mdb'])
      const data = join(directory, 'data')
      await makeChain(data)
      truncateSync(join(data, 'data.mdb'), 3 * 4096)
      assert.match(await refused(data), /has been cut off: .*restore a copy/)
      // What cannot be opened can still be removed.
      const node = await startDevNode({ directory: data, args: ['--reset'] })
      assert.equal(await node.stop(), 0)
    }))

  test('when its format is newer', () =>
    withScratch(async (directory) => {
      await makeChain(directory)
      const store = openLmdbStore(directory)
      const newer = Uint8Array.of(0, 0, 0, FORMAT_VERSION + 1)
      store.write((transaction) => transaction.put('meta', new TextEncoder().encode('format'), newer))
      await store.close()
      const message = new RegExp(`has format ${FORMAT_VERSION + 1}, .*: use the newer version that wrote it`)
      assert.match(await refused(directory), message)
      assert.match(await refusalOf(['db', 'verify', '--data', directory]), message)
    }))

  test('when its chain is another one', () =>
    withScratch(async (directory) => {
      await makeChain(directory)
      const genesis = join(directory, 'genesis.json')
      writeFileSync(genesis, GENESIS_TEXT)
      assert.match(
        await refused(directory, '--genesis', genesis),
        /belongs to chain 31337 .*, not to chain 2025 .*: name another data directory/,
      )
      assert.match(await outputOf(['db', 'verify', '--data', directory]), /head 5: .*\nthe database is sound/)
    }))

  test('when the file beside the database is damaged or lost', () =>
    withScratch(async (directory) => {
      await makeChain(directory)
      const path = join(directory, 'chain.json')
      writeFileSync(path, '{"chainId":')
      assert.match(await refused(directory), /chain\.json is damaged: restore a copy of it, or start over/)
      writeFileSync(path, '{"chainId":"31337"}')
      assert.match(await refused(directory), /chain\.json is damaged/)
    }))

  // The superuser may read and write everything.
  if (process.getuid?.() !== 0) {
    test('without permission', () =>
      withScratch(async (directory) => {
        const data = join(directory, 'data')
        mkdirSync(data)
        chmodSync(data, 0o500)
        assert.match(await refused(data), /no permission .*: change its owner or mode/)
        assert.deepEqual(readdirSync(data), [])
        chmodSync(data, 0o700)
      }))
  }
})

/** Loses each page of the file that holds the bytes, old versions included: a disk gives zeros instead. */
function losePagesWith(path: string, needle: Uint8Array): void {
  const bytes = readFileSync(path)
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at)) {
    const page = at - (at % PAGE_SIZE)
    bytes.fill(0, page, page + PAGE_SIZE)
  }
  writeFileSync(path, bytes)
}

describe('a lost page', () => {
  test('that is needed to start is told', () =>
    withScratch(async (directory) => {
      await makeChain(directory)
      // Of an account that the banner lists.
      losePagesWith(join(directory, 'data.mdb'), ACCOUNT)
      const { exitCode, stdout, stderr } = await runAevir(['dev', '--port', '0', '--data', directory])
      assert.deepEqual([exitCode, stdout], [1, ''], stderr)
      assert.match(stderr, /^aevir: the database is damaged: .*restore a copy/m)
    }))

  test('that a request meets is told to the client, and the node goes on', () =>
    withScratch(async (directory) => {
      const node = await startDevNode({ directory })
      await node.rpc('anvil_mine', 300)
      const block = await node.rpc<{ hash: string; stateRoot: string }>('eth_getBlockByNumber', '0x2', false)
      assert.equal(await node.stop(), 0)
      const { hash, stateRoot } = block
      // It stands in the header only; the hash is in the state as well, which is read at once (EIP-2935).
      losePagesWith(join(directory, 'data.mdb'), Buffer.from(stateRoot.slice(2), 'hex'))
      const again = await startDevNode({ directory })
      const damaged = (error: unknown): boolean =>
        error instanceof RpcFailure && error.code === -32_000 && /database is damaged/.test(error.message)
      await assert.rejects(again.rpc('eth_getBlockByHash', hash, false), damaged)
      assert.equal(await again.rpc('eth_blockNumber'), '0x12c')
      assert.equal(await again.stop(), 0, again.output())
      const { exitCode, stderr } = await runAevir(['db', 'verify', '--data', directory])
      assert.equal(exitCode, 1)
      assert.match(stderr, /^aevir: the database is damaged: [^\n]+\n$/)
    }))
})

test('two processes that start at once in a new directory agree on its chain', () =>
  withScratch(async (directory) => {
    const started = await Promise.allSettled([startDevNode({ directory }), startDevNode({ directory })])
    const nodes = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    assert.equal(nodes.length, 1)
    for (const node of nodes) assert.equal(await node.stop(), 0)
    await makeChain(directory)
  }))
