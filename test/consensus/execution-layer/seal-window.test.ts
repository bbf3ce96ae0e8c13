/** Execution and seals: the layer runs ahead of them up to the window, and refers to them in its blocks. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { Header } from '../../../src/chain/block.ts'
import { firstRandomness } from '../../../src/consensus/election/randomness.ts'
import { present } from '../../../src/primitives/assert.ts'
import { ZERO_HASH, type Hash } from '../../../src/primitives/bytes.ts'
import { assertAgreement, finalOf, headOf, includes, withBlock } from './world-checks.ts'
import { ExecutionWorld, HEARTBEAT_MS } from './world.ts'

const WINDOW = 4
let world: ExecutionWorld

async function started(windowBlocks = WINDOW): Promise<void> {
  world = await ExecutionWorld.start({ windowBlocks })
}

afterEach(async () => {
  await world.close()
})

/** Makes blocks up to a number, each with a transaction. */
async function growTo(number: bigint): Promise<void> {
  while (headOf(world.node(0)) < number) {
    await world.transfer(1n)
    await world.run(10)
  }
}

function hashOf(number: bigint): Hash {
  return present(world.node(0).chain.ledger.hashOf(number), `block ${number}`)
}

/** The next leader lies about seals in its block; the others make one without it. */
async function assertRefused(change: Partial<Header>): Promise<void> {
  const liar = world.leader()
  const forged = new Set<Hash>()
  world.tamper = (from, _to, message) => {
    if (from !== liar || message.kind !== 'propose') return [message]
    const wrong = withBlock(world, from, message, change)
    forged.add(wrong.block.proposal.payloadHash)
    return [wrong]
  }
  const view = world.node(0).layer.core.view
  const { hash } = await world.transfer(1n)
  const honest = world.nodes.filter(({ index }) => index !== liar)
  await world.until('inclusion', () => honest.every((node) => includes(node, hash)))
  assert.equal(forged.size, 1)
  for (const { events, layer } of honest) {
    assert.ok(events.every((event) => event.kind !== 'block' || !forged.has(event.block.hash)))
    assert.ok(layer.core.rounds.get(view)?.nullification !== undefined, 'the view of the lie was given up')
  }
  assertAgreement(world)
}

describe('the window', () => {
  test('fills, stops the layer without a storm of views, and goes on with the next seal', async () => {
    await started()
    for (let value = 1n; value <= 6n; value++) {
      await world.transfer(value)
      await world.run(10)
    }
    const { hash } = await world.transfer(7n)
    const { core } = world.node(0).layer
    const { view } = core
    await world.run(10 * HEARTBEAT_MS)
    assert.equal(core.view, view)
    assert.equal(core.nullifiedInARow, 0)
    for (const node of world.nodes) {
      assert.ok(node.layer.isWindowFull)
      assert.equal(headOf(node), 4n)
      assert.equal(finalOf(node), 4n)
    }
    await world.seal(2n)
    await world.until('inclusion', () => world.nodes.every((node) => includes(node, hash)))
    await world.run(10 * HEARTBEAT_MS)
    assert.equal(headOf(world.node(0)), 6n)
    assert.equal(core.nullifiedInARow, 0)
    const { parentBeaconBlockRoot, prevRandao } = world.node(0).chain.ledger.head()
    assert.equal(parentBeaconBlockRoot, hashOf(2n))
    assert.equal(prevRandao, firstRandomness(hashOf(2n)))
    assertAgreement(world)
  })

  test('stays full over a restart', async () => {
    await started()
    await growTo(4n)
    for (const { index } of world.nodes) await world.stop(index)
    for (const { index } of world.nodes) await world.restart(index)
    await world.transfer(1n)
    await world.run(5 * HEARTBEAT_MS)
    assert.ok(world.nodes.every((node) => headOf(node) === 4n && node.layer.core.nullifiedInARow === 0))
    await world.seal(4n)
    await growTo(8n)
    assertAgreement(world)
  })

  test('that one node knows to have room for longer does not make it go on alone', async () => {
    await started()
    await growTo(4n)
    await world.seal(1n, [world.leader()])
    await world.run(2 * HEARTBEAT_MS)
    assert.equal(headOf(world.node(0)), 4n)
    await world.seal(1n)
    await growTo(5n)
    assertAgreement(world)
  })
})

describe('a block that says about seals what is wrong', () => {
  test('with a randomness that is not that of the seal is refused', async () => {
    await started()
    await growTo(1n)
    await assertRefused({ prevRandao: ZERO_HASH })
  })

  test('too far above the seal that it refers to is refused', async () => {
    await started()
    await growTo(4n)
    await world.seal(3n)
    const genesis = hashOf(0n)
    await assertRefused({ parentBeaconBlockRoot: genesis, prevRandao: firstRandomness(genesis) })
  })

  test('that goes back behind what its parent refers to is refused', async () => {
    await started(100)
    await growTo(2n)
    await world.seal(1n)
    await growTo(3n)
    const genesis = hashOf(0n)
    await assertRefused({ parentBeaconBlockRoot: genesis, prevRandao: firstRandomness(genesis) })
  })
})

describe('a seal that others have not heard of', () => {
  test('makes them wait, and accept the block once they have', async () => {
    await started()
    await growTo(2n)
    await world.run(HEARTBEAT_MS / 2)
    const leader = world.leader()
    const { view } = world.node(0).layer.core
    await world.seal(1n, [leader])
    const { hash } = await world.transfer(1n)
    await world.run(50)
    assert.equal(headOf(world.node(0)), 2n)
    await world.seal(1n)
    assert.ok(
      world.nodes.every((node) => includes(node, hash)),
      'without time passing',
    )
    const header = world.node(0).chain.ledger.head()
    assert.equal(header.parentBeaconBlockRoot, hashOf(1n))
    for (const { layer } of world.nodes) {
      assert.equal(layer.core.rounds.get(view)?.nullification, undefined)
      assert.ok(layer.core.rounds.get(view)?.notarization !== undefined)
    }
    assertAgreement(world)
  })

  test('does not keep a node from what a quorum has made final', async () => {
    await started()
    await growTo(2n)
    await world.run(HEARTBEAT_MS / 2)
    const late = (world.leader() + 1) % 4
    const others = world.nodes.map(({ index }) => index).filter((index) => index !== late)
    await world.seal(1n, others)
    const { hash } = await world.transfer(1n)
    await world.until('finality', () => others.every((index) => includes(world.node(index), hash)))
    await world.until('finality at the late one', () => includes(world.node(late), hash))
    assert.equal(world.node(late).seals.newestNumber, 0n)
    assertAgreement(world)
  })
})
