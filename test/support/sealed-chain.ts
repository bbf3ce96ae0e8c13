/**
 * Makes the chain of both layers without a node: blocks that are headers only, their proposals and certificates, seals,
 * the randomness in them and the committees that follow from it. With BLS keys everything is signed as on a network;
 * without, signatures are random bytes, for what does not look at them.
 *
 * Chance adds what happens on a network: views without a proposal, blocks and seals that only a descendant makes final,
 * proposals that repeat, and if the plan wants it, blocks that the witnesses reject.
 */
import { bls } from '../../src/consensus/bls.ts'
import {
  domainOf,
  epochAfterCycle,
  epochOf,
  makeCommittee,
  nextAttempt,
  type Committee,
} from '../../src/consensus/committees/committee.ts'
import { replaceExecutors } from '../../src/consensus/committees/replacement.ts'
import type { ConsensusParameters } from '../../src/consensus/committees/parameters.ts'
import type { RegisteredNode } from '../../src/consensus/committees/registry.ts'
import {
  boundaryOf,
  cycleOf,
  electSeats,
  snapshotOf,
  type Seats,
} from '../../src/consensus/committees/schedule.ts'
import type { EpochStart } from '../../src/consensus/dual-bft/consensus-store.ts'
import { ElectionError, type NodeId } from '../../src/consensus/election/election.ts'
import { revealMessage } from '../../src/consensus/election/randomness.ts'
import type { SealedItem } from '../../src/consensus/light/light-verifier.ts'
import type { BlockReference } from '../../src/consensus/plugin.ts'
import { provePossession, type Signer } from '../../src/consensus/signature-scheme.ts'
import { makeCertificate, signersOf } from '../../src/consensus/simplex/certificate.ts'
import { makeBlock } from '../../src/consensus/simplex/proposal.ts'
import { signedBytes } from '../../src/consensus/simplex/signing.ts'
import {
  GENESIS_VIEW,
  type Certificate,
  type Epoch,
  type Proposal,
  type Tip,
  type View,
  type VoteKind,
} from '../../src/consensus/simplex/types.ts'
import {
  randomnessAfter,
  sealingPointOf,
  type SealingPoint,
} from '../../src/consensus/witness-layer/randomness-of-seals.ts'
import { encodeReject } from '../../src/consensus/witness-layer/reject-codec.ts'
import { encodeSeal } from '../../src/consensus/witness-layer/seal-codec.ts'
import type { Seal } from '../../src/consensus/witness-layer/seal.ts'
import { EMPTY_BYTES, bytesToHex, type Hash, wordToAddress } from '../../src/primitives/bytes.ts'
import { present } from '../../src/primitives/assert.ts'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import { ExecutedCycle, type ExecutedStep } from './executed-cycle.ts'
import { Prng } from './prng.ts'

export interface SealedChainPlan {
  readonly chainId: bigint
  readonly parameters: ConsensusParameters
  /** Registered nodes, of which the committees are drawn. */
  readonly nodes: number
  /** The chain ends with the seal that covers this many blocks. */
  readonly blocks: number
  /** Whether signatures are real. */
  readonly isSigned: boolean
  /** A block of nothing but a hash, unless this says what the chain begins with. */
  readonly genesis?: BlockReference
  readonly seed: string
  /** Shares of proposals before which a view was skipped, that a descendant makes final, and that are repeated. */
  readonly skipped: number
  readonly uncertified: number
  readonly repeated: number
  /** Share of proposals that reject what the executors made final; none unless given. */
  readonly rejected?: number
}

export const SMALL_PARAMETERS: ConsensusParameters = {
  executorSeats: 4,
  witnessSeats: 7,
  cycleBlocks: 2600,
  windowBlocks: 64,
  rangeBlocks: 16,
  resetSeconds: 120,
  heartbeatMs: 2000,
}

/** A final proposal of the witness layer, and what happened before it. */
export interface SealedStep {
  /** Both, when a cycle begins with this step. */
  readonly starts: readonly EpochStart[]
  /** Proposals that the seal is about, and those of blocks after it that it needs. Each appears in one step. */
  readonly executed: readonly ExecutedStep[]
  readonly epoch: Epoch
  readonly item: SealedItem
  readonly seal: Seal | undefined
  readonly randomness: SealingPoint['randomness']
}

export class SealedChainMaker {
  readonly genesis: BlockReference
  readonly nodes: readonly RegisteredNode[]
  readonly plan: SealedChainPlan
  readonly prng: Prng
  private readonly signers = new Map<NodeId, Signer>()

  constructor(plan: SealedChainPlan) {
    this.plan = plan
    this.prng = new Prng(plan.seed)
    this.genesis = plan.genesis ?? { number: 0n, hash: keccak256Hash(new TextEncoder().encode(plan.seed)) }
    this.nodes = Array.from({ length: plan.nodes }, (_, index) => this.register(index))
  }

  firstSeats(): Seats {
    const { randomness } = sealingPointOf(undefined, 0 as Epoch, this.genesis.hash)
    return electSeats(this.nodes, this.plan.parameters, 0, randomness)
  }

  *steps(): Generator<SealedStep, void, undefined> {
    const { blocks, parameters } = this.plan
    let sealing = this.firstCycle()
    for (;;) {
      yield* sealing.steps()
      if (sealing.point.number >= BigInt(blocks)) return
      const { point, seats, sealHeight } = sealing.next
      const cycle = cycleOf(point.number + 1n, parameters)
      sealing = new SealingCycle(
        this,
        cycle,
        sealing.nextEpoch,
        seats,
        point,
        sealHeight,
        sealing.payloadHash,
      )
    }
  }

  private firstCycle(): SealingCycle {
    const point = sealingPointOf(undefined, 0 as Epoch, this.genesis.hash)
    return new SealingCycle(this, 0, epochOf(0), this.firstSeats(), point, 0, this.genesis.hash)
  }

  nextView(view: View): View {
    return (view + (this.prng.chance(this.plan.skipped) ? this.prng.between(2, 4) : 1)) as View
  }

  certify(committee: Committee, kind: VoteKind, { view, hash }: Proposal): Certificate {
    const { members, shape } = committee
    const statement = { kind, view, hash }
    const count = this.prng.between(shape.quorum, shape.size)
    const signers = this.shuffled(members.map((_, index) => index)).slice(0, count)
    if (!this.plan.isSigned) return makeCertificate(statement, signers, this.prng.bytes(96), shape)
    const message = signedBytes(domainOf(this.plan.chainId, committee), statement)
    const signatures = signers.map((index) => this.signerOf(present(members[index], 'member')).sign(message))
    return makeCertificate(statement, signers, present(bls.aggregate(signatures), 'aggregate'), shape)
  }

  signerOf(id: NodeId): Signer {
    return present(this.signers.get(id), `key of ${id}`)
  }

  reveal(committer: NodeId, cycle: bigint, slot: bigint): Uint8Array {
    return this.plan.isSigned
      ? this.signerOf(committer).sign(revealMessage(cycle, slot))
      : this.prng.bytes(96)
  }

  private register(index: number): RegisteredNode {
    const fields = {
      stake: 10n ** 18n * BigInt(this.prng.between(1, 100)),
      points: BigInt(this.prng.between(1, 1000)),
      isJailed: false,
      payout: wordToAddress(BigInt(index + 1)),
    }
    if (!this.plan.isSigned) {
      return { id: bytesToHex(this.prng.bytes(48)), proofOfPossession: this.prng.bytes(96), ...fields }
    }
    // Below the order of the group, whose first byte is 0x73.
    const signer = bls.signer(this.prng.bytes(32).with(0, 1))
    const id = bytesToHex(signer.publicKey)
    this.signers.set(id, signer)
    return { id, proofOfPossession: provePossession(signer), ...fields }
  }

  private shuffled(indexes: number[]): number[] {
    for (let last = indexes.length - 1; last > 0; last--) {
      const other = this.prng.below(last + 1)
      ;[indexes[last], indexes[other]] = [indexes[other] as number, indexes[last] as number]
    }
    return indexes
  }
}

/** The witness layer in one cycle: seals it, or what the plan wants of it. */
class SealingCycle {
  point: SealingPoint
  private readonly maker: SealedChainMaker
  private readonly committee: Committee
  private readonly cycle: number
  private readonly firstEpoch: Epoch
  private readonly boundary: bigint
  private readonly target: bigint
  private execution: ExecutedCycle
  private parent: Tip
  private starts: readonly EpochStart[]
  private sealHeight: number
  private linkAtSnapshot: Hash
  private nextSeats: Seats
  private lastReject: Uint8Array | undefined

  /** @param height of the last seal. @param hash of the last sealed block. */
  constructor(
    maker: SealedChainMaker,
    cycle: number,
    epoch: Epoch,
    seats: Seats,
    point: SealingPoint,
    height: number,
    hash: Hash,
  ) {
    const { parameters, blocks } = maker.plan
    this.maker = maker
    this.cycle = cycle
    this.firstEpoch = epoch
    this.committee = makeCommittee(maker.genesis.hash, 'witness', epochOf(cycle), seats.witnesses)
    this.boundary = boundaryOf(cycle, parameters)
    this.target = BigInt(blocks) < this.boundary ? BigInt(blocks) : this.boundary
    this.point = { ...point, view: GENESIS_VIEW }
    this.linkAtSnapshot = point.randomness
    this.nextSeats = seats
    this.sealHeight = height
    this.parent = { view: GENESIS_VIEW, height, hash, payloadHash: hash }
    const block = { number: point.number, hash }
    this.execution = new ExecutedCycle(
      maker,
      makeCommittee(maker.genesis.hash, 'execution', epoch, seats.executors),
      cycle,
      block,
    )
    this.starts = [
      startOf(this.execution.committee, Number(point.number), hash),
      startOf(this.committee, height, hash),
    ]
  }

  get payloadHash(): Hash {
    return this.parent.payloadHash
  }

  /** What the next cycle begins with. */
  get next(): { readonly point: SealingPoint; readonly seats: Seats; readonly sealHeight: number } {
    return { point: this.point, seats: this.nextSeats, sealHeight: this.sealHeight }
  }

  get nextEpoch(): Epoch {
    return epochAfterCycle(this.firstEpoch, this.execution.committee.epoch)
  }

  *steps(): Generator<SealedStep, void, undefined> {
    const { prng, plan } = this.maker
    let isFinal = true
    while (this.point.number < this.target || !isFinal) {
      const view = this.maker.nextView(this.parent.view)
      const isAtEnd = this.point.number >= this.target
      const step =
        this.parent.view > 0 && (isAtEnd || prng.chance(plan.repeated))
          ? this.repeat(view)
          : plan.rejected !== undefined && prng.chance(plan.rejected)
            ? (this.reject(view) ?? this.seal(view))
            : this.seal(view)
      isFinal = step.item.finalization !== undefined
      yield step
    }
  }

  private repeat(view: View): SealedStep {
    return this.step(view, EMPTY_BYTES, this.parent.payloadHash)
  }

  private seal(view: View): SealedStep {
    const { execution, maker, cycle, point } = this
    const { prng, plan, nodes } = maker
    const { rangeBlocks } = plan.parameters
    const first = point.number + 1n
    const rest = Number(this.target - point.number)
    const count = prng.chance(0.8) ? rangeBlocks : prng.between(1, rangeBlocks)
    const last = first + BigInt(Math.min(count, rest)) - 1n
    const proof = execution.proofOf(last)
    const executed = execution.take(proof.height)
    const committer = present(this.committee.members[view % this.committee.members.length], 'Committer')
    const reveal = maker.reveal(committer, BigInt(cycle), BigInt(view))
    const randomness = randomnessAfter(point, view, reveal)
    if (last <= snapshotOf(cycle + 1, plan.parameters)) this.linkAtSnapshot = randomness
    this.point = { number: last, randomness, view }
    const isLast = last === this.boundary
    if (isLast) this.nextSeats = electSeats(nodes, plan.parameters, cycle + 1, this.linkAtSnapshot)
    const { proposals, finalization } = proof
    const executionEpoch = execution.committee.epoch
    const blocks = execution.hashes(first, last)
    const handover = isLast ? this.nextSeats : undefined
    const seal: Seal = { first, blocks, executionEpoch, proposals, finalization, reveal, handover }
    this.lastReject = undefined
    const payloadHash = present(blocks.at(-1), 'last block')
    const step = this.step(view, encodeSeal(seal), payloadHash, { seal, executed })
    this.sealHeight = step.item.proposal.height
    return step
  }

  /** Of the next block; a second time, it rejects nothing. `undefined` where too few executors would be left. */
  private reject(view: View): SealedStep | undefined {
    const { execution, maker, parent, point, cycle } = this
    if (this.lastReject !== undefined) return this.step(view, this.lastReject, parent.payloadHash)
    const { members, epoch } = execution.committee
    const { proposals, finalization } = execution.proofOf(point.number + 1n)
    const executors = replacing(maker.nodes, members, signersOf(finalization.bitmap))
    if (executors === undefined) return undefined
    const body = encodeReject({ proof: { epoch, proposals, finalization }, executors })
    const step = this.step(view, body, parent.payloadHash)
    const successors = makeCommittee(maker.genesis.hash, 'execution', nextAttempt(epoch), executors)
    const root = { number: point.number, hash: parent.payloadHash }
    this.execution = new ExecutedCycle(maker, successors, cycle, root)
    this.starts = [...this.starts, startOf(successors, Number(root.number), root.hash)]
    this.lastReject = body
    return step
  }

  private step(
    view: View,
    bytes: Uint8Array,
    payloadHash: Hash,
    sealed?: { readonly seal: Seal; readonly executed: readonly ExecutedStep[] },
  ): SealedStep {
    const { maker, parent, committee, execution, starts, point } = this
    const fields = {
      view,
      parentView: parent.view,
      height: parent.height + 1,
      parentHash: parent.hash,
      payloadHash,
    }
    const { proposal, body } = makeBlock(fields, bytes)
    const isFinal = !maker.prng.chance(maker.plan.uncertified)
    const finalization = isFinal ? maker.certify(committee, 'finalize', proposal) : undefined
    const headers = sealed === undefined ? [] : execution.headers(sealed.seal.first, point.number)
    this.parent = proposal
    this.starts = []
    return {
      starts,
      executed: sealed?.executed ?? [],
      epoch: committee.epoch,
      item: { headers, proposal, body, finalization },
      seal: sealed?.seal,
      randomness: point.randomness,
    }
  }
}

function startOf({ layer, epoch, members }: Committee, height: number, hash: Hash): EpochStart {
  return { layer, epoch, members, root: { height, hash, payloadHash: hash } }
}

function replacing(
  nodes: readonly RegisteredNode[],
  members: readonly NodeId[],
  signers: readonly number[],
): readonly NodeId[] | undefined {
  try {
    return replaceExecutors(nodes, members, signers)
  } catch (error) {
    if (error instanceof ElectionError) return undefined
    throw error
  }
}
