/** A node without a seat: it hears proposals and certificates, follows the chain as closely, and says nothing. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { assertAgreement, finalOf, headOf, includes } from './world-checks.ts'
import { ExecutionWorld, HEARTBEAT_MS } from './world.ts'

const FOLLOWER = 4
let world: ExecutionWorld

async function started(lastNumber = 1000n): Promise<void> {
  world = await ExecutionWorld.start({ followers: 1, lastNumber })
}

afterEach(async () => {
  await world.close()
})

async function send(count: number): Promise<void> {
  for (let value = 1n; value <= BigInt(count); value++) {
    await world.transfer(value)
    await world.run(10)
  }
}

describe('a follower', () => {
  test('executes, pre-confirms and makes final with the others, and never votes', async () => {
    await started()
    const said = new Set<Message['kind']>()
    world.tamper = (from, _to, message) => {
      if (from === FOLLOWER) said.add(message.kind)
      return [message]
    }
    await send(5)
    const { hash } = await world.transfer(1n)
    const follower = world.node(FOLLOWER)
    assert.ok(includes(follower, hash), 'without time passing')
    await world.run(5 * HEARTBEAT_MS)
    assert.deepEqual(follower.hooks, world.node(0).hooks)
    assert.equal(headOf(follower), headOf(world.node(0)))
    assert.ok(!said.has('vote') && !said.has('propose'))
    assertAgreement(world)
  })

  test('has executed a block before it is notarized', async () => {
    await started()
    const head = headOf(world.node(FOLLOWER))
    const { core } = world.node(FOLLOWER).layer
    world.tamper = (_from, _to, message) => (message.kind === 'vote' ? [] : [message])
    await world.transfer(1n)
    const executed = [...core.blocks.values()].find(({ block }) => block.proposal.view === core.view)
    assert.equal(executed?.status, 'valid')
    assert.equal(headOf(world.node(FOLLOWER)), head)
    world.tamper = (_from, _to, message) => [message]
    await world.until('finality', () => finalOf(world.node(FOLLOWER)) > head)
  })

  test('that lost messages catches up', async () => {
    await started()
    world.tamper = (_from, to, message) => (to === FOLLOWER ? [] : [message])
    const head = headOf(world.node(FOLLOWER))
    await send(20)
    assert.equal(headOf(world.node(FOLLOWER)), head)
    world.tamper = (_from, _to, message) => [message]
    await world.until('catching up', () => finalOf(world.node(FOLLOWER)) >= 20n)
    assertAgreement(world)
  })

  test('restarts from its own disk', async () => {
    await started()
    await send(5)
    await world.stop(FOLLOWER)
    await send(5)
    await world.restart(FOLLOWER)
    await world.until('catching up', () => finalOf(world.node(FOLLOWER)) >= 10n)
    assertAgreement(world)
  })
})

describe('a node that hears nothing', () => {
  const LAST = 100n

  async function silentEpoch(): Promise<number[]> {
    await started(LAST)
    await world.stop(FOLLOWER)
    while (!world.node(0).layer.isOver) await send(10)
    const requests: number[] = []
    world.tamper = (from, to, message) => {
      if (message.kind === 'syncRequest') requests.push(message.fromHeight)
      const isAnswer = message.kind === 'blocks'
      return from === FOLLOWER || to !== FOLLOWER || isAnswer ? [message] : []
    }
    await world.restart(FOLLOWER)
    return requests
  }

  test('asks for the whole epoch, answer after answer, when it is told to', async () => {
    const requests = await silentEpoch()
    await world.run(5 * HEARTBEAT_MS)
    assert.deepEqual(requests, [])
    world.node(FOLLOWER).layer.catchUp()
    await world.settle()
    assert.ok(world.node(FOLLOWER).layer.isOver, 'without time passing')
    assert.ok(requests.length <= 4, `${requests.length} requests`)
    const { store } = world.node(FOLLOWER)
    assert.ok(store.finalizationAtOrBelow(40) !== undefined, 'certificates on the way are kept')
    assertAgreement(world)
  })

  test('gives up when nobody answers, and asks again when told again', async () => {
    const requests = await silentEpoch()
    const answered = world.tamper
    world.tamper = (from, to, message) => {
      const sent = answered(from, to, message)
      return message.kind === 'blocks' ? [] : sent
    }
    world.node(FOLLOWER).layer.catchUp()
    await world.run(5 * HEARTBEAT_MS)
    const count = requests.length
    assert.ok(count >= 2 && count <= 4, `${count} requests`)
    world.tamper = answered
    world.node(FOLLOWER).layer.catchUp()
    await world.settle()
    assert.ok(world.node(FOLLOWER).layer.isOver)
  })
})
