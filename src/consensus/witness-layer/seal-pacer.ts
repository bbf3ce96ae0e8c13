/**
 * When witnesses rest. There is something to do only while the execution layer is ahead of the seals; a witness layer
 * that went on regardless would spend its views on nothing, and one whose leaders alone waited would time out.
 *
 * So each witness rests by itself, its timers stopped, while the highest certified seal covers its own final chain and is
 * final. When it is certified but not final, because some gave up its view, and nothing new comes: after a short while all
 * go on, and the leader repeats the seal, so that a later finalization takes it along. At the boundary of a cycle they do
 * so at once, for the next committees wait for it.
 *
 * A seal costs the same messages however few blocks it covers: after each, all rest for an interval even when there is more
 * to seal. Not at the boundary.
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
  /** From a certified seal to the next proposal; none by default. */
  readonly intervalMs?: number | undefined
  /** Stops and restarts the timers of views. */
  setPaused(isPaused: boolean): void
  /** A rest ended by itself: something may be proposed that could not be before. */
  onRestOver(): void
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

  /** The last block of the highest seal, and the rest after it. */
  private sealed: { readonly number: bigint; readonly cancel: (() => void) | undefined } | undefined
  /** Whether it is too soon for another seal. */
  private isEarly = false

  constructor(clock: Clock, options: SealPacerOptions) {
    this.clock = clock
    this.options = options
  }

  get isPaused(): boolean {
    return this.isResting
  }

  /** Whether the leader is to hold back what it could propose. */
  get mustWait(): boolean {
    return this.isEarly
  }

  /** Whether the leader is to repeat this proposal when it has nothing to seal. */
  isRepeatDue({ view, isFinal }: SealProgress): boolean {
    return !isFinal && view === this.dueView
  }

  /** @param finalNumber the highest block that is final in the execution layer, as far as this node has it. */
  update({ view, number, isFinal }: SealProgress, finalNumber: bigint): void {
    if (this.isStopped) return
    const { lastNumber } = this.options
    this.noteSealed(number, finalNumber)
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
    this.setResting(mustRest || this.isEarly)
  }

  stop(): void {
    this.isStopped = true
    this.cancelRest()
    this.sealed?.cancel?.()
  }

  /** Begins the interval with each block that was not sealed before. */
  private noteSealed(number: bigint, finalNumber: bigint): void {
    const { intervalMs = 0, lastNumber } = this.options
    const isNew = this.sealed !== undefined && number > this.sealed.number
    const isBoundary = finalNumber >= lastNumber
    if (isNew || isBoundary) {
      this.sealed?.cancel?.()
      this.isEarly = false
    }
    if (isNew && !isBoundary && intervalMs > 0) {
      this.isEarly = true
      this.sealed = { number, cancel: this.clock.schedule(intervalMs, () => this.endInterval()) }
    } else if (isNew || this.sealed === undefined) this.sealed = { number, cancel: undefined }
  }

  private endInterval(): void {
    this.isEarly = false
    this.options.onRestOver()
  }

  private endRest(view: View): void {
    this.rest = undefined
    this.dueView = view
    this.setResting(false)
    this.options.onRestOver()
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
