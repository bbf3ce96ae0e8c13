/**
 * A disk without space, as a limit on the size of files: requests that need to write are refused with a cure, all
 * others are answered, nothing is lost, and with space the node goes on where it was.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { outputOf, withScratch } from '../support/cli.ts'
import { RpcFailure, startDevNode, type DevNode } from '../support/dev-node.ts'

const ALICE = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'
const SOMEBODY = '0x00000000000000000000000000000000000a11ce'
/** Enough for the first block and some dozens more. */
const LIMIT_KIB = 256
const SKIP =
  spawnSync('bash', ['-c', `ulimit -f ${LIMIT_KIB}`]).status === 0 ? false : 'no bash that limits files'

/** LMDB reports a write that was done in part as one that failed for an unknown reason. */
const isFull = (error: unknown): boolean =>
  error instanceof RpcFailure &&
  error.code === -32_000 &&
  /no space is left .*free some space and try again|cannot be read or written .*: check the disk/.test(
    error.message,
  )

async function fill(node: DevNode): Promise<void> {
  await assert.rejects(async () => {
    for (;;) await node.rpc('anvil_mine', 10)
  }, isFull)
}

test('a full disk', { skip: SKIP }, () =>
  withScratch(async (directory) => {
    const node = await startDevNode({ directory, fileSizeMaxKib: LIMIT_KIB })
    await fill(node)
    const head = await node.rpc('eth_blockNumber')
    const balance = await node.rpc('eth_getBalance', ALICE, 'latest')

    // Who sends a transaction is told, and it does not come back later.
    await assert.rejects(async () => {
      for (;;) await node.rpc('eth_sendTransaction', { from: ALICE, to: SOMEBODY, value: '0x1' })
    }, isFull)
    assert.deepEqual(await node.rpc('txpool_status'), { pending: '0x0', queued: '0x0' })
    // A change of state that cannot be kept is not made.
    await assert.rejects(async () => {
      for (let wei = 7; ; wei++) {
        await node.rpc('hardhat_setCode', SOMEBODY, `0x${'5b'.repeat(10_000 + wei)}`)
      }
    }, isFull)
    const seen = {
      head: await node.rpc('eth_blockNumber'),
      code: await node.rpc('eth_getCode', SOMEBODY, 'latest'),
      nonce: await node.rpc('eth_getTransactionCount', ALICE, 'latest'),
    }
    assert.ok(Number(seen.head) >= Number(head))
    assert.ok(BigInt(await node.rpc<string>('eth_getBalance', ALICE, 'latest')) <= BigInt(String(balance)))
    // Killed, as the native part of the database may have lost its footing when its last write failed.
    await node.kill()

    assert.match(await outputOf(['db', 'verify', '--data', directory]), /the database is sound/)
    const again = await startDevNode({ directory })
    assert.deepEqual(
      {
        head: await again.rpc('eth_blockNumber'),
        code: await again.rpc('eth_getCode', SOMEBODY, 'latest'),
        nonce: await again.rpc('eth_getTransactionCount', ALICE, 'latest'),
      },
      seen,
    )
    await again.rpc('eth_sendTransaction', { from: ALICE, to: SOMEBODY, value: '0x1' })
    assert.equal(await again.stop(), 0)
  }),
)
