/** `npm run demo` as people run it, alone and with the address of a running node. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startDevNode } from '../support/dev-node.ts'
import { runProgram, type Finished } from '../support/run-program.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

function demo(...args: readonly string[]): Promise<Finished> {
  return runProgram(process.execPath, ['contracts/demo.ts', ...args], { cwd: ROOT, timeoutMs: 60_000 })
}

test('alone it tells the whole story, and ends', async () => {
  const { exitCode, stdout, stderr } = await demo()
  assert.equal(exitCode, 0, stderr)
  // A node may run at the usual address of the machine that runs the tests.
  if (!stdout.startsWith('\nChain')) {
    assert.match(stdout, /^No node answers at \S+: this one runs in memory at http:\/\/127\.0\.0\.1:\d+ /)
  }
  assert.match(stdout, /\n5\. The provider takes half of the liquidity back[^]*\nDone at block \d+\.\n$/)
  assert.equal(stderr, '')
})

test('on a running node it leaves its contracts there', async () => {
  const node = await startDevNode()
  try {
    const { exitCode, stdout, stderr } = await demo(node.url)
    assert.equal(exitCode, 0, stderr)
    const [, token] = /GOLD +(0x[0-9a-f]{40}) /.exec(stdout) ?? []
    assert.notEqual(await node.rpc('eth_getCode', token, 'latest'), '0x')
    assert.equal(await node.rpc('eth_blockNumber'), '0xc')
  } finally {
    await node.stop()
  }
})

test('at an address where no node is, the cure is told in a line', async () => {
  // Port 1 is reserved, and nobody listens on it.
  const { exitCode, stderr } = await demo('http://127.0.0.1:1')
  assert.equal(exitCode, 1)
  assert.match(stderr, /^no node answers at http:\/\/127\.0\.0\.1:1: [^\n]+"npm start"\n$/)
})
