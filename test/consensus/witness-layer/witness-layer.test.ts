/** Witnesses that seal what they executed: together, at different speeds, with silent and lying ones among them. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { firstRandomness, nextRandomness } from '../../../src/consensus/election/randomness.ts'
import type { ProposeMessage } from '../../../src/consensus/simplex/messages.ts'
import { isOffence } from '../../../src/consensus/simplex/evidence.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { lastOf } from '../../../src/consensus/witness-layer/seal.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { present } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import { Executors } from './executors.ts'
import { WitnessWorld, type WitnessNode, type WitnessWorldOptions } from './world.ts'

const worlds: WitnessWorld[] = []

async function started(options: WitnessWorldOptions = {}): Promise<WitnessWorld> {
  const world = await WitnessWorld.start(options)
  worlds.push(world)
  return world
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close()
})

function rangesOf({ sealed }: WitnessNode): string[] {
  return sealed.map(({ seal }) => `${seal.first}-${lastOf(seal)}`)
}

function viewsOf({ nodes }: WitnessWorld): number[] {
  return nodes.map(({ layer }) => layer.core.view)
}

describe('the witness layer', () => {
  test('seals block after block, and tells ledger, store and listeners in this order', async () => {
    const world = await started()
    for (let number = 1n; number <= 6n; number++) {
      await world.execute(1)
      await world.untilSealed(number)
    }
    for (const node of world.nodes) {
      assert.deepEqual(rangesOf(node), ['1-1', '2-2', '3-3', '4-4', '5-5', '6-6'])
      assert.deepEqual(node.advanced, [1n, 2n, 3n, 4n, 5n, 6n])
      assert.deepEqual(node.store.latestSeal()?.seal, node.sealed.at(-1)?.seal)
      assert.deepEqual(node.failures, [])
    }
    let link = firstRandomness(world.executors.genesisHash)
    for (const { seal, randomness } of world.node(0).sealed) {
      link = nextRandomness(link, seal.reveal)
      assert.equal(randomness, link)
    }
  })

  test('rests while there is nothing to seal: no views, no time-outs', async () => {
    const world = await started()
    await world.run(30_000)
    assert.deepEqual(viewsOf(world), [1, 1, 1, 1])
    await world.execute(1)
    await world.untilSealed(1n)
    const views = viewsOf(world)
    await world.run(60_000)
    assert.deepEqual(viewsOf(world), views)
    assert.ok(world.nodes.every(({ layer }) => layer.isPaused))
  })

  test('takes as many blocks into a seal as there are, up to the range', async () => {
    const world = await started()
    await world.execute(10)
    await world.untilSealed(10n)
    assert.deepEqual(rangesOf(world.node(0)), ['1-4', '5-8', '9-10'])
  })

  test('seals blocks that only a descendant made final', async () => {
    const world = await started()
    await world.execute(10, undefined, 10)
    await world.untilSealed(10n)
    assert.deepEqual(
      world.node(0).sealed.map(({ seal }) => seal.proposals.length),
      [7, 3, 1],
    )
  })

  test('passes a silent Committer over, who contributes silence to the chain of randomness', async () => {
    const world = await started()
    await world.stop(1)
    const others = [0, 2, 3]
    await world.execute(1)
    await world.untilSealed(1n, others)
    const [first] = world.node(0).sealed
    assert.ok(first)
    assert.equal(first.proposal.view, 2)
    const silent = nextRandomness(firstRandomness(world.executors.genesisHash), undefined)
    assert.equal(first.randomness, nextRandomness(silent, first.seal.reveal))
    await world.restart(1)
    await world.untilSealed(1n)
  })
})

describe('a witness that lags behind', () => {
  test('waits for its own chain, then votes', async () => {
    const world = await started()
    // Without either of the two there is no quorum of three.
    await world.execute(2, [0, 1])
    await world.run(3000)
    assert.deepEqual(
      world.nodes.map(({ layer }) => layer.sealedNumber),
      [0n, 0n, 0n, 0n],
    )
    world.grow(2, 2n)
    await world.untilSealed(2n, [0, 1, 2])
    assert.equal(world.node(3).layer.sealedNumber, 0n)
    await world.execute(1, [0, 1, 2])
    await world.untilSealed(3n, [0, 1, 2])
    world.grow(3, 3n)
    await world.untilSealed(3n)
    assert.deepEqual(rangesOf(world.node(3)), rangesOf(world.node(0)))
  })

  test('does not keep others from sealing, and applies all that it missed in order', async () => {
    const world = await started()
    for (let number = 1n; number <= 12n; number++) {
      await world.execute(1, [0, 1, 2])
      await world.untilSealed(number, [0, 1, 2])
    }
    for (let number = 1n; number <= 12n; number++) {
      world.grow(3, number)
      await world.settle()
      assert.equal(world.node(3).layer.sealedNumber, number)
    }
  })

  test('executes something else: it reports the conflict and stops where a quorum sealed', async () => {
    const fork = new Executors('fork')
    fork.order(1)
    const world = await started({ forks: new Map([[3, fork]]) })
    world.grow(3, 1n)
    await world.execute(1, [0, 1, 2])
    await world.untilSealed(1n, [0, 1, 2])
    const { conflicts, failures, advanced } = world.node(3)
    assert.ok(conflicts.length > 0 && conflicts.every((number) => number === 1n))
    assert.deepEqual(advanced, [])
    assert.equal(failures.length, 1)
  })
})

describe('a follower', () => {
  test('whose chain grows to something else than what is sealed stops, and its ledger hears of no seal', async () => {
    const fork = new Executors('fork')
    fork.order(2)
    const world = await started({ followers: 1, forks: new Map([[4, fork]]) })
    await world.execute(2, [0, 1, 2, 3])
    await world.untilSealed(2n, [0, 1, 2, 3])
    world.grow(4, 2n)
    await world.settle()
    const { conflicts, failures, advanced, layer } = world.node(4)
    assert.deepEqual([conflicts, advanced, layer.sealedNumber], [[1n], [], 0n])
    assert.match(String(failures[0]), /block 1 is sealed, and this node has another one/)
  })

  test('applies seals as its chain grows, and never votes', async () => {
    const world = await started({ followers: 1 })
    let voteCount = 0
    world.tamper = (from, _to, message) => {
      if (from === 4 && message.kind === 'vote') voteCount += 1
      return [message]
    }
    await world.execute(5, [0, 1, 2, 3])
    await world.untilSealed(5n, [0, 1, 2, 3])
    assert.equal(world.node(4).layer.sealedNumber, 0n)
    world.grow(4, 4n)
    await world.settle()
    assert.equal(world.node(4).layer.sealedNumber, 4n)
    world.grow(4, 5n)
    await world.untilSealed(5n)
    assert.equal(voteCount, 0)
  })
})

describe('a seal that is certified but not final', () => {
  /** Lets no vote for finality of the given view through. */
  function losingFinality(view: number) {
    return (_from: number, _to: number, message: Message) => {
      const isLost = message.kind === 'vote' && message.vote.kind === 'finalize' && message.vote.view === view
      return isLost ? [] : [message]
    }
  }

  test('is repeated after a short while, and is final with the repeat', async () => {
    const world = await started()
    world.tamper = losingFinality(1)
    await world.execute(1)
    await world.run(300)
    assert.equal(world.node(0).layer.sealedNumber, 0n)
    assert.ok(world.nodes.every(({ layer }) => layer.isPaused))
    await world.untilSealed(1n)
    const { epoch } = world.executors
    for (const { sealed, store } of world.nodes) {
      assert.equal(sealed.length, 1)
      assert.equal(sealed[0]?.finalization, undefined)
      assert.equal(store.witness(epoch).latest()?.height, 2)
      assert.deepEqual(
        store.witness(epoch).body(present(store.witness(epoch).latest(), 'repeat').hash),
        EMPTY_BYTES,
      )
    }
    const views = viewsOf(world)
    await world.run(10_000)
    assert.deepEqual(viewsOf(world), views)
    await world.execute(1)
    await world.untilSealed(2n)
    assert.deepEqual(rangesOf(world.node(0)), ['1-1', '2-2'])
    const [first, second] = world.node(0).sealed
    assert.ok(first && second)
    const skipped = nextRandomness(first.randomness, undefined)
    assert.equal(second.randomness, nextRandomness(skipped, second.seal.reveal))
  })

  test('is followed by the next seal when there is one', async () => {
    const world = await started()
    world.tamper = losingFinality(1)
    await world.execute(5)
    await world.untilSealed(5n)
    assert.deepEqual(
      world.node(0).sealed.map(({ proposal }) => proposal.view),
      [1, 2],
    )
  })

  test('is repeated also to one that knows it final before it has the blocks', async () => {
    const world = await started()
    world.tamper = (from, to, message) => {
      const isFinality =
        (message.kind === 'vote' && message.vote.kind === 'finalize') ||
        (message.kind === 'certificates' && message.certificates.some(({ kind }) => kind === 'finalize'))
      return isFinality && (from === 3 || to !== 3) ? [] : [message]
    }
    await world.execute(2, [0, 1, 2])
    await world.until('a repeat is certified', () => world.node(3).layer.core.view > 2)
    assert.ok(world.node(3).layer.core.tip.height >= 1)
    world.tamper = (_from, _to, message) => [message]
    world.grow(3, 2n)
    await world.untilSealed(2n)
    assert.deepEqual(
      world.nodes.map(({ failures }) => failures),
      [[], [], [], []],
    )
  })

  test('is repeated at once at the boundary of its cycle', async () => {
    const world = await started({ lastNumber: 4n })
    world.tamper = losingFinality(1)
    await world.execute(5)
    assert.deepEqual(rangesOf(world.node(0)), ['1-4'])
    assert.equal(world.node(0).sealed[0]?.finalization, undefined)
  })
})

describe('the boundary of a cycle', () => {
  test('ends the layer with a seal that names who comes next', async () => {
    const world = await started({ lastNumber: 6n })
    await world.execute(9)
    await world.untilSealed(6n)
    for (const { sealed, layer } of world.nodes) {
      assert.deepEqual(
        sealed.map(({ seal }) => seal.handover),
        [undefined, world.seats],
      )
      assert.ok(layer.isOver)
    }
    const views = viewsOf(world)
    await world.execute(3)
    await world.run(10_000)
    assert.deepEqual(viewsOf(world), views)
    assert.deepEqual(rangesOf(world.node(0)), ['1-4', '5-6'])
  })

  test('is not sealed before a quorum knows who comes next', async () => {
    const world = await started({ lastNumber: 6n })
    for (const node of world.nodes) node.handover = undefined
    await world.execute(9)
    await world.run(2000)
    assert.deepEqual(
      world.nodes.map(({ layer }) => layer.sealedNumber),
      [5n, 5n, 5n, 5n],
    )
    for (const index of [0, 1, 2]) {
      const node = world.node(index)
      node.handover = world.seats
      node.layer.onFinal()
    }
    await world.untilSealed(6n)
  })

  test('is not sealed with committees that others do not find', async () => {
    const world = await started({ lastNumber: 1n })
    const liar = world.node(world.leader())
    liar.handover = { ...world.seats, witnesses: world.seats.witnesses.toReversed() }
    const others = world.nodes.filter((node) => node !== liar)
    await world.execute(1)
    await world.untilSealed(
      1n,
      others.map(({ index }) => index),
    )
    for (const { sealed } of others) {
      assert.equal(sealed.length, 1)
      assert.equal(sealed[0]?.proposal.view, 2)
      assert.deepEqual(sealed[0]?.seal.handover, world.seats)
    }
  })
})

describe('a Committer that proposes two seals in its slot', () => {
  test('is convicted, and the layer goes on', async () => {
    const world = await started()
    const liar = world.leader()
    world.tamper = (from, to, message) =>
      from === liar && to % 2 === 0 && message.kind === 'propose'
        ? [message, other(world, liar, message)]
        : [message]
    await world.execute(1)
    await world.untilSealed(1n)
    const found = world.nodes.flatMap(({ evidence }) => evidence)
    assert.ok(found.length > 0)
    for (const { first, second } of found) {
      assert.equal(first.signer, liar)
      assert.ok(isOffence(first, second))
    }
  })

  /** The same slot, and nothing sealed in it. */
  function other(world: WitnessWorld, liar: number, message: ProposeMessage): ProposeMessage {
    const { proposal } = message.block
    const block = makeBlock({ ...proposal, payloadHash: world.executors.genesisHash }, EMPTY_BYTES)
    const statement = { kind: 'propose', view: proposal.view, hash: block.proposal.hash } as const
    return { ...message, block, signature: world.sign(liar, statement) }
  }
})

describe('a restart', () => {
  test('goes on from store and log', async () => {
    const world = await started()
    await world.execute(6)
    await world.untilSealed(6n)
    for (const { index } of world.nodes) await world.stop(index)
    for (const { index } of world.nodes) await world.restart(index)
    assert.deepEqual(
      world.nodes.map(({ layer }) => layer.sealedNumber),
      [6n, 6n, 6n, 6n],
    )
    await world.run(3000)
    assert.ok(world.nodes.every(({ layer }) => layer.isPaused))
    await world.execute(3)
    await world.untilSealed(9n)
    for (const node of world.nodes) assert.deepEqual(node.advanced.at(-1), 9n)
  })

  test('at the boundary of the cycle without what proves it ends the layer once others have sent that', async () => {
    const world = await started({ lastNumber: 4n })
    await world.execute(4, [1, 2, 3])
    const node = world.node(0)
    const seal = world.node(1).store.latestSeal() ?? assert.fail('sealed')
    const { proposal, randomness } = seal
    await world.stop(0)
    node.records.splice(0)
    const body = world.node(1).store.witness(seal.epoch).body(proposal.hash) ?? assert.fail('stored')
    await node.store
      .witness(seal.epoch)
      .add({ proposal, body, finalization: undefined, sealed: { seal: seal.seal, randomness } })
    world.grow(0, 4n)
    await world.restart(0)
    assert.equal(node.layer.isOver, false)
    node.layer.catchUp()
    await world.settle()
    assert.ok(node.layer.isOver)
    assert.equal(node.overCount, 1)
    assert.ok(node.store.witness(seal.epoch).finalizationAtOrAbove(proposal.height) !== undefined)
    assert.deepEqual(node.sealed, [])
  })

  test('of all between certificate and finality seals the same blocks', async () => {
    const world = await started()
    world.tamper = (_from, _to, message) =>
      message.kind === 'vote' && message.vote.kind === 'finalize' ? [] : [message]
    await world.execute(3)
    for (const { index } of world.nodes) await world.stop(index)
    world.tamper = (_from, _to, message) => [message]
    for (const { index } of world.nodes) await world.restart(index)
    await world.untilSealed(3n)
    assert.deepEqual(rangesOf(world.node(0)), ['1-3'])
  })

  test('after the ledger failed brings the seal again, in order', async () => {
    const world = await started()
    const node = world.node(3)
    node.failing = 'ledger'
    await world.execute(2)
    await world.untilSealed(2n, [0, 1, 2])
    assert.deepEqual(
      [node.failures.length, node.layer.sealedNumber, node.store.latestSeal()],
      [1, 0n, undefined],
    )
    await world.stop(3)
    node.failing = undefined
    await world.restart(3)
    await world.untilSealed(2n)
    assert.deepEqual(node.advanced, [2n])
  })

  test('after the store has a seal does not bring it again', async () => {
    const world = await started()
    const node = world.node(3)
    node.failing = 'listener'
    await world.execute(2)
    await world.untilSealed(2n, [0, 1, 2])
    assert.equal(node.failures.length, 1)
    await world.stop(3)
    node.failing = undefined
    await world.restart(3)
    await world.execute(1)
    await world.untilSealed(3n)
    assert.deepEqual(node.advanced, [2n, 3n])
    assert.deepEqual(rangesOf(node), ['3-3'])
    assert.equal(node.sealed[0]?.randomness, world.node(0).sealed[1]?.randomness)
    // What the listener missed, whoever starts the layer has from the store.
    node.sealed.splice(0, 1, ...world.node(0).sealed)
  })

  test('of one that missed a hundred seals catches up from the others', async () => {
    const world = await started()
    await world.execute(1)
    await world.untilSealed(1n)
    await world.stop(3)
    for (let number = 2n; number <= 101n; number++) {
      await world.execute(1)
      await world.untilSealed(number, [0, 1, 2])
    }
    await world.restart(3)
    world.node(3).layer.onFinal()
    await world.untilSealed(101n)
    assert.deepEqual(rangesOf(world.node(3)), rangesOf(world.node(0)))
  })
})
