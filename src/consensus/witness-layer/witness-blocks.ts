/**
 * Simplex over seals: what the core knows as payloads are blocks of the execution layer, each the last of a sealed range;
 * a body is the encoding of a {@link Seal} or of a `Reject`, or empty for a proposal that repeats its parent's payload.
 *
 * The Committer takes ranges from its own final chain; others judge them by theirs (`judgements.ts`). What becomes final
 * is applied in order, one after the other, as soon as this node's own chain has the blocks: the ledger first, then the
 * store, so that after a crash in between the seal comes again. The first failure is the last: a restart finds out what
 * became durable.
 */
import { assert, present } from '../../primitives/assert.ts'
import { EMPTY_BYTES, type Hash } from '../../primitives/bytes.ts'
import type { SealStore } from '../dual-bft/consensus-store.ts'
import { revealMessage } from '../election/randomness.ts'
import type { Application } from '../plugin.ts'
import type { Signer } from '../signature-scheme.ts'
import type { BlockApplication } from '../simplex/driver.ts'
import type { StoredFinalization } from '../simplex/serving.ts'
import type { Block, Certificate, Proposal, Tip, View } from '../simplex/types.ts'
import { conflictIn, Judgements, type JudgementOptions } from './judgements.ts'
import { randomnessAfter, type SealingPoint } from './randomness-of-seals.ts'
import { decodeReject, encodeReject, isReject } from './reject-codec.ts'
import { refusedBlock, type Reject } from './reject.ts'
import { decodeSeal, encodeSeal, SEAL_BLOCKS_MAX } from './seal-codec.ts'
import type { SealProgress } from './seal-pacer.ts'
import { lastOf, type Seal } from './seal.ts'

/** A seal became final, and this node's own chain agrees with it. */
export interface SealedEvent {
  readonly seal: Seal
  /** The chain of randomness after it. */
  readonly randomness: Hash
  readonly proposal: Proposal
  /** `undefined` when a later proposal made it final. */
  readonly finalization: Certificate | undefined
}

export interface SealingOptions extends Omit<JudgementOptions, 'committerOf' | 'slotOf' | 'onConflict'> {
  /** Of this epoch. */
  readonly store: SealStore
  /** How far the chain is sealed when this life begins: `sealingPointOf`. */
  readonly start: SealingPoint
  /** Signs reveals; `undefined` for a node that follows. */
  readonly signer: Signer | undefined
  /** After the ledger and the store have the seal. In order; the next one waits for what this returns. */
  onSealed(event: SealedEvent): void | Promise<void>
  /** The boundary of the cycle is sealed, and the store can prove it: nothing more is to come. */
  onOver(): void
  /** A final reject waits for blocks that are missing here. Its proof may be the only one that they are final. */
  onRejectAhead(reject: Reject): void
  /** After the store has the reject. Its block may be final here, and those executors may have been replaced already. */
  onRejected(reject: Reject): void
}

export interface WitnessBlocksOptions
  extends SealingOptions, Pick<JudgementOptions, 'committerOf' | 'slotOf' | 'onConflict'> {
  /** The last final proposal, where the epoch starts or where an earlier life of this node ended. */
  readonly final: Pick<Tip, 'height' | 'view'>
  /** Whether a proposal in this view is still worth something. */
  isWanted(view: View): boolean
  /** Whether a leader that has nothing to seal is to repeat the highest proposal. */
  isRepeatDue(progress: SealProgress): boolean
  /** Whether it is too soon after the last seal to propose anything. */
  mustWait(): boolean
  /** {@link WitnessBlocks.progress} has changed. */
  onProgress(): void
}

interface BuildRequest {
  readonly view: View
  readonly parentPayload: Hash
  onBuilt(payloadHash: Hash, body: Uint8Array): void
}

/** A final proposal that is not applied yet. */
interface Delivered {
  readonly block: Block
  readonly certificate: Certificate | undefined
  readonly seal: Seal | undefined
  readonly reject: Reject | undefined
  /** Whether an earlier life of this node has applied it, and may have lacked its certificate. */
  readonly isStored: boolean
  onApplied(): void
}

export class WitnessBlocks implements BlockApplication {
  private readonly application: Pick<Application, 'advance'>
  private readonly options: WitnessBlocksOptions
  private readonly judgements: Judgements
  /** The latest one; earlier ones are of views that are over. */
  private request: BuildRequest | undefined
  private readonly delivered: Delivered[] = []
  private deliveredHeight: number
  /** The last block that is sealed by what was delivered. */
  private deliveredNumber: bigint
  private highest: SealProgress
  private sealing: SealingPoint
  private applying: Promise<void> | undefined
  private isClosed = false
  private isComplete: boolean

  constructor(application: Pick<Application, 'advance'>, options: WitnessBlocksOptions) {
    const { final, start, rangeBlocks } = options
    assert(rangeBlocks >= 1 && rangeBlocks <= SEAL_BLOCKS_MAX, `a seal covers 1 to ${SEAL_BLOCKS_MAX} blocks`)
    this.application = application
    this.options = options
    this.deliveredHeight = final.height
    this.deliveredNumber = start.number
    this.highest = { view: final.view, number: start.number, isFinal: true }
    this.sealing = start
    this.isComplete = this.isEndProven()
    this.judgements = new Judgements({ ...options, onError: (error) => this.fail(error) })
  }

  // ---- What the core asks for --------------------------------------------------------------------------------------

  /** Is held while there is nothing to propose, and forgotten when its view is over. */
  build(
    { view, parentPayload }: { readonly view: View; readonly parentPayload: Hash },
    onBuilt: (payloadHash: Hash, body: Uint8Array) => void,
  ): void {
    this.request = { view, parentPayload, onBuilt }
    this.retryBuild()
  }

  verify(block: Block, parentPayload: Hash, onVerdict: (isValid: boolean) => void): void {
    if (this.isClosed) return
    const { height, hash } = block.proposal
    if (height > this.deliveredHeight) this.judgements.add(block, parentPayload, onVerdict)
    else if (this.options.store.proposal(hash) !== undefined) onVerdict(true)
  }

  /** Certificates of earlier views may come late. */
  notarized({ proposal }: Block): void {
    this.attempt(() => {
      const { view, payloadHash } = proposal
      if (view <= this.highest.view) return
      // A seal was judged by the own chain, but a repeat may be of one that is final and waits for the chain.
      const number = this.options.chain.numberOf(payloadHash) ?? this.deliveredNumber
      this.raise(view, number)
    })
  }

  finalized(block: Block, certificate: Certificate | undefined, onApplied: () => void): void {
    this.attempt(() => {
      const { height, view } = block.proposal
      if (height <= this.deliveredHeight) {
        this.deliver({ block, certificate, seal: undefined, reject: undefined, isStored: true, onApplied })
        return
      }
      assert(height === this.deliveredHeight + 1, `final seal ${height} after ${this.deliveredHeight}`)
      const content = this.contentOf(block)
      const { seal } = content
      if (seal !== undefined) this.checkRefusal(seal)
      const { reject } = content
      if (reject !== undefined && !this.isReadyFor(reject)) this.options.onRejectAhead(reject)
      this.deliveredHeight = height
      this.deliveredNumber = seal === undefined ? this.deliveredNumber : lastOf(seal)
      this.judgements.dropUpTo(height)
      if (view >= this.highest.view) this.raise(view, this.deliveredNumber)
      else this.raise(this.highest.view, this.highest.number)
      this.deliver({ block, certificate, ...content, isStored: false, onApplied })
    })
  }

  // ---- What peers ask for ------------------------------------------------------------------------------------------

  block(hash: Hash): Block | undefined {
    const { store } = this.options
    const proposal = store.proposal(hash)
    const body = store.body(hash)
    return proposal === undefined || body === undefined ? undefined : { proposal, body }
  }

  finalizationAtOrBelow(height: number): StoredFinalization | undefined {
    return this.options.store.finalizationAtOrBelow(height)
  }

  finalizationAtOrAbove(height: number): StoredFinalization | undefined {
    return this.options.store.finalizationAtOrAbove(height)
  }

  // ---- Life --------------------------------------------------------------------------------------------------------

  /** Whether the boundary of the cycle is sealed, and the store can prove it. */
  get isOver(): boolean {
    return this.isComplete
  }

  get progress(): SealProgress {
    return this.highest
  }

  /** How far the chain is sealed, durably. */
  get sealed(): SealingPoint {
    return this.sealing
  }

  /** The own execution chain has grown: what waited for it may go on. */
  onFinal(): void {
    if (this.isClosed) return
    this.judgements.retryAll()
    this.applyDelivered()
    this.retryBuild()
  }

  /** Proposes when something is asked for and there is something to propose by now. */
  retryBuild(): void {
    this.attempt(() => {
      const { request } = this
      if (request === undefined) return
      const isWanted = this.options.isWanted(request.view)
      if (isWanted && this.options.mustWait()) return
      const made = isWanted ? this.payloadFor(request) : undefined
      if (isWanted && made === undefined) return
      this.request = undefined
      if (made !== undefined) request.onBuilt(made.payloadHash, made.body)
    })
  }

  /** Resolves when no seal is being applied. */
  async settled(): Promise<void> {
    while (this.applying !== undefined) await this.applying
  }

  /** Lets the seal that is being applied become complete, and drops the rest. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.settled()
  }

  // ---- Building ----------------------------------------------------------------------------------------------------

  /** `undefined` while there is nothing to propose. */
  private payloadFor({
    view,
    parentPayload,
  }: BuildRequest): { payloadHash: Hash; body: Uint8Array } | undefined {
    const { chain, lastNumber, isRepeatDue } = this.options
    const parentNumber = chain.numberOf(parentPayload)
    if (parentNumber === undefined) return undefined
    const goal = smaller(chain.finalNumber(), lastNumber)
    if (parentNumber >= goal) {
      const reject = this.options.refusals.own()
      if (reject !== undefined && refusedBlock(reject.proof).number === parentNumber + 1n) {
        return { payloadHash: parentPayload, body: encodeReject(reject) }
      }
      const isDue = isRepeatDue(this.highest) && parentNumber === this.highest.number
      return isDue ? { payloadHash: parentPayload, body: EMPTY_BYTES } : undefined
    }
    const seal = this.sealAfter(parentNumber, goal, view)
    if (seal === undefined) return undefined
    return { payloadHash: present(seal.blocks.at(-1), 'a block of the range'), body: encodeSeal(seal) }
  }

  /** The longest seal of the blocks after `parentNumber` whose end can be shown to be final. */
  private sealAfter(parentNumber: bigint, goal: bigint, view: View): Seal | undefined {
    const { chain, lastNumber, rangeBlocks, handover } = this.options
    for (let last = smaller(goal, parentNumber + BigInt(rangeBlocks)); last > parentNumber; last--) {
      const proof = chain.proofOf(last)
      const seats = last === lastNumber ? handover() : undefined
      if (proof === undefined || (last === lastNumber && seats === undefined)) continue
      const { epoch: executionEpoch, proposals, finalization } = proof
      const blocks = Array.from({ length: Number(last - parentNumber) }, (_, index) =>
        present(chain.finalHash(parentNumber + 1n + BigInt(index)), 'a final block'),
      )
      const reveal = this.revealOf(view)
      return {
        first: parentNumber + 1n,
        blocks,
        executionEpoch,
        proposals,
        finalization,
        reveal,
        handover: seats,
      }
    }
    return undefined
  }

  private revealOf(view: View): Uint8Array {
    const { signer, cycle, slotOf } = this.options
    return present(signer, 'a Committer has a key').sign(revealMessage(BigInt(cycle), slotOf(view)))
  }

  // ---- Applying ----------------------------------------------------------------------------------------------------

  private deliver(proposal: Delivered): void {
    this.delivered.push(proposal)
    this.applyDelivered()
  }

  private applyDelivered(): void {
    if (this.applying !== undefined || this.isClosed || !this.isNextReady()) return
    this.applying = this.applyReady()
  }

  private async applyReady(): Promise<void> {
    try {
      while (!this.isClosed && this.isNextReady()) {
        const next = present(this.delivered.shift(), 'a final proposal')
        await (next.isStored ? this.prove(next) : this.apply(next))
        next.onApplied()
        this.noteEnd()
      }
    } catch (error) {
      this.fail(error)
    } finally {
      this.applying = undefined
    }
    // Who serves next may be known now.
    this.onFinal()
  }

  /** Whether this node's own chain has all that the next final proposal seals. */
  private isNextReady(): boolean {
    const [next] = this.delivered
    if (next === undefined) return false
    const { seal, reject } = next
    if (reject !== undefined) return this.isReadyFor(reject)
    if (seal === undefined) return true
    const { chain } = this.options
    const epoch = chain.epochOf(lastOf(seal))
    return epoch !== undefined && epoch >= seal.executionEpoch
  }

  private isReadyFor({ proof }: Reject): boolean {
    return this.options.chain.finalNumber() + 1n >= refusedBlock(proof).number
  }

  private async apply({
    block: { proposal, body },
    certificate: finalization,
    seal,
    reject,
  }: Delivered): Promise<void> {
    const { store, onSealed, onRejected } = this.options
    if (seal === undefined) {
      await store.add({ proposal, body, finalization, sealed: undefined })
      if (reject !== undefined) onRejected(reject)
      return
    }
    this.assertFits(seal)
    const number = lastOf(seal)
    const { view, payloadHash: hash } = proposal
    const randomness = randomnessAfter(this.sealing, view, seal.reveal)
    await this.application.advance('sealed', { number, hash })
    await store.add({ proposal, body, finalization, sealed: { seal, randomness } })
    this.sealing = { number, randomness, view }
    await onSealed({ seal, randomness, proposal, finalization })
  }

  private async prove({ certificate }: Delivered): Promise<void> {
    if (certificate !== undefined) await this.options.store.prove(certificate)
  }

  private noteEnd(): void {
    if (this.isComplete || !this.isEndProven()) return
    this.isComplete = true
    this.options.onOver()
  }

  /** The last seal may be final by a repeat. Until that is stored nobody else would believe that the seal is. */
  private isEndProven(): boolean {
    const { store, lastNumber } = this.options
    const { number, view } = this.sealing
    const latest = store.latest()
    if (number < lastNumber || latest === undefined) return false
    const proof = store.finalizationAtOrBelow(latest.height)
    return proof !== undefined && proof.certificate.view >= view
  }

  /** A quorum vouches for a final seal: that it does not fit this node's chain is no fault that could be lived with. */
  private assertFits(seal: Seal): void {
    const { chain, onConflict } = this.options
    assert(seal.first === this.sealing.number + 1n, `a seal from ${seal.first} after ${this.sealing.number}`)
    const number = conflictIn(seal, chain)
    if (number !== undefined) onConflict(number, seal)
    assert(number === undefined, `block ${number} is sealed, and this node has another one`)
  }

  private contentOf({ body }: Block): Pick<Delivered, 'seal' | 'reject'> {
    const { executionShape } = this.options
    if (body.length === 0) return { seal: undefined, reject: undefined }
    return isReject(body)
      ? { seal: undefined, reject: decodeReject(body, executionShape) }
      : { seal: decodeSeal(body, executionShape), reject: undefined }
  }

  /** The witnesses seal what this node refused: it is this node that is broken, and it will never have that block. */
  private checkRefusal(seal: Seal): void {
    const proof = this.options.refusals.own()?.proof
    // A later epoch has a block of its own at that number: the reject came before this seal, and is being applied.
    const number = proof?.epoch === seal.executionEpoch ? refusedBlock(proof).number : undefined
    if (number !== undefined && seal.first <= number && number <= lastOf(seal)) {
      this.options.onConflict(number, seal)
    }
  }

  // ---- Bookkeeping -------------------------------------------------------------------------------------------------

  /** A repeat need not be final, only what it repeats. */
  private raise(view: View, number: bigint): void {
    this.highest = { view, number, isFinal: number <= this.deliveredNumber }
    this.options.onProgress()
  }

  private attempt(work: () => void): void {
    if (this.isClosed) return
    try {
      work()
    } catch (error) {
      this.fail(error)
    }
  }

  private fail(error: unknown): void {
    if (!this.isClosed) this.options.onError(error)
    this.isClosed = true
  }
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
