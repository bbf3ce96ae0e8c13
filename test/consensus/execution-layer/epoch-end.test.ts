/** The last block of an epoch: nothing comes after it, but it becomes final, and everybody can prove it. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import { assertAgreement, finalOf, headOf } from './world-checks.ts'
import { ExecutionWorld, HEARTBEAT_MS } from './world.ts'

const LAST = 3
let world: ExecutionWorld

async function started(followers = 0): Promise<void> {
  world = await ExecutionWorld.start({ lastNumber: BigInt(LAST), followers })
}

afterEach(async () => {
  await world.close()
})

/** Takes the finality votes for the last block and its first repeats out of the network. */
function withholdFinality(repeats = 0): void {
  const withheld = new Set<Hash>()
  world.tamper = (_from, _to, message: Message) => {
    if (message.kind === 'propose') {
      const { height, hash } = message.block.proposal
      if (height >= LAST && height <= LAST + repeats) withheld.add(hash)
    }
    const isWithheld =
      message.kind === 'vote' && message.vote.kind === 'finalize' && withheld.has(message.vote.hash)
    return isWithheld ? [] : [message]
  }
}

async function assertOver(): Promise<void> {
  await world.until('the end', () => world.nodes.every(({ layer }) => layer.isOver))
  for (const { hooks, store, chain } of world.nodes) {
    assert.equal(chain.ledger.head().number, BigInt(LAST))
    assert.deepEqual(
      hooks.filter((hook) => hook.startsWith('final')),
      ['final 1', 'final 2', 'final 3'],
    )
    assert.ok(store.finalizationAtOrAbove(LAST) !== undefined)
  }
  assertAgreement(world)
}

async function makeBlocks(): Promise<void> {
  for (let value = 1n; value <= 5n; value++) {
    await world.transfer(value)
    await world.run(10)
  }
}

describe('the last block of an epoch', () => {
  test('ends it: no more blocks, no more views, and transactions wait', async () => {
    await started()
    await makeBlocks()
    await assertOver()
    const views = world.nodes.map(({ layer }) => layer.core.view)
    await world.run(10 * HEARTBEAT_MS)
    assert.deepEqual(
      world.nodes.map(({ layer }) => layer.core.view),
      views,
    )
    assert.ok(world.nodes.every(({ chain }) => chain.hasPending()))
  })

  test('that lacks votes becomes final by an empty repeat, which is stored to prove it', async () => {
    await started()
    withholdFinality(1)
    await makeBlocks()
    await assertOver()
    for (const { store, layer, chain } of world.nodes) {
      assert.equal(store.finalizationAtOrBelow(LAST)?.height, LAST - 1)
      const proof = store.finalizationAtOrAbove(LAST)
      assert.equal(proof?.height, LAST + 2)
      const repeat = store.proposal(proof.certificate.hash)
      assert.equal(repeat?.payloadHash, chain.ledger.headHash())
      assert.equal(layer.core.nullifiedInARow, 0)
    }
  })

  test('does not rest before it is final', async () => {
    await started()
    withholdFinality(20)
    await makeBlocks()
    await assertOver()
    assert.ok(world.clock.nowMs() - world.startMs < HEARTBEAT_MS / 2)
  })

  test('comes to its end after a restart in between', async () => {
    await started()
    world.tamper = (_from, _to, message) => {
      const isFinality = message.kind === 'vote' && message.vote.kind === 'finalize'
      return isFinality && message.vote.view >= LAST ? [] : [message]
    }
    for (let value = 1n; value <= 5n; value++) await world.transfer(value)
    assert.ok(world.nodes.every((node) => headOf(node) === 3n && finalOf(node) === 2n && !node.layer.isOver))
    for (const { index } of world.nodes) await world.stop(index)
    world.tamper = (_from, _to, message) => [message]
    for (const { index } of world.nodes) await world.restart(index)
    await assertOver()
  })

  test('is still over after a restart, and handed out to whoever asks', async () => {
    await started(1)
    await world.stop(4)
    await makeBlocks()
    for (const { index } of world.members) {
      await world.stop(index)
      await world.restart(index)
    }
    assert.ok(world.members.every(({ layer }) => layer.isOver))
    await world.restart(4)
    world.node(4).layer.catchUp()
    await assertOver()
  })
})
