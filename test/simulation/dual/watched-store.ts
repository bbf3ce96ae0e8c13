/** The product's store of a node, with checkers that look on, and a power supply that may fail around every write. */
import type {
  BlockCertificates,
  ConsensusStore,
  EpochStart,
  SealRecord,
  SealStore,
  StoredSeal,
} from '../../../src/consensus/dual-bft/consensus-store.ts'
import type { FinalityStore } from '../../../src/consensus/execution-layer/finality-store.ts'
import type { Epoch, Layer } from '../../../src/consensus/simplex/types.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import type { DualNode } from './node.ts'
import type { DualWorld } from './world.ts'

export class WatchedStore implements ConsensusStore {
  private readonly store: ConsensusStore
  private readonly node: DualNode
  private readonly world: DualWorld
  private readonly isAlive: () => boolean

  constructor(store: ConsensusStore, node: DualNode, world: DualWorld, isAlive: () => boolean) {
    this.store = store
    this.node = node
    this.world = world
    this.isAlive = isAlive
  }

  epochs(layer: Layer): readonly EpochStart[] {
    return this.store.epochs(layer)
  }

  async addEpoch(start: EpochStart): Promise<void> {
    await this.write(async () => {
      await this.store.addEpoch(start)
      this.world.check((checker) => checker.onEpoch?.(this.node, start))
    })
  }

  execution(epoch: Epoch): FinalityStore {
    const store = this.store.execution(epoch)
    return {
      latest: () => store.latest(),
      proposal: (hash) => store.proposal(hash),
      finalizationAtOrBelow: (height) => store.finalizationAtOrBelow(height),
      finalizationAtOrAbove: (height) => store.finalizationAtOrAbove(height),
      add: async (proposal, certificates) => {
        await this.write(async () => {
          await store.add(proposal, certificates)
          const { finalization } = certificates
          this.world.check((checker) => checker.onFinal?.(this.node, epoch, proposal, finalization))
        })
      },
      prove: async (finalization) => {
        await this.write(async () => {
          await store.prove(finalization)
          this.world.check((checker) => checker.onProven?.(this.node, 'execution', epoch, finalization))
        })
      },
    }
  }

  witness(epoch: Epoch): SealStore {
    const store = this.store.witness(epoch)
    return {
      latest: () => store.latest(),
      proposal: (hash) => store.proposal(hash),
      finalizationAtOrBelow: (height) => store.finalizationAtOrBelow(height),
      finalizationAtOrAbove: (height) => store.finalizationAtOrAbove(height),
      body: (hash) => store.body(hash),
      add: async (record: SealRecord) => {
        await this.write(async () => {
          await store.add(record)
          this.world.check((checker) => checker.onSealed?.(this.node, epoch, record))
        })
      },
      prove: async (finalization) => {
        await this.write(async () => {
          await store.prove(finalization)
          this.world.check((checker) => checker.onProven?.(this.node, 'witness', epoch, finalization))
        })
      },
    }
  }

  certificatesOf(number: bigint): BlockCertificates | undefined {
    return this.store.certificatesOf(number)
  }

  latestSeal(): StoredSeal | undefined {
    return this.store.latestSeal()
  }

  sealOf(number: bigint): StoredSeal | undefined {
    return this.store.sealOf(number)
  }

  sealEndingWith(block: Hash): StoredSeal | undefined {
    return this.store.sealEndingWith(block)
  }

  /** Nothing of a life that is over reaches the disk. */
  private async write(work: () => Promise<void>): Promise<void> {
    if (!this.isAlive()) await new Promise<never>(() => {})
    await this.node.mayCrash()
    await work()
    await this.node.mayCrash()
  }
}
