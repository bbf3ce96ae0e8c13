/**
 * The execution layer: one instance of Simplex orders, executes and makes final what users send. A notarized block is
 * pre-confirmed, a finalized one final. Sealing is the witness layer's; this layer hears of seals, and never runs farther
 * ahead of them than the window.
 *
 * Everything that touches the world comes from outside: the network, the log on disk, the threads that check signatures,
 * the clock. One instance lives for one epoch of one committee, until the last block of the epoch is final.
 */
import { assert } from '../../primitives/assert.ts'
import type { BlockAttributes } from '../../execution/environment.ts'
import type { Hash } from '../../primitives/bytes.ts'
import type { Application, BlockReference, Clock } from '../plugin.ts'
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
import type { SealRules } from './seal-rules.ts'

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
  /** Number of the last block of this epoch. */
  readonly lastNumber: bigint
  /** What a header must say about seals. */
  readonly rules: SealRules
  /** Number of the newest sealed block; later ones {@link ExecutionLayer.sealedUpTo} tells. */
  readonly sealed: bigint
  /** A block that is farther above the newest sealed one is not begun. */
  readonly windowBlocks: number
  /** What a block on this parent is to say about itself. */
  attributes(parent: BlockReference): BlockAttributes
  /** A notarized block has become the head. */
  onPreconfirmed(number: bigint): void
  /** A block is final, in the ledger and in the store: in order, each once. After the last block the layer is over. */
  onFinal(number: bigint, hash: Hash): void
  /** The node cannot go on: it must stop, and may be started again. */
  onError(error: unknown): void
}

export class ExecutionLayer {
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

  /** Whether the last block of the epoch is final, and a certificate in the store says so. */
  get isOver(): boolean {
    return false
  }

  /** Blocks up to this one are sealed: verdicts that waited for it are given, and the window moves on. */
  sealedUpTo(_number: bigint): void {
    return
  }

  /** Asks peers for final blocks, without having heard of any; again and again as long as many come. */
  catchUp(): void {
    return
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
