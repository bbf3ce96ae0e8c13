/**
 * The witness layer from epoch to epoch: the next begins with the seal that ends a cycle, or, when too many witnesses were
 * silent for too long, within the cycle with others (`resets.ts`). It sees final blocks only up to the first that must have
 * an effect before.
 */
import { hexToBytes } from '../../primitives/bytes.ts'
import { present } from '../../primitives/assert.ts'
import { attemptOf, cycleOfEpoch, epochOf } from '../committees/committee.ts'
import { boundaryOf } from '../committees/schedule.ts'
import { committeeShape } from '../simplex/config.ts'
import { sealingPointOf } from '../witness-layer/randomness-of-seals.ts'
import { lastOf, type Seal } from '../witness-layer/seal.ts'
import { WitnessLayer } from '../witness-layer/witness-layer.ts'
import type { EpochStart } from './consensus-store.ts'
import { epochAfter } from './epoch-starts.ts'
import { SETTLED_BLOCKS, type ExecutionEpochs } from './execution-epochs.ts'
import type { Parts } from './parts.ts'
import { openInstance, type Running } from './running.ts'

export class WitnessEpochs {
  private readonly parts: Parts
  private readonly execution: ExecutionEpochs
  /** An epoch of either layer may begin now. */
  private readonly onDue: () => void
  private isResetting = false

  constructor(parts: Parts, execution: ExecutionEpochs, onDue: () => void) {
    this.parts = parts
    this.execution = execution
    this.onDue = onDue
  }

  async open(start: EpochStart): Promise<Running<WitnessLayer>> {
    const { application, clock, options, chain, elections, rejects, transitions } = this.parts
    const { store, parameters, scheme, signer, genesis } = options
    const opened = await openInstance(options, start, (from, message) => layer.receive(from, message))
    const { committee, self, ports, observer } = opened
    const keyring = scheme.keyring(committee.members.map((member) => hexToBytes(member)))
    const cycle = cycleOfEpoch(start.epoch)
    const layer = new WitnessLayer(application, clock, {
      ...opened.core,
      observer: { ...observer, conflict: (number) => this.onConflict(number) },
      store: store.witness(start.epoch),
      chain,
      start: sealingPointOf(store.latestSeal(), start.epoch, genesis.hash),
      cycle,
      lastNumber: boundaryOf(cycle, parameters),
      rangeBlocks: parameters.rangeBlocks,
      intervalMs: options.pacing?.sealIntervalMs,
      executionShape: committeeShape(parameters.executorSeats),
      signer,
      verifyReveal: (member, message, reveal) => keyring.verify(member, message, reveal),
      handover: () => elections.seatsOf(cycle + 1),
      refusals: rejects,
      onSealed: ({ seal }) => this.onSealed(start, seal),
      onOver: () => this.onDue(),
      onRejectAhead: (reject) => this.execution.onRejectAhead(reject),
      onRejected: (reject) => transitions.add(() => this.execution.replaceExecutors(reject)),
      onError: (error) => options.onError(error),
    })
    return { committee, self, layer, ports }
  }

  /** Begins the next cycle when this one is sealed. */
  async change(): Promise<void> {
    const { options, instances } = this.parts
    const { store } = options
    const previous = present(instances.witness, 'a started node')
    if (!previous.layer.isOver) return
    const { proposal, seal } = present(store.latestSeal(), 'the last seal of the epoch')
    const { payloadHash, height } = proposal
    const start: EpochStart = {
      layer: 'witness',
      epoch: epochAfter(options, previous.committee),
      members: present(seal.handover, 'the seal of a boundary names who comes next').witnesses,
      root: { height, hash: payloadHash, payloadHash },
    }
    await store.addEpoch(start)
    await instances.nextWitness(await this.open(start), previous)
  }

  /** Shows the witness layer what is final, up to the first block that has to have an effect before. */
  survey(): void {
    const { chain, resets, transitions, instances } = this.parts
    let number = chain.finalNumber()
    for (; number < this.execution.finalNumber && !this.isResetting; number++) {
      const trigger = number + 1n
      const finding = resets.lookAt(trigger)
      if (finding === 'passed') continue
      if (finding === 'due') {
        this.isResetting = true
        transitions.add(() => this.reset(trigger))
      }
      break
    }
    chain.reached(number)
    instances.witness?.layer.onFinal()
  }

  /** Draws the witnesses anew, and goes on with those. @param trigger number of the final block that calls for it. */
  private async reset(trigger: bigint): Promise<void> {
    const { transitions, resets } = this.parts
    if (transitions.areEnding) return
    // Executors may have been replaced meanwhile, and the trigger rejected with its chain.
    const isDue = trigger <= this.execution.finalNumber && resets.lookAt(trigger) === 'due'
    const isReady = !isDue || (await this.hasBegun(resets.cycleOf(trigger)))
    if (isDue && isReady) await this.replaceWitnesses(trigger)
    this.isResetting = false
    // Without the proof of the seal that ends the cycle before, the trigger waits; with the proof comes another look.
    if (isReady) this.survey()
  }

  /** Whether this layer is in a cycle, or could now be brought there. */
  private async hasBegun(cycle: number): Promise<boolean> {
    const { store } = this.parts.options
    const isBegun = (): boolean => store.epochs('witness').some(({ epoch }) => cycleOfEpoch(epoch) === cycle)
    if (!isBegun()) await this.change()
    return isBegun()
  }

  private async replaceWitnesses(trigger: bigint): Promise<void> {
    const { options, instances, resets } = this.parts
    const cycle = resets.cycleOf(trigger)
    const { number } = resets.rootOf(trigger)
    const ended = await instances.endFrom('witness', epochOf(cycle))
    const start = await resets.settle(trigger)
    for (const { ports } of ended) await ports.retire()
    options.onEvent({ kind: 'reset', cycle, attempt: attemptOf(start.epoch) })
    instances.execution?.layer.sealedOnlyUpTo(number)
    await instances.nextWitness(await this.open(start))
  }

  private onSealed(start: EpochStart, seal: Seal): void {
    const { application, clock, options, sealed, instances } = this.parts
    const last = lastOf(seal)
    sealed.noteSealed({ number: last, hash: present(seal.blocks.at(-1), 'a block') }, clock.nowMs())
    options.onEvent({ kind: 'sealed', first: seal.first, last })
    this.survey()
    instances.execution?.layer.sealedUpTo(last)
    const root = application.numberOf(start.root.payloadHash) ?? 0n
    if (last >= root + BigInt(SETTLED_BLOCKS)) instances.retireOver('witness')
    // With the snapshot's seal the next epoch of the other layer may begin.
    if (instances.execution?.layer.isOver === true) this.onDue()
  }

  private onConflict(number: bigint): void {
    const { options, rejects } = this.parts
    const { reason } = rejects
    options.onEvent({ kind: 'conflict', number })
    // Others find nothing wrong with what this node refused.
    if (reason !== undefined) options.onEvent({ kind: 'halted', layer: 'execution', reason })
  }
}
