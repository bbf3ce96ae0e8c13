/** A whole node in memory: transactions in, sealed blocks out, and the powers of development. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hexToBytes, type Address } from '../../src/primitives/bytes.ts'
import { present } from '../../src/primitives/assert.ts'
import { DEV_ACCOUNTS, devGenesis } from '../../src/chain/dev-genesis.ts'
import { createAddress } from '../../src/chain/contract-address.ts'
import { signTransaction } from '../../src/chain/transaction-signature.ts'
import type { Transaction } from '../../src/chain/transaction.ts'
import { openNode, type Node, type NodeOptions } from '../../src/node/node.ts'
import type { DevControls, NodeEvent, UnsignedTransaction } from '../../src/rpc/backend.ts'
import { assemble } from '../support/assembler.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { addressOf } from '../support/small-world.ts'

const [ALICE, BOB] = DEV_ACCOUNTS.map(({ address }) => address) as [Address, Address]
const ALICE_KEY = hexToBytes(present(DEV_ACCOUNTS[0], 'an account').privateKey)
const STRANGER = addressOf(0x57a)
const COIN = 10n ** 18n

async function opened(options: Partial<NodeOptions> = {}): Promise<Node & { readonly dev: DevControls }> {
  const node = await openNode({
    genesis: devGenesis({ timestamp: 1_600_000_000n }),
    directory: undefined,
    engine: 'tier0',
    mining: { automine: true, intervalMs: 0 },
    devAccounts: DEV_ACCOUNTS,
    clientVersion: 'Aevir/test',
    clock: new ManualClock(),
    onError: (error) => assert.fail(String(error)),
    ...options,
  })
  return { ...node, dev: present(node.backend.dev, 'development controls') }
}

async function withNode(
  work: (node: Node & { readonly dev: DevControls }) => Promise<void>,
  options: Partial<NodeOptions> = {},
): Promise<void> {
  const node = await opened(options)
  try {
    await work(node)
  } finally {
    await node.close()
  }
}

function payment(
  nonce: bigint,
  fields: { readonly value?: bigint; readonly tip?: bigint } = {},
): Transaction {
  return signTransaction(
    {
      type: 2,
      chainId: 31_337n,
      nonce,
      gasLimit: 21_000n,
      to: BOB,
      value: fields.value ?? 1n,
      data: new Uint8Array(0),
      accessList: [],
      maxFeePerGas: 100n * 10n ** 9n,
      maxPriorityFeePerGas: fields.tip ?? 1n,
    },
    ALICE_KEY,
  )
}

function unsigned(from: Address, fields: Partial<UnsignedTransaction> = {}): UnsignedTransaction {
  return {
    from,
    to: BOB,
    gasLimit: undefined,
    gasPrice: undefined,
    maxFeePerGas: undefined,
    maxPriorityFeePerGas: undefined,
    nonce: undefined,
    value: 0n,
    data: new Uint8Array(0),
    accessList: undefined,
    authorizationList: undefined,
    ...fields,
  }
}

describe('a transaction that was sent', () => {
  test('is in a sealed block when sending returns, and everybody hears of it', async () => {
    await withNode(async ({ backend }) => {
      const events: NodeEvent[] = []
      backend.subscribe((event) => events.push(event))
      const { hash } = await backend.submit(payment(0n).bytes)
      assert.deepEqual(backend.ledger.transaction(hash), { blockNumber: 1n, index: 0 })
      assert.equal(backend.ledger.committed('sealed'), 1n)
      assert.deepEqual(
        events.map((event) => (event.kind === 'committed' ? event.state : event.kind)),
        ['transaction', 'block', 'preconfirmed', 'sealed'],
      )
    })
  })

  test('waits for its turn when an earlier nonce is missing', async () => {
    await withNode(async ({ backend }) => {
      const later = await backend.submit(payment(1n).bytes)
      assert.equal(backend.ledger.transaction(later.hash), undefined)
      await backend.submit(payment(0n).bytes)
      assert.equal(backend.ledger.transaction(later.hash)?.blockNumber, 1n)
    })
  })

  test('that no account signed is refused', async () => {
    await withNode(async ({ backend }) => {
      const valid = payment(0n).bytes
      // The last byte of s: another key's signature recovers to another, penniless account.
      valid[valid.length - 1] = (valid[valid.length - 1] as number) ^ 1
      await assert.rejects(backend.submit(valid), { code: 'TRANSACTION_REFUSED' })
      assert.equal(backend.ledger.head().number, 0n)
    })
  })

  test('many at once share blocks and keep their order', async () => {
    await withNode(async ({ backend }) => {
      const nonces = Array.from({ length: 60 }, (_, nonce) => BigInt(nonce))
      await Promise.all(nonces.map((nonce) => backend.submit(payment(nonce).bytes)))
      assert.equal(backend.latestState().account(ALICE)?.nonce, 60n)
      assert.ok(backend.ledger.head().number < 60n, `${backend.ledger.head().number} blocks`)
    })
  })
})

describe('development state', () => {
  test('changes are seen at once and are part of the next block, which can be traced again', async () => {
    await withNode(async ({ backend, dev }) => {
      dev.setBalance(STRANGER, COIN)
      dev.setNonce(STRANGER, 7n)
      dev.setCode(addressOf(0xc0de), assemble('PUSH0 SLOAD PUSH0 MSTORE PUSH1 0x20 PUSH0 RETURN'))
      dev.setStorage(addressOf(0xc0de), 0n, 42n)
      const seen = backend.latestState()
      assert.equal(seen.account(STRANGER)?.balance, COIN)
      assert.equal(seen.storage(addressOf(0xc0de), 0n), 42n)
      assert.equal(backend.ledger.head().number, 0n)
      await dev.mine(1)
      const committed = backend.ledger.stateAt(1n)
      assert.equal(committed.account(STRANGER)?.nonce, 7n)
      assert.equal(committed.storage(addressOf(0xc0de), 0n), 42n)
      assert.equal(backend.ledger.stateAt(0n).account(STRANGER), undefined)
      assert.equal(backend.stateBefore(1n).account(STRANGER)?.balance, COIN, 'for a replay of block 1')
    })
  })

  test('an impersonated account sends without a key, and nobody else does', async () => {
    await withNode(async ({ backend, dev }) => {
      dev.setBalance(STRANGER, COIN)
      await assert.rejects(dev.sendTransaction(unsigned(STRANGER)), { code: 'UNKNOWN_ACCOUNT' })
      dev.impersonate(STRANGER)
      const { hash } = await dev.sendTransaction(unsigned(STRANGER, { value: 5n }))
      assert.equal(backend.ledger.transaction(hash)?.blockNumber, 1n)
      assert.deepEqual(backend.ledger.senders(1n), [STRANGER])
      dev.stopImpersonating(STRANGER)
      await assert.rejects(dev.sendTransaction(unsigned(STRANGER)), { code: 'UNKNOWN_ACCOUNT' })
    })
  })

  test('a dump loads into another node', async () => {
    const address = addressOf(0xc0de)
    await withNode(async (first) => {
      first.dev.setCode(address, Uint8Array.of(1, 2))
      first.dev.setStorage(address, 3n, 9n)
      first.dev.setBalance(STRANGER, 77n)
      const dump = first.dev.dumpState()
      await withNode(async ({ backend, dev }) => {
        await dev.loadState(dump)
        const state = backend.latestState()
        assert.equal(state.storage(address, 3n), 9n)
        assert.equal(state.account(STRANGER)?.balance, 77n)
        await assert.rejects(dev.loadState(Uint8Array.of(1)), { code: 'INVALID_STATE_DUMP' })
      })
    })
  })
})

describe('time', () => {
  test('follows the clock, can be moved, set, and always goes forward', async () => {
    await withNode(async ({ backend, dev }) => {
      const next = async (): Promise<bigint> => {
        await dev.mine(1)
        return backend.ledger.head().timestamp
      }
      const first = await next()
      assert.equal(await next(), first + 1n, 'two blocks in a second')
      dev.increaseTime(3600n)
      assert.ok((await next()) >= first + 3600n)
      dev.setNextBlockTimestamp(2_000_000_000n)
      assert.equal(await next(), 2_000_000_000n)
      assert.equal(await next(), 2_000_000_001n, 'time goes on from there')
      assert.throws(() => dev.setNextBlockTimestamp(5n), { code: 'INVALID_TIMESTAMP' })
      dev.setBlockTimestampInterval(10n)
      assert.equal(await next(), 2_000_000_011n)
    })
  })

  test('many blocks can be mined at given distances', async () => {
    await withNode(async ({ backend, dev }) => {
      const hashes = await dev.mine(3, 60n)
      assert.equal(hashes.length, 3)
      const times = [1n, 2n, 3n].map((number) => present(backend.ledger.header(number), 'header').timestamp)
      assert.deepEqual(
        [(times[1] as bigint) - (times[0] as bigint), (times[2] as bigint) - (times[1] as bigint)],
        [60n, 60n],
      )
    })
  })
})

describe('snapshots', () => {
  test('bring back blocks, waiting changes and time, once', async () => {
    await withNode(async ({ backend, dev }) => {
      dev.setBalance(STRANGER, 1n)
      const id = dev.snapshot()
      await backend.submit(payment(0n, { value: 10n }).bytes)
      dev.setBalance(STRANGER, 2n)
      assert.equal(await dev.revert(id), true)
      assert.equal(backend.ledger.head().number, 0n)
      assert.equal(backend.latestState().account(STRANGER)?.balance, 1n)
      assert.equal(backend.latestState().account(ALICE)?.nonce, 0n)
      assert.equal(await dev.revert(id), false)
      await backend.submit(payment(0n).bytes)
      assert.equal(backend.ledger.head().number, 1n, 'the chain goes on')
    })
  })

  test('bring back what waited in the pool', async () => {
    await withNode(async ({ backend, dev }) => {
      dev.setAutomine(false)
      const { hash } = await backend.submit(payment(0n).bytes)
      const id = dev.snapshot()
      await dev.mine(1)
      assert.equal(backend.pool.get(hash), undefined)
      await dev.revert(id)
      assert.equal(backend.pool.get(hash)?.transaction.hash, hash)
    })
  })

  test('taken later are gone with an earlier one', async () => {
    await withNode(async ({ dev }) => {
      const early = dev.snapshot()
      const late = dev.snapshot()
      assert.equal(await dev.revert(early), true)
      assert.equal(await dev.revert(late), false)
    })
  })
})

test('a reorganisation replaces blocks, tells listeners, and forgets their effects', async () => {
  await withNode(async ({ backend, dev }) => {
    await backend.submit(payment(0n).bytes)
    const before = backend.ledger.hashOf(1n)
    const revoked: bigint[] = []
    backend.subscribe((event) => event.kind === 'revoked' && revoked.push(event.block.header.number))
    await dev.reorg(1)
    assert.deepEqual(revoked, [1n])
    assert.notEqual(backend.ledger.hashOf(1n), before)
    assert.equal(backend.latestState().account(ALICE)?.nonce, 0n)
  })
})

test('the pending block holds what waits and leaves no trace', async () => {
  await withNode(
    async ({ backend }) => {
      await backend.submit(payment(0n).bytes)
      const { block, state } = await backend.pendingBlock()
      assert.equal(block.transactions.length, 1)
      assert.equal(state.account(ALICE)?.nonce, 1n)
      assert.equal(backend.ledger.head().number, 0n)
      assert.equal(backend.latestState().account(ALICE)?.nonce, 0n)
    },
    { mining: { automine: false, intervalMs: 0 } },
  )
})

test('a least gas price keeps cheaper transactions out', async () => {
  await withNode(async ({ backend, dev }) => {
    dev.setMinGasPrice(200n * 10n ** 9n)
    await assert.rejects(backend.submit(payment(0n).bytes), { reason: 'underpriced' })
    dev.setMinGasPrice(0n)
    await backend.submit(payment(0n).bytes)
  })
})

test('gas that a sender does not name is estimated', async () => {
  await withNode(async ({ backend, dev }) => {
    const data = assemble('PUSH1 0x01 PUSH0 SSTORE PUSH1 0x01 PUSH0 RETURN')
    const { fields } = await dev.sendTransaction(unsigned(ALICE, { to: null, data }))
    assert.ok(fields.gasLimit < 100_000n, `${fields.gasLimit}`)
    const contract = createAddress(ALICE, 0n)
    assert.equal(backend.latestState().storage(contract, 0n), 1n)
  })
})
