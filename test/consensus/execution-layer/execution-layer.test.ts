/** The execution layer: four nodes that order, execute, pre-confirm and make final, and what they do about liars. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { DEV_BALANCE } from '../../../src/chain/dev-genesis.ts'
import { isOffence } from '../../../src/consensus/simplex/evidence.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { present } from '../../../src/primitives/assert.ts'
import { ZERO_ADDRESS, ZERO_HASH, type Hash } from '../../../src/primitives/bytes.ts'
import { RECEIVER } from '../../support/transfer.ts'
import { assertAgreement, finalOf, headOf, includes, withBlock } from './world-checks.ts'
import { ExecutionWorld, HEARTBEAT_MS } from './world.ts'

const worlds: ExecutionWorld[] = []

async function started(): Promise<ExecutionWorld> {
  const world = await ExecutionWorld.start()
  worlds.push(world)
  return world
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close()
})

describe('four honest nodes', () => {
  test('pre-confirm and make final what one of them was sent, with the same state', async () => {
    const world = await started()
    const sent = []
    for (let value = 1n; value <= 10n; value++) {
      sent.push(await world.transfer(value))
      await world.run(30)
    }
    await world.run(100)
    for (const node of world.nodes) {
      for (const { hash } of sent) assert.ok(includes(node, hash), `node ${node.index}`)
      const { balance } = present(node.chain.latestState().account(RECEIVER), 'receiver')
      assert.equal(balance, DEV_BALANCE + 55n)
      assert.equal(node.chain.pool.status().pending, 0)
      const states = node.events.filter(({ kind }) => kind === 'committed')
      assert.ok(states.some((event) => event.kind === 'committed' && event.state === 'preconfirmed'))
    }
    assertAgreement(world)
  })

  test('make a block at once for a transaction, and with a heartbeat for none', async () => {
    const world = await started()
    await world.run(HEARTBEAT_MS / 2)
    const before = headOf(world.node(0))
    const { hash } = await world.transfer(1n)
    for (const node of world.nodes) assert.ok(includes(node, hash), 'without time passing')
    await world.run(5 * HEARTBEAT_MS)
    const made = Number(headOf(world.node(0)) - before)
    assert.ok(made >= 5 && made <= 7, `${made} blocks in 5 heartbeats`)
    const { view, nullifiedInARow } = world.node(0).layer.core
    assert.equal(nullifiedInARow, 0)
    assert.equal(view, Number(headOf(world.node(0))) + 1, 'no view was given up')
  })

  test('leave nothing that is only pre-confirmed', async () => {
    const world = await started()
    for (let value = 1n; value <= 20n; value++) await world.transfer(value)
    await world.run(HEARTBEAT_MS)
    for (const node of world.nodes) assert.equal(headOf(node), finalOf(node))
  })
})

describe('transactions that cannot be executed now', () => {
  test('cost a block or two when they come, not blocks without end', async () => {
    const world = await started()
    for (const { chain } of world.nodes) chain.hasPending = () => true
    const before = headOf(world.node(0))
    await world.run(5 * HEARTBEAT_MS)
    assert.ok(headOf(world.node(0)) - before <= 7n)
    await world.run(HEARTBEAT_MS / 2)
    const { hash } = await world.transfer(1n)
    for (const node of world.nodes) assert.ok(includes(node, hash), 'without time passing')
    await world.run(5 * HEARTBEAT_MS)
    assert.ok(headOf(world.node(0)) - before <= 16n)
  })
})

describe('a node whose disk fails', () => {
  test('falls silent, says so once, and goes on after a restart', async () => {
    const world = await started()
    const broken = world.node((world.leader() + 1) % 4)
    const { chain, failures } = broken
    const verify = chain.verify.bind(chain)
    chain.verify = () => Promise.reject(new Error('disk full'))
    const { hash } = await world.transfer(1n)
    let saidCount = 0
    world.tamper = (from, _to, message) => {
      if (from === broken.index) saidCount += 1
      return [message]
    }
    await world.run(5 * HEARTBEAT_MS)
    assert.equal(saidCount, 0)
    assert.match(String(failures.splice(0)), /^Error: disk full$/)
    chain.verify = verify
    await world.stop(broken.index)
    await world.restart(broken.index)
    await world.until('inclusion', () => world.nodes.every((node) => includes(node, hash)))
    assertAgreement(world)
  })
})

describe('nodes that are not there', () => {
  test('a silent leader is skipped', async () => {
    const world = await started()
    const silent = world.leader()
    world.tamper = (from, _to, message) => (from === silent ? [] : [message])
    const { hash } = await world.transfer(1n)
    const others = world.nodes.filter(({ index }) => index !== silent)
    await world.until(
      'inclusion without the leader',
      () => others.every((node) => includes(node, hash)),
      1000,
    )
    world.tamper = (_from, _to, message) => [message]
    await world.until('inclusion at the silent one', () => includes(world.node(silent), hash))
    assertAgreement(world)
  })

  test('a node that was offline catches up and takes part again', async () => {
    const world = await started()
    await world.transfer(1n)
    await world.stop(3)
    for (let value = 2n; value <= 30n; value++) {
      await world.transfer(value)
      await world.run(20)
    }
    await world.until('a longer chain', () => finalOf(world.node(0)) >= 20n)
    assert.ok(finalOf(world.node(3)) < 5n)
    await world.restart(3)
    await world.until('catching up', () => finalOf(world.node(3)) >= 20n)
    // With another one gone, nothing becomes final without it.
    await world.stop(0)
    const { hash } = await world.transfer(31n)
    await world.until('finality with its vote', () => includes(world.node(3), hash))
    await world.restart(0)
    await world.until('inclusion everywhere', () => world.nodes.every((node) => includes(node, hash)))
    assertAgreement(world)
  })

  test('a node that restarts goes on from its own disk', async () => {
    const world = await started()
    for (let value = 1n; value <= 6n; value++) await world.transfer(value)
    await world.run(100)
    for (const { index } of world.nodes) await world.stop(index)
    for (const { index } of world.nodes) await world.restart(index)
    const { hash } = await world.transfer(7n)
    await world.until('inclusion', () => world.nodes.every((node) => includes(node, hash)))
    assertAgreement(world)
  })
})

describe('nodes that lie', () => {
  test('an equivocating leader gives evidence against itself, and no fork', async () => {
    const world = await started()
    const liar = world.leader()
    world.tamper = (from, to, message) => {
      if (from !== liar || message.kind !== 'propose') return [message]
      const other = withBlock(world, from, message, { beneficiary: ZERO_ADDRESS })
      return to % 2 === 0 ? [message, other] : [other, message]
    }
    const { hash } = await world.transfer(1n)
    const honest = world.nodes.filter(({ index }) => index !== liar)
    await world.until('inclusion', () => world.nodes.every((node) => includes(node, hash)))
    for (const { evidence } of honest) {
      const { first, second } = present(evidence[0], 'evidence')
      assert.equal(first.signer, liar)
      assert.ok(isOffence(first, second))
    }
    assertAgreement(world)
  })

  test('a block with a wrong state root is not notarized', async () => {
    const world = await started()
    const liar = world.leader()
    const forged = new Set<Hash>()
    world.tamper = (from, _to, message) => {
      if (from !== liar || message.kind !== 'propose') return [message]
      const wrong = withBlock(world, from, message, { stateRoot: ZERO_HASH })
      forged.add(wrong.block.proposal.payloadHash)
      return [wrong]
    }
    const { hash } = await world.transfer(1n)
    const honest = world.nodes.filter(({ index }) => index !== liar)
    await world.until('inclusion', () => honest.every((node) => includes(node, hash)))
    assert.ok(forged.size > 0)
    for (const { events } of honest) {
      assert.ok(events.every((event) => event.kind !== 'block' || !forged.has(event.block.hash)))
    }
    assertAgreement(world)
  })

  test('a block from the future is not notarized, and the clock of the chain stays right', async () => {
    const world = await started()
    const liar = world.leader()
    let tampered = 0
    world.tamper = (from, _to, message) => {
      if (from !== liar || message.kind !== 'propose') return [message]
      tampered += 1
      return [withBlock(world, from, message, { timestamp: 1n << 40n })]
    }
    const { hash } = await world.transfer(1n)
    await world.until('inclusion', () => world.nodes.every((node) => includes(node, hash)))
    assert.ok(tampered > 0)
    for (let value = 2n; value <= 30n; value++) await world.transfer(value)
    for (const { chain } of world.nodes) {
      assert.ok(chain.ledger.head().timestamp * 1000n <= BigInt(world.clock.nowMs()))
    }
    assertAgreement(world)
  })

  test('a body that is no block, or not the named one, is not notarized', async () => {
    const world = await started()
    const liar = world.leader()
    world.tamper = (from, to, message) => {
      if (from !== liar || message.kind !== 'propose') return [message]
      const { proposal, body } = message.block
      const block = makeBlock(proposal, to % 2 === 0 ? body.subarray(1) : new Uint8Array(0))
      const statement = { kind: 'propose', view: proposal.view, hash: block.proposal.hash } as const
      return [{ ...message, block, signature: world.sign(from, statement) }]
    }
    const { hash } = await world.transfer(1n)
    await world.until('inclusion', () => world.nodes.every((node) => includes(node, hash)))
    assertAgreement(world)
  })
})

describe('a pre-confirmation', () => {
  test('that only one node saw is taken back when the others skip its view', async () => {
    const world = await started()
    const lonely = world.leader()
    const view = world.node(lonely).layer.core.view
    let isCut = true
    // The leader alone sees the votes for its block, and nobody hears of it afterwards.
    world.tamper = (from, to, message: Message) => {
      if (!isCut || (from === lonely && message.kind === 'propose')) return [message]
      const isVote = message.kind === 'vote' && message.vote.kind === 'notarize' && message.vote.view === view
      return from === lonely || (isVote && to !== lonely) ? [] : [message]
    }
    const { hash } = await world.transfer(1n)
    const { chain, events } = world.node(lonely)
    assert.equal(chain.ledger.transaction(hash)?.blockNumber, headOf(world.node(lonely)), 'pre-confirmed')
    const preconfirmed = chain.ledger.headHash()
    const others = world.nodes.filter(({ index }) => index !== lonely)
    assert.ok(others.every((node) => node.chain.ledger.transaction(hash) === undefined))
    await world.until('another block', () => others.every((node) => includes(node, hash)))
    isCut = false
    await world.until('the same at the lonely one', () => includes(world.node(lonely), hash))
    const revoked = events.filter((event) => event.kind === 'revoked')
    assert.deepEqual(
      revoked.map(({ block }) => block.hash),
      [preconfirmed],
    )
    assertAgreement(world)
  })
})
