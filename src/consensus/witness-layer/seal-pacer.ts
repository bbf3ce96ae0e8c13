/**
 * When witnesses rest. There is something to do only while the execution layer is ahead of the seals; a witness layer
 * that went on regardless would spend its views on nothing, and one whose leaders alone waited would time out.
 *
 * So each witness rests by itself, its timers stopped, while the highest certified seal covers its own final chain and is
 * final. When it is certified but not final, because some gave up its view, and nothing new comes: after a short while all
 * go on, and the leader repeats the seal, so that a later finalization takes it along. At the boundary of a cycle they do
 * so at once, for the next committees wait for it.
 *
 * Resting witnesses answer, judge and vote.
 */
import type { Clock } from '../plugin.ts'
import type { View } from '../simplex/types.ts'

/** Votes for finality that were lost are sent again within this time; then nothing but a repeat helps. */
export const REPEAT_AFTER_MS = 500

/** The highest proposal that is certified and known here to hold. */
export interface SealProgress {
  readonly view: View
  /** The last block that is sealed up to it. */
  readonly number: bigint
  /** Whether the seal that ends there is final; a proposal that repeats it need not be. */
  readonly isFinal: boolean
}

export interface SealPacerOptions {
  /** The boundary of the cycle. */
  readonly lastNumber: bigint
  /** Stops and restarts the timers of views. */
  setPaused(isPaused: boolean): void
  /** Repeats have become due. */
  onRepeatDue(): void
}

export class SealPacer {
  private readonly clock: Clock
  private readonly options: SealPacerOptions
  private isResting = false
  private isStopped = false
  /** View of the proposal that is to be repeated. */
  private dueView: View | undefined
  /** A rest that ends by itself, and the view of the proposal after which it began. */
  private rest: { readonly view: View; readonly cancel: () => void } | undefined

  constructor(clock: Clock, options: SealPacerOptions) {
    this.clock = clock
    this.options = options
  }

  get isPaused(): boolean {
    return this.isResting
  }

  /** Whether the leader is to repeat this proposal when it has nothing to seal. */
  isRepeatDue({ view, isFinal }: SealProgress): boolean {
    return !isFinal && view === this.dueView
  }

  /** @param finalNumber the highest block that is final in the execution layer, as far as this node has it. */
  update({ view, number, isFinal }: SealProgress, finalNumber: bigint): void {
    if (this.isStopped) return
    const { lastNumber } = this.options
    const isCovered = number >= (finalNumber < lastNumber ? finalNumber : lastNumber)
    const isDue = view === this.dueView || number >= lastNumber
    const mustRest = isCovered && (isFinal || !isDue)
    const endsByItself = mustRest && !isFinal
    if (!endsByItself || this.rest?.view !== view) this.cancelRest()
    if (endsByItself && this.rest === undefined) {
      const cancel = this.clock.schedule(REPEAT_AFTER_MS, () => this.endRest(view))
      this.rest = { view, cancel }
    }
    if (isCovered && !isFinal && isDue) this.dueView = view
    this.setResting(mustRest)
  }

  stop(): void {
    this.isStopped = true
    this.cancelRest()
  }

  private endRest(view: View): void {
    this.rest = undefined
    this.dueView = view
    this.setResting(false)
    this.options.onRepeatDue()
  }

  private setResting(isResting: boolean): void {
    if (this.isResting === isResting) return
    this.isResting = isResting
    this.options.setPaused(isResting)
  }

  private cancelRest(): void {
    this.rest?.cancel()
    this.rest = undefined
  }
}
