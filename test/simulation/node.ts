/**
 * One simulated node: the product's core and driver, with ports into the world. It can lose power at any moment, and
 * comes back with what its disks kept.
 */
import { announces } from '../../src/consensus/simplex/announcing.ts'
import { COMPACTION_BLOCKS, type Config } from '../../src/consensus/simplex/config.ts'
import type { Blame, HaltReason, Reach } from '../../src/consensus/simplex/events.ts'
import type { DriverPorts } from '../../src/consensus/simplex/driver.ts'
import type { Evidence } from '../../src/consensus/simplex/evidence.ts'
import type { Message } from '../../src/consensus/simplex/messages.ts'
import type { Core } from '../../src/consensus/simplex/state.ts'
import type { Block, Certificate, Statement } from '../../src/consensus/simplex/types.ts'
import type { WalRecord } from '../../src/consensus/simplex/wal-records.ts'
import { ROOT, SimulatedChain } from './application.ts'
import type { Liar } from './byzantine/liar.ts'
import { SimulatedDisk } from './disk.ts'
import { Stream } from './stream.ts'
import { stubSigner } from './stub-scheme.ts'
import { describeRecord, describeStatement, short } from './trace.ts'
import type { World } from './world.ts'

/** When a crash that is tied to a write happens. */
const CRASH_MOMENTS = [
  'beforeWrite',
  'beforeFlush',
  'duringFlush',
  'beforeSend',
  'midSend',
  'afterSend',
] as const
type CrashMoment = (typeof CRASH_MOMENTS)[number]

/** More often than nodes do it, so that most worlds see some. */
const COMPACTION_SHARE = 16
/** Verifications at one moment. */
const WORK_MAX = 5000
/** How long the store of final blocks takes to make one durable. */
const APPLY_MS = 12
const RESTART_MIN_MS = 30
const RESTART_MAX_MS = 1500

type Driver = InstanceType<World['subject']['SimplexDriver']>

export class SimulatedNode {
  /** Unique; twins share {@link index} only. */
  readonly id: number
  readonly index: number
  readonly name: string
  readonly chain = new SimulatedChain()
  /** Set for members that may break the rules. */
  liar: Liar | undefined
  /** Requests sent, for a checker. */
  requestCount = 0
  private readonly world: World
  private readonly disk: SimulatedDisk
  private readonly stream: Stream
  private driver: Driver | undefined
  /** Ports of earlier lives are dead. */
  private life = 0
  private readonly timers = new Set<() => void>()
  private sendsBeforeCrash = Infinity
  private clockRate = 1
  private workAt = 0
  private workNow = 0

  constructor(world: World, id: number, index: number, name: string) {
    this.world = world
    this.id = id
    this.index = index
    this.name = name
    this.stream = new Stream(world.options.seed, `node ${id}`)
    this.disk = new SimulatedDisk(world.subject, this.stream)
    this.disk.failureShare = this.isByzantine ? 0 : world.plan.flushFailureShare
  }

  get isByzantine(): boolean {
    return this.world.plan.byzantine.has(this.index)
  }

  get isUp(): boolean {
    return this.driver !== undefined
  }

  /** The core of the life in progress. */
  get core(): Core | undefined {
    return this.driver?.core
  }

  // ---- Life and death ----------------------------------------------------------------------------------------------

  start(isDamaged = false): void {
    if (this.isUp) return
    this.life += 1
    this.sendsBeforeCrash = Infinity
    const { subject, committee, domain, timing } = this.world
    const recovered = this.disk.recover(committee, isDamaged)
    const config: Config = {
      ...committee,
      domain,
      timing,
      self: this.index,
      compactionBlocks: COMPACTION_BLOCKS / COMPACTION_SHARE,
    }
    const signer = stubSigner(this.index)
    const sign = (statement: Statement): Uint8Array => signer.sign(subject.signedBytes(domain, statement))
    const applied = this.chain.applied()
    const core = subject.createCore(config, sign, {
      root: ROOT,
      ...recovered,
      ...(applied === undefined ? {} : { applied }),
    })
    this.world.trace?.(
      this,
      `starts with ${recovered.records.length} records, h${core.tip.height}, certified v${core.certifiedView}` +
        `${recovered.isCorrupt ? ', log damaged' : ''}, silent through v${core.abstainThrough}`,
    )
    this.driver = new subject.SimplexDriver(core, this.ports(this.life), subject.step)
    this.driver.start()
  }

  /** Loses power. */
  crash(why: string): void {
    if (this.driver === undefined) return
    this.world.trace?.(this, `crashes: ${why}`)
    this.driver.stop()
    this.driver = undefined
    this.life += 1
    this.timers.clear()
    this.disk.crash()
    this.chain.crash()
  }

  /** Loses power, and comes back a little later. */
  crashAndRestart(why: string): void {
    this.crash(why)
    const delayMs = this.stream.between(RESTART_MIN_MS, RESTART_MAX_MS)
    this.world.schedule(this.world.now + delayMs, this.id, () => this.start(this.world.mayDamage(this)))
  }

  receive(from: number, message: Message): void {
    this.driver?.receive(from, message)
  }

  setPaused(isPaused: boolean): void {
    this.driver?.setPaused(isPaused)
  }

  setClockRate(rate: number): void {
    this.clockRate = rate
  }

  /** All timers run out at once, as when a clock is set forward. */
  jumpClock(): void {
    const due = [...this.timers]
    this.timers.clear()
    for (const fire of due) fire()
  }

  heal(): void {
    this.clockRate = 1
    this.disk.failureShare = 0
    this.setPaused(false)
    this.start()
  }

  // ---- Ports -------------------------------------------------------------------------------------------------------

  private ports(life: number): DriverPorts {
    const { world } = this
    const isAlive = (): boolean => this.life === life
    const later = (delayMs: number, callback: () => void): void => {
      if (delayMs === 0) callback()
      else world.schedule(world.now + delayMs, this.id, () => isAlive() && callback())
    }
    return {
      transport: {
        send: (to, message) => isAlive() && this.transmit(to, message),
        broadcast: (message, reach) => isAlive() && this.transmit(undefined, message, reach),
      },
      log: {
        append: (records, onDone) => this.write(life, records, onDone),
        replace: (records, onDone) => {
          world.trace?.(this, `compacts its log to ${records.length} records`)
          this.disk.replace(records)
          onDone(true)
        },
      },
      application: {
        build: ({ view, height, parentPayload }, onBuilt) => {
          const beganAt = world.now
          later(world.plan.executionMs * this.stream.between(0.5, 1.5), () => {
            const head = bodyOf(this.id, view, this.stream.uint32())
            const body = world.traffic?.fill(this.id, parentPayload, head) ?? head
            const payload = this.chain.build(parentPayload, body)
            if (payload === undefined)
              return world.violate('order', `${this.name} builds on an unknown parent`)
            world.trace?.(this, `built v${view} h${height} on payload ${short(parentPayload)}`)
            world.traffic?.built(this.id, beganAt, parentPayload, payload, body, head.length)
            onBuilt(payload, body)
          })
        },
        verify: (block, parentPayload, onVerdict) => {
          later(world.plan.executionMs * this.stream.between(0.5, 1.5), () => {
            const isValid = this.chain.judge(block, parentPayload)
            if (isValid === undefined) {
              return world.violate(
                'order',
                `${this.name} executes ${short(block.proposal.hash)} without its parent`,
              )
            }
            onVerdict(isValid)
          })
        },
        notarized: (block, certificate) => {
          world.traffic?.onNotarized(this.id, block)
          world.check((checker) => checker.onNotarized?.(this, block, certificate))
        },
        finalized: (block, certificate, onApplied) => this.apply(life, block, certificate, onApplied),
        block: (hash) => this.chain.block(hash),
        finalizationAtOrBelow: (height) => this.chain.finalizationAtOrBelow(height),
        finalizationAtOrAbove: (height) => this.chain.finalizationAtOrAbove(height),
      },
      observer: {
        evidence: (evidence) => this.onEvidence(evidence),
        blame: (peer, reason) => this.onBlame(peer, reason),
        halted: (reason) => this.onHalted(life, reason),
      },
      verify: (request, onResult) => {
        this.countWork()
        later(world.plan.verificationMs * this.stream.fraction(), () =>
          onResult(world.subject.verifyRequest(world.verifier, request)),
        )
      },
      schedule: (delayMs, callback) => this.setTimer(delayMs, callback),
    }
  }

  /** A node that goes round in circles makes no time pass, and would never be seen again. */
  private countWork(): void {
    this.workNow = this.workAt === this.world.now ? this.workNow + 1 : 0
    this.workAt = this.world.now
    if (this.workNow > WORK_MAX) this.world.violate('livelock', `${this.name} verifies without end`)
  }

  private setTimer(delayMs: number, callback: () => void): () => void {
    let isPending = true
    const fire = (): void => {
      if (!isPending) return
      isPending = false
      this.timers.delete(fire)
      callback()
    }
    this.timers.add(fire)
    this.world.schedule(this.world.now + delayMs * this.clockRate, this.id, fire)
    return () => {
      isPending = false
      this.timers.delete(fire)
    }
  }

  private write(life: number, records: readonly WalRecord[], onDone: (isDurable: boolean) => void): void {
    const { world, disk } = this
    world.trace?.(this, `writes ${records.map(describeRecord).join(', ')}`)
    const moment = this.drawCrash()
    if (moment === 'beforeWrite') {
      this.crashAndRestart('before a write')
      return
    }
    disk.append(records)
    if (moment === 'beforeFlush') {
      this.crashAndRestart('before a flush')
      return
    }
    const { syncDelayMs } = world.plan
    if (moment === 'duringFlush') {
      const at = world.now + syncDelayMs * this.stream.fraction()
      world.schedule(at, this.id, () => this.life === life && this.crashAndRestart('during a flush'))
    }
    const count = disk.writtenCount
    const finish = (): void => {
      if (this.life !== life) return
      const isDurable = disk.flush(count)
      if (moment === 'beforeSend') {
        this.crashAndRestart('after a flush')
        return
      }
      if (moment === 'midSend') this.sendsBeforeCrash = this.stream.below(world.committee.size)
      onDone(isDurable)
      if (moment === 'afterSend' && this.life === life) this.crashAndRestart('after sending')
    }
    if (syncDelayMs === 0) finish()
    else world.schedule(world.now + syncDelayMs, this.id, finish)
  }

  private drawCrash(): CrashMoment | undefined {
    const { crashAtWriteShare } = this.world.plan
    if (this.isByzantine || this.world.isHealed || crashAtWriteShare === 0) return undefined
    return this.stream.chance(crashAtWriteShare) ? this.stream.pick(CRASH_MOMENTS) : undefined
  }

  private apply(
    life: number,
    block: Block,
    certificate: Certificate | undefined,
    onApplied: () => void,
  ): void {
    const { world } = this
    const { height, hash } = block.proposal
    world.trace?.(this, `final h${height} ${short(hash)}`)
    const isNew = height > this.chain.height
    world.traffic?.onFinalized(this.id, block)
    if (!this.chain.append(block, certificate)) {
      world.violate(
        'order',
        `${this.name} is given h${height} ${short(hash)}, which does not continue its chain`,
      )
    }
    if (isNew) world.check((checker) => checker.onFinalized?.(this, block, certificate))
    world.schedule(world.now + APPLY_MS * this.stream.between(0.2, 2), this.id, () => {
      if (this.life !== life) return
      this.chain.makeDurable(height)
      onApplied()
    })
  }

  /** Of a new certificate, which is not for all. */
  private isTurnFor(receiver: number, message: Message): boolean {
    const certificate = message.kind === 'certificates' ? message.certificates[0] : undefined
    const { committee } = this.world
    return certificate === undefined || announces(this.index, receiver, certificate.view, committee)
  }

  /** To one member, or to all others. */
  private transmit(to: number | undefined, message: Message, reach?: Reach): void {
    if (this.liar?.intercepts(to, message) === true) return
    if (!this.isByzantine) this.world.check((checker) => checker.onSent?.(this, message))
    if (isRequest(message)) this.requestCount += 1
    this.world.trace?.(
      this,
      `→ ${to ?? 'all'} ${message.kind === 'vote' ? describeStatement(message.vote) : message.kind}`,
    )
    const receivers = to === undefined ? this.world.othersThan(this.index) : [to]
    for (const receiver of receivers) {
      if (reach === 'announced' && !this.isTurnFor(receiver, message)) continue
      if (this.sendsBeforeCrash-- <= 0) {
        this.crashAndRestart('while sending')
        return
      }
      this.world.network.send(this, receiver, message)
    }
  }

  private onEvidence(evidence: Evidence): void {
    this.world.trace?.(
      this,
      `evidence against n${evidence.first.signer}: ${describeStatement(evidence.first)} and ${describeStatement(evidence.second)}`,
    )
    if (!this.isByzantine) this.world.check((checker) => checker.onEvidence?.(this, evidence))
  }

  private onBlame(peer: number, reason: Blame): void {
    this.world.trace?.(this, `blames n${peer}: ${reason}`)
    if (!this.isByzantine) this.world.check((checker) => checker.onBlame?.(this, peer, reason))
  }

  private onHalted(life: number, reason: HaltReason | { readonly kind: 'logFailed' }): void {
    if (this.life !== life) return
    if (reason.kind === 'logFailed') this.crashAndRestart('its log failed')
    else if (!this.isByzantine) this.world.violate('halt', `${this.name} halts: ${describeHalt(reason)}`)
  }
}

function describeHalt(reason: HaltReason): string {
  if (reason.kind !== 'conflictingCertificates') return `${reason.kind} h${reason.proposal.height}`
  return `${describeStatement(reason.first)} and ${describeStatement(reason.second)}`
}

function isRequest({ kind }: Message): boolean {
  return kind === 'certificateRequest' || kind === 'blockRequest' || kind === 'syncRequest'
}

/** Different for every block that anybody builds. */
function bodyOf(id: number, view: number, salt: number): Uint8Array {
  const body = new Uint8Array(16)
  const fields = new DataView(body.buffer)
  fields.setUint32(0, id)
  fields.setUint32(4, view)
  fields.setUint32(8, salt)
  return body
}
