/**
 * A world: nodes, their network, what goes wrong, and who watches. Runs on virtual time; everything that happens follows
 * from the seed, and the hash of what happened tells whether two runs were the same.
 *
 * The first part is chaos. Then the world heals: links work, honest nodes are up, only liars go on. From there the chain
 * must grow, for everybody.
 */
import {
  committeeShape,
  GLOBAL_TIMING,
  REGIONAL_TIMING,
  type CommitteeShape,
  type Domain,
  type Timing,
} from '../../src/consensus/simplex/config.ts'
import type { Verifier } from '../../src/consensus/simplex/verification.ts'
import { wireContext, type WireContext } from '../../src/consensus/simplex/wire.ts'
import { domainOfEpoch } from './application.ts'
import { Liar } from './byzantine/liar.ts'
import { Violation, type Checker } from './checkers/checker.ts'
import { makeCheckers } from './checkers/all.ts'
import type { Profile } from './latency.ts'
import { Links } from './links.ts'
import { SimulatedNetwork } from './network.ts'
import { SimulatedNode } from './node.ts'
import { drawPlan, type FaultMode, type Plan } from './plan.ts'
import { toleranceOf } from './shape.ts'
import { Stream } from './stream.ts'
import { stubKeyring, stubScheme } from './stub-scheme.ts'
import { REAL_SUBJECT, type Subject } from './subject.ts'
import { Timeline } from './timeline.ts'
import { Traffic, type Waits } from './traffic.ts'

export interface WorldOptions {
  readonly seed: number
  readonly nodes: number
  readonly faults: FaultMode
  readonly profile: Profile
  readonly subject?: Subject
  /** Another quorum than the committee's, to show what it is for. */
  readonly quorum?: number
  /** All liars behave like this, and there are as many as can be tolerated. */
  readonly behaviours?: readonly string[]
  /** Changes to what was drawn. */
  readonly plan?: Partial<Plan>
  /** Blocks after which a world without faults ends. */
  readonly blocks?: number
  /** Whether there are users, whose waits are measured. */
  readonly hasTraffic?: boolean
  readonly onTrace?: (line: string) => void
}

export interface WorldResult {
  readonly seed: number
  readonly violation: { readonly checker: string; readonly message: string } | undefined
  /** Final blocks of the longest chain. */
  readonly height: number
  readonly events: number
  readonly virtualMs: number
  /** The same for the same seed, code and options. */
  readonly hash: string
  readonly waits?: Waits
}

/** Blocks that everybody must make final once the world has healed … */
const GROWTH_BLOCKS = 5
/** … within this many virtual milliseconds. */
const GROWTH_DEADLINE_MS = 90_000
const SAMPLE_EVERY_MS = 200
const LIAR_EVERY_MS = 150
const EVENTS_MAX = 20_000_000

export class World {
  readonly options: WorldOptions
  readonly subject: Subject
  readonly committee: CommitteeShape
  readonly domain: Domain
  readonly timing: Timing
  readonly verifier: Verifier
  readonly wire: WireContext
  readonly plan: Plan
  readonly nodes: readonly SimulatedNode[]
  readonly links: Links
  readonly network: SimulatedNetwork
  readonly traffic: Traffic | undefined
  readonly trace: ((node: SimulatedNode | undefined, text: string) => void) | undefined
  isHealed = false
  private readonly timeline: Timeline
  private readonly faults: Stream
  private readonly checkers: readonly Checker[]
  /** Members whose disk may lose what was durable: they count among those that can be tolerated. */
  private readonly damageable: ReadonlySet<number>

  constructor(options: WorldOptions) {
    const { seed } = options
    this.options = options
    this.subject = options.subject ?? REAL_SUBJECT
    const shape = committeeShape(options.nodes)
    this.committee = { ...shape, quorum: options.quorum ?? shape.quorum }
    this.domain = domainOfEpoch(1)
    this.timing = options.profile === 'world' ? GLOBAL_TIMING : REGIONAL_TIMING
    this.verifier = { scheme: stubScheme, domain: this.domain, keyring: stubKeyring(shape.size) }
    this.wire = wireContext(this.committee, this.domain)
    this.timeline = new Timeline(seed)
    this.faults = new Stream(seed, 'faults')
    this.plan = { ...drawPlan(new Stream(seed, 'plan'), planOptions(options, shape)), ...options.plan }
    const { onTrace } = options
    this.trace =
      onTrace &&
      ((node, text) => onTrace(`${this.now.toFixed(2).padStart(10)} ${(node?.name ?? '').padEnd(4)} ${text}`))
    this.nodes = this.makeNodes()
    this.links = this.makeLinks()
    this.network = new SimulatedNetwork(this, this.links)
    this.damageable = this.chooseDamageable()
    this.traffic = options.hasTraffic === true ? new Traffic(this) : undefined
    this.checkers = makeCheckers(this)
  }

  private makeNodes(): SimulatedNode[] {
    const nodes: SimulatedNode[] = []
    const add = (index: number, name: string): void => {
      const node = new SimulatedNode(this, nodes.length, index, name)
      const behaviours = this.plan.byzantine.get(index)
      if (behaviours !== undefined) node.liar = new Liar(this, node, behaviours)
      nodes.push(node)
    }
    for (let index = 0; index < this.committee.size; index++) add(index, `n${index}`)
    for (const index of this.plan.twins) add(index, `n${index}'`)
    return nodes
  }

  private makeLinks(): Links {
    const { options, plan, nodes } = this
    return new Links(this.timeline, {
      seed: options.seed,
      profile: options.profile,
      count: nodes.length,
      plan,
      isEven: options.faults === 'none',
      slow: new Set(nodes.filter(({ index }) => plan.slowNodes.includes(index)).map(({ id }) => id)),
      trace: this.trace && ((text) => this.trace?.(undefined, text)),
    })
  }

  private chooseDamageable(): ReadonlySet<number> {
    const spare = toleranceOf(this.committee) - this.plan.byzantine.size
    const honest = this.nodes.filter((node) => !node.isByzantine)
    return new Set(honest.slice(0, Math.max(0, spare)).map(({ index }) => index))
  }

  nodesOf(index: number): readonly SimulatedNode[] {
    return this.nodes.filter((node) => node.index === index)
  }

  get now(): number {
    return this.timeline.now
  }

  get honest(): readonly SimulatedNode[] {
    return this.nodes.filter((node) => !node.isByzantine)
  }

  othersThan(index: number): number[] {
    return Array.from({ length: this.committee.size }, (_, member) => member).filter(
      (member) => member !== index,
    )
  }

  mayDamage(node: SimulatedNode): boolean {
    return !this.isHealed && this.damageable.has(node.index) && this.faults.chance(this.plan.damageShare)
  }

  schedule(at: number, label: number, fire: () => void): void {
    this.timeline.schedule(at, label, fire)
  }

  check(tell: (checker: Checker) => void): void {
    for (const checker of this.checkers) tell(checker)
  }

  violate(checker: string, message: string): never {
    throw new Violation(checker, message)
  }

  // ---- Running -----------------------------------------------------------------------------------------------------

  run(): WorldResult {
    let violation: WorldResult['violation']
    try {
      this.begin()
      this.runEvents()
      this.check((checker) => checker.end?.())
    } catch (error) {
      violation = describeFailure(error)
    }
    this.trace?.(
      undefined,
      violation === undefined ? 'done' : `VIOLATION of ${violation.checker}: ${violation.message}`,
    )
    const height = Math.max(...this.nodes.map(({ chain }) => chain.height))
    const { traffic, timeline } = this
    const { hash, eventCount: events, now: virtualMs } = timeline
    const waits = traffic === undefined ? {} : { waits: traffic.waits() }
    return { seed: this.options.seed, violation, height, events, virtualMs, hash, ...waits }
  }

  private begin(): void {
    for (const node of this.nodes) this.schedule(this.faults.between(0, 50), node.id, () => node.start())
    this.timeline.every(SAMPLE_EVERY_MS, () => this.check((checker) => checker.sample?.()))
    this.timeline.every(LIAR_EVERY_MS, () => {
      for (const { liar } of this.nodes) liar?.tick()
    })
    this.traffic?.begin()
    this.scheduleFaults()
    this.schedule(this.plan.healAtMs, -1, () => this.heal())
  }

  private runEvents(): void {
    const { timeline } = this
    while (timeline.advance()) {
      if (this.isHealed && this.hasGrown()) return
      if (timeline.eventCount > EVENTS_MAX) this.violate('liveness', `${EVENTS_MAX} events without an end`)
    }
  }

  // ---- The end of chaos --------------------------------------------------------------------------------------------

  private heightAtHeal = 0
  private growthTarget = 0

  private heal(): void {
    this.isHealed = true
    this.links.heal()
    for (const node of this.nodes) node.heal()
    this.heightAtHeal = Math.max(...this.honest.map(({ chain }) => chain.height))
    this.growthTarget = this.heightAtHeal + (this.options.blocks ?? GROWTH_BLOCKS)
    this.trace?.(undefined, `healed at h${this.heightAtHeal}`)
    this.schedule(this.now + GROWTH_DEADLINE_MS, -2, () => {
      const state = this.honest.map(
        ({ name, chain, core }) => `${name} h${chain.height} v${core?.view ?? '-'}`,
      )
      this.violate(
        'liveness',
        `h${this.growthTarget} not reached by all in ${GROWTH_DEADLINE_MS} ms: ${state.join(', ')}`,
      )
    })
  }

  /** Until the world ends, once it has healed. */
  blocksToGo(): number {
    return this.growthTarget - Math.max(...this.honest.map(({ chain }) => chain.height))
  }

  private hasGrown(): boolean {
    return this.honest.every(({ chain }) => chain.height >= this.growthTarget)
  }

  // ---- Faults ------------------------------------------------------------------------------------------------------

  private scheduleFaults(): void {
    const { plan, faults, links } = this
    const honest = this.honest
    this.atRandom(
      plan.partitionEveryMs,
      () => links.partition(),
      () => links.reconnect(),
    )
    this.atRandom(plan.clogEveryMs, () => links.clog())
    this.atRandom(plan.crashEveryMs, () => faults.pick(honest).crashAndRestart('by chance'))
    this.atRandom(plan.massRestartEveryMs, () => {
      for (const node of faults.some(honest, 0.6)) node.crashAndRestart('with many others')
    })
    this.atRandom(plan.clockJumpEveryMs, () => {
      const node = faults.pick(honest)
      if (faults.chance(0.5)) node.jumpClock()
      else node.setClockRate(faults.pick([0.3, 1, 3]))
    })
    this.atRandom(
      plan.pauseEveryMs,
      () => this.setPaused(true, faults.some(honest, 0.7)),
      () => this.setPaused(false, honest),
    )
  }

  private setPaused(isPaused: boolean, nodes: readonly SimulatedNode[]): void {
    for (const node of nodes) node.setPaused(isPaused)
  }

  private atRandom(everyMs: number, begin: () => void, end?: () => void): void {
    this.timeline.atRandom(this.faults, everyMs, this.plan.healAtMs, begin, end)
  }
}

function planOptions(
  { faults, behaviours, nodes }: WorldOptions,
  committee: CommitteeShape,
): Parameters<typeof drawPlan>[1] {
  const chaosMs = nodes > 13 ? 5000 : 9000
  return { committee, faults, chaosMs, ...(behaviours === undefined ? {} : { behaviours }) }
}

/** A broken invariant inside a node is a finding like any other. */
export function describeFailure(error: unknown): NonNullable<WorldResult['violation']> {
  if (error instanceof Violation) return { checker: error.checker, message: error.message }
  return {
    checker: 'crash',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }
}
