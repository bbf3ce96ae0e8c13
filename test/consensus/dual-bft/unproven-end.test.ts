/**
 * A node that loses power between the last block of a cycle and what proves it final: to others the proof is another one,
 * and when it comes back they have kept no other.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import type { ConsensusStore } from '../../../src/consensus/dual-bft/consensus-store.ts'
import type { Layer } from '../../../src/consensus/simplex/types.ts'
import { lastOf } from '../../../src/consensus/witness-layer/seal.ts'
import { assertSame, DualWorld } from './world.ts'

const CYCLE_BLOCKS = 12
const PARAMETERS = { cycleBlocks: CYCLE_BLOCKS, windowBlocks: 6, rangeBlocks: 4 }
const FIRST = epochOf(0)
const SIZES = { executors: 4, witnesses: 4, followers: 1 }

/** What a node remembers with that has the last proposal of the first cycle for final by one that follows. */
function withoutProof(store: ConsensusStore, layer: Layer, onStored: () => void): ConsensusStore {
  const never = async (): Promise<never> => {
    onStored()
    return new Promise<never>(() => {})
  }
  const execution: ConsensusStore['execution'] = (epoch) => {
    const inner = store.execution(epoch)
    return {
      ...inner,
      add: async (proposal, certificates) => {
        const isLast = layer === 'execution' && proposal.height === CYCLE_BLOCKS
        await inner.add(proposal, isLast ? { ...certificates, finalization: undefined } : certificates)
        if (isLast) await never()
      },
    }
  }
  const witness: ConsensusStore['witness'] = (epoch) => {
    const inner = store.witness(epoch)
    return {
      ...inner,
      add: async (record) => {
        const { sealed } = record
        const isLast =
          layer === 'witness' && sealed !== undefined && lastOf(sealed.seal) === BigInt(CYCLE_BLOCKS)
        await inner.add(isLast ? { ...record, finalization: undefined } : record)
        if (isLast) await never()
      },
    }
  }
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'execution') return execution
      if (name === 'witness') return witness
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

describe('a node that crashes before it has stored what proves the end of a cycle', () => {
  const places = [
    ['execution', 'an executor', 0],
    ['execution', 'a follower', SIZES.executors + SIZES.witnesses],
    ['witness', 'a witness', SIZES.executors],
    ['witness', 'a follower', SIZES.executors + SIZES.witnesses],
  ] as const
  for (const [layer, who, index] of places) {
    test(`goes on: ${who}, in the ${layer} layer`, async (t) => {
      let isCrashed = false
      const crash = (): void => {
        isCrashed = true
        world.crash(index)
        // Which may have held the proof.
        world.node(index).logs.clear()
      }
      const world = await DualWorld.start({
        ...SIZES,
        parameters: PARAMETERS,
        store: (node, store) => (node === index && !isCrashed ? withoutProof(store, layer, crash) : store),
      })
      t.after(async () => world.close())
      await world.until('the crash', () => isCrashed)
      await world.untilSealed(BigInt(CYCLE_BLOCKS + 8), 120_000)
      const epochs = world.node(index).store[layer](FIRST)
      assert.equal(epochs.finalizationAtOrAbove(CYCLE_BLOCKS), undefined)
      await world.restart(index)
      await world.untilSealed(BigInt(2 * CYCLE_BLOCKS + 4), 120_000)
      assertSame(world, BigInt(2 * CYCLE_BLOCKS + 4))
      const { height } = world.node(index).store.epochs(layer)[1]?.root ?? assert.fail('the next cycle')
      assert.ok(epochs.finalizationAtOrAbove(height) !== undefined)
    })
  }
})
