/** `aevir dev` as people meet it: what it prints, what it keeps, how it is stopped. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { privateKeyToAddress } from 'viem/accounts'
import { MAIN, outputOf, refusalOf, withScratch } from '../support/cli.ts'
import { startDevNode, type DevNode, type DevNodeOptions } from '../support/dev-node.ts'
import { GENESIS_TEXT } from '../support/genesis-text.ts'

const ALICE = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'
const BOB = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8'
const SOMEBODY = '0x00000000000000000000000000000000000a11ce'
const PAYMENT = { from: ALICE, to: BOB, value: '0x1' }

async function withNode<T>(options: DevNodeOptions, work: (node: DevNode) => Promise<T>): Promise<T> {
  const node = await startDevNode(options)
  try {
    const result = await work(node)
    assert.equal(await node.stop(), 0, node.output())
    return result
  } finally {
    await node.kill()
  }
}

async function withBusyPort<T>(work: (port: number) => Promise<T>): Promise<T> {
  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    // A server that listens on a port has an address of this form.
    return await work((server.address() as AddressInfo).port)
  } finally {
    server.close()
  }
}

describe('the banner', () => {
  test('has accounts with their keys, and lines to paste that work', () =>
    withNode({ args: ['--balance', '7'] }, async (node) => {
      const text = node.output()
      const accounts = [...text.matchAll(/^\(\d\) (0x[0-9a-fA-F]{40}) \(7 coins\)$/gm)].map(([, it]) => it)
      const keys = [...text.matchAll(/^\(\d\) (0x[0-9a-f]{64})$/gm)].map(([, it]) => it as `0x${string}`)
      assert.equal(accounts.length, 10)
      // viem writes addresses with their checksums too.
      assert.deepEqual(keys.map(privateKeyToAddress), accounts)
      assert.match(text, /Mnemonic: +test test [^\n]+ junk\n/)
      assert.match(text, /Chain ID\n=+\n31337\n/)
      assert.match(text, new RegExp(`cast balance ${ALICE} --ether --rpc-url ${node.url}\n`))
      assert.match(text, /The chain is in memory/)
      assert.ok(text.trimEnd().endsWith(`Listening on ${node.url}`))

      const [, url, type, body] = /^curl -s (\S+) -H 'content-type: (.+)' -d '(.+)'$/m.exec(text) ?? []
      assert.ok(url !== undefined && type !== undefined && body !== undefined)
      const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body })
      assert.deepEqual(await answer.json(), { jsonrpc: '2.0', id: 1, result: '0x0' })
    }))

  test('is followed by a line for blocks that are made', () =>
    withNode({}, async (node) => {
      await node.rpc('eth_sendTransaction', PAYMENT)
      while (!/^block 1 · 1 transactions · 21000 gas$/m.test(node.output())) await node.rpc('eth_blockNumber')
    }))

  test('is one line of JSON with --json', async () => {
    const command = [MAIN, 'dev', '--port', '0', '--memory', '--json']
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    await once(child, 'close')
    const ready = JSON.parse(text) as { url: string; chainId: number; accounts: unknown[] }
    assert.match(ready.url, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.deepEqual([ready.chainId, ready.accounts.length], [31_337, 10])
  })
})

test('a node whose output nobody reads any more goes on', async () => {
  const command = [MAIN, 'dev', '--port', '0', '--memory']
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for await (const chunk of child.stdout) {
    text += String(chunk)
    if (text.includes('Listening on')) break
  }
  // As `aevir dev | head` does. Leaving the loop has closed our end of the pipe.
  assert.ok(child.stdout.destroyed)
  const url = /Listening on (\S+)/.exec(text)?.[1] ?? ''
  const ask = async (method: string, ...params: readonly unknown[]): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    return ((await (await fetch(url, { method: 'POST', body })).json()) as { result: unknown }).result
  }
  // Long enough for lines about blocks to be written.
  const endMs = performance.now() + 600
  while (performance.now() < endMs) await ask('eth_sendTransaction', PAYMENT)
  assert.notEqual(await ask('eth_blockNumber'), '0x0')
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

describe('a port that is in use', () => {
  test('is told with a cure, and the database is closed', () =>
    withScratch((directory) =>
      withBusyPort(async (port) => {
        const data = join(directory, 'data')
        const message = await refusalOf(['dev', '--port', `${port}`, '--data', data])
        assert.match(message, /in use by another program.*choose another port with --port/)
        // The lock is gone, and what was made is whole.
        assert.match(await outputOf(['db', 'verify', '--data', data]), /the database is sound/)
      }),
    ))
})

describe('a chain in a directory', () => {
  test('goes on after a restart, with its time and its changed state', () =>
    withScratch(async (directory) => {
      const before = await withNode({ directory }, async (node) => {
        assert.match(node.output(), new RegExp(`The chain is kept in ${directory}`))
        await node.rpc('eth_sendTransaction', PAYMENT)
        await node.rpc('evm_increaseTime', 86_400)
        await node.rpc('hardhat_setBalance', SOMEBODY, '0x2a')
        return node.rpc<{ hash: string }>('eth_getBlockByNumber', '0x1', false)
      })
      await withNode({ directory }, async (node) => {
        assert.match(node.output(), /goes on from block 1 \(--reset starts over\)/)
        assert.deepEqual(await node.rpc('eth_getBlockByNumber', 'latest', false), before)
        assert.equal(await node.rpc('eth_getBalance', SOMEBODY, 'latest'), '0x2a')
        await node.rpc('evm_mine')
        const { timestamp } = await node.rpc<{ timestamp: string }>('eth_getBlockByNumber', 'latest', false)
        assert.ok(Number(timestamp) > Date.now() / 1000 + 86_000)
      })
    }))

  test('goes on after the process was killed', () =>
    withScratch(async (directory) => {
      const node = await startDevNode({ directory })
      const hash = await node.rpc('eth_sendTransaction', PAYMENT)
      await node.kill()
      await withNode({ directory }, async (again) => {
        const receipt = await again.rpc<{ status: string }>('eth_getTransactionReceipt', hash)
        assert.equal(receipt.status, '0x1')
      })
    }))

  test('belongs to one process, which neither a second node nor --reset nor db verify disturbs', () =>
    withScratch((directory) =>
      withNode({ directory }, async (node) => {
        const inUse = new RegExp(`in use by process ${node.pid}: stop that process, or name another`)
        const commands = [
          ['dev', '--port', '0', '--data', directory],
          ['dev', '--port', '0', '--data', directory, '--reset'],
          ['db', 'verify', '--data', directory],
          ['db', 'export', '--data', directory, '--chain', join(directory, 'out.rlp')],
        ]
        for (const command of commands) assert.match(await refusalOf(command), inUse)
        await node.rpc('eth_sendTransaction', PAYMENT)
        assert.equal(await node.rpc('eth_blockNumber'), '0x1')
      }),
    ))

  test('starts over with --reset, which removes nothing else', () =>
    withScratch(async (directory) => {
      writeFileSync(join(directory, 'notes.txt'), 'mine')
      const args = ['--chain-id', '42', '--balance', '3', '--gas-limit', '1000000', '--base-fee', '7']
      await withNode({ directory, args }, async (node) => {
        await node.rpc('evm_mine')
        assert.equal(await node.rpc('eth_chainId'), '0x2a')
        const block = await node.rpc<Record<string, string>>('eth_getBlockByNumber', '0x0', false)
        assert.deepEqual([block['gasLimit'], block['baseFeePerGas']], ['0xf4240', '0x7'])
        assert.equal(await node.rpc('eth_getBalance', BOB, 'latest'), '0x29a2241af62c0000')
      })
      // Without options the chain is what it is; with others it is not to be had.
      await withNode({ directory }, async (node) => assert.equal(await node.rpc('eth_chainId'), '0x2a'))
      await withNode({ directory, args }, async (node) =>
        assert.equal(await node.rpc('eth_blockNumber'), '0x1'),
      )
      assert.match(
        await refusalOf(['dev', '--data', directory, '--chain-id', '43']),
        /was made with another --chain-id: leave it out .*, or start over with --reset/,
      )
      await withNode({ directory, args: ['--reset', '--chain-id', '43'] }, async (node) => {
        assert.equal(await node.rpc('eth_chainId'), '0x2b')
        assert.equal(await node.rpc('eth_blockNumber'), '0x0')
      })
      assert.equal(readFileSync(join(directory, 'notes.txt'), 'utf8'), 'mine')
    }))

  test('starts from a genesis file with --genesis, and wants it again', () =>
    withScratch(async (directory) => {
      const file = join(directory, 'genesis.json')
      const data = join(directory, 'data')
      writeFileSync(file, GENESIS_TEXT)
      const options = { directory: data, args: ['--genesis', file] }
      await withNode(options, async (node) => {
        assert.match(node.output(), /Chain ID\n=+\n2025\n/)
        assert.match(node.output(), /\(0\) 0xf39\w+ \(1000 coins\)\n\(1\) 0x709\w+ \(0 coins\)/)
        await node.rpc('eth_sendTransaction', PAYMENT)
      })
      assert.match(
        await refusalOf(['dev', '--data', data]),
        /was made from a genesis file: name it with --genesis/,
      )
      await withNode(options, async (node) => assert.equal(await node.rpc('eth_blockNumber'), '0x1'))
    }))
})

describe('blocks are made', () => {
  test('by the clock with --block-time', () =>
    withNode({ args: ['--block-time', '0.05'] }, async (node) => {
      const hash = await node.rpc('eth_sendTransaction', PAYMENT)
      assert.equal(await node.rpc('hardhat_getAutomine'), false)
      while ((await node.rpc('eth_getTransactionReceipt', hash)) === null);
      while (Number(await node.rpc('eth_blockNumber')) < 3);
    }))

  test('only when asked with --no-mining', () =>
    withNode({ args: ['--no-mining'] }, async (node) => {
      const hash = await node.rpc('eth_sendTransaction', PAYMENT)
      assert.equal(await node.rpc('eth_getTransactionReceipt', hash), null)
      assert.equal(await node.rpc('eth_blockNumber'), '0x0')
      await node.rpc('evm_mine')
      assert.equal((await node.rpc<{ status: string }>('eth_getTransactionReceipt', hash)).status, '0x1')
    }))
})
