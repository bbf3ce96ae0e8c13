/** The chain as consensus drives it: blocks are no larger than whoever carries them allows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBlock } from '../../src/chain/block-codec.ts'
import { DEV_ACCOUNTS } from '../../src/chain/dev-genesis.ts'
import { signTransaction } from '../../src/chain/transaction-signature.ts'
import { present } from '../../src/primitives/assert.ts'
import { hexToBytes, ZERO_HASH } from '../../src/primitives/bytes.ts'
import { ExecutionWorld } from '../consensus/execution-layer/world.ts'
import { RECEIVER } from '../support/transfer.ts'

test('a block takes no more transactions than its size allows, and leaves the others for the next', async (t) => {
  const world = await ExecutionWorld.start({ size: 1 })
  t.after(async () => world.close())
  const { chain } = world.node(0)
  const { address, privateKey } = present(DEV_ACCOUNTS[0], 'account')
  for (let nonce = 0n; nonce < 10n; nonce++) {
    const transaction = signTransaction(
      {
        type: 2,
        chainId: chain.config.chainId,
        nonce,
        gasLimit: 200_000n,
        to: RECEIVER,
        value: 1n,
        data: new Uint8Array(10_000),
        accessList: [],
        maxFeePerGas: 10n ** 10n,
        maxPriorityFeePerGas: 1n,
      },
      hexToBytes(privateKey),
    )
    chain.pool.add(transaction, address)
  }
  const attributes = {
    timestamp: chain.ledger.head().timestamp + 1n,
    beneficiary: RECEIVER,
    prevRandao: ZERO_HASH,
    parentBeaconBlockRoot: ZERO_HASH,
  }
  for (const [sizeMax, count] of [
    [34_000, 3],
    [33_000, 3],
    [32_000, 2],
    [5000, 0],
  ] as const) {
    const { block } = await chain.propose(chain.head(), { ...attributes, sizeMax })
    assert.equal(block.transactions.length, count)
    assert.ok(encodeBlock(block).length <= sizeMax)
  }
  const { block } = await chain.propose(chain.head(), attributes)
  assert.equal(block.transactions.length, 10)
})
