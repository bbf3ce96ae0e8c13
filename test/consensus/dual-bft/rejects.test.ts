/** A quorum of executors with a broken engine makes a block final that the witnesses refuse. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import type { ConsensusEvent } from '../../../src/consensus/dual-bft/dual-bft.ts'
import { isReject } from '../../../src/consensus/witness-layer/reject-codec.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import { RECEIVER } from '../../support/transfer.ts'
import { brokenEngine, FATAL_VALUE } from './broken-engine.ts'
import { assertSame, DualWorld, withAddEpoch, type WorldOptions } from './world.ts'

const SIZES = { executors: 4, witnesses: 4, followers: 5, spares: 4 }
const HONEST_EXECUTOR = 3
const WITNESS = 5
const FOLLOWER = 8

interface BrokenWorld {
  readonly world: DualWorld
  /** A quorum of executors, and more in some worlds. */
  readonly broken: ReadonlySet<number>
}

async function start(
  t: TestContext,
  options: Partial<WorldOptions> = {},
  broken: ReadonlySet<number> = new Set([0, 1, 2]),
): Promise<BrokenWorld> {
  const world = await DualWorld.start({
    ...SIZES,
    application: (index, chain) => (broken.has(index) ? brokenEngine(chain) : chain),
    ...options,
  })
  t.after(async () => world.close())
  return { world, broken }
}

/** Makes a block final that honest nodes refuse. */
async function provoke({ world, broken }: BrokenWorld): Promise<bigint> {
  const transaction = await world.transfer(FATAL_VALUE, broken)
  await world.until('a bad block is final', () => {
    const number = world.numberOf(0, transaction)
    return number !== undefined && world.node(0).chain.ledger.committed('final') >= number
  })
  const others = world.nodes.keys().filter((index) => !broken.has(index))
  await world.hand(transaction, others)
  return world.numberOf(0, transaction) ?? assert.fail('just seen')
}

function has(world: DualWorld, index: number, kind: ConsensusEvent['kind']): boolean {
  return world.node(index).consensusEvents.some((event) => event.kind === kind)
}

function executionEpochs(world: DualWorld, index: number): readonly number[] {
  return world
    .node(index)
    .store.epochs('execution')
    .map(({ epoch }) => epoch)
}

/** Witnesses hear nothing of each other. */
function silenceWitnesses(world: DualWorld): void {
  world.tamper = (_from, _to, layer, message) => (layer === 'witness' ? [] : [message])
}

function letGo(world: DualWorld): void {
  world.tamper = (_from, _to, _layer, message) => [message]
}

describe('a final block that the witnesses refuse', () => {
  test('is taken back by all, and other executors go on from the last sealed one', async (t) => {
    const started = await start(t)
    const { world, broken } = started
    await world.untilSealed(3n)
    const sealed = world.node(0).chain.ledger.committed('sealed')
    const sealedHash = world.node(0).chain.ledger.hashOf(sealed)
    const bad = await provoke(started)
    const badHash = world.node(0).chain.ledger.hashOf(bad)
    await world.untilSealed(bad + 4n, 60_000)
    assertSame(world, bad + 4n)
    for (const { chain, store, index, consensusEvents } of world.nodes) {
      assert.equal(chain.ledger.hashOf(sealed), sealedHash)
      assert.notEqual(chain.ledger.hashOf(bad), badHash)
      const { epoch, members } = store.epochs('execution').at(-1) ?? assert.fail('an epoch')
      assert.equal(epoch, epochOf(0, 1))
      assert.deepEqual(
        members.map((id) => world.indexOf(id)),
        [HONEST_EXECUTOR, 9, 10, 11],
      )
      assert.equal(store.certificatesOf(bad)?.epoch, epoch)
      assert.equal(store.sealOf(bad)?.seal.executionEpoch, epoch)
      const rejected = consensusEvents.find(({ kind }) => kind === 'rejected')
      assert.ok(rejected?.kind === 'rejected')
      assert.equal(rejected.wasFinal, broken.has(index))
    }
    assert.ok(has(world, WITNESS, 'refused'))
  })

  test('loses no transaction: all are executed again, rightly', async (t) => {
    const started = await start(t)
    const { world } = started
    await world.untilSealed(2n)
    const before = world.node(WITNESS).chain.ledger.stateAt(0n).account(RECEIVER)?.balance ?? 0n
    const bad = await provoke(started)
    await world.untilSealed(bad + 6n, 60_000)
    for (const { chain } of world.nodes) {
      const after = chain.ledger.stateAt(bad + 6n).account(RECEIVER)?.balance ?? 0n
      assert.equal(after - before, FATAL_VALUE)
    }
  })

  test('is passed by nodes that were away, and by a new one', async (t) => {
    const started = await start(t)
    const { world } = started
    await world.stop(FOLLOWER)
    await world.untilSealed(3n)
    for (const index of [WITNESS, HONEST_EXECUTOR]) await world.stop(index)
    const bad = await provoke(started)
    await world.run(2000)
    await world.restart(WITNESS)
    await world.restart(HONEST_EXECUTOR)
    await world.untilSealed(bad + 2n, 60_000)
    await world.restart(FOLLOWER)
    await world.untilSealed(bad + 8n, 60_000)
    assertSame(world, bad + 8n)
    assert.deepEqual(executionEpochs(world, FOLLOWER), [epochOf(0), epochOf(0, 1)])
  })

  test('is refused again by witnesses that restart before they could agree', async (t) => {
    const started = await start(t)
    const { world } = started
    await world.untilSealed(3n)
    silenceWitnesses(world)
    const bad = await provoke(started)
    await world.run(1000)
    for (const index of [HONEST_EXECUTOR, 4, 5, 6, 7]) {
      await world.stop(index)
      await world.restart(index)
    }
    letGo(world)
    await world.untilSealed(bad + 2n, 60_000)
    assertSame(world, bad + 2n)
  })

  test('is refused by its successors too, which follow it until one has a certificate', async (t) => {
    const started = await start(t)
    const { world } = started
    await world.untilSealed(3n)
    const transaction = await world.transfer(FATAL_VALUE)
    let held = 0n
    world.tamper = (_from, _to, layer, message) => {
      held = world.numberOf(0, transaction) ?? 0n
      const isLate = held > 0n && world.node(0).chain.ledger.head().number < held + 2n
      const isFinality = message.kind === 'vote' && message.vote.kind === 'finalize'
      return layer === 'execution' && isFinality && isLate ? [] : [message]
    }
    await world.until('the bad block is final', () => held > 0n && has(world, WITNESS, 'refused'))
    await world.untilSealed(held + 3n, 60_000)
    assertSame(world, held + 3n)
  })

  test('proves to a node that was away what is below it, when nothing else does', async (t) => {
    const { world } = await start(t)
    await world.untilSealed(3n)
    await world.stop(FOLLOWER)
    const transaction = await world.transfer(1n)
    let lastView = Infinity
    world.tamper = (_from, _to, layer, message) => {
      const isFinality = message.kind === 'vote' && message.vote.kind === 'finalize'
      return layer === 'execution' && isFinality && message.vote.view < lastView ? [] : [message]
    }
    await world.until('a block without a certificate', () => world.numberOf(0, transaction) !== undefined)
    lastView = world.node(0).plugin.status().execution.view
    await world.transfer(FATAL_VALUE, [0, 1, 2])
    await world.until('the block is rejected', () => has(world, 0, 'rejected'))
    letGo(world)
    const { store } = world.node(WITNESS)
    const root = store.epochs('execution').at(-1)?.root.height ?? assert.fail('another epoch')
    for (const { store } of world.nodes) {
      assert.equal(store.execution(epochOf(0)).finalizationAtOrAbove(root), undefined)
    }
    assert.ok(world.node(FOLLOWER).chain.ledger.committed('final') < BigInt(root))
    await world.untilSealed(BigInt(root) + 3n, 60_000)
    await world.restart(FOLLOWER)
    await world.untilSealed(BigInt(root) + 6n, 60_000)
    assertSame(world, BigInt(root) + 6n)
  })

  test('is rejected twice in a row without stopping a witness that sees the second time only after the first', async (t) => {
    const started = await start(t)
    const { world } = started
    await world.untilSealed(3n)
    const { committee } = world.node(0).plugin.status().witness
    const witnesses = committee.members.map((id) => world.indexOf(id))
    const rejects = new Set<Hash>()
    let first: Hash | undefined
    let second: Hash | undefined
    let isSecondCertified = false
    let [late, silent] = [-1, -1]
    const isSecond = ({ hash }: { readonly hash: Hash }): boolean => hash === second
    world.tamper = (from, to, layer, message) => {
      if (layer !== 'witness') return [message]
      if (message.kind === 'propose' && isReject(message.block.body)) {
        const { hash, parentHash } = message.block.proposal
        rejects.add(hash)
        if (second === undefined && rejects.has(parentHash)) {
          ;[first, second] = [parentHash, hash]
          ;[late = -1, silent = -1] = witnesses.filter((index) => index !== from)
        }
      }
      isSecondCertified ||= message.kind === 'certificates' && message.certificates.some(isSecond)
      const finalized =
        message.kind === 'vote' && message.vote.kind === 'finalize' ? message.vote.hash : undefined
      if (finalized !== undefined && rejects.has(finalized)) {
        return isSecondCertified && finalized === first ? [message] : []
      }
      const isHeld = isSecondCertified && !has(world, late, 'rejected')
      if ((from === silent && isSecondCertified) || (isHeld && message.kind === 'propose')) return []
      const blocks =
        message.kind === 'blocks' ? message.blocks : message.kind === 'propose' ? [message.block] : []
      const isEarly = to === late && blocks.some(({ proposal }) => isSecond(proposal))
      return isEarly && !has(world, late, 'rejected') ? [] : [message]
    }
    const bad = await provoke(started)
    await world.untilSealed(bad + 2n, 60_000)
    assert.ok(isSecondCertified)
    assertSame(world, bad + 2n)
  })

  test('may be followed by another one, of the executors that took over', async (t) => {
    // None of them is a witness.
    const broken = new Set([0, 1, 2, 10, 11, 12])
    const started = await start(t, { followers: 8, spares: 6 }, broken)
    const { world } = started
    await world.untilSealed(3n)
    const bad = await provoke(started)
    await world.untilSealed(bad + 3n, 60_000)
    assertSame(world, bad + 3n)
    assert.deepEqual(executionEpochs(world, WITNESS), [epochOf(0), epochOf(0, 1), epochOf(0, 2)])
  })

  test('near the end of a cycle takes the next cycle along that was begun on it', async (t) => {
    const parameters = { cycleBlocks: 12, windowBlocks: 6, rangeBlocks: 4 }
    const started = await start(t, { parameters })
    const { world } = started
    await world.untilSealed(8n)
    silenceWitnesses(world)
    await provoke(started)
    await world.until('the bad chain is in the next cycle', () => executionEpochs(world, 0).length === 2)
    assert.deepEqual(executionEpochs(world, 0), [epochOf(0), epochOf(1)])
    letGo(world)
    await world.untilSealed(40n, 240_000)
    assertSame(world, 40n)
    const epochs = [epochOf(0), epochOf(0, 1), epochOf(1, 1), epochOf(2)]
    for (const { index } of world.nodes) assert.deepEqual(executionEpochs(world, index).slice(0, 4), epochs)
  })

  test('stops the network when too few are left to take over, and says so', async (t) => {
    const started = await start(t, { followers: 2, spares: 2, mayHalt: () => true })
    const { world, broken } = started
    await world.untilSealed(3n)
    const bad = await provoke(started)
    await world.run(10_000)
    for (const { chain, index } of world.nodes) {
      assert.equal(chain.ledger.committed('sealed'), bad - 1n)
      assert.equal(has(world, index, 'halted'), !broken.has(index))
    }
  })
})

describe('a node that ends while it takes a block back', () => {
  for (const moment of ['before the ledger', 'between ledger and store', 'after the store'] as const) {
    test(`${moment}, does it at its next start`, async (t) => {
      let isArmed = true
      const isReached = (): boolean => reached
      let reached = false
      const never = async (): Promise<never> => {
        reached = true
        return new Promise(() => {})
      }
      const started = await start(t, {
        application: (index, chain) => {
          const application = [0, 1, 2].includes(index) ? brokenEngine(chain) : chain
          if (index !== 0 || moment !== 'before the ledger') return application
          return { ...brokenEngine(chain), revoke: async (to) => (isArmed ? never() : chain.revoke(to)) }
        },
        store: (index, store) => {
          if (index !== 0 || moment === 'before the ledger') return store
          return withAddEpoch(store, async (start) => {
            if (!isArmed || start.epoch === epochOf(0)) return store.addEpoch(start)
            if (moment === 'after the store') await store.addEpoch(start)
            return never()
          })
        },
      })
      const { world } = started
      await world.untilSealed(3n)
      const bad = await provoke(started)
      await world.until('it is about to', isReached)
      world.crash(0)
      isArmed = false
      await world.untilSealed(bad + 1n, 60_000)
      await world.restart(0)
      await world.untilSealed(bad + 5n, 60_000)
      assertSame(world, bad + 5n)
    })
  }
})
