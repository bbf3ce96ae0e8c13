/**
 * The witness layer by itself: one instance of Simplex whose members execute every block again and seal what they find
 * as the execution layer made it final. Slot after slot, the Committer proposes the next range; a quorum of witnesses
 * that have the same blocks makes it final, and so sealed.
 *
 * Everything that touches the world comes from outside: the network, the log on disk, the threads that check signatures,
 * the clock, this node's own execution chain. One layer lives for one epoch of one committee, and is over once the
 * boundary of its cycle is sealed; it then builds nothing, but answers until it is stopped.
 */
import { slotOf } from '../committees/committee.ts'
import { appliedBy } from '../execution-layer/finality-store.ts'
import type { Application, Clock } from '../plugin.ts'
import type { Config } from '../simplex/config.ts'
import { SimplexDriver, type DriverPorts, type Observer } from '../simplex/driver.ts'
import type { Peer } from '../simplex/events.ts'
import { createCore, type Origin } from '../simplex/machine.ts'
import type { Message } from '../simplex/messages.ts'
import { leaderOf, type Core, type SignStatement } from '../simplex/state.ts'
import { GENESIS_VIEW } from '../simplex/types.ts'
import { refusedBlock } from './reject.ts'
import { SealPacer } from './seal-pacer.ts'
import type { Seal } from './seal.ts'
import { WitnessBlocks, type SealingOptions } from './witness-blocks.ts'

export interface WitnessObserver extends Observer {
  /**
   * A quorum of executors made a block final that differs from this node's: either this node is broken, or a quorum
   * contradicted itself.
   */
  conflict(number: bigint, seal: Seal): void
}

export interface WitnessOptions extends SealingOptions {
  readonly config: Config
  readonly sign: SignStatement
  /** The root is the last seal before this epoch; what is final beyond it the store tells. */
  readonly origin: Omit<Origin, 'applied'>
  readonly ports: Pick<DriverPorts, 'transport' | 'log' | 'verify'>
  readonly observer: WitnessObserver
  /** From a certified seal to the next proposal; none by default. */
  readonly intervalMs?: number | undefined
}

export class WitnessLayer {
  private readonly options: WitnessOptions
  private readonly blocks: WitnessBlocks
  private readonly driver: SimplexDriver
  private readonly pacer: SealPacer

  constructor(application: Pick<Application, 'advance'>, clock: Clock, options: WitnessOptions) {
    const { config, sign, store, observer, lastNumber } = options
    const { root } = options.origin
    this.options = options
    this.pacer = new SealPacer(clock, {
      lastNumber,
      intervalMs: options.intervalMs,
      setPaused: (isPaused) => this.driver.setPaused(isPaused),
      onRestOver: () => this.keepPace(),
    })
    this.blocks = new WitnessBlocks(application, {
      ...options,
      final: store.latest() ?? { ...root, view: GENESIS_VIEW },
      committerOf: (view) => leaderOf(config, view),
      slotOf: (view) => slotOf(config.domain.epoch, view),
      isWanted: (view) => this.core.view === view,
      mustWait: () => this.pacer.mustWait,
      isRepeatDue: (progress) => this.pacer.isRepeatDue(progress),
      onProgress: () => this.keepPace(),
      onConflict: (number, seal) => observer.conflict(number, seal),
      onError: (error) => {
        this.pacer.stop()
        options.onError(error)
      },
    })
    const applied = appliedBy(store, root, (hash) => this.blocks.block(hash))
    const core = createCore(config, sign, { ...options.origin, ...applied })
    this.driver = new SimplexDriver(core, {
      ...options.ports,
      application: this.blocks,
      observer: {
        evidence: (evidence) => observer.evidence(evidence),
        blame: (peer, reason) => observer.blame(peer, reason),
        halted: (reason) => {
          this.pacer.stop()
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

  /** Whether views rest because there is nothing to seal. */
  get isPaused(): boolean {
    return this.pacer.isPaused
  }

  /** Number of the last block that is sealed, durably. */
  get sealedNumber(): bigint {
    return this.blocks.sealed.number
  }

  /** Whether the boundary of the cycle is sealed, and the store can prove it. */
  get isOver(): boolean {
    return this.blocks.isOver
  }

  /** Asks peers for final seals, without having heard of any; again and again as long as many come. */
  catchUp(): void {
    this.driver.catchUp()
  }

  async start(): Promise<void> {
    this.driver.start()
    this.keepPace()
  }

  /** Lets the seal that is being applied become complete. */
  async stop(): Promise<void> {
    this.driver.stop()
    this.pacer.stop()
    await this.blocks.close()
  }

  /** A message from another member, or from a guest, that was decoded already. */
  receive(from: Peer, message: Message): void {
    this.driver.receive(from, message)
  }

  /** The own execution chain got final blocks, and the `FinalChain` answers for them. */
  onFinal(): void {
    this.blocks.onFinal()
    this.keepPace()
  }

  /** Resolves when no seal is being applied. */
  async settled(): Promise<void> {
    await this.blocks.settled()
  }

  private keepPace(): void {
    const { chain, refusals } = this.options
    const refused = refusals.own()
    // What is to be rejected is work to do, like what is to be sealed.
    const goal = refused === undefined ? chain.finalNumber() : refusedBlock(refused.proof).number
    this.pacer.update(this.blocks.progress, goal)
    this.blocks.retryBuild()
  }
}
