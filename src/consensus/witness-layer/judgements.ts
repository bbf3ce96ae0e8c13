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
import type { Block } from '../simplex/types.ts'
import type { FinalChain } from './final-chain.ts'
import { decodeSeal } from './seal-codec.ts'
import { faultOf, isSameSeats, type SealBounds } from './seal-rules.ts'
import { lastOf, type Seal } from './seal.ts'

/** All that the core keeps; of more, the oldest are forgotten. */
const JUDGEMENTS_MAX = LIMITS.blocks + LIMITS.fetchedBlocks

export interface JudgementOptions extends SealBounds {
  readonly chain: FinalChain
  /** Of the cycle's execution committee. */
  readonly executionShape: CommitteeShape
  /** Index of the Committer of a view. */
  committerOf(view: Block['proposal']['view']): number
  /** Whether a reveal is the signature of a witness. @param message of `revealMessage`. */
  verifyReveal(member: number, message: Uint8Array, reveal: Uint8Array): boolean
  /** Who serves in the next cycle; `undefined` while this node cannot know. Asked for at the boundary. */
  handover(): Seats | undefined
  /** A quorum of executors made a block final that differs from this node's. */
  onConflict(number: bigint, seal: Seal): void
  /** The node cannot go on: it must stop, and may be started again. */
  onError(error: unknown): void
}

/** A proposal that waits for its verdict. */
interface Judgement {
  readonly block: Block
  readonly parentPayload: Hash
  readonly seal: Seal
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
    const seal = decoded(body, this.options.executionShape)
    if (seal === undefined) {
      onVerdict(false)
      return
    }
    const judgement = { block, parentPayload, seal, onVerdict, isRevealValid: undefined } as const
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
    const { seal, block, parentPayload } = judgement
    const { chain } = this.options
    const parentNumber = chain.numberOf(parentPayload)
    if (parentNumber === undefined) return undefined
    if (faultOf(seal, parentNumber, block.proposal, this.options) !== undefined) return false
    judgement.isRevealValid ??= this.isRevealValid(judgement)
    if (!judgement.isRevealValid) return false
    if (judgement.finality === 'unchecked') this.checkFinality(judgement)
    if (judgement.finality === 'invalid') return false
    if (judgement.finality !== 'valid' || chain.finalNumber() < lastOf(seal)) return undefined
    if (this.conflictWith(seal)) return false
    return this.isHandoverRight(seal)
  }

  private isRevealValid({ seal, block }: Judgement): boolean {
    const { cycle, committerOf, verifyReveal } = this.options
    const { view } = block.proposal
    return verifyReveal(committerOf(view), revealMessage(BigInt(cycle), BigInt(view)), seal.reveal)
  }

  private checkFinality(judgement: Judgement): void {
    const { seal, block } = judgement
    judgement.finality = 'checking'
    let isAtOnce = true
    this.options.chain.verifyFinalization(seal.executionEpoch, seal.finalization, (isValid) => {
      judgement.finality = isValid ? 'valid' : 'invalid'
      if (!isAtOnce) this.retry(block.proposal.hash)
    })
    isAtOnce = false
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

function decoded(body: Uint8Array, executionShape: CommitteeShape): Seal | undefined {
  try {
    return decodeSeal(body, executionShape)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}
