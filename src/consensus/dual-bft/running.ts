/** The instances that a node runs: an epoch of each layer at work, and those that are over until their successors get on. */
import { present } from '../../primitives/assert.ts'
import { bytesToHex } from '../../primitives/bytes.ts'
import { domainOf, makeCommittee, seatOf, type Committee } from '../committees/committee.ts'
import type { ExecutionLayer, ExecutionOptions } from '../execution-layer/execution-layer.ts'
import { COMPACTION_BLOCKS } from '../simplex/config.ts'
import type { Observer } from '../simplex/driver.ts'
import { signedBytes } from '../simplex/signing.ts'
import type { Epoch, Layer } from '../simplex/types.ts'
import type { WitnessLayer } from '../witness-layer/witness-layer.ts'
import type { EpochStart } from './consensus-store.ts'
import type { DualBftOptions, LayerStatus } from './dual-bft.ts'
import type { InstanceDescription, InstancePorts } from './instances.ts'
import type { Transitions } from './transitions.ts'

/** An epoch of a layer at work: what its instance needs from the node, whichever layer it is of. */
export interface Running<T> {
  readonly committee: Committee
  readonly self: number | undefined
  readonly layer: T
  readonly ports: InstancePorts
}

export type AnyRunning = Running<ExecutionLayer | WitnessLayer>

/** An instance with a place in the network and a log, of which a layer is to be made. */
export interface Opened extends Omit<Running<never>, 'layer'> {
  /** What either layer is told about it. */
  readonly core: Pick<ExecutionOptions, 'config' | 'sign' | 'origin' | 'ports'>
  readonly observer: Observer
}

/** @param receive takes messages once this has resolved. */
export async function openInstance(
  { signer, chainId, genesis, host, timing, onEvent }: DualBftOptions,
  start: EpochStart,
  receive: InstanceDescription['receive'],
): Promise<Opened> {
  const { layer, epoch, members, root } = start
  const committee = makeCommittee(genesis.hash, layer, epoch, members)
  const domain = domainOf(chainId, committee)
  const self = seatOf(committee, signer === undefined ? undefined : bytesToHex(signer.publicKey))
  const ports = await host.open({ committee, domain, self, receive })
  const { records, abstainThrough } = ports
  return {
    committee,
    self,
    ports,
    core: {
      config: { ...committee.shape, domain, self, timing, compactionBlocks: COMPACTION_BLOCKS },
      sign: (statement) => present(signer, 'a member has a key').sign(signedBytes(domain, statement)),
      origin: { root, records, abstainThrough },
      ports,
    },
    observer: {
      evidence: (evidence) => onEvent({ kind: 'evidence', committee, evidence }),
      blame: (peer, reason) => ports.blame(peer, reason),
      halted: (reason) => onEvent({ kind: 'halted', layer, reason }),
    },
  }
}

export function statusOf({ committee, self, layer }: AnyRunning): LayerStatus {
  return { committee, self, view: layer.core.view, isPaused: layer.core.isPaused }
}

export class RunningInstances {
  private readonly options: Pick<DualBftOptions, 'host' | 'onEvent'>
  private readonly transitions: Transitions
  private readonly over = new Set<AnyRunning>()
  private currentExecution: Running<ExecutionLayer> | undefined
  private currentWitness: Running<WitnessLayer> | undefined

  constructor(options: Pick<DualBftOptions, 'host' | 'onEvent'>, transitions: Transitions) {
    this.options = options
    this.transitions = transitions
  }

  /** That of the newest epoch; `undefined` until the node has started. */
  get execution(): Running<ExecutionLayer> | undefined {
    return this.currentExecution
  }

  get witness(): Running<WitnessLayer> | undefined {
    return this.currentWitness
  }

  *[Symbol.iterator](): Iterator<AnyRunning> {
    if (this.currentExecution !== undefined) yield this.currentExecution
    if (this.currentWitness !== undefined) yield this.currentWitness
    yield* this.over
  }

  get committees(): readonly Committee[] {
    return [...this].map(({ committee }) => committee)
  }

  /** Checks certificates of an epoch of the execution layer on a thread of its own, while an instance has one. */
  executionVerifier(epoch: Epoch): InstancePorts['verify'] | undefined {
    for (const { committee, ports } of this) {
      if (committee.layer === 'execution' && committee.epoch === epoch) return ports.verify
    }
    return undefined
  }

  /** Both layers, when the node starts. */
  async begin(execution: Running<ExecutionLayer>, witness: Running<WitnessLayer>): Promise<void> {
    this.currentExecution = execution
    this.currentWitness = witness
    this.announce(execution)
    this.announce(witness)
    this.tellCommittees()
    await execution.layer.start()
    await witness.layer.start()
  }

  /** The next epoch of the execution layer. @param previous one that is over, and still answers. */
  async nextExecution(next: Running<ExecutionLayer>, previous?: AnyRunning): Promise<void> {
    this.currentExecution = next
    await this.beginNext(next, previous)
  }

  /** The same of the witness layer. */
  async nextWitness(next: Running<WitnessLayer>, previous?: AnyRunning): Promise<void> {
    this.currentWitness = next
    await this.beginNext(next, previous)
  }

  /** Stops all instances of a layer from an epoch on. Their logs may go once the store knows what comes instead. */
  async endFrom(layer: Layer, epoch: Epoch): Promise<readonly AnyRunning[]> {
    const isEnded = ({ committee }: AnyRunning): boolean =>
      committee.layer === layer && committee.epoch >= epoch
    const ended = [...this].filter(isEnded)
    for (const running of ended) {
      this.over.delete(running)
      await running.layer.stop()
    }
    return ended
  }

  /** The successors of instances that are over got on: whoever has not heard yet asks the archive. */
  retireOver(layer: Layer): void {
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

  async stop(): Promise<void> {
    for (const { layer } of this) await layer.stop()
    for (const { ports } of this) await ports.close()
  }

  private async beginNext(next: AnyRunning, previous: AnyRunning | undefined): Promise<void> {
    if (previous !== undefined) this.over.add(previous)
    this.announce(next)
    this.tellCommittees()
    await next.layer.start()
  }

  private announce({ committee }: AnyRunning): void {
    this.options.onEvent({ kind: 'epoch', committee })
  }

  private tellCommittees(): void {
    this.options.host.setCommittees(this.committees)
  }
}
