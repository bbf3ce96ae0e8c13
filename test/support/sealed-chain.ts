/**
 * Makes the chain of both layers without a node: blocks that are headers only, their proposals and certificates, seals,
 * the randomness in them and the committees that follow from it. With BLS keys everything is signed as on a network;
 * without, signatures are random bytes, for what does not look at them.
 *
 * Chance adds what happens on a network: views without a proposal, blocks and seals that only a descendant makes final,
 * proposals that repeat.
 */
import { EMPTY_OMMERS_HASH, encodeHeader } from '../../src/chain/block-codec.ts'
import type { Header } from '../../src/chain/block.ts'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import { bls } from '../../src/consensus/bls.ts'
import { domainOf, epochOf, makeCommittee, type Committee } from '../../src/consensus/committees/committee.ts'
import type { ConsensusParameters } from '../../src/consensus/committees/parameters.ts'
import type { RegisteredNode } from '../../src/consensus/committees/registry.ts'
import { boundaryOf, electSeats, snapshotOf, type Seats } from '../../src/consensus/committees/schedule.ts'
import type { EpochStart } from '../../src/consensus/dual-bft/consensus-store.ts'
import type { NodeId } from '../../src/consensus/election/election.ts'
import { revealMessage } from '../../src/consensus/election/randomness.ts'
import type { SealedItem } from '../../src/consensus/light/light-verifier.ts'
import type { BlockReference } from '../../src/consensus/plugin.ts'
import { provePossession, type Signer } from '../../src/consensus/signature-scheme.ts'
import { makeCertificate } from '../../src/consensus/simplex/certificate.ts'
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
import { encodeSeal } from '../../src/consensus/witness-layer/seal-codec.ts'
import type { Seal } from '../../src/consensus/witness-layer/seal.ts'
import {
  EMPTY_BYTES,
  bytesToHash,
  bytesToHex,
  wordToAddress,
  ZERO_ADDRESS,
} from '../../src/primitives/bytes.ts'
import { present } from '../../src/primitives/assert.ts'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
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

/** A final proposal of the execution layer. */
export interface ExecutedStep {
  readonly epoch: Epoch
  readonly proposal: Proposal
  readonly notarization: Certificate | undefined
  readonly finalization: Certificate | undefined
  /** `undefined` for a repeat. */
  readonly header: Uint8Array | undefined
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
  private readonly prng: Prng
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
    const { blocks } = this.plan
    let seats = this.firstSeats()
    let block = this.genesis
    let height = 0
    let point = sealingPointOf(undefined, 0 as Epoch, this.genesis.hash)
    for (let cycle = 0; point.number < BigInt(blocks); cycle++) {
      const epoch = epochOf(cycle)
      const starts = [
        this.start('execution', epoch, seats.executors, Number(block.number), block),
        this.start('witness', epoch, seats.witnesses, height, block),
      ]
      const execution = new ExecutedCycle(this, this.prng, cycle, seats, block)
      const from = { point, height, block }
      ;({ point, height, block, seats } = yield* this.sealCycle(cycle, seats, execution, from, starts))
    }
  }

  /** Seals one cycle, or what the plan wants of it. @returns how the next one begins. */
  private *sealCycle(
    cycle: number,
    seats: Seats,
    execution: ExecutedCycle,
    from: { readonly point: SealingPoint; readonly height: number; readonly block: BlockReference },
    starts: readonly EpochStart[],
  ): Generator<SealedStep, typeof from & { readonly seats: Seats }, undefined> {
    const { parameters, blocks, repeated, uncertified } = this.plan
    const committee = makeCommittee('witness', epochOf(cycle), seats.witnesses)
    const boundary = boundaryOf(cycle, parameters)
    const snapshot = snapshotOf(cycle + 1, parameters)
    let point: SealingPoint = { ...from.point, view: GENESIS_VIEW }
    let linkAtSnapshot = point.randomness
    let parent: Tip = {
      view: GENESIS_VIEW,
      height: from.height,
      hash: from.block.hash,
      payloadHash: from.block.hash,
    }
    let sealHeight = from.height
    let pending = starts
    let nextSeats = seats
    let isFinal = true
    const target = BigInt(blocks) < boundary ? BigInt(blocks) : boundary
    while (point.number < target || !isFinal) {
      const view = this.nextView(parent.view)
      const isRepeat = parent.view > 0 && (point.number >= target || this.prng.chance(repeated))
      let seal: Seal | undefined
      let executed: readonly ExecutedStep[] = []
      if (!isRepeat) {
        const first = point.number + 1n
        const rest = Number(target - point.number)
        const count = this.prng.chance(0.8)
          ? parameters.rangeBlocks
          : this.prng.between(1, parameters.rangeBlocks)
        const last = first + BigInt(Math.min(count, rest)) - 1n
        const proof = execution.proofOf(last)
        executed = execution.take(proof.height)
        const slot = view % seats.witnesses.length
        const reveal = this.reveal(present(seats.witnesses[slot], 'Committer'), BigInt(cycle), BigInt(view))
        const randomness = randomnessAfter(point, view, reveal)
        if (last <= snapshot) linkAtSnapshot = randomness
        point = { number: last, randomness, view }
        if (last === boundary) nextSeats = electSeats(this.nodes, parameters, cycle + 1, linkAtSnapshot)
        seal = {
          first,
          blocks: execution.hashes(first, last),
          executionEpoch: epochOf(cycle),
          proposals: proof.proposals,
          finalization: proof.finalization,
          reveal,
          handover: last === boundary ? nextSeats : undefined,
        }
      }
      const payloadHash = seal?.blocks.at(-1) ?? parent.payloadHash
      const { proposal, body } = makeBlock(
        { view, parentView: parent.view, height: parent.height + 1, parentHash: parent.hash, payloadHash },
        seal === undefined ? EMPTY_BYTES : encodeSeal(seal),
      )
      isFinal = !this.prng.chance(uncertified)
      const finalization = isFinal ? this.certify(committee, 'finalize', proposal) : undefined
      const headers = seal === undefined ? [] : execution.headers(seal.first, point.number)
      if (seal !== undefined) sealHeight = proposal.height
      yield {
        starts: pending,
        executed,
        epoch: epochOf(cycle),
        item: { headers, proposal, body, finalization },
        seal,
        randomness: point.randomness,
      }
      pending = []
      parent = proposal
    }
    const block = { number: point.number, hash: parent.payloadHash }
    return { point, height: sealHeight, block, seats: nextSeats }
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

  private reveal(committer: NodeId, cycle: bigint, slot: bigint): Uint8Array {
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

  private start(
    layer: EpochStart['layer'],
    epoch: Epoch,
    members: readonly NodeId[],
    height: number,
    { hash }: BlockReference,
  ): EpochStart {
    return { layer, epoch, members, root: { height, hash, payloadHash: hash } }
  }

  private shuffled(indexes: number[]): number[] {
    for (let last = indexes.length - 1; last > 0; last--) {
      const other = this.prng.below(last + 1)
      ;[indexes[last], indexes[other]] = [indexes[other] as number, indexes[last] as number]
    }
    return indexes
  }
}

/** The execution layer in one cycle. Certificates are made when they are asked for. */
class ExecutedCycle {
  private readonly maker: SealedChainMaker
  private readonly committee: Committee
  private readonly firstNumber: number
  private readonly proposals: Proposal[] = []
  private readonly encoded: Uint8Array[] = []
  private readonly certificates: (Certificate | undefined)[] = []
  private readonly isCertified: boolean[] = []
  private takenCount = 0

  constructor(maker: SealedChainMaker, prng: Prng, cycle: number, seats: Seats, root: BlockReference) {
    const { parameters, uncertified } = maker.plan
    this.maker = maker
    this.committee = makeCommittee('execution', epochOf(cycle), seats.executors)
    this.firstNumber = Number(root.number) + 1
    const boundary = Number(boundaryOf(cycle, parameters))
    let parent: Tip = {
      view: GENESIS_VIEW,
      height: Number(root.number),
      hash: root.hash,
      payloadHash: root.hash,
    }
    for (let height = this.firstNumber; height <= boundary || this.isCertified.at(-1) === false; height++) {
      let payloadHash = parent.payloadHash
      let body: Uint8Array = EMPTY_BYTES
      if (height <= boundary) {
        const header = encodeHeader(headerOf(BigInt(height), parent.payloadHash, prng))
        this.encoded.push(header)
        payloadHash = keccak256Hash(header)
        body = header
      }
      const view = maker.nextView(parent.view)
      const fields = { view, parentView: parent.view, height, parentHash: parent.hash, payloadHash }
      const { proposal } = makeBlock(fields, body)
      this.proposals.push(proposal)
      this.isCertified.push(!prng.chance(uncertified))
      parent = proposal
    }
  }

  hashes(first: bigint, last: bigint): Seal['blocks'] {
    return this.between(this.proposals, first, last).map(({ payloadHash }) => payloadHash)
  }

  headers(first: bigint, last: bigint): Uint8Array[] {
    return this.between(this.encoded, first, last)
  }

  /** The lowest certificate that makes a block final. */
  proofOf(number: bigint): Pick<Seal, 'proposals' | 'finalization'> & { readonly height: number } {
    const start = Number(number) - this.firstNumber
    const end = this.isCertified.indexOf(true, start)
    const finalization = present(this.certificate(end), 'certificate')
    const proposals = this.proposals.slice(start, end + 1).toReversed()
    return { proposals, finalization, height: end + this.firstNumber }
  }

  /** What was not taken before, up to a height. */
  take(height: number): ExecutedStep[] {
    const from = this.takenCount
    this.takenCount = Math.max(from, height - this.firstNumber + 1)
    return this.proposals.slice(from, this.takenCount).map((proposal, index) => {
      const { plan } = this.maker
      const at = from + index
      // Only chains without signatures have them all: the others would take minutes.
      const isAll = !plan.isSigned
      return {
        epoch: this.committee.epoch,
        proposal,
        notarization:
          isAll && at % 2 === 0 ? this.maker.certify(this.committee, 'notarize', proposal) : undefined,
        finalization: isAll ? this.certificate(at) : this.certificates[at],
        header: this.encoded[at],
      }
    })
  }

  private certificate(at: number): Certificate | undefined {
    const proposal = this.proposals[at]
    if (proposal === undefined || this.isCertified[at] !== true) return undefined
    this.certificates[at] ??= this.maker.certify(this.committee, 'finalize', proposal)
    return this.certificates[at]
  }

  private between<T>(values: readonly T[], first: bigint, last: bigint): T[] {
    return values.slice(Number(first) - this.firstNumber, Number(last) - this.firstNumber + 1)
  }
}

function headerOf(number: bigint, parentHash: Header['parentHash'], prng: Prng): Header {
  const stateRoot = bytesToHash(prng.bytes(32))
  return {
    parentHash,
    ommersHash: EMPTY_OMMERS_HASH,
    beneficiary: ZERO_ADDRESS,
    stateRoot,
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: new Uint8Array(256),
    difficulty: 0n,
    number,
    gasLimit: 30_000_000n,
    gasUsed: 0n,
    timestamp: 1_700_000_000n + number,
    extraData: EMPTY_BYTES,
    prevRandao: stateRoot,
    nonce: new Uint8Array(8),
    baseFeePerGas: 7n,
    withdrawalsRoot: EMPTY_TRIE_ROOT,
    blobGasUsed: 0n,
    excessBlobGas: 0n,
    parentBeaconBlockRoot: stateRoot,
    requestsHash: EMPTY_TRIE_ROOT,
  }
}
