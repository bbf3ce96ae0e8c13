/**
 * The execution layer from epoch to epoch: the next begins when the last block of the cycle is final, or, when the witnesses
 * rejected a block, from the last sealed one with other executors.
 */
import { present } from '../../primitives/assert.ts'
import { cycleOfEpoch, type Committee } from '../committees/committee.ts'
import { boundaryOf } from '../committees/schedule.ts'
import { ExecutionLayer } from '../execution-layer/execution-layer.ts'
import { WindowRules } from '../execution-layer/seal-rules.ts'
import type { InvalidFinality } from '../simplex/events.ts'
import { refusedBlock, type Reject } from '../witness-layer/reject.ts'
import { attributesOn } from './block-attributes.ts'
import type { EpochStart } from './consensus-store.ts'
import { epochAfter } from './epoch-starts.ts'
import type { Parts } from './parts.ts'
import { openInstance, type Running } from './running.ts'

/** Final blocks, or seals, of an epoch after which the instance before it is not needed any more. */
export const SETTLED_BLOCKS = 4

export interface ExecutionEpochsHooks {
  /** More blocks are final, or fewer. */
  onFinal(): void
  /** The last block of a cycle is final. */
  onOver(): void
}

export class ExecutionEpochs {
  private readonly parts: Parts
  private readonly hooks: ExecutionEpochsHooks
  private readonly rules: WindowRules
  /** A reject that is final, and waits for blocks below its own. */
  private ahead: Reject | undefined
  private final = 0n
  private wasFinal = false

  constructor(parts: Parts, hooks: ExecutionEpochsHooks) {
    const { sealed, options, triggers, chain } = parts
    this.parts = parts
    this.hooks = hooks
    this.rules = new WindowRules(sealed, options.parameters, {
      triggers,
      settled: () => chain.finalNumber(),
    })
  }

  /** The highest block that is final. */
  get finalNumber(): bigint {
    return this.final
  }

  /** Whether this life of the node has seen a block become final. */
  get hasProgressed(): boolean {
    return this.wasFinal
  }

  /** The epoch that an earlier life of this node was in. */
  async resume(start: EpochStart): Promise<Running<ExecutionLayer>> {
    const { application, options } = this.parts
    const latest = options.store.execution(start.epoch).latest()
    const number = application.numberOf((latest ?? start.root).payloadHash)
    this.final = present(number, 'the ledger has what the store calls final')
    return this.open(start)
  }

  /** Begins the next cycle, as far as what is final and sealed allows. */
  async change(): Promise<void> {
    const { options, instances, elections, resets } = this.parts
    const { store, parameters } = options
    const previous = present(instances.execution, 'a started node')
    if (!previous.layer.isOver) return
    const cycle = cycleOfEpoch(previous.committee.epoch)
    const boundary = boundaryOf(cycle, parameters)
    if (!resets.mayLeave(boundary)) return
    const { payloadHash } = present(store.certificatesOf(boundary), 'the last block of the epoch').proposal
    const start: EpochStart = {
      layer: 'execution',
      epoch: epochAfter(options, previous.committee),
      members: elections.executorsOf(cycle + 1),
      root: { height: Number(boundary), hash: payloadHash, payloadHash },
    }
    await store.addEpoch(start)
    await instances.nextExecution(await this.open(start), previous)
    this.learnAhead()
  }

  /** A reject is final whose proof may be the only one that blocks below it are. */
  onRejectAhead(reject: Reject): void {
    this.ahead = reject
    this.learnAhead()
  }

  /** Goes on from the last sealed block with the executors that the witnesses agreed on. */
  async replaceExecutors(reject: Reject): Promise<void> {
    const { options, transitions, instances, rejects, chain } = this.parts
    // At the beginning of a cycle this node may still have to enter the epoch that is rejected.
    await this.change()
    if (transitions.areEnding || rejects.isSettled(reject)) return
    const ended = await instances.endFrom('execution', reject.proof.epoch)
    const { number, hash } = refusedBlock(reject.proof)
    const wasFinal = this.final >= number
    const start = await rejects.settle(reject)
    for (const { ports } of ended) await ports.retire()
    this.final = number - 1n
    if (chain.finalNumber() >= number) chain.reached(number - 1n)
    options.onEvent({ kind: 'rejected', number, hash, wasFinal })
    await instances.nextExecution(await this.open(start))
    this.hooks.onFinal()
  }

  private async open(start: EpochStart): Promise<Running<ExecutionLayer>> {
    const { rules } = this
    const { application, clock, options, sealed, resets } = this.parts
    const { store, parameters } = options
    const opened = await openInstance(options, start, (from, message) => layer.receive(from, message))
    const { committee, self, ports, observer } = opened
    const layer = new ExecutionLayer(application, clock, {
      ...opened.core,
      observer: {
        ...observer,
        halted: (reason) => {
          if (reason.kind === 'invalidBlockIsFinal') this.refuse(committee, reason)
          else observer.halted(reason)
        },
      },
      store: store.execution(start.epoch),
      heartbeatMs: parameters.heartbeatMs,
      intervalMs: options.pacing?.blockIntervalMs,
      lastNumber: boundaryOf(cycleOfEpoch(start.epoch), parameters),
      rules,
      sealed: sealed.head().number,
      windowBlocks: parameters.windowBlocks,
      room: (head) => resets.room(head, clock.nowMs()),
      roomDueMs: (head) => resets.dueMs(head),
      attributes: (parent) => attributesOn({ application, options, sealed, rules }, parent, clock.nowMs()),
      onFinal: (number) => this.onFinal(start, number),
      onError: (error) => options.onError(error),
    })
    return { committee, self, layer, ports }
  }

  private onFinal({ root, epoch }: EpochStart, number: bigint): void {
    const { instances, options } = this.parts
    this.final = number
    this.wasFinal = true
    this.hooks.onFinal()
    if (number >= BigInt(root.height + SETTLED_BLOCKS)) instances.retireOver('execution')
    if (number === boundaryOf(cycleOfEpoch(epoch), options.parameters)) this.hooks.onOver()
  }

  /** A quorum made a block final that this node found invalid: whether it is, the witnesses will say. */
  private refuse(committee: Committee, reason: InvalidFinality): void {
    const { options, rejects, instances } = this.parts
    if (!rejects.refuse(committee, reason)) {
      options.onEvent({ kind: 'halted', layer: 'execution', reason })
      return
    }
    const { height, payloadHash: hash } = reason.proposal
    options.onEvent({ kind: 'refused', number: BigInt(height), hash })
    instances.witness?.layer.onFinal()
  }

  /** A final reject is what proves the end of its epoch, perhaps alone. */
  private learnAhead(): void {
    const { ahead } = this
    const { execution } = this.parts.instances
    if (execution?.committee.epoch === ahead?.proof.epoch && ahead !== undefined)
      execution?.layer.learn(ahead.proof)
  }
}
