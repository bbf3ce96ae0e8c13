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
import { bytesToHex, hexToBytes, ZERO_HASH } from '../../primitives/bytes.ts'
import { encodeBlock } from '../../chain/block-codec.ts'
import type { BlockAttributes } from '../../execution/environment.ts'
import {
  cycleOfEpoch,
  domainOf,
  epochAfterCycle,
  epochOf,
  makeCommittee,
  seatOf,
  type Committee,
} from '../committees/committee.ts'
import { boundaryOf, type Seats } from '../committees/schedule.ts'
import { ExecutionLayer } from '../execution-layer/execution-layer.ts'
import { WindowRules } from '../execution-layer/seal-rules.ts'
import type { Application, BlockReference, Clock } from '../plugin.ts'
import { COMPACTION_BLOCKS, committeeShape, type Domain } from '../simplex/config.ts'
import type { Observer } from '../simplex/driver.ts'
import type { InvalidFinality } from '../simplex/events.ts'
import { signedBytes } from '../simplex/signing.ts'
import type { SignStatement } from '../simplex/state.ts'
import type { Epoch, Layer } from '../simplex/types.ts'
import { wireContext, type WireContext } from '../simplex/wire.ts'
import { sealingPointOf } from '../witness-layer/randomness-of-seals.ts'
import { refusedBlock, type Reject } from '../witness-layer/reject.ts'
import { lastOf, type Seal } from '../witness-layer/seal.ts'
import { WitnessLayer } from '../witness-layer/witness-layer.ts'
import { answerFromArchive } from './archive.ts'
import type { EpochStart } from './consensus-store.ts'
import type { ConsensusStatus, DualBft, DualBftOptions, LayerStatus } from './dual-bft.ts'
import { Elections } from './elections.ts'
import { FinalChainView, storedCommittee } from './final-chain-view.ts'
import type { InstanceDescription, InstancePorts } from './instances.ts'
import { Rejects } from './rejects.ts'
import { SealedChain } from './sealed-chain.ts'

/** Final blocks, or sealed ones, of an epoch after which the instance before it is not needed any more. */
const SETTLED_BLOCKS = 4
/** Heartbeats without a final block, or a seal, after which a node asks for them. */
const CHECK_HEARTBEATS = 2

/** One epoch of one layer at work. */
interface Running<T> {
  readonly committee: Committee
  readonly self: number | undefined
  readonly layer: T
  readonly ports: InstancePorts
}

export class Composition implements DualBft {
  readonly name = 'dual-bft'
  private readonly application: Application
  private readonly clock: Clock
  private readonly options: DualBftOptions
  private readonly sealed: SealedChain
  private readonly elections: Elections
  private readonly rules: WindowRules
  private readonly chain: FinalChainView
  private readonly rejects: Rejects
  private execution: Running<ExecutionLayer> | undefined
  private witness: Running<WitnessLayer> | undefined
  /** Instances that are over, and answer until their successors get on. */
  private readonly over = new Set<Running<ExecutionLayer | WitnessLayer>>()
  /** Changes of epochs, one after the other. */
  private transitions: Promise<void> = Promise.resolve()
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
    this.sealed = new SealedChain(store, genesis)
    this.elections = new Elections(registry, parameters, this.sealed)
    this.rules = new WindowRules(this.sealed, parameters)
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
    await this.rejects.finish()
    const execution = await this.latestEpoch('execution')
    const witness = await this.latestEpoch('witness')
    this.chain.reached(this.storedFinalNumber(execution))
    this.execution = await this.openExecution(execution)
    this.witness = await this.openWitness(witness)
    this.announce(this.execution.committee)
    this.announce(this.witness.committee)
    this.tellCommittees()
    await this.execution.layer.start()
    await this.witness.layer.start()
    this.changeEpochs()
    this.check()
  }

  async stop(): Promise<void> {
    this.isStopped = true
    this.cancelCheck?.()
    await this.transitions
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
    return answerFromArchive(
      {
        store: this.options.store,
        contextOf: (layer, epoch) => this.archivedContext(layer, epoch),
        blockBody: (hash) => {
          const block = this.application.blockByHash(hash)
          return block === undefined ? undefined : encodeBlock(block)
        },
      },
      bytes,
    )
  }

  private *running(): Iterable<Running<ExecutionLayer | WitnessLayer>> {
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
    this.enqueue(async () => {
      if (!this.isStopped) await this.changeExecutionEpoch()
      if (!this.isStopped) await this.changeWitnessEpoch()
    })
  }

  private enqueue(work: () => Promise<void>): void {
    const before = this.transitions
    this.transitions = (async () => {
      await before
      try {
        await work()
      } catch (error) {
        this.options.onError(error)
      }
    })()
  }

  private async changeExecutionEpoch(): Promise<void> {
    const { store, parameters } = this.options
    const previous = present(this.execution, 'a started node')
    if (!previous.layer.isOver) return
    const cycle = cycleOfEpoch(previous.committee.epoch)
    const seats = this.elections.seatsOf(cycle + 1)
    if (seats === undefined) return
    const boundary = boundaryOf(cycle, parameters)
    const { payloadHash } = present(store.certificatesOf(boundary), 'the last block of the epoch').proposal
    const start: EpochStart = {
      layer: 'execution',
      epoch: this.epochAfter(previous.committee),
      members: seats.executors,
      root: { height: Number(boundary), hash: payloadHash, payloadHash },
    }
    await store.addEpoch(start)
    const next = await this.openExecution(start)
    this.execution = next
    this.over.add(previous)
    await this.begin(next)
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

  private async begin(next: Running<ExecutionLayer | WitnessLayer>): Promise<void> {
    this.announce(next.committee)
    this.tellCommittees()
    await next.layer.start()
  }

  /** The successors of instances that are over got on: whoever has not heard yet asks the archive. */
  private retireOver({ layer }: Committee): void {
    for (const running of this.over) {
      if (running.committee.layer !== layer) continue
      this.over.delete(running)
      this.enqueue(async () => {
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
    const { store, timing, parameters } = this.options
    const opened = await this.openInstance(start, (from, message) => layer.receive(from, message))
    const { committee, domain, self, ports } = opened
    const { records, abstainThrough } = ports
    const observer = this.observerOf(committee, ports)
    const layer = new ExecutionLayer(this.application, this.clock, {
      config: { ...committee.shape, domain, self, timing, compactionBlocks: COMPACTION_BLOCKS },
      sign: this.signFor(domain),
      origin: { root: start.root, records, abstainThrough },
      ports,
      observer,
      store: store.execution(start.epoch),
      heartbeatMs: parameters.heartbeatMs,
      lastNumber: boundaryOf(cycleOfEpoch(start.epoch), parameters),
      rules: this.rules,
      sealed: this.sealed.head().number,
      windowBlocks: parameters.windowBlocks,
      attributes: (parent) => this.attributesOn(parent),
      onPreconfirmed: () => undefined,
      onFinal: (number) => this.onFinal(committee, start, number),
      onError: (error) => this.options.onError(error),
    })
    return { committee, self, layer, ports }
  }

  private onFinal(committee: Committee, { root }: EpochStart, number: bigint): void {
    this.chain.reached(number)
    this.hasProgressed = true
    this.witness?.layer.onFinal()
    if (number >= BigInt(root.height + SETTLED_BLOCKS)) this.retireOver(committee)
    if (number === boundaryOf(cycleOfEpoch(committee.epoch), this.options.parameters)) this.changeEpochs()
  }

  /** What a block on this parent says about itself. */
  private attributesOn({ number, hash }: BlockReference): BlockAttributes {
    const { beneficiary, parameters } = this.options
    const nowMs = this.clock.nowMs()
    const { header } = present(this.application.blockByHash(hash), 'the parent is on the chain')
    const referenceOfParent = this.sealed.numberOf(header.parentBeaconBlockRoot ?? ZERO_HASH) ?? 0n
    const window = number + 1n - BigInt(parameters.windowBlocks)
    const reference = this.sealed.settledAt(nowMs, referenceOfParent > window ? referenceOfParent : window)
    const seconds = BigInt(Math.floor(nowMs / 1000))
    return {
      timestamp: seconds > header.timestamp ? seconds : header.timestamp,
      beneficiary,
      prevRandao: present(this.sealed.randomnessAfter(reference.hash), 'the reference is a seal'),
      parentBeaconBlockRoot: reference.hash,
    }
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

  /** Goes on from the last sealed block with the executors that the witnesses agreed on. */
  private async replaceExecutors(reject: Reject): Promise<void> {
    // At the beginning of a cycle this node may still have to enter the epoch that is rejected.
    await this.changeExecutionEpoch()
    if (this.isStopped || this.rejects.isSettled(reject)) return
    for (const running of [...this.running()]) {
      const { layer, epoch } = running.committee
      if (layer !== 'execution' || epoch < reject.proof.epoch) continue
      this.over.delete(running)
      await running.layer.stop()
      await running.ports.retire()
    }
    const { number, hash } = refusedBlock(reject.proof)
    const wasFinal = this.chain.finalNumber() >= number
    const start = await this.rejects.settle(reject)
    this.chain.reached(number - 1n)
    this.options.onEvent({ kind: 'rejected', number, hash, wasFinal })
    this.execution = await this.openExecution(start)
    await this.begin(this.execution)
    this.witness?.layer.onFinal()
  }

  // ---- The witness layer -------------------------------------------------------------------------------------------

  private async openWitness(start: EpochStart): Promise<Running<WitnessLayer>> {
    const { store, timing, parameters, scheme, signer, genesis } = this.options
    const opened = await this.openInstance(start, (from, message) => layer.receive(from, message))
    const { committee, domain, self, ports } = opened
    const { records, abstainThrough } = ports
    const keyring = scheme.keyring(committee.members.map((member) => hexToBytes(member)))
    const cycle = cycleOfEpoch(start.epoch)
    const observer = this.observerOf(committee, ports)
    const layer = new WitnessLayer(this.application, this.clock, {
      config: { ...committee.shape, domain, self, timing, compactionBlocks: COMPACTION_BLOCKS },
      sign: this.signFor(domain),
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
      executionShape: committeeShape(parameters.executorSeats),
      signer,
      verifyReveal: (member, message, reveal) => keyring.verify(member, message, reveal),
      handover: () => this.elections.seatsOf(cycle + 1),
      refusals: this.rejects,
      onSealed: ({ seal }) => this.onSealed(committee, start, seal),
      onRejected: (reject) => this.enqueue(() => this.replaceExecutors(reject)),
      onError: (error) => this.options.onError(error),
    })
    return { committee, self, layer, ports }
  }

  private onSealed(committee: Committee, start: EpochStart, seal: Seal): void {
    const last = lastOf(seal)
    this.sealed.noteSealed({ number: last, hash: present(seal.blocks.at(-1), 'a block') }, this.clock.nowMs())
    this.options.onEvent({ kind: 'sealed', first: seal.first, last })
    this.execution?.layer.sealedUpTo(last)
    const root = this.application.numberOf(start.root.payloadHash) ?? 0n
    if (last >= root + BigInt(SETTLED_BLOCKS)) this.retireOver(committee)
    // The boundary's seal ends an epoch here, and the snapshot's lets the next one of the other layer begin.
    if (seal.handover !== undefined || this.execution?.layer.isOver === true) this.changeEpochs()
  }

  private onConflict(number: bigint): void {
    const { onEvent } = this.options
    const { reason } = this.rejects
    onEvent({ kind: 'conflict', number })
    // Others find nothing wrong with what this node refused.
    if (reason !== undefined) onEvent({ kind: 'halted', layer: 'execution', reason })
  }

  // ---- What both have in common ------------------------------------------------------------------------------------

  private async openInstance(
    start: EpochStart,
    receive: InstanceDescription['receive'],
  ): Promise<Omit<Running<never>, 'layer'> & Pick<InstanceDescription, 'domain'>> {
    const { signer, chainId, host } = this.options
    const committee = makeCommittee(start.layer, start.epoch, start.members)
    const domain = domainOf(chainId, committee)
    const self = seatOf(committee, signer === undefined ? undefined : bytesToHex(signer.publicKey))
    const ports = await host.open({ committee, domain, self, receive })
    return { committee, domain, self, ports }
  }

  private signFor(domain: Domain): SignStatement {
    const { signer } = this.options
    return (statement) => present(signer, 'a member has a key').sign(signedBytes(domain, statement))
  }

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

  private archivedContext(layer: Layer, epoch: Epoch): WireContext | undefined {
    for (const { committee } of this.running()) {
      if (committee.layer === layer && committee.epoch === epoch) return undefined
    }
    const committee = storedCommittee(this.options.store, layer, epoch)
    if (committee === undefined) return undefined
    return wireContext(committee.shape, domainOf(this.options.chainId, committee))
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
    const final = this.chain.finalNumber()
    if (final === this.finalAtCheck) this.execution?.layer.catchUp()
    if (sealed === this.sealedAtCheck) this.witness?.layer.catchUp()
    this.finalAtCheck = final
    this.sealedAtCheck = sealed
  }
}

function membersOf(seats: Seats, layer: Layer): Seats['executors'] {
  return layer === 'execution' ? seats.executors : seats.witnesses
}

function statusOf({ committee, self, layer }: Running<ExecutionLayer | WitnessLayer>): LayerStatus {
  return { committee, self, view: layer.core.view, isPaused: layer.core.isPaused }
}
