/**
 * The execution layer: one instance of Simplex orders, executes and makes final what users send. A notarized block is
 * pre-confirmed, a finalized one final. Sealing is the witness layer's; this layer hears of seals, and never runs farther
 * ahead of them than the window.
 *
 * Everything that touches the world comes from outside: the network, the log on disk, the threads that check signatures,
 * the clock. One instance lives for one epoch of one committee, until the last block of the epoch is final.
 */
import { assert } from '../../primitives/assert.ts'
import type { Block as ChainBlock } from '../../chain/block.ts'
import type { BlockAttributes } from '../../execution/environment.ts'
import { EMPTY_BYTES, type Hash } from '../../primitives/bytes.ts'
import type { Application, BlockReference, Clock } from '../plugin.ts'
import type { Config } from '../simplex/config.ts'
import { SimplexDriver, type DriverPorts, type Observer } from '../simplex/driver.ts'
import type { InvalidFinality, Peer } from '../simplex/events.ts'
import { createCore, type Origin } from '../simplex/machine.ts'
import type { Message } from '../simplex/messages.ts'
import { leaderOf, type Core, type SignStatement } from '../simplex/state.ts'
import { ExecutionBlocks } from './block-application.ts'
import { appliedBy, type FinalityStore } from './finality-store.ts'
import { FutureBlocks } from './future-blocks.ts'
import { IdlePacer } from './idle-pacer.ts'
import type { SealRules } from './seal-rules.ts'

/** A full window is looked at again no sooner than this. */
const ROOM_PAUSE_MS = 100

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
  /** The shortest time between the beginnings of two blocks; none by default. */
  readonly intervalMs?: number | undefined
  /** Number of the last block of this epoch. */
  readonly lastNumber: bigint
  /** What a header must say about seals. */
  readonly rules: SealRules
  /** Number of the newest sealed block; later ones {@link ExecutionLayer.sealedUpTo} tells. */
  readonly sealed: bigint
  /** A block that is farther above the newest sealed one is not begun, but for what {@link room} allows. */
  readonly windowBlocks: number
  /** Blocks beyond the window that may stand above the newest sealed one, now. */
  room(head: BlockReference): bigint
  /** When there may be one more, if nothing is sealed until then; in milliseconds since 1970. `undefined` for never. */
  roomDueMs(head: BlockReference): number | undefined
  /** What a block on this parent is to say about itself. */
  attributes(parent: BlockReference): BlockAttributes
  /** A block is final, in the ledger and in the store: in order, each once. After the last block the layer is over. */
  onFinal(number: bigint, hash: Hash): void
  /** The node cannot go on: it must stop, and may be started again. */
  onError(error: unknown): void
}

export class ExecutionLayer {
  private readonly application: Application
  private readonly clock: Clock
  private readonly options: ExecutionOptions
  private readonly blocks: ExecutionBlocks
  private readonly driver: SimplexDriver
  private readonly pacer: IdlePacer
  private readonly future: FutureBlocks
  private sealed: bigint
  /** Transactions came in that no block after them has had a chance to take. */
  private hasNews = false
  /** A block to be made once the window has room. */
  private held: (() => void) | undefined
  private cancelRoom: (() => void) | undefined
  private isStopped = false

  constructor(application: Application, clock: Clock, options: ExecutionOptions) {
    assert(options.heartbeatMs > 0, 'an idle network has a heartbeat')
    assert(options.windowBlocks > 0, 'without a window there are no blocks')
    const { config, sign, store, observer } = options
    const { root } = options.origin
    this.application = application
    this.clock = clock
    this.options = options
    this.sealed = options.sealed
    this.pacer = new IdlePacer(clock, options.heartbeatMs, () => this.pauseOrGoOn(), options.intervalMs)
    this.future = new FutureBlocks(clock)
    this.blocks = new ExecutionBlocks(application, {
      store,
      final: store.latest() ?? root,
      lastNumber: options.lastNumber,
      rules: options.rules,
      attributes: options.attributes,
      isWanted: (view) => this.core.view === view,
      pace: (make) => this.pace(make),
      defer: (timestamp, retry) => this.future.defer(timestamp, retry),
      onPreconfirmed: (block) => this.preconfirmed(block),
      onRevoked: () => (this.hasNews = true),
      onFinal: (number, hash) => this.finalized(number, hash),
      onInvalidFinality: (reason) => {
        this.driver.stop()
        this.halted(reason)
      },
      onError: (error) => this.fail(error),
    })
    const applied = appliedBy(store, root, (hash) => this.blocks.block(hash))
    const core = createCore(config, sign, { ...options.origin, ...applied })
    this.driver = new SimplexDriver(core, {
      ...options.ports,
      application: this.blocks,
      observer: {
        evidence: (evidence) => observer.evidence(evidence),
        blame: (peer, reason) => observer.blame(peer, reason),
        halted: (reason) => this.halted(reason),
      },
      schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
    })
  }

  /** For status and metrics: to read only. */
  get core(): Core {
    return this.driver.core
  }

  /** Whether the last block of the epoch is final, and the store can prove it. The layer still answers. */
  get isOver(): boolean {
    return this.blocks.isOver
  }

  /** Whether nothing more is begun until more blocks are sealed. */
  get isWindowFull(): boolean {
    const head = this.application.head()
    const { lastNumber, windowBlocks } = this.options
    const end = this.sealed + BigInt(windowBlocks)
    if (head.number >= lastNumber || head.number < end) return false
    return head.number >= end + this.options.room(head)
  }

  async start(): Promise<void> {
    this.driver.start()
    this.pauseOrGoOn()
  }

  /** Lets the block that is being executed become complete. */
  async stop(): Promise<void> {
    this.driver.stop()
    this.silence()
    await this.blocks.close()
  }

  onTransaction(): void {
    if (!this.application.hasPending()) return
    this.hasNews = true
    this.pacer.onWork()
  }

  /** Blocks up to this one are sealed: verdicts that waited for it are given, and the window moves on. */
  sealedUpTo(number: bigint): void {
    if (this.isStopped) return
    if (number > this.sealed) this.sealed = number
    this.blocks.retryWaiting()
    this.pauseOrGoOn()
  }

  /** The witnesses are drawn anew: what was sealed above this block is void, and will be sealed again. */
  sealedOnlyUpTo(number: bigint): void {
    this.sealed = number
    this.sealedUpTo(number)
  }

  /** Asks peers for final blocks, without having heard of any; again and again as long as many come. */
  catchUp(): void {
    this.driver.catchUp()
  }

  /**
   * The witnesses agreed that a block is final, and invalid. What is below it may have no other proof, and be missing here;
   * of the block itself its proposal is enough.
   */
  learn({ proposals, finalization }: Pick<InvalidFinality, 'proposals' | 'finalization'>): void {
    this.driver.learn(
      finalization,
      proposals.map((proposal) => ({ proposal, body: EMPTY_BYTES })),
    )
  }

  /** A message from another member, or from a guest, that was decoded already. */
  receive(from: Peer, message: Message): void {
    const { view, config } = this.core
    const isDue = message.kind === 'propose' && message.block.proposal.view === view
    if (isDue && leaderOf(config, view) === from) {
      this.pacer.began()
      this.pacer.wake()
    }
    this.driver.receive(from, message)
  }

  /** Resolves when no block is being made, executed or committed. */
  async settled(): Promise<void> {
    await this.blocks.settled()
  }

  private pace(make: () => void): void {
    if (this.isWindowFull) this.held = make
    else this.hold(make)
  }

  private hold(make: () => void): void {
    this.pacer.hold(() => {
      this.pacer.began()
      make()
    })
  }

  private preconfirmed({ header, transactions }: ChainBlock): void {
    if (this.isStopped) return
    // Nothing follows the last block that would make it final but repeats, which are not to wait for a heartbeat.
    if (header.number === this.options.lastNumber) this.pacer.wake()
    else if (this.hasWork(transactions.length === 0)) this.pacer.restBriefly()
    else this.pacer.rest()
    this.pauseOrGoOn()
  }

  /**
   * Whether the next block may have something in it. What an empty block left in the pool cannot be executed now, unless
   * it came too late for that block.
   */
  private hasWork(isAfterEmpty: boolean): boolean {
    const hasPending = this.application.hasPending()
    if (hasPending && !isAfterEmpty) return true
    const { hasNews } = this
    this.hasNews = false
    return hasPending && hasNews
  }

  private finalized(number: bigint, hash: Hash): void {
    this.pauseOrGoOn()
    this.options.onFinal(number, hash)
  }

  /** One who rests, waits for seals or has come to the end neither proposes nor lets views time out. */
  private pauseOrGoOn(): void {
    if (this.isStopped) return
    if (this.isOver) this.pacer.stop()
    const { isWindowFull, held } = this
    this.awaitRoom(isWindowFull && !this.isOver)
    this.driver.setPaused(this.pacer.isResting || isWindowFull || this.isOver)
    if (isWindowFull || held === undefined) return
    this.held = undefined
    this.hold(held)
  }

  /** A full window opens by itself when the witnesses are silent for too long. */
  private awaitRoom(isWindowFull: boolean): void {
    this.cancelRoom?.()
    this.cancelRoom = undefined
    const dueMs = isWindowFull ? this.options.roomDueMs(this.application.head()) : undefined
    if (dueMs === undefined) return
    const delayMs = Math.max(dueMs - this.clock.nowMs(), ROOM_PAUSE_MS)
    this.cancelRoom = this.clock.schedule(delayMs, () => this.pauseOrGoOn())
  }

  private halted(reason: Parameters<Observer['halted']>[0]): void {
    this.silence()
    this.options.observer.halted(reason)
  }

  private fail(error: unknown): void {
    this.driver.stop()
    this.silence()
    this.options.onError(error)
  }

  private silence(): void {
    this.isStopped = true
    this.held = undefined
    this.cancelRoom?.()
    this.pacer.stop()
    this.future.stop()
  }
}
