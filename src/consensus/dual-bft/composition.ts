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
import { hexToBytes } from '../../primitives/bytes.ts'
import { attemptOf, cycleOfEpoch, epochAfterCycle, epochOf, type Committee } from '../committees/committee.ts'
import { boundaryOf, type Seats } from '../committees/schedule.ts'
import { ResetTriggers } from '../execution-layer/reset-triggers.ts'
import { ExecutionLayer } from '../execution-layer/execution-layer.ts'
import { WindowRules } from '../execution-layer/seal-rules.ts'
import type { Application, Clock } from '../plugin.ts'
import { COMPACTION_BLOCKS, committeeShape } from '../simplex/config.ts'
import type { Observer } from '../simplex/driver.ts'
import type { InvalidFinality } from '../simplex/events.ts'
import type { Epoch, Layer } from '../simplex/types.ts'
import { sealingPointOf } from '../witness-layer/randomness-of-seals.ts'
import { refusedBlock, type Reject } from '../witness-layer/reject.ts'
import { lastOf, type Seal } from '../witness-layer/seal.ts'
import { WitnessLayer } from '../witness-layer/witness-layer.ts'
import { answerFromArchive, archiveSources } from './archive.ts'
import type { EpochStart } from './consensus-store.ts'
import type { ConsensusStatus, DualBft, DualBftOptions } from './dual-bft.ts'
import { Elections } from './elections.ts'
import { FinalChainView } from './final-chain-view.ts'
import type { InstancePorts } from './instances.ts'
import { Resets } from './resets.ts'
import { openInstance, signFor, statusOf, type AnyRunning, type Running } from './running.ts'
import { attributesOn } from './block-attributes.ts'
import { Rejects } from './rejects.ts'
import { SealedChain } from './sealed-chain.ts'
import { Transitions } from './transitions.ts'

/** Final blocks, or sealed ones, of an epoch after which the instance before it is not needed any more. */
const SETTLED_BLOCKS = 4
/** Heartbeats without a final block, or a seal, after which a node asks for them. */
const CHECK_HEARTBEATS = 2

export class Composition implements DualBft {
  readonly name = 'dual-bft'
  private readonly application: Application
  private readonly clock: Clock
  private readonly options: DualBftOptions
  private readonly sealed: SealedChain
  private readonly elections: Elections
  private readonly rules: WindowRules
  private readonly resets: Resets
  private readonly chain: FinalChainView
  private readonly rejects: Rejects
  private execution: Running<ExecutionLayer> | undefined
  private witness: Running<WitnessLayer> | undefined
  /** Instances that are over, and answer until their successors get on. */
  private readonly over = new Set<AnyRunning>()
  private readonly transitions: Transitions
  /** The highest block that is final. The witness layer sees blocks only up to a trigger whose effect is still to come. */
  private final = 0n
  private isResetting = false
  /** A reject that is final, and waits for blocks below its own. */
  private ahead: Reject | undefined
  private finalAtCheck = -1n
  private sealedAtCheck = -1n
  /** Whether this life of the node has seen the chain go on. */
  private hasProgressed = false
  private cancelCheck: (() => void) | undefined
  private isStopped = false

  constructor(application: Application, clock: Clock, options: DualBftOptions) {
    const { parameters, registry, store, genesis } = options
    assert(parameters.windowBlocks < parameters.cycleBlocks, 'a cycle is longer than the window')
    this.application = application
    this.clock = clock
    this.options = options
    this.transitions = new Transitions((error) => options.onError(error))
    this.sealed = new SealedChain(store, genesis)
    this.elections = new Elections(registry, parameters, this.sealed)
    const triggers = new ResetTriggers(this.sealed, parameters)
    this.rules = new WindowRules(this.sealed, parameters, {
      triggers,
      settled: () => this.chain.finalNumber(),
    })
    this.resets = new Resets(application, options, this.elections, this.sealed, triggers)
    this.rejects = new Rejects(application, options, this.elections, this.sealed)
    this.chain = new FinalChainView(
      application,
      options,
      (epoch) => this.executionVerifier(epoch),
      () => this.rejects.proof,
    )
  }

  // ---- Life --------------------------------------------------------------------------------------------------------

  async start(): Promise<void> {
    const opening = this.open()
    // Changes of epochs replace instances that run.
    this.transitions.add(async () => opening.catch(() => undefined))
    await opening
  }

  private async open(): Promise<void> {
    await this.rejects.finish()
    const execution = await this.latestEpoch('execution')
    const witness = await this.latestEpoch('witness')
    this.final = this.storedFinalNumber(execution)
    // What is sealed has passed; that triggers had their effect was found out before.
    this.chain.reached(this.sealed.head().number)
    this.execution = await this.openExecution(execution)
    this.witness = await this.openWitness(witness)
    this.announce(this.execution.committee)
    this.announce(this.witness.committee)
    this.tellCommittees()
    await this.execution.layer.start()
    await this.witness.layer.start()
    this.survey()
    this.changeEpochs()
    this.check()
  }

  async stop(): Promise<void> {
    this.isStopped = true
    await this.transitions.settled()
    this.cancelCheck?.()
    for (const running of this.running()) await running.layer.stop()
    for (const running of this.running()) await running.ports.close()
  }

  onTransaction(): void {
    this.execution?.layer.onTransaction()
  }

  status(): ConsensusStatus {
    const execution = present(this.execution, 'a started node')
    const witness = present(this.witness, 'a started node')
    const isCatchingUp = execution.layer.core.isSyncing || witness.layer.core.isSyncing
    return {
      execution: statusOf(execution),
      witness: statusOf(witness),
      isSynced: this.hasProgressed && !isCatchingUp && !execution.layer.isOver,
    }
  }

  answerFromArchive(bytes: Uint8Array): Uint8Array | undefined {
    const running = [...this.running()].map(({ committee }) => committee)
    return answerFromArchive(archiveSources(this.application, this.options, running), bytes)
  }

  private *running(): Iterable<AnyRunning> {
    if (this.execution !== undefined) yield this.execution
    if (this.witness !== undefined) yield this.witness
    yield* this.over
  }

  // ---- Epochs ------------------------------------------------------------------------------------------------------

  /** The epoch that a layer is in; a node that is new begins with the first. */
  private async latestEpoch(layer: Layer): Promise<EpochStart> {
    const { store, genesis } = this.options
    const latest = store.epochs(layer).at(-1)
    if (latest !== undefined) return latest
    const seats = present(this.elections.seatsOf(0), 'genesis is sealed')
    const root = { height: 0, hash: genesis.hash, payloadHash: genesis.hash }
    const start: EpochStart = { layer, epoch: epochOf(0), members: membersOf(seats, layer), root }
    await store.addEpoch(start)
    return start
  }

  /** Goes on to the next epochs as far as what is final and sealed allows. */
  private changeEpochs(): void {
    this.transitions.add(async () => {
      if (!this.isStopped) await this.changeExecutionEpoch()
      if (!this.isStopped) await this.changeWitnessEpoch()
      if (!this.isStopped) this.survey()
    })
  }

  private async changeExecutionEpoch(): Promise<void> {
    const { store, parameters } = this.options
    const previous = present(this.execution, 'a started node')
    if (!previous.layer.isOver) return
    const cycle = cycleOfEpoch(previous.committee.epoch)
    const boundary = boundaryOf(cycle, parameters)
    if (!this.resets.mayLeave(boundary)) return
    const { payloadHash } = present(store.certificatesOf(boundary), 'the last block of the epoch').proposal
    const start: EpochStart = {
      layer: 'execution',
      epoch: this.epochAfter(previous.committee),
      members: this.elections.executorsOf(cycle + 1),
      root: { height: Number(boundary), hash: payloadHash, payloadHash },
    }
    await store.addEpoch(start)
    const next = await this.openExecution(start)
    this.execution = next
    this.over.add(previous)
    await this.begin(next)
    this.learnAhead()
  }

  private async changeWitnessEpoch(): Promise<void> {
    const { store } = this.options
    const previous = present(this.witness, 'a started node')
    if (!previous.layer.isOver) return
    const { proposal, seal } = present(store.latestSeal(), 'the last seal of the epoch')
    const { payloadHash, height } = proposal
    const start: EpochStart = {
      layer: 'witness',
      epoch: this.epochAfter(previous.committee),
      members: present(seal.handover, 'the seal of a boundary names who comes next').witnesses,
      root: { height, hash: payloadHash, payloadHash },
    }
    await store.addEpoch(start)
    const next = await this.openWitness(start)
    this.witness = next
    this.over.add(previous)
    await this.begin(next)
  }

  /** The first epoch of the cycle after that of a committee, which is the last of its own. */
  private epochAfter({ layer, epoch }: Committee): Epoch {
    const cycle = cycleOfEpoch(epoch)
    const first = this.options.store.epochs(layer).find((start) => cycleOfEpoch(start.epoch) === cycle)
    return epochAfterCycle(present(first, 'the epoch has begun').epoch, epoch)
  }

  private async begin(next: AnyRunning): Promise<void> {
    this.announce(next.committee)
    this.tellCommittees()
    await next.layer.start()
  }

  /** Stops all instances of a layer from an epoch on. Their logs may go once the store knows what comes instead. */
  private async endFrom(layer: Layer, epoch: Epoch): Promise<readonly AnyRunning[]> {
    const isEnded = ({ committee }: AnyRunning): boolean =>
      committee.layer === layer && committee.epoch >= epoch
    const ended = [...this.running()].filter(isEnded)
    for (const running of ended) {
      this.over.delete(running)
      await running.layer.stop()
    }
    return ended
  }

  /** The successors of instances that are over got on: whoever has not heard yet asks the archive. */
  private retireOver({ layer }: Committee): void {
    for (const running of this.over) {
      if (running.committee.layer !== layer) continue
      this.over.delete(running)
      this.transitions.add(async () => {
        await running.layer.stop()
        await running.ports.retire()
      })
      this.tellCommittees()
    }
  }

  private announce(committee: Committee): void {
    this.options.onEvent({ kind: 'epoch', committee })
  }

  private tellCommittees(): void {
    this.options.host.setCommittees([...this.running()].map(({ committee }) => committee))
  }

  // ---- The execution layer -----------------------------------------------------------------------------------------

  private async openExecution(start: EpochStart): Promise<Running<ExecutionLayer>> {
    const { application, options, sealed, rules } = this
    const { store, timing, parameters } = options
    const opened = await openInstance(this.options, start, (from, message) => layer.receive(from, message))
    const { committee, domain, self, ports } = opened
    const { records, abstainThrough } = ports
    const observer = this.observerOf(committee, ports)
    const layer = new ExecutionLayer(this.application, this.clock, {
      config: { ...committee.shape, domain, self, timing, compactionBlocks: COMPACTION_BLOCKS },
      sign: signFor(this.options, domain),
      origin: { root: start.root, records, abstainThrough },
      ports,
      observer,
      store: store.execution(start.epoch),
      heartbeatMs: parameters.heartbeatMs,
      intervalMs: this.options.pacing?.blockIntervalMs,
      lastNumber: boundaryOf(cycleOfEpoch(start.epoch), parameters),
      rules: this.rules,
      sealed: this.sealed.head().number,
      windowBlocks: parameters.windowBlocks,
      room: (head) => this.resets.room(head, this.clock.nowMs()),
      roomDueMs: (head) => this.resets.dueMs(head),
      attributes: (parent) =>
        attributesOn({ application, options, sealed, rules }, parent, this.clock.nowMs()),
      onPreconfirmed: () => undefined,
      onFinal: (number) => this.onFinal(committee, start, number),
      onError: (error) => this.options.onError(error),
    })
    return { committee, self, layer, ports }
  }

  private onFinal(committee: Committee, { root }: EpochStart, number: bigint): void {
    this.final = number
    this.hasProgressed = true
    this.survey()
    if (number >= BigInt(root.height + SETTLED_BLOCKS)) this.retireOver(committee)
    if (number === boundaryOf(cycleOfEpoch(committee.epoch), this.options.parameters)) this.changeEpochs()
  }

  /** A quorum made a block final that this node found invalid: whether it is, the witnesses will say. */
  private refuse(committee: Committee, reason: InvalidFinality): void {
    const { onEvent } = this.options
    if (!this.rejects.refuse(committee, reason)) {
      onEvent({ kind: 'halted', layer: 'execution', reason })
      return
    }
    const { height, payloadHash: hash } = reason.proposal
    onEvent({ kind: 'refused', number: BigInt(height), hash })
    this.witness?.layer.onFinal()
  }

  /** A final reject is what proves the end of its epoch, perhaps alone. */
  private learnAhead(): void {
    const { ahead, execution } = this
    if (execution?.committee.epoch === ahead?.proof.epoch && ahead !== undefined)
      execution?.layer.learn(ahead.proof)
  }

  /** Goes on from the last sealed block with the executors that the witnesses agreed on. */
  private async replaceExecutors(reject: Reject): Promise<void> {
    // At the beginning of a cycle this node may still have to enter the epoch that is rejected.
    await this.changeExecutionEpoch()
    if (this.isStopped || this.rejects.isSettled(reject)) return
    const ended = await this.endFrom('execution', reject.proof.epoch)
    const { number, hash } = refusedBlock(reject.proof)
    const wasFinal = this.final >= number
    const start = await this.rejects.settle(reject)
    for (const { ports } of ended) await ports.retire()
    this.final = number - 1n
    if (this.chain.finalNumber() >= number) this.chain.reached(number - 1n)
    this.options.onEvent({ kind: 'rejected', number, hash, wasFinal })
    this.execution = await this.openExecution(start)
    await this.begin(this.execution)
    this.survey()
  }

  // ---- The witness layer -------------------------------------------------------------------------------------------

  private async openWitness(start: EpochStart): Promise<Running<WitnessLayer>> {
    const { store, timing, parameters, scheme, signer, genesis } = this.options
    const opened = await openInstance(this.options, start, (from, message) => layer.receive(from, message))
    const { committee, domain, self, ports } = opened
    const { records, abstainThrough } = ports
    const keyring = scheme.keyring(committee.members.map((member) => hexToBytes(member)))
    const cycle = cycleOfEpoch(start.epoch)
    const observer = this.observerOf(committee, ports)
    const layer = new WitnessLayer(this.application, this.clock, {
      config: { ...committee.shape, domain, self, timing, compactionBlocks: COMPACTION_BLOCKS },
      sign: signFor(this.options, domain),
      origin: { root: start.root, records, abstainThrough },
      ports,
      observer: {
        ...observer,
        conflict: (number) => this.onConflict(number),
      },
      store: store.witness(start.epoch),
      chain: this.chain,
      start: sealingPointOf(store.latestSeal(), start.epoch, genesis.hash),
      cycle,
      lastNumber: boundaryOf(cycle, parameters),
      rangeBlocks: parameters.rangeBlocks,
      intervalMs: this.options.pacing?.sealIntervalMs,
      executionShape: committeeShape(parameters.executorSeats),
      signer,
      verifyReveal: (member, message, reveal) => keyring.verify(member, message, reveal),
      handover: () => this.elections.seatsOf(cycle + 1),
      refusals: this.rejects,
      onSealed: ({ seal }) => this.onSealed(committee, start, seal),
      onOver: () => this.changeEpochs(),
      onRejectAhead: (reject) => {
        this.ahead = reject
        this.learnAhead()
      },
      onRejected: (reject) => this.transitions.add(() => this.replaceExecutors(reject)),
      onError: (error) => this.options.onError(error),
    })
    return { committee, self, layer, ports }
  }

  private onSealed(committee: Committee, start: EpochStart, seal: Seal): void {
    const last = lastOf(seal)
    this.sealed.noteSealed({ number: last, hash: present(seal.blocks.at(-1), 'a block') }, this.clock.nowMs())
    this.options.onEvent({ kind: 'sealed', first: seal.first, last })
    this.survey()
    this.execution?.layer.sealedUpTo(last)
    const root = this.application.numberOf(start.root.payloadHash) ?? 0n
    if (last >= root + BigInt(SETTLED_BLOCKS)) this.retireOver(committee)
    // With the snapshot's seal the next epoch of the other layer may begin.
    if (this.execution?.layer.isOver === true) this.changeEpochs()
  }

  /** Shows the witness layer what is final, up to the first block that has to have an effect before. */
  private survey(): void {
    let number = this.chain.finalNumber()
    for (; number < this.final && !this.isResetting; number++) {
      const trigger = number + 1n
      const finding = this.resets.lookAt(trigger)
      if (finding === 'passed') continue
      if (finding === 'due') {
        this.isResetting = true
        this.transitions.add(() => this.reset(trigger))
      }
      break
    }
    this.chain.reached(number)
    this.witness?.layer.onFinal()
  }

  /** Draws the witnesses anew, and goes on with those. @param trigger number of the final block that calls for it. */
  private async reset(trigger: bigint): Promise<void> {
    if (this.isStopped) return
    // Executors may have been replaced meanwhile, and the trigger rejected with its chain.
    if (trigger <= this.final && this.resets.lookAt(trigger) === 'due') {
      const cycle = this.resets.cycleOf(trigger)
      const hasBegun = (): boolean =>
        this.options.store.epochs('witness').some(({ epoch }) => cycleOfEpoch(epoch) === cycle)
      if (!hasBegun()) await this.changeWitnessEpoch()
      if (!hasBegun()) {
        // The seal that ends the cycle before is not proven here: with the proof comes the next look.
        this.isResetting = false
        return
      }
      const { number } = this.resets.rootOf(trigger)
      const ended = await this.endFrom('witness', epochOf(cycle))
      const start = await this.resets.settle(trigger)
      for (const { ports } of ended) await ports.retire()
      this.options.onEvent({ kind: 'reset', cycle, attempt: attemptOf(start.epoch) })
      this.execution?.layer.sealedOnlyUpTo(number)
      this.witness = await this.openWitness(start)
      await this.begin(this.witness)
    }
    this.isResetting = false
    this.survey()
  }

  private onConflict(number: bigint): void {
    const { onEvent } = this.options
    const { reason } = this.rejects
    onEvent({ kind: 'conflict', number })
    // Others find nothing wrong with what this node refused.
    if (reason !== undefined) onEvent({ kind: 'halted', layer: 'execution', reason })
  }

  // ---- What both have in common ------------------------------------------------------------------------------------

  private observerOf(committee: Committee, ports: InstancePorts): Observer {
    const { onEvent } = this.options
    return {
      evidence: (evidence) => onEvent({ kind: 'evidence', committee, evidence }),
      blame: (peer, reason) => ports.blame(peer, reason),
      halted: (reason) => {
        const { layer } = committee
        if (layer === 'execution' && reason.kind === 'invalidBlockIsFinal') this.refuse(committee, reason)
        else onEvent({ kind: 'halted', layer, reason })
      },
    }
  }

  /** Checks certificates of an epoch on a thread of its own, while an instance has one. */
  private executionVerifier(epoch: Epoch): InstancePorts['verify'] | undefined {
    for (const { committee, ports } of this.running()) {
      if (committee.layer === 'execution' && committee.epoch === epoch) return ports.verify
    }
    return undefined
  }

  private storedFinalNumber({ epoch, root }: EpochStart): bigint {
    const latest = this.options.store.execution(epoch).latest()
    const number = this.application.numberOf(latest?.payloadHash ?? root.payloadHash)
    return present(number, 'the ledger has what the store calls final')
  }

  /** Now and then: who hears nothing may have been forgotten by those who went on, and asks. */
  private check(): void {
    const { heartbeatMs } = this.options.parameters
    this.cancelCheck = this.clock.schedule(CHECK_HEARTBEATS * heartbeatMs, () => this.check())
    const sealed = this.sealed.head().number
    const { final } = this
    if (final === this.finalAtCheck) this.execution?.layer.catchUp()
    if (sealed === this.sealedAtCheck) this.witness?.layer.catchUp()
    this.finalAtCheck = final
    this.sealedAtCheck = sealed
  }
}

function membersOf(seats: Seats, layer: Layer): Seats['executors'] {
  return layer === 'execution' ? seats.executors : seats.witnesses
}
