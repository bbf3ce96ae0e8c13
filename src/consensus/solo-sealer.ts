/**
 * Consensus of one: this node orders, and what it orders is sealed at once. For development and for tests.
 *
 * Blocks are made for three reasons, which can be combined: a transaction arrived (automine), time passed (interval),
 * somebody asked (manual). Whatever asks, blocks are made one after the other.
 */
import { AevirError } from '../primitives/errors.ts'
import type { BlockAttributes } from '../execution/environment.ts'
import type {
  Application,
  BlockReference,
  Candidate,
  Clock,
  ConsensusFactory,
  ConsensusPlugin,
} from './plugin.ts'

export interface SoloOptions {
  /** Make a block whenever a transaction waits. */
  readonly automine: boolean
  /** Make a block this often; 0 = never. */
  readonly intervalMs: number
  /** What a block on this parent is to say about itself. */
  attributes(parent: BlockReference): BlockAttributes
  /** A block could not be made: the pool keeps what it has. */
  onError(error: unknown): void
}

/** The node is about to end: nothing changes the chain any more. */
export class SealerStoppedError extends AevirError {
  override readonly code = 'SEALER_STOPPED'
  constructor() {
    super('the node is stopping and makes no more blocks: send this again when it runs')
  }
}

export class SoloSealer implements ConsensusPlugin {
  readonly name = 'solo'
  private readonly application: Application
  private readonly clock: Clock
  private readonly options: SoloOptions
  private isAutomining: boolean
  private interval: number
  private isRunning = false
  private isStopped = false
  private cancelTimer: (() => void) | undefined
  /** Everything that makes or takes back blocks goes through here, in order. */
  private tail: Promise<unknown> = Promise.resolve()
  private burst: Promise<void> | undefined
  /** What the last burst ended with, unless it went well. */
  private failure: { readonly error: unknown } | undefined
  /** Transactions that arrived, and how many of them the burst in progress has looked at. */
  private arrived = 0
  private considered = 0

  constructor(application: Application, clock: Clock, options: SoloOptions) {
    this.application = application
    this.clock = clock
    this.options = options
    this.isAutomining = options.automine
    this.interval = options.intervalMs
  }

  async start(): Promise<void> {
    this.isRunning = true
    this.arm()
    this.onTransaction()
  }

  /** Lets the block that is being made become complete, and refuses all others. */
  async stop(): Promise<void> {
    this.isRunning = false
    this.isStopped = true
    this.cancelTimer?.()
    await this.tail
  }

  get automine(): boolean {
    return this.isAutomining
  }

  setAutomine(enabled: boolean): void {
    this.isAutomining = enabled
    this.onTransaction()
  }

  get intervalMs(): number {
    return this.interval
  }

  setInterval(intervalMs: number): void {
    this.interval = intervalMs
    this.cancelTimer?.()
    this.arm()
  }

  onTransaction(): void {
    this.arrived += 1
    if (!this.isRunning || !this.isAutomining || this.burst !== undefined) return
    this.failure = undefined
    this.burst = this.exclusively(() => this.mineWaiting())
      .catch((error: unknown) => {
        this.failure = { error }
        this.report(error)
      })
      .finally(() => {
        this.burst = undefined
        if (this.arrived !== this.considered) this.onTransaction()
      })
  }

  /** Resolves when no block is being made for waiting transactions. @throws what kept the last one from being made. */
  async settled(): Promise<void> {
    while (this.burst !== undefined) await this.burst
    if (this.failure !== undefined) throw this.failure.error
  }

  /** Makes one sealed block, empty or not. */
  async mine(): Promise<BlockReference> {
    return this.exclusively(() => this.makeBlock())
  }

  /** Runs `work` while no block is being made. @throws SealerStoppedError */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(() => {
      if (this.isStopped) throw new SealerStoppedError()
      return work()
    })
    this.tail = result.catch(() => undefined)
    return result
  }

  private async mineWaiting(): Promise<void> {
    for (;;) {
      this.considered = this.arrived
      if (!this.application.hasPending()) return
      if (this.isStopped) throw new SealerStoppedError()
      const parent = this.application.head()
      const candidate = await this.application.propose(parent, this.options.attributes(parent))
      if (candidate.block.transactions.length === 0) {
        // All that waits was refused. Another try makes sense only with newcomers.
        if (this.arrived === this.considered) return
        continue
      }
      await this.seal(candidate)
    }
  }

  private async makeBlock(): Promise<BlockReference> {
    const parent = this.application.head()
    return this.seal(await this.application.propose(parent, this.options.attributes(parent)))
  }

  private async seal(candidate: Candidate): Promise<BlockReference> {
    await this.application.commit(candidate, 'sealed')
    return { number: candidate.block.header.number, hash: candidate.block.hash }
  }

  private report(error: unknown): void {
    if (!(error instanceof SealerStoppedError)) this.options.onError(error)
  }

  private arm(): void {
    this.cancelTimer = undefined
    if (!this.isRunning || this.interval === 0) return
    this.cancelTimer = this.clock.schedule(this.interval, () => {
      this.cancelTimer = undefined
      this.mine()
        .catch((error: unknown) => this.report(error))
        .finally(() => {
          // A new interval may have been set meanwhile, and its timer runs.
          if (this.cancelTimer === undefined) this.arm()
        })
    })
  }
}

/**
 * A factory for plugins of this kind; `onCreated` hands out the sealer for development controls.
 * @public For programs that choose their consensus by name.
 */
export function soloConsensus(
  options: SoloOptions,
  onCreated: (sealer: SoloSealer) => void,
): ConsensusFactory {
  return (application, clock) => {
    const sealer = new SoloSealer(application, clock, options)
    onCreated(sealer)
    return sealer
  }
}
