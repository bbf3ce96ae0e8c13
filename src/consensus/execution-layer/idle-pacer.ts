/**
 * Rest while there is nothing to do. A network that nobody uses would otherwise make empty blocks as fast as messages
 * travel; and one in which only leaders wait would need time-outs longer than the wait, so that a silent leader costs
 * that much more under load.
 *
 * Here all members rest, each by itself: after a pre-confirmed block, a member whose pool is empty stops the timers of
 * its view and, when it leads, holds back its block. It goes on with the first transaction, with a proposal, or with the
 * heartbeat. The timers of the view start anew at that moment, at all members within the time that a transaction takes
 * to reach them, as they do when a view begins. They stay as short as the network allows.
 *
 * Under load there is a shorter rest: blocks begin no more often than an interval. Each costs the same messages and flushes
 * however little is in it, so that a network which makes them as fast as it can spends its time on that. It ends by itself,
 * or with a proposal; where blocks take longer than the interval, nobody rests.
 *
 * Resting members answer and vote. Who alone goes on, because a transaction reached nobody else, gives up the view alone,
 * which does no harm; the others follow with their heartbeat.
 */
import type { Clock } from '../plugin.ts'

export class IdlePacer {
  private readonly clock: Clock
  private readonly heartbeatMs: number
  private readonly setPaused: (isPaused: boolean) => void
  private readonly intervalMs: number
  private cancelRest: (() => void) | undefined
  /** Whether the rest ends with the interval, and not with the next transaction. */
  private isBrief = false
  /** When the next block may begin. */
  private nextMs = Number.NEGATIVE_INFINITY
  private held: (() => void) | undefined

  /**
   * @param heartbeatMs the longest rest: as often an idle network makes an empty block.
   * @param setPaused stops and restarts the timers of views.
   * @param intervalMs the shortest time between the beginnings of two blocks.
   */
  constructor(clock: Clock, heartbeatMs: number, setPaused: (isPaused: boolean) => void, intervalMs = 0) {
    this.clock = clock
    this.heartbeatMs = heartbeatMs
    this.setPaused = setPaused
    this.intervalMs = intervalMs
  }

  get isResting(): boolean {
    return this.cancelRest !== undefined
  }

  /** A block begins, here or at another leader. */
  began(): void {
    this.nextMs = this.clock.nowMs() + this.intervalMs
  }

  /** Begins a rest, or begins it anew. */
  rest(): void {
    this.restFor(this.heartbeatMs, false)
  }

  /** Rests for what is left of the interval, or not at all. */
  restBriefly(): void {
    const leftMs = this.nextMs - this.clock.nowMs()
    if (leftMs > 0) this.restFor(leftMs, true)
    else this.wake()
  }

  /** There is something to make a block of: who rests goes on as soon as the interval allows. */
  onWork(): void {
    if (this.isResting && !this.isBrief) this.restBriefly()
  }

  wake(): void {
    if (this.cancelRest === undefined) return
    this.cancelRest()
    this.cancelRest = undefined
    const { held } = this
    this.held = undefined
    this.setPaused(false)
    held?.()
  }

  /** Calls `make` at the end of the rest. Another one that is held is forgotten, for its view is over. */
  hold(make: () => void): void {
    if (this.isResting) this.held = make
    else make()
  }

  stop(): void {
    this.cancelRest?.()
    this.cancelRest = undefined
    this.held = undefined
  }

  private restFor(durationMs: number, isBrief: boolean): void {
    const wasResting = this.isResting
    this.cancelRest?.()
    this.cancelRest = this.clock.schedule(durationMs, () => this.wake())
    this.isBrief = isBrief
    if (!wasResting) this.setPaused(true)
  }
}
