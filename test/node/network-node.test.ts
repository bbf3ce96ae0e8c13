/** Whole nodes with real keys in one process: they order, seal, catch up and go on after a restart. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { noLog } from '../../src/node/bft/instance-logs.ts'
import { SILENT_LOG } from '../../src/node/log.ts'
import { NodeHaltedError } from '../../src/node/node-errors.ts'
import { BftNetwork } from '../support/bft-network.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { addressOf } from '../support/small-world.ts'
import { transfer } from '../support/transfer.ts'

const RECEIVER = addressOf(0xb0b)

describe('a network of four executors and four witnesses', () => {
  let world: BftNetwork
  before(async () => {
    world = await BftNetwork.start({
      executors: 4,
      witnesses: 4,
      parameters: { cycleBlocks: 24, windowBlocks: 8, rangeBlocks: 4, heartbeatMs: 100 },
    })
  })
  after(() => world.stop())

  test('seals transfers, wherever they were submitted', async () => {
    for (let nonce = 0n; nonce < 20n; nonce++) {
      await world.node(Number(nonce % 8n)).backend.submit(transfer(nonce, RECEIVER).bytes)
    }
    await world.until('all transfers are sealed everywhere', () =>
      world.running().every(({ chain }) => {
        const sealed = chain.ledger.committed('sealed')
        return chain.ledger.stateAt(sealed).account(RECEIVER)?.balance === 20n
      }),
    )
    const sealed = world.node(0).chain.ledger.committed('sealed')
    const hashes = new Set(world.running().map(({ chain }) => chain.ledger.hashOf(sealed > 5n ? 5n : sealed)))
    assert.equal(hashes.size, 1)
  })

  test('goes through changes of committees', async () => {
    await world.sealed(52n)
    assert.ok(world.running().every(({ view }) => view.latestCycle() >= 2))
  })

  test('takes a follower in that begins with nothing', async () => {
    const follower = await world.open(20)
    const target = world.node(0).chain.ledger.committed('sealed')
    await world.until('the follower has caught up', () => follower.chain.ledger.committed('sealed') >= target)
    const status = follower.view.status()
    assert.deepEqual([status?.execution.self, status?.witness.self], [undefined, undefined])
    await follower.backend.submit(transfer(20n, RECEIVER).bytes)
    await world.until('a transfer through the follower is sealed there', () => {
      const { ledger } = follower.chain
      return ledger.stateAt(ledger.committed('sealed')).account(RECEIVER)?.balance === 21n
    })
  })

  test('goes on without one of each, and takes them back from nothing', async () => {
    await world.close(1)
    await world.close(6)
    const head = world.node(0).chain.ledger.committed('sealed')
    await world.sealed(head + 6n)
    // Their logs outlive them, their chains do not.
    await world.open(1)
    await world.open(6)
    await world.sealed(world.node(0).chain.ledger.committed('sealed') + 6n)
  })
})

test('a node whose log cannot be written says nothing more, closes itself and tells its owner', async () => {
  const world = await BftNetwork.start({ executors: 1, witnesses: 1 })
  try {
    await world.sealed(1n)
    await world.close(0)
    const stopped = Promise.withResolvers<unknown>()
    const log = { ...noLog(), log: { append: refuse, replace: refuse } }
    const node = await world.open(0, { logs: { open: async () => log }, onStopped: stopped.resolve })
    const error = await stopped.promise
    assert.ok(error instanceof NodeHaltedError)
    assert.match(error.message, /its log could not be written: .* start it again only when you know why/)
    assert.equal(node.view.halted(), 'the execution layer halted: its log could not be written')
    await world.close(0)
  } finally {
    await world.stop()
  }
})

test('a node that starts before its genesis says so', async () => {
  const world = await BftNetwork.start({ executors: 1, witnesses: 1 })
  try {
    const { timestamp } = world.genesis.genesis.header
    for (const [secondsAhead, expected] of [
      [0n, []],
      [90n, [{ timestamp, secondsAhead: 90n }]],
    ] as const) {
      const warnings: unknown[] = []
      const clock = new ManualClock()
      clock.nowMs = () => Number(timestamp - secondsAhead) * 1000
      await world.open(20, {
        clock,
        log: { ...SILENT_LOG, warn: (_, fields) => warnings.push(fields) },
      })
      assert.deepEqual(warnings, expected)
      await world.close(20)
    }
  } finally {
    await world.stop()
  }
})

function refuse(_: unknown, onDone: (isDurable: boolean) => void): void {
  onDone(false)
}
