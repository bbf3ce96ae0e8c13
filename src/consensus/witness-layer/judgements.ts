/**
 * Verdicts on seals that other Committers propose. A witness vouches for nothing but what it executed itself: a seal that
 * is right as far as its bytes go waits until this node's own chain reaches the end of the range and is final there.
 * Whatever is missing makes a seal wait; only what is there can make it invalid.
 *
 * What costs something, the two signatures, is checked once a proposal, however often it is looked at again.
 */
import type { Hash } from '../../primitives/bytes.ts'
import type { Seats } from '../committees/schedule.ts'
import { revealMessage } from '../election/randomness.ts'
import { WireError } from '../simplex/binary.ts'
import { LIMITS, type CommitteeShape } from '../simplex/config.ts'
import type { Block, View } from '../simplex/types.ts'
import type { FinalChain, FinalityProof } from './final-chain.ts'
import { decodeReject, isReject } from './reject-codec.ts'
import { refusedBlock, rejectFaultOf, type Refusals, type Reject } from './reject.ts'
import { decodeSeal } from './seal-codec.ts'
import { faultOf, isSameList, isSameSeats, type SealBounds } from './seal-rules.ts'
import { lastOf, type Seal } from './seal.ts'

/** All that the core keeps; of more, the oldest are forgotten. */
const JUDGEMENTS_MAX = LIMITS.blocks + LIMITS.fetchedBlocks

export interface JudgementOptions extends SealBounds {
  readonly chain: FinalChain
  /** Of the cycle's execution committee. */
  readonly executionShape: CommitteeShape
  /** Index of the Committer of a view. */
  committerOf(view: View): number
  /** What a Committer's reveal in a view is about. */
  slotOf(view: View): bigint
  /** Whether a reveal is the signature of a witness. @param message of `revealMessage`. */
  verifyReveal(member: number, message: Uint8Array, reveal: Uint8Array): boolean
  /** Who serves in the next cycle; `undefined` while this node cannot know. Asked for at the boundary. */
  handover(): Seats | undefined
  readonly refusals: Refusals
  /** A quorum of executors made a block final that differs from this node's. */
  onConflict(number: bigint, seal: Seal): void
  /** The node cannot go on: it must stop, and may be started again. */
  onError(error: unknown): void
}

/** A proposal that waits for its verdict. */
interface Judgement {
  readonly block: Block
  readonly parentPayload: Hash
  readonly content: Seal | Reject
  onVerdict: (isValid: boolean) => void
  isRevealValid: boolean | undefined
  finality: 'unchecked' | 'checking' | 'valid' | 'invalid'
}

export class Judgements {
  private readonly options: JudgementOptions
  private readonly waiting = new Map<Hash, Judgement>()

  constructor(options: JudgementOptions) {
    this.options = options
  }

  get waitingCount(): number {
    return this.waiting.size
  }

  /** @param onVerdict is called once, now or later, or never. */
  add(block: Block, parentPayload: Hash, onVerdict: (isValid: boolean) => void): void {
    const { proposal, body } = block
    const existing = this.waiting.get(proposal.hash)
    if (existing !== undefined) {
      existing.onVerdict = onVerdict
      return
    }
    if (body.length === 0) {
      onVerdict(proposal.payloadHash === parentPayload)
      return
    }
    const content = decoded(body, this.options.executionShape)
    if (content === undefined) {
      onVerdict(false)
      return
    }
    const judgement = { block, parentPayload, content, onVerdict, isRevealValid: undefined } as const
    this.waiting.set(proposal.hash, { ...judgement, finality: 'unchecked' })
    this.forgetOldest()
    this.retry(proposal.hash)
  }

  /** This node has learned something: its chain is longer, or more of it is sealed. */
  retryAll(): void {
    for (const hash of [...this.waiting.keys()]) this.retry(hash)
  }

  /** Nobody waits for verdicts on what finality has overtaken. */
  dropUpTo(height: number): void {
    for (const [hash, { block }] of this.waiting) {
      if (block.proposal.height <= height) this.waiting.delete(hash)
    }
  }

  private retry(hash: Hash): void {
    const judgement = this.waiting.get(hash)
    if (judgement === undefined) return
    try {
      const isValid = this.judge(judgement)
      if (isValid === undefined) return
      this.waiting.delete(hash)
      judgement.onVerdict(isValid)
    } catch (error) {
      this.options.onError(error)
    }
  }

  /** `undefined` while something is missing. */
  private judge(judgement: Judgement): boolean | undefined {
    const { content, parentPayload } = judgement
    const parentNumber = this.options.chain.numberOf(parentPayload)
    if (parentNumber === undefined) return undefined
    return 'proof' in content
      ? this.judgeReject(judgement, content, parentNumber)
      : this.judgeSeal(judgement, content, parentNumber)
  }

  private judgeSeal(judgement: Judgement, seal: Seal, parentNumber: bigint): boolean | undefined {
    const { block } = judgement
    const { chain } = this.options
    if (faultOf(seal, parentNumber, block.proposal, this.options) !== undefined) return false
    judgement.isRevealValid ??= this.isRevealValid(block, seal)
    if (!judgement.isRevealValid) return false
    if (judgement.finality === 'unchecked') this.checkFinality(judgement, sealProof(seal))
    if (judgement.finality === 'invalid') return false
    const epoch = chain.epochOf(lastOf(seal))
    // Below a later epoch than this node's the executors were replaced, which it is about to hear.
    if (judgement.finality !== 'valid' || epoch === undefined || epoch < seal.executionEpoch) return undefined
    if (epoch > seal.executionEpoch || this.conflictWith(seal)) return false
    return this.isHandoverRight(seal)
  }

  /**
   * Nobody else's execution counts: a node that found nothing wrong with the block has no part in refusing it. But it is
   * no reason to call the reject invalid either, for a quorum may know better.
   */
  private judgeReject(judgement: Judgement, reject: Reject, parentNumber: bigint): boolean | undefined {
    const { block, parentPayload } = judgement
    const { refusals } = this.options
    const { proof, executors } = reject
    const { payloadHash } = block.proposal
    if (rejectFaultOf(reject, parentNumber, parentPayload, payloadHash, this.options) !== undefined)
      return false
    const decisive = refusals.decisiveFor(proof.epoch)
    if (decisive === undefined || refusedBlock(decisive.proof).hash !== refusedBlock(proof).hash)
      return undefined
    if (judgement.finality === 'unchecked') this.checkFinality(judgement, proof)
    if (judgement.finality !== 'valid') return judgement.finality === 'invalid' ? false : undefined
    const successors = refusals.replacementFor(proof)
    return successors === undefined ? undefined : isSameList(successors, executors)
  }

  private isRevealValid(block: Block, seal: Seal): boolean {
    const { cycle, committerOf, slotOf, verifyReveal } = this.options
    const { view } = block.proposal
    return verifyReveal(committerOf(view), revealMessage(BigInt(cycle), slotOf(view)), seal.reveal)
  }

  private checkFinality(judgement: Judgement, { epoch, finalization }: FinalityProof): void {
    const { block } = judgement
    judgement.finality = 'checking'
    let isAtOnce = true
    const isUnderWay = this.options.chain.verifyFinalization(epoch, finalization, (isValid) => {
      judgement.finality = isValid ? 'valid' : 'invalid'
      if (!isAtOnce) this.retry(block.proposal.hash)
    })
    isAtOnce = false
    if (!isUnderWay) judgement.finality = 'unchecked'
  }

  private forgetOldest(): void {
    if (this.waiting.size <= JUDGEMENTS_MAX) return
    const [oldest] = this.waiting.keys()
    if (oldest !== undefined) this.waiting.delete(oldest)
  }

  private conflictWith(seal: Seal): boolean {
    const { chain, onConflict } = this.options
    const number = conflictIn(seal, chain)
    // The certificate is about the last block: of those before it the Committer may say what it likes.
    const isCertified = chain.finalHash(lastOf(seal)) !== seal.blocks.at(-1)
    if (number !== undefined && isCertified) onConflict(number, seal)
    return number !== undefined
  }

  private isHandoverRight({ handover }: Seal): boolean | undefined {
    if (handover === undefined) return true
    const own = this.options.handover()
    return own === undefined ? undefined : isSameSeats(own, handover)
  }
}

/** The lowest number at which a seal and the chain, which reaches its end, name different blocks. */
export function conflictIn({ first, blocks }: Seal, chain: FinalChain): bigint | undefined {
  const index = blocks.findIndex((hash, offset) => chain.finalHash(first + BigInt(offset)) !== hash)
  return index < 0 ? undefined : first + BigInt(index)
}

function sealProof({ executionEpoch: epoch, proposals, finalization }: Seal): FinalityProof {
  return { epoch, proposals, finalization }
}

function decoded(body: Uint8Array, executionShape: CommitteeShape): Seal | Reject | undefined {
  try {
    return isReject(body) ? decodeReject(body, executionShape) : decodeSeal(body, executionShape)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}
