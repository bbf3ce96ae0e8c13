/**
 * Drives a core: carries its effects out through ports, and brings the answers back as events. The same driver runs in a
 * node, over sockets, files and worker threads, and in the simulator, over none of these.
 *
 * Its one duty that matters for safety: nothing leaves before all that was to be persisted first is durable. That goes for
 * what the application hears, too: this node's vote may be the one that a certificate hangs by, and were it forgotten, what
 * was called final might not be. Ports answer by calling back, at once or later; one that never does costs liveness at most.
 */
import { unreachable } from '../../primitives/assert.ts'
import type { Hash } from '../../primitives/bytes.ts'
import type { Blame, Effect, Event, HaltReason, Peer, Reach, TimerName } from './events.ts'
import type { Evidence } from './evidence.ts'
import { step as stepCore } from './machine.ts'
import type { Message } from './messages.ts'
import { answerBlockRequest, answerSyncRequest, withMemoryOf, type Archive } from './serving.ts'
import type { Core } from './state.ts'
import type { Block, Certificate, View } from './types.ts'
import type { VerifyRequest, VerifyResult } from './verification.ts'
import type { WalRecord } from './wal-records.ts'

/** Where own statements go before they are made. */
export interface WriteAheadLog {
  /**
   * Appends records; calls back once they are durable, in the order of the calls. Says `false` when they may not be: the
   * node must then stop, for nobody knows what a disk holds after a failed flush.
   */
  append(records: readonly WalRecord[], onDone: (isDurable: boolean) => void): void
  /** Replaces everything that was appended before this call, atomically. */
  replace(records: readonly WalRecord[], onDone: (isDurable: boolean) => void): void
}

/** Authenticated connections. Messages may be lost, repeated and reordered, but not forged. */
export interface Transport {
  send(to: Peer, message: Message): void
  /** To all other members; a certificate of which only some need a copy to those at least that `announces` names. */
  broadcast(message: Message, reach?: Reach): void
}

/** What the blocks are about. */
export interface BlockApplication extends Archive {
  /** Makes a payload on another one, which is valid or final. May be declined by never answering. */
  build(
    request: { readonly view: View; readonly height: number; readonly parentPayload: Hash },
    onBuilt: (payloadHash: Hash, body: Uint8Array) => void,
  ): void
  /** Answers only when it knows: missing data is no reason to find a block invalid. */
  verify(block: Block, parentPayload: Hash, onVerdict: (isValid: boolean) => void): void
  notarized(block: Block, certificate: Certificate): void
  /** In order of height. Blocks that it has already may come again after a restart. */
  finalized(block: Block, certificate: Certificate | undefined, onApplied: () => void): void
}

/** Hears what the operator, the network and the chain should know. */
export interface Observer {
  evidence(evidence: Evidence): void
  blame(peer: Peer, reason: Blame): void
  halted(reason: HaltReason | { readonly kind: 'logFailed' }): void
}

export interface DriverPorts {
  readonly transport: Transport
  readonly log: WriteAheadLog
  readonly application: BlockApplication
  readonly observer: Observer
  verify(request: VerifyRequest, onResult: (result: VerifyResult) => void): void
  /** Calls back once after `delayMs`; the result cancels. */
  schedule(delayMs: number, callback: () => void): () => void
}

/** What others see waits behind the writes that were begun before it. */
type Queued = Write | GatedEffect
type GatedEffect = Extract<
  Effect,
  { kind: 'send' | 'broadcast' | 'notarized' | 'finalized' | 'build' | 'verifyBlock' }
>
interface Write {
  readonly kind: 'write'
  isDurable: boolean
}

export class SimplexDriver {
  readonly core: Core
  private readonly ports: DriverPorts
  private readonly step: typeof stepCore
  private readonly queue: Queued[] = []
  /** Events that came while another was being handled, such as answers that ports gave at once. */
  private readonly inbox: Event[] = []
  private isHandling = false
  private readonly cancels: Partial<Record<TimerName, () => void>> = {}
  private isStopped = false

  /** @param step the core's function; a test may give a broken one. */
  constructor(core: Core, ports: DriverPorts, step: typeof stepCore = stepCore) {
    this.core = core
    this.ports = ports
    this.step = step
  }

  start(): void {
    this.handle({ kind: 'start' })
  }

  /** For good: a new driver needs a core that was restored from the log. */
  stop(): void {
    this.isStopped = true
    for (const cancel of Object.values(this.cancels)) cancel()
  }

  receive(from: Peer, message: Message): void {
    this.handle({ kind: 'message', from, message })
  }

  setPaused(isPaused: boolean): void {
    this.handle({ kind: 'pause', isPaused })
  }

  /** Asks peers for final blocks, without having heard of any; again and again as long as many come. */
  catchUp(): void {
    this.handle({ kind: 'catchUp' })
  }

  /** A certificate that was verified elsewhere, with what there is of the blocks that it proves. */
  learn(finalization: Certificate, blocks: readonly Block[]): void {
    this.handle({ kind: 'proven', finalization, blocks })
  }

  private handle(event: Event): void {
    this.inbox.push(event)
    if (this.isHandling) return
    this.isHandling = true
    for (let next = this.inbox.shift(); next !== undefined; next = this.inbox.shift()) {
      if (this.isStopped) continue
      for (const effect of this.step(this.core, next)) {
        // A port may have stopped this driver: what comes after must not happen.
        if (!this.isStopped) this.perform(effect)
      }
    }
    this.isHandling = false
  }

  private perform(effect: Effect): void {
    const { observer } = this.ports
    switch (effect.kind) {
      case 'persist': {
        const write: Write = { kind: 'write', isDurable: false }
        this.queue.push(write)
        this.ports.log.append(effect.records, (isDurable) => this.written(write, isDurable))
        break
      }
      case 'compact':
        this.ports.log.replace(effect.records, (isDurable) => {
          if (!isDurable) this.fail()
        })
        break
      case 'send':
      case 'broadcast':
      case 'notarized':
      case 'finalized':
        if (this.queue.length === 0) this.release(effect)
        else this.queue.push(effect)
        break
      case 'build':
      case 'verifyBlock':
        // Tells nobody anything, so it need not wait for the disk, but the application must have the chain up to there.
        if (this.queue.some(({ kind }) => kind === 'finalized')) this.queue.push(effect)
        else this.release(effect)
        break
      case 'setTimer':
        this.setTimer(effect.timer, effect.delayMs, effect.generation)
        break
      case 'verify':
        this.ports.verify(effect.request, (result) => {
          this.handle({ kind: 'verified', job: effect.job, result })
        })
        break
      case 'serveBlocks':
        this.answer(effect.to, answerBlockRequest(this.archive(), effect.hash, effect.aboveHeight))
        break
      case 'serveSync':
        this.answer(effect.to, answerSyncRequest(this.archive(), effect.fromHeight))
        break
      case 'evidence':
        observer.evidence(effect.evidence)
        break
      case 'blame':
        observer.blame(effect.peer, effect.reason)
        break
      case 'halt':
        this.stop()
        observer.halted(effect.reason)
        break
      default:
        unreachable(effect)
    }
  }

  private archive(): Archive {
    return withMemoryOf(this.core, this.ports.application)
  }

  /** Nothing of what a peer gets in answer is a statement of this node, so that it need not wait for the log. */
  private answer(to: Peer, message: Message | undefined): void {
    if (message !== undefined) this.ports.transport.send(to, message)
  }

  private setTimer(timer: TimerName, delayMs: number, generation: number): void {
    this.cancels[timer]?.()
    this.cancels[timer] = this.ports.schedule(delayMs, () => {
      this.handle({ kind: 'timer', timer, generation })
    })
  }

  private written(write: Write, isDurable: boolean): void {
    if (this.isStopped) return
    if (!isDurable) {
      this.fail()
      return
    }
    write.isDurable = true
    for (let head = this.queue[0]; head !== undefined; head = this.queue[0]) {
      if (head.kind === 'write' && !head.isDurable) return
      this.queue.shift()
      if (head.kind !== 'write') this.release(head)
      if (this.isStopped) return
    }
  }

  private fail(): void {
    if (this.isStopped) return
    this.stop()
    this.ports.observer.halted({ kind: 'logFailed' })
  }

  private release(effect: GatedEffect): void {
    const { application, transport } = this.ports
    switch (effect.kind) {
      case 'send':
        transport.send(effect.to, effect.message)
        break
      case 'broadcast':
        transport.broadcast(effect.message, effect.reach)
        break
      case 'build':
        application.build(effect, (payloadHash, body) => {
          this.handle({ kind: 'built', view: effect.view, payloadHash, body })
        })
        break
      case 'verifyBlock':
        application.verify(effect.block, effect.parentPayload, (isValid) => {
          this.handle({ kind: 'blockVerified', hash: effect.block.proposal.hash, isValid })
        })
        break
      case 'notarized':
        application.notarized(effect.block, effect.certificate)
        break
      case 'finalized':
        application.finalized(effect.block, effect.certificate, () => {
          this.handle({ kind: 'applied', height: effect.block.proposal.height })
        })
        break
      default:
        unreachable(effect)
    }
  }
}
