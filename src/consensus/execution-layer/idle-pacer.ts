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
 * Resting members answer and vote. Who alone goes on, because a transaction reached nobody else, gives up the view alone,
 * which does no harm; the others follow with their heartbeat.
 */
import type { Clock } from '../plugin.ts'

export class IdlePacer {
  private readonly clock: Clock
  private readonly heartbeatMs: number
  private readonly setPaused: (isPaused: boolean) => void
  private cancelHeartbeat: (() => void) | undefined
  private held: (() => void) | undefined

  /**
   * @param heartbeatMs the longest rest: as often an idle network makes an empty block.
   * @param setPaused stops and restarts the timers of views.
   */
  constructor(clock: Clock, heartbeatMs: number, setPaused: (isPaused: boolean) => void) {
    this.clock = clock
    this.heartbeatMs = heartbeatMs
    this.setPaused = setPaused
  }

  get isResting(): boolean {
    return this.cancelHeartbeat !== undefined
  }

  /** Begins a rest, or begins it anew. */
  rest(): void {
    const wasResting = this.isResting
    this.cancelHeartbeat?.()
    this.cancelHeartbeat = this.clock.schedule(this.heartbeatMs, () => this.wake())
    if (!wasResting) this.setPaused(true)
  }

  wake(): void {
    if (this.cancelHeartbeat === undefined) return
    this.cancelHeartbeat()
    this.cancelHeartbeat = undefined
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
    this.cancelHeartbeat?.()
    this.cancelHeartbeat = undefined
    this.held = undefined
  }
}
