/**
 * Simplex over the chain of a node: what the core knows as payloads are blocks of the execution layer, named by their
 * hashes; a body is the RLP of one.
 *
 * The {@link Application} holds a single line of blocks and executes only on its head. The core thinks in a tree, so
 * every request first *aligns* the line with the block that it builds on: blocks are taken back down to the common
 * ancestor, candidates are committed up to it. What is committed that way is certified, for nothing else is ever built
 * upon; it is pre-confirmed. What is taken back was certified too, but all views since are nullified. Final blocks stay.
 *
 * An epoch ends with the block of a given number. While that one is certified but not final, leaders propose *repeats*: an
 * empty body under its parent's payload, which adds nothing but votes, so that one of them makes the block final. Heights
 * of the core are numbers of blocks up to there, and those of repeats beyond.
 *
 * A final block that this node finds invalid ends the layer here: nothing of it reaches the ledger, and the proof that it is
 * final goes to whoever can do something about it.
 *
 * Requests are carried out one after the other, in the order in which they came. The first that fails for a reason other
 * than an invalid block (a full disk, a broken invariant) is the last: a restart finds out what became durable.
 */
import { assert, present } from '../../primitives/assert.ts'
import { EMPTY_BYTES, equalBytes, type Hash } from '../../primitives/bytes.ts'
import type { Block as ChainBlock } from '../../chain/block.ts'
import { BlockDecodingError, decodeBlock, encodeBlock } from '../../chain/block-codec.ts'
import type { BlockAttributes } from '../../execution/environment.ts'
import { InvalidBlockError } from '../../execution/errors.ts'
import type { Application, BlockReference, Candidate } from '../plugin.ts'
import { LIMITS } from '../simplex/config.ts'
import type { BlockApplication } from '../simplex/driver.ts'
import type { InvalidFinality } from '../simplex/events.ts'
import { EMPTY_BODY_HASH } from '../simplex/proposal.ts'
import type { StoredFinalization } from '../simplex/serving.ts'
import {
  GENESIS_VIEW,
  type Block,
  type Certificate,
  type Proposal,
  type Tip,
  type View,
} from '../simplex/types.ts'
import type { FinalityStore } from './finality-store.ts'
import type { SealRules, SealVerdict } from './seal-rules.ts'

/** Twice what the core keeps: the least recently used is then none that the core may still build upon. */
const CANDIDATES_MAX = 2 * LIMITS.blocks
/** Verdicts that wait for a seal; one that has to go costs its view at most. */
const WAITING_MAX = LIMITS.blocks
/** Notarizations of blocks that are not final. */
const NOTARIZATIONS_MAX = 2 * LIMITS.blocks

export interface BlockApplicationOptions {
  readonly store: FinalityStore
  /** The last final block, where the epoch starts or where an earlier life of this node ended. */
  readonly final: Pick<Tip, 'height' | 'payloadHash'>
  /** Number of the last block of this epoch. */
  readonly lastNumber: bigint
  readonly rules: SealRules
  /** What a block on this parent is to say about itself. */
  attributes(parent: BlockReference): BlockAttributes
  /** Whether a proposal in this view is still worth something. */
  isWanted(view: View): boolean
  /** The parent of a block to be made is the head: calls `make` once when the time has come, or never. */
  pace(make: () => void): void
  /** True when a block of this time, in seconds, may not be judged yet: `retry` is then called later, or never. */
  defer(timestamp: bigint, retry: () => void): boolean
  /** A notarized block has become the head; after the last block of the epoch, again with each repeat of it. */
  onPreconfirmed(block: ChainBlock): void
  /** Pre-confirmed blocks were taken back. */
  onRevoked(): void
  /** In the ledger and in the store: each number once, in order; the last of the epoch with what proves it final. */
  onFinal(number: bigint, hash: Hash): void
  /** A final block is invalid. Nothing is carried out any more. */
  onInvalidFinality(reason: InvalidFinality): void
  /** Nothing is carried out any more. */
  onError(error: unknown): void
}

export class ExecutionBlocks implements BlockApplication {
  private readonly application: Application
  private readonly options: BlockApplicationOptions
  /** Executed blocks above the final one, on the chain or not; the least recently used first. */
  private readonly candidates = new Map<Hash, Candidate>()
  /** By proposal, until the block is final. */
  private readonly notarizations = new Map<Hash, Certificate>()
  /** Asked for again when there is a new seal, the oldest first. */
  private waiting: (() => void)[] = []
  private readonly lastHeight: number
  private finalHeight: number
  /** Parent of most of what is judged; `undefined` when it was not executed in this life of the node. */
  private finalBlock: ChainBlock | undefined
  private finalPayload: Hash
  /** The highest view of which a notarized block was made the head. */
  private preconfirmedView = GENESIS_VIEW
  /** From the invalid block that is final on, ascending. */
  private readonly refused: Proposal[] = []
  private tail: Promise<void> = Promise.resolve()
  private waitingCount = 0
  private isClosed = false
  private isComplete: boolean

  constructor(application: Application, options: BlockApplicationOptions) {
    this.application = application
    this.options = options
    this.lastHeight = Number(options.lastNumber)
    this.finalHeight = options.final.height
    this.finalPayload = options.final.payloadHash
    this.isComplete = this.isLastProven()
  }

  // ---- What the core asks for --------------------------------------------------------------------------------------

  build(
    request: { readonly view: View; readonly height: number; readonly parentPayload: Hash },
    onBuilt: (payloadHash: Hash, body: Uint8Array) => void,
  ): void {
    const { view, height, parentPayload } = request
    const make = async (): Promise<void> => {
      if (!(await this.isReadyToBuild(view, parentPayload))) return
      const block = await this.propose()
      if (block !== undefined) onBuilt(block.hash, encodeBlock(block))
    }
    this.enqueue(async () => {
      if (this.isComplete) return
      if (height > this.lastHeight) {
        onBuilt(parentPayload, EMPTY_BYTES)
        return
      }
      // Only on top of the parent does the pool know which transactions are left.
      if (!(await this.isReadyToBuild(view, parentPayload))) return
      this.options.pace(() => this.enqueue(make))
    })
  }

  verify(block: Block, parentPayload: Hash, onVerdict: (isValid: boolean) => void): void {
    this.enqueue(async () => {
      const retry = (): void => this.verify(block, parentPayload, onVerdict)
      const isValid = await this.judge(block, parentPayload, retry)
      if (isValid !== undefined) onVerdict(isValid)
    })
  }

  /** Certificates of earlier views may come late: what a later view has pre-confirmed is not taken back for them. */
  notarized({ proposal }: Block, certificate: Certificate): void {
    const { view, height, hash, payloadHash } = proposal
    this.notarizations.set(hash, certificate)
    dropOldest(this.notarizations, NOTARIZATIONS_MAX)
    this.enqueue(async () => {
      if (this.isSettled(height) || view <= this.preconfirmedView) return
      if (!(await this.align(payloadHash))) return
      this.preconfirmedView = view
      this.options.onPreconfirmed(this.blockOf(payloadHash))
    })
  }

  /**
   * The ledger comes first, then the store: after a crash in between the block comes again, and is then on the chain.
   * A block that has not been executed yet, as when catching up, is executed now.
   */
  finalized(block: Block, certificate: Certificate | undefined, onApplied: () => void): void {
    const { proposal } = block
    this.enqueue(async () => {
      if (this.isSettled(proposal.height)) await this.prove(certificate)
      else if (!(await this.settle(block, certificate))) {
        this.refuse(proposal, certificate)
        return
      }
      onApplied()
    }, true)
  }

  // ---- What peers ask for ------------------------------------------------------------------------------------------

  block(hash: Hash): Block | undefined {
    const proposal = this.options.store.proposal(hash)
    if (proposal?.bodyHash === EMPTY_BODY_HASH) return { proposal, body: EMPTY_BYTES }
    const block = proposal === undefined ? undefined : this.application.blockByHash(proposal.payloadHash)
    // Blocks have one encoding, so that this is the body that the proposal names.
    return proposal === undefined || block === undefined ? undefined : { proposal, body: encodeBlock(block) }
  }

  finalizationAtOrBelow(height: number): StoredFinalization | undefined {
    return this.options.store.finalizationAtOrBelow(height)
  }

  finalizationAtOrAbove(height: number): StoredFinalization | undefined {
    return this.options.store.finalizationAtOrAbove(height)
  }

  // ---- Life --------------------------------------------------------------------------------------------------------

  /** Executed blocks that are kept. */
  get candidateCount(): number {
    return this.candidates.size
  }

  /** Whether the last block of the epoch is final, and the store can prove it. Nothing is built or judged any more. */
  get isOver(): boolean {
    return this.isComplete
  }

  /** There is a new seal: what waited for one is judged again. */
  retryWaiting(): void {
    const { waiting } = this
    this.waiting = []
    for (const retry of waiting) retry()
  }

  /** Resolves when nothing waits to be carried out. */
  async settled(): Promise<void> {
    while (this.waitingCount > 0) await this.tail
  }

  /** Lets what is being carried out become complete, and drops the rest. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.tail
  }

  // ---- Inside the queue --------------------------------------------------------------------------------------------

  private enqueue(work: () => Promise<void>, isAboutFinality = false): void {
    this.waitingCount += 1
    this.tail = this.tail.then(() => this.carryOut(work, isAboutFinality))
  }

  /** Once a final block is refused, all that is still of interest is what proves it final. */
  private async carryOut(work: () => Promise<void>, isAboutFinality: boolean): Promise<void> {
    try {
      if (!this.isClosed && (isAboutFinality || this.refused.length === 0)) await work()
    } catch (error) {
      if (!this.isClosed) this.options.onError(error)
      this.isClosed = true
    } finally {
      this.waitingCount -= 1
    }
  }

  private async isReadyToBuild(view: View, parentPayload: Hash): Promise<boolean> {
    return this.options.isWanted(view) && (await this.align(parentPayload))
  }

  /** Executes a block of this node on the head. `undefined` when others would not find it valid yet. */
  private async propose(): Promise<ChainBlock | undefined> {
    const parent = this.application.head()
    const candidate = await this.application.propose(parent, this.options.attributes(parent))
    const { header } = candidate.block
    if (this.verdictOfRules(header) !== 'valid') return undefined
    this.remember(candidate)
    return candidate.block
  }

  /**
   * `undefined` for a block that finality has overtaken, unless it is final itself: nobody waits for a verdict. And for one from the future, or with
   * a seal that is not known, unless it is final: then others have looked at their clocks and seals.
   */
  private async judge(
    { proposal, body }: Block,
    parentPayload: Hash,
    retry?: () => void,
  ): Promise<boolean | undefined> {
    const { height, hash, payloadHash } = proposal
    if (this.isComplete) return undefined
    if (height <= this.finalHeight) return this.options.store.proposal(hash) === undefined ? undefined : true
    if (height > this.lastHeight) return body.length === 0 && payloadHash === parentPayload
    // A block that an earlier life of this node pre-confirmed is executed again: it may have to be taken back.
    const known = this.candidates.get(payloadHash)?.block
    if (known !== undefined) {
      // The hash commits to everything in a valid block: other bytes under it are not valid.
      return known.header.parentHash === parentPayload && equalBytes(encodeBlock(known), body)
    }
    const block = decoded(body)
    if (block === undefined || block.hash !== payloadHash) return false
    const { header } = block
    if (header.parentHash !== parentPayload || header.number !== BigInt(height)) return false
    // The ledger is ahead of the store when an earlier life ended between the two.
    const isOnChain = this.application.numberOf(payloadHash) === header.number
    if (isOnChain && header.number <= this.application.committed('final')) return true
    const verdict = this.verdictOfRules(header)
    if (verdict === 'invalid') return false
    if (retry !== undefined) {
      if (verdict === 'wait') {
        this.waiting.push(retry)
        if (this.waiting.length > WAITING_MAX) this.waiting.shift()
        return undefined
      }
      if (this.options.defer(header.timestamp, retry)) return undefined
    }
    if (!(await this.align(parentPayload))) return undefined
    try {
      this.remember(await this.application.verify(block))
      return true
    } catch (error) {
      if (error instanceof InvalidBlockError) return false
      throw error
    }
  }

  /** What the rules about seals say. The parent is known. */
  private verdictOfRules(header: ChainBlock['header']): SealVerdict {
    const ancestorOf = (hash: Hash): ChainBlock['header'] => this.blockOf(hash).header
    return this.options.rules.judge(header, ancestorOf(header.parentHash), ancestorOf)
  }

  /** Makes a block the head. False when that would take back a final one. */
  private async align(payloadHash: Hash): Promise<boolean> {
    const ahead: Candidate[] = []
    let hash = payloadHash
    let number = this.application.numberOf(hash)
    while (number === undefined) {
      const candidate = present(this.candidates.get(hash), `an executed block ${hash}`)
      this.remember(candidate)
      ahead.push(candidate)
      hash = candidate.block.header.parentHash
      number = this.application.numberOf(hash)
    }
    if (number < this.application.committed('final')) return false
    if (number < this.application.head().number) {
      await this.application.revoke({ number, hash })
      this.options.onRevoked()
    }
    for (const candidate of ahead.toReversed()) await this.application.commit(candidate)
    return true
  }

  private isSettled(height: number): boolean {
    return this.isComplete || height <= this.finalHeight
  }

  /** @returns false for a block that is not valid, or descends from one. */
  private async settle(block: Block, finalization: Certificate | undefined): Promise<boolean> {
    const { height, hash, payloadHash, view } = block.proposal
    if (this.refused.length > 0) return false
    assert(height === this.finalHeight + 1, `final block ${height} after ${this.finalHeight}`)
    if (!(await this.makeFinal(block))) return false
    await this.options.store.add(block.proposal, {
      notarization: this.notarizations.get(hash),
      finalization,
    })
    this.finalHeight = height
    this.finalPayload = payloadHash
    this.finalBlock = this.candidates.get(payloadHash)?.block ?? this.finalBlock
    this.dropOvertaken(view)
    this.isComplete = this.isLastProven()
    const isAnnounced = height < this.lastHeight || this.isComplete
    if (isAnnounced) this.options.onFinal(BigInt(Math.min(height, this.lastHeight)), payloadHash)
    return true
  }

  /** A block that an earlier life of this node stored without a certificate of its own has come again, perhaps with one. */
  private async prove(finalization: Certificate | undefined): Promise<void> {
    if (this.isComplete || finalization === undefined) return
    await this.options.store.prove(finalization)
    this.isComplete = this.isLastProven()
    if (this.isComplete) this.options.onFinal(BigInt(this.lastHeight), this.finalPayload)
  }

  /** The proof is complete with the first certificate. */
  private refuse(proposal: Proposal, finalization: Certificate | undefined): void {
    this.refused.push(proposal)
    if (finalization === undefined) return
    this.isClosed = true
    this.options.onInvalidFinality({
      kind: 'invalidBlockIsFinal',
      proposal: present(this.refused[0], 'the invalid block'),
      proposals: this.refused.toReversed(),
      finalization,
    })
  }

  /** The last block waits for a proof, its own or a repeat's: without one nobody else would believe that it is final. */
  private isLastProven(): boolean {
    if (this.finalHeight < this.lastHeight) return false
    return this.options.store.finalizationAtOrAbove(this.lastHeight) !== undefined
  }

  private async makeFinal(block: Block): Promise<boolean> {
    const { payloadHash, height } = block.proposal
    const number = this.application.numberOf(payloadHash)
    if (number !== undefined) {
      await this.application.advance('final', { number, hash: payloadHash })
      return true
    }
    const isValid = present(await this.judge(block, this.finalPayload), `a verdict on final block ${height}`)
    if (!isValid) return false
    const isAligned = await this.align(this.finalPayload)
    assert(isAligned, 'the final block is on the chain')
    await this.application.commit(present(this.candidates.get(payloadHash), 'a valid block'), 'final')
    return true
  }

  /** Again for one that is used again, so that it stays longest. */
  private remember(candidate: Candidate): void {
    const { hash } = candidate.block
    this.candidates.delete(hash)
    this.candidates.set(hash, candidate)
    dropOldest(this.candidates, CANDIDATES_MAX)
  }

  /** A block that was executed here, or is on the chain. */
  private blockOf(hash: Hash): ChainBlock {
    if (this.finalBlock?.hash === hash) return this.finalBlock
    const block = this.candidates.get(hash)?.block ?? this.application.blockByHash(hash)
    return present(block, `an executed block ${hash}`)
  }

  private dropOvertaken(finalView: View): void {
    for (const [hash, { block }] of this.candidates) {
      if (block.header.number <= this.finalHeight) this.candidates.delete(hash)
    }
    for (const [hash, { view }] of this.notarizations) {
      if (view <= finalView) this.notarizations.delete(hash)
    }
  }
}

function dropOldest<Value>(map: Map<Hash, Value>, sizeMax: number): void {
  if (map.size <= sizeMax) return
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}

function decoded(body: Uint8Array): ChainBlock | undefined {
  try {
    return decodeBlock(body)
  } catch (error) {
    if (error instanceof BlockDecodingError) return undefined
    throw error
  }
}
