/**
 * Knows whether something that just happened left promise jobs behind. Most things that happen in a world do not, and
 * need no turn of the event loop, which costs more than handling a vote. One of these is at work at a time.
 */
import { promiseHooks } from 'node:v8'

export class PromiseJobs {
  private hasJobs = false
  private readonly stopHooks: (() => void)[]

  constructor() {
    const note = (): void => {
      this.hasJobs = true
    }
    // A job exists from when a promise with a reaction settles, or a reaction is added to one that has settled: the
    // second makes a new promise.
    this.stopHooks = [promiseHooks.onInit(note), promiseHooks.onSettled(note)].map(
      (stop) => stop as () => void,
    )
  }

  /** Whether jobs may have been left since the last {@link run}. */
  get mayWait(): boolean {
    return this.hasJobs
  }

  /** Lets all promises run dry: a macrotask begins when there are no jobs left. */
  async run(): Promise<void> {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    this.hasJobs = false
  }

  stop(): void {
    for (const stop of this.stopHooks) stop()
  }
}
