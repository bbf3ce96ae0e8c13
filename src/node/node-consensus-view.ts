/**
 * Consensus as the RPC server sees it ({@link ConsensusView}): the store tells what is over, the running instances what
 * is now. Also the place where the events of consensus come together for whoever watches them on this node.
 */
import type { Hash } from '../primitives/bytes.ts'
import { unreachable } from '../primitives/assert.ts'
import { cycleOfEpoch, makeCommittee, type Committee } from '../consensus/committees/committee.ts'
import type { ConsensusParameters } from '../consensus/committees/parameters.ts'
import type { NodeRegistry } from '../consensus/committees/registry.ts'
import { boundaryOf, snapshotOf } from '../consensus/committees/schedule.ts'
import type { ConsensusStore, EpochStart } from '../consensus/dual-bft/consensus-store.ts'
import type { ConsensusEvent, ConsensusStatus } from '../consensus/dual-bft/dual-bft.ts'
import type { NodeId } from '../consensus/election/election.ts'
import { firstRandomness, seedOf } from '../consensus/election/randomness.ts'
import { leaderOf } from '../consensus/simplex/state.ts'
import type { Epoch, Layer } from '../consensus/simplex/types.ts'
import { lastOf } from '../consensus/witness-layer/seal.ts'
import type { Ledger } from '../execution/ledger.ts'
import { present } from '../primitives/assert.ts'
import type {
  CommitteeView,
  ConsensusView,
  CycleView,
  ExecutionCertificates,
  SealCertificates,
} from '../rpc/consensus-view.ts'
import type { FaultControl } from '../rpc/fault-control.ts'

export interface NodeConsensusViewOptions {
  readonly store: ConsensusStore
  readonly ledger: Pick<Ledger, 'head'>
  readonly parameters: ConsensusParameters
  readonly registry: NodeRegistry
  readonly genesisHash: Hash
  /** `undefined` for a node without a key. */
  readonly self: NodeId | undefined
  /** On development networks. */
  readonly faults?: FaultControl
  /** That of {@link DualBft} once it has started, before that `undefined`. */
  status(): ConsensusStatus | undefined
  peerCount(): number
}

type HaltEvent = ConsensusEvent & { readonly kind: 'halted' }

export class NodeConsensusView implements ConsensusView {
  readonly parameters: ConsensusParameters
  readonly self: NodeId | undefined
  readonly faults: FaultControl | undefined
  private readonly options: NodeConsensusViewOptions
  /** The head when the node started. */
  private readonly startingBlock: bigint
  private readonly listeners = new Set<(event: ConsensusEvent) => void>()
  private haltReason: string | undefined

  constructor(options: NodeConsensusViewOptions) {
    this.options = options
    this.parameters = options.parameters
    this.self = options.self
    this.faults = options.faults
    this.startingBlock = options.ledger.head().number
  }

  /** What {@link DualBftOptions.onEvent} is to call. */
  onEvent(event: ConsensusEvent): void {
    if (event.kind === 'halted') this.haltReason ??= describeHalt(event)
    for (const listener of this.listeners) listener(event)
  }

  /** Calls back on every event of consensus until the result is called. Listeners must not throw. */
  subscribe(listener: (event: ConsensusEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  status(): ConsensusStatus | undefined {
    return this.options.status()
  }

  halted(): string | undefined {
    return this.haltReason
  }

  peerCount(): number {
    return this.options.peerCount()
  }

  syncing(): ReturnType<ConsensusView['syncing']> {
    if (this.status()?.isSynced === true) return undefined
    return { startingBlock: this.startingBlock, highestBlock: this.highestKnown() }
  }

  executionOf(number: bigint): ExecutionCertificates | undefined {
    const { store } = this.options
    const found = store.certificatesOf(number)
    if (found === undefined) return undefined
    const { epoch, finalization, notarization, proposal } = found
    const finality =
      finalization === undefined
        ? store.execution(epoch).finalizationAtOrAbove(proposal.height)
        : { certificate: finalization, height: proposal.height }
    return { committee: this.committee('execution', epoch), proposal, notarization, finality }
  }

  sealOf(number: bigint): SealCertificates | undefined {
    const { store } = this.options
    const found = store.sealOf(number)
    if (found === undefined) return undefined
    const { epoch, finalization, proposal, randomness, seal } = found
    const finality =
      finalization === undefined
        ? store.witness(epoch).finalizationAtOrAbove(proposal.height)
        : { certificate: finalization, height: proposal.height }
    const committee = this.committee('witness', epoch)
    const committer = present(committee.members[leaderOf(committee.shape, proposal.view)], 'committer')
    return { committee, committer, proposal, seal, randomness, finality }
  }

  latestCycle(): number {
    return Math.max(0, ...LAYERS.map((layer) => cycleOfEpoch(this.latestEpoch(layer)?.epoch ?? FIRST_EPOCH)))
  }

  cycle(cycle: number): CycleView | undefined {
    const { parameters, store } = this.options
    const startsOf = (layer: Layer): readonly EpochStart[] =>
      store.epochs(layer).filter(({ epoch }) => cycleOfEpoch(epoch) === cycle)
    const [executors, witnesses] = [startsOf('execution'), startsOf('witness')]
    if (executors.length === 0 && witnesses.length === 0) return undefined
    const snapshot = snapshotOf(cycle, parameters)
    const randomness = this.randomnessAt(snapshot)
    const last = boundaryOf(cycle, parameters)
    return {
      cycle,
      first: last - BigInt(parameters.cycleBlocks) + 1n,
      last,
      snapshot,
      randomness,
      seed: randomness === undefined ? undefined : seedOf(randomness, BigInt(cycle)),
      executors: executors.map((start) => this.committeeView(start, snapshot)),
      witnesses: witnesses.map((start) => this.committeeView(start, snapshot)),
    }
  }

  private committeeView({ epoch, layer, members }: EpochStart, snapshot: bigint): CommitteeView {
    const registered = new Map(this.options.registry.at(snapshot).map((node) => [node.id, node]))
    return {
      committee: makeCommittee(this.options.genesisHash, layer, epoch, members),
      members: members.map((id) => {
        const node = registered.get(id)
        return { id, stake: node?.stake, points: node?.points }
      }),
    }
  }

  /** The link after the last seal that ends at or before a block; `undefined` while the block is not sealed here. */
  private randomnessAt(number: bigint): Hash | undefined {
    const { genesisHash, store } = this.options
    if (number === 0n) return firstRandomness(genesisHash)
    const covering = store.sealOf(number)
    if (covering === undefined || lastOf(covering.seal) === number) return covering?.randomness
    return this.randomnessAt(covering.seal.first - 1n)
  }

  /** The epoch of a proposal that the store has: it began with an entry of its own. */
  private committee(layer: Layer, epoch: Epoch): Committee {
    const { genesisHash, store } = this.options
    const start = store.epochs(layer).findLast((other) => other.epoch === epoch)
    const { members } = present(start, `epoch ${epoch} of the ${layer} layer`)
    return makeCommittee(genesisHash, layer, epoch, members)
  }

  private latestEpoch(layer: Layer): EpochStart | undefined {
    return this.options.store.epochs(layer).at(-1)
  }

  /** The highest block that this node knows to be final or sealed. */
  private highestKnown(): bigint {
    const { ledger, store } = this.options
    const seal = store.latestSeal()
    const sealed = seal === undefined ? 0n : lastOf(seal.seal)
    const head = ledger.head().number
    return sealed > head ? sealed : head
  }
}

const LAYERS: readonly Layer[] = ['execution', 'witness']
const FIRST_EPOCH = 0 as Epoch

function describeHalt({ layer, reason }: HaltEvent): string {
  return `the ${layer} layer halted: ${whatHappened(reason)}`
}

function whatHappened(reason: HaltEvent['reason']): string {
  switch (reason.kind) {
    case 'conflictingCertificates':
      return 'two certificates contradict each other, so more members lie than the protocol can bear'
    case 'invalidBlockIsFinal':
      return 'a quorum made a block final that this node finds invalid'
    case 'finalFork':
      return 'a final block does not descend from the one that was final before'
    case 'logFailed':
      return 'its log could not be written'
    default:
      return unreachable(reason)
  }
}
