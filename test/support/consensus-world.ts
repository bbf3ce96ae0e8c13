/**
 * A node of a network as far as users can ask it: consensus's store with a made chain of both layers, the node's view of
 * it, and a backend whose blocks are as many. What runs (views, peers, events) is set by the test.
 */
import { makeCommittee, seatOf } from '../../src/consensus/committees/committee.ts'
import type { ConsensusStore } from '../../src/consensus/dual-bft/consensus-store.ts'
import type { LayerStatus } from '../../src/consensus/dual-bft/dual-bft.ts'
import type { NodeId } from '../../src/consensus/election/election.ts'
import type { Layer, View } from '../../src/consensus/simplex/types.ts'
import { NodeConsensusView } from '../../src/node/node-consensus-view.ts'
import { present } from '../../src/primitives/assert.ts'
import type { FaultControl } from '../../src/rpc/fault-control.ts'
import { openConsensusStore } from '../../src/storage/consensus-database.ts'
import { MemoryStore } from '../../src/storage/memory-store.ts'
import { addStep } from './consensus-fill.ts'
import { FakeBackend } from './fake-backend.ts'
import { SealedChainMaker, SMALL_PARAMETERS, type SealedChainPlan, type SealedStep } from './sealed-chain.ts'

export const PLAN: SealedChainPlan = {
  chainId: 31_337n,
  parameters: { ...SMALL_PARAMETERS, cycleBlocks: 20, windowBlocks: 8, rangeBlocks: 4 },
  nodes: 12,
  blocks: 50,
  isSigned: false,
  seed: 'seen by users',
  skipped: 0.2,
  uncertified: 0.3,
  repeated: 0.2,
}

/** What a test can change of the running node. */
export interface Running {
  readonly views: Record<Layer, View>
  isStarted: boolean
  isSynced: boolean
  peerCount: number
}

export interface ConsensusWorld {
  readonly backend: FakeBackend
  readonly maker: SealedChainMaker
  readonly steps: readonly SealedStep[]
  readonly store: ConsensusStore
  readonly view: NodeConsensusView
  readonly running: Running
  /** Has a seat in the newest committee of witnesses. */
  readonly self: NodeId
}

export async function consensusWorld(faults?: FaultControl): Promise<ConsensusWorld> {
  const maker = new SealedChainMaker(PLAN)
  const steps = [...maker.steps()]
  const store = openConsensusStore(new MemoryStore())
  for (const step of steps) await addStep(store, step)
  const backend = new FakeBackend({ isDevelopment: false })
  while (backend.blocks.length <= PLAN.blocks) backend.addBlock()
  const running: Running = {
    views: { execution: 7 as View, witness: 9 as View },
    isStarted: true,
    isSynced: true,
    peerCount: 3,
  }
  const self = present(present(store.epochs('witness').at(-1), 'epoch').members[2], 'witness')
  const layer = (name: Layer): LayerStatus => {
    const start = present(store.epochs(name).at(-1), 'epoch')
    const committee = makeCommittee(maker.genesis.hash, name, start.epoch, start.members)
    return { committee, self: seatOf(committee, self), view: running.views[name], isPaused: false }
  }
  const view = new NodeConsensusView({
    store,
    ledger: backend.ledger,
    parameters: PLAN.parameters,
    registry: { at: () => maker.nodes },
    genesisHash: maker.genesis.hash,
    self,
    ...(faults !== undefined && { faults }),
    status: () =>
      running.isStarted
        ? { execution: layer('execution'), witness: layer('witness'), isSynced: running.isSynced }
        : undefined,
    peerCount: () => running.peerCount,
  })
  backend.consensus = view
  return { backend, maker, steps, store, view, running, self }
}
