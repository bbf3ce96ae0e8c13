/**
 * The execution layer by itself: one instance of Simplex orders, executes and makes final what users send. A notarized
 * block is pre-confirmed, a finalized one final; sealing is the witness layer's.
 *
 * Everything that touches the world comes from outside: the network, the log on disk, the threads that check signatures,
 * the clock. One plugin lives for one epoch of one committee.
 */
import { assert } from '../../primitives/assert.ts'
import type { BlockAttributes } from '../../execution/environment.ts'
import type { Application, BlockReference, Clock, ConsensusPlugin } from '../plugin.ts'
import type { Config } from '../simplex/config.ts'
import { SimplexDriver, type DriverPorts, type Observer } from '../simplex/driver.ts'
import type { Peer } from '../simplex/events.ts'
import { createCore, type Origin } from '../simplex/machine.ts'
import type { Message } from '../simplex/messages.ts'
import { leaderOf, type Core, type SignStatement } from '../simplex/state.ts'
import { ExecutionBlocks } from './block-application.ts'
import type { FinalityStore } from './finality-store.ts'
import { FutureBlocks } from './future-blocks.ts'
import { IdlePacer } from './idle-pacer.ts'

export interface ExecutionOptions {
  readonly config: Config
  readonly sign: SignStatement
  /** The root names a block by its hash in both fields; what is final beyond it the store tells. */
  readonly origin: Omit<Origin, 'applied'>
  readonly ports: Pick<DriverPorts, 'transport' | 'log' | 'verify'>
  readonly observer: Observer
  readonly store: FinalityStore
  /** An idle network makes an empty block this often. */
  readonly heartbeatMs: number
  /** What a block on this parent is to say about itself. */
  attributes(parent: BlockReference): BlockAttributes
  /** The node cannot go on: it must stop, and may be started again. */
  onError(error: unknown): void
}

export class ExecutionPlugin implements ConsensusPlugin {
  readonly name = 'execution'
  private readonly application: Application
  private readonly blocks: ExecutionBlocks
  private readonly driver: SimplexDriver
  private readonly pacer: IdlePacer
  private readonly future: FutureBlocks

  constructor(application: Application, clock: Clock, options: ExecutionOptions) {
    assert(options.heartbeatMs > 0, 'an idle network has a heartbeat')
    const { config, sign, store, observer } = options
    const origin = { ...options.origin, ...appliedBy(store) }
    const core = createCore(config, sign, origin)
    this.application = application
    this.pacer = new IdlePacer(clock, options.heartbeatMs, (isPaused) => this.driver.setPaused(isPaused))
    this.future = new FutureBlocks(clock)
    this.blocks = new ExecutionBlocks(application, {
      store,
      final: origin.applied?.tip ?? origin.root,
      attributes: options.attributes,
      isWanted: (view) => core.view === view,
      pace: (make) => this.pacer.hold(make),
      defer: (timestamp, retry) => this.future.defer(timestamp, retry),
      onPreconfirmed: () => this.restWhenIdle(),
      onError: options.onError,
    })
    this.driver = new SimplexDriver(core, {
      ...options.ports,
      application: this.blocks,
      observer: {
        evidence: (evidence) => observer.evidence(evidence),
        blame: (peer, reason) => observer.blame(peer, reason),
        halted: (reason) => {
          this.silence()
          observer.halted(reason)
        },
      },
      schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
    })
  }

  /** For status and metrics: to read only. */
  get core(): Core {
    return this.driver.core
  }

  async start(): Promise<void> {
    this.driver.start()
  }

  /** Lets the block that is being executed become complete. */
  async stop(): Promise<void> {
    this.driver.stop()
    this.silence()
    await this.blocks.close()
  }

  onTransaction(): void {
    if (this.application.hasPending()) this.pacer.wake()
  }

  /** A message from another member, or from a guest, that was decoded already. */
  receive(from: Peer, message: Message): void {
    const { view, config } = this.core
    const isDue = message.kind === 'propose' && message.block.proposal.view === view
    if (isDue && leaderOf(config, view) === from) this.pacer.wake()
    this.driver.receive(from, message)
  }

  /** Resolves when no block is being made, executed or committed. */
  async settled(): Promise<void> {
    await this.blocks.settled()
  }

  private silence(): void {
    this.pacer.stop()
    this.future.stop()
  }

  private restWhenIdle(): void {
    if (!this.application.hasPending()) this.pacer.rest()
  }
}

function appliedBy(store: FinalityStore): Pick<Origin, 'applied'> {
  const latest = store.latest()
  if (latest === undefined) return {}
  const { view, height, hash, payloadHash } = latest
  const finalization = store.finalizationAtOrBelow(height)?.certificate
  return { applied: { tip: { view, height, hash, payloadHash }, finalization } }
}
