/**
 * Both layers of consensus as one plugin. Executors order and execute; what they make final the witnesses seal; what is
 * sealed lets executors go on, for no block is farther above its seal than the window. This class owns what the layers
 * have in common: which epochs they are in, who sits where, what a block says about seals, and what becomes of a node
 * that was away.
 *
 * # Epochs
 *
 * Each layer runs one instance at a time, of its newest epoch, and goes on to the next by itself: the execution layer
 * when the last block of its cycle is final, the witness layer when that block is sealed. The committees of the next
 * cycle follow from what is sealed by then. An instance that is over still answers until the next one gets on; then the
 * store answers (`archive.ts`). A node that was away goes through the epochs in the same way, one after the other.
 *
 * When the witnesses reject a block that executors made final, the execution layer goes on within the cycle: from the last
 * sealed block, in another epoch, with other executors (`rejects.ts`).
 *
 * # What is durable in which order
 *
 * The ledger, then the store, then the next epoch. Whatever a crash leaves out is found at the next start and done then.
 */
import { assert, present } from '../../primitives/assert.ts'
import type { Application, Clock } from '../plugin.ts'
import { answerFromArchive, archiveSources } from './archive.ts'
import type { ConsensusStatus, DualBft, DualBftOptions } from './dual-bft.ts'
import { latestEpoch } from './epoch-starts.ts'
import { ExecutionEpochs } from './execution-epochs.ts'
import { makeParts, type Parts } from './parts.ts'
import { statusOf } from './running.ts'
import { WitnessEpochs } from './witness-epochs.ts'

/** Heartbeats without a final block, or a seal, after which a node asks for them. */
const CHECK_HEARTBEATS = 2

export class Composition implements DualBft {
  readonly name = 'dual-bft'
  private readonly parts: Parts
  private readonly execution: ExecutionEpochs
  private readonly witness: WitnessEpochs
  private finalAtCheck = -1n
  private sealedAtCheck = -1n
  private cancelCheck: (() => void) | undefined

  constructor(application: Application, clock: Clock, options: DualBftOptions) {
    const { windowBlocks, cycleBlocks } = options.parameters
    assert(windowBlocks < cycleBlocks, 'a cycle is longer than the window')
    this.parts = makeParts(application, clock, options)
    this.execution = new ExecutionEpochs(this.parts, {
      onFinal: () => this.witness.survey(),
      onOver: () => this.changeEpochs(),
    })
    this.witness = new WitnessEpochs(this.parts, this.execution, () => this.changeEpochs())
  }

  async start(): Promise<void> {
    const opening = this.open()
    // Changes of epochs replace instances that run.
    this.parts.transitions.add(async () => opening.catch(() => undefined))
    await opening
  }

  private async open(): Promise<void> {
    const { options, instances, elections, rejects, chain, sealed } = this.parts
    await rejects.finish()
    const execution = await latestEpoch('execution', options, elections)
    const witness = await latestEpoch('witness', options, elections)
    // What is sealed has passed; that triggers had their effect was found out before.
    chain.reached(sealed.head().number)
    await instances.begin(await this.execution.resume(execution), await this.witness.open(witness))
    this.witness.survey()
    this.changeEpochs()
    this.check()
  }

  async stop(): Promise<void> {
    const { transitions, instances } = this.parts
    await transitions.end()
    this.cancelCheck?.()
    await instances.stop()
  }

  onTransaction(): void {
    this.parts.instances.execution?.layer.onTransaction()
  }

  status(): ConsensusStatus {
    const { instances } = this.parts
    const execution = present(instances.execution, 'a started node')
    const witness = present(instances.witness, 'a started node')
    const isCatchingUp = execution.layer.core.isSyncing || witness.layer.core.isSyncing
    return {
      execution: statusOf(execution),
      witness: statusOf(witness),
      isSynced: this.execution.hasProgressed && !isCatchingUp && !execution.layer.isOver,
    }
  }

  answerFromArchive(bytes: Uint8Array): Uint8Array | undefined {
    const { application, options, instances } = this.parts
    return answerFromArchive(archiveSources(application, options, instances.committees), bytes)
  }

  /** Goes on to the next epochs as far as what is final and sealed allows. */
  private changeEpochs(): void {
    const { transitions } = this.parts
    transitions.add(async () => {
      if (!transitions.areEnding) await this.execution.change()
      if (!transitions.areEnding) await this.witness.change()
      if (!transitions.areEnding) this.witness.survey()
    })
  }

  /** Now and then: who hears nothing may have been forgotten by those who went on, and asks. */
  private check(): void {
    const { clock, options, instances, sealed } = this.parts
    const { heartbeatMs } = options.parameters
    this.cancelCheck = clock.schedule(CHECK_HEARTBEATS * heartbeatMs, () => this.check())
    const { number } = sealed.head()
    const { finalNumber } = this.execution
    if (finalNumber === this.finalAtCheck) instances.execution?.layer.catchUp()
    if (number === this.sealedAtCheck) instances.witness?.layer.catchUp()
    this.finalAtCheck = finalNumber
    this.sealedAtCheck = number
  }
}
