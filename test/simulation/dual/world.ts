/**
 * A world of both layers: nodes that run the product's composition, their network, what goes wrong, and who watches. Runs
 * on virtual time. The composition works with promises: after everything that happens they are let run dry before the
 * next thing does, so that what follows is a function of the seed here, too.
 */
import type { Committee } from '../../../src/consensus/committees/committee.ts'
import { DEFAULT_PARAMETERS, type ConsensusParameters } from '../../../src/consensus/committees/parameters.ts'
import type { NodeRegistry, RegisteredNode } from '../../../src/consensus/committees/registry.ts'
import { firstSeats } from '../../../src/consensus/committees/schedule.ts'
import type { InstanceDescription } from '../../../src/consensus/dual-bft/instances.ts'
import type { NodeId } from '../../../src/consensus/election/election.ts'
import {
  committeeShape,
  type CommitteeShape,
  GLOBAL_TIMING,
  REGIONAL_TIMING,
  type Timing,
} from '../../../src/consensus/simplex/config.ts'
import { announces } from '../../../src/consensus/simplex/announcing.ts'
import type { Reach } from '../../../src/consensus/simplex/events.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { GENESIS_VIEW } from '../../../src/consensus/simplex/types.ts'
import type { Verifier } from '../../../src/consensus/simplex/verification.ts'
import { wireContext, type WireContext } from '../../../src/consensus/simplex/wire.ts'
import { present } from '../../../src/primitives/assert.ts'
import { bytesToHex, EMPTY_BYTES, hexToBytes, ZERO_ADDRESS } from '../../../src/primitives/bytes.ts'
import { Violation } from '../checkers/checker.ts'
import type { Profile } from '../latency.ts'
import { Links } from '../links.ts'
import { sizeOf } from '../network.ts'
import type { FaultMode } from '../plan.ts'
import { toleranceOf } from '../shape.ts'
import { Stream } from '../stream.ts'
import { stubPublicKey, stubScheme } from '../stub-scheme.ts'
import { REAL_SUBJECT, type Subject } from '../subject.ts'
import { Timeline } from '../timeline.ts'
import { describeMessage, labelOf } from '../trace.ts'
import { describeFailure, type WorldResult } from '../world.ts'
import { makeDualCheckers, type DualChecker } from './checkers.ts'
import { GENESIS } from './ledger.ts'
import { DualLiar } from './liar.ts'
import { DualNode, nameOf, type OpenInstance } from './node.ts'
import { drawDualPlan, NODES_OF_BOTH, type DualPlan } from './plan.ts'
import { PromiseJobs } from './promise-jobs.ts'
import { DualTraffic } from './traffic.ts'

export interface DualWorldOptions {
  readonly seed: number
  readonly executors: number
  readonly witnesses: number
  readonly faults: FaultMode
  readonly profile: Profile
  readonly subject?: Subject
  readonly behaviours?: readonly string[]
  /** Changes to what was drawn. */
  readonly plan?: Partial<DualPlan>
  readonly parameters?: Partial<ConsensusParameters>
  /** Blocks that must be sealed everywhere, from healing on. */
  readonly blocks?: number
  readonly onTrace?: (line: string) => void
}

/** Which nodes sit in a committee. */
interface Seating {
  /** Nodes by seat … */
  readonly members: readonly number[]
  /** … and the other way round. */
  readonly seats: ReadonlyMap<number, number>
  readonly followers: readonly number[]
}

/** Keyed nodes beyond the seats, so that committees change. */
const SPARE_NODES = 3
/** More than a cycle: there is a handover after healing. */
const GROWTH_BLOCKS = 26
/** Virtual milliseconds from healing on. */
const GROWTH_DEADLINE_MS = 120_000
const SAMPLE_EVERY_MS = 200
/** One transaction somewhere so often, on average. */
const SUBMIT_EVERY_MS = 60
const EVENTS_MAX = 20_000_000
/** Whether a world has come to its end is looked at this often. */
const END_CHECK_EVENTS = 32
/** When a broken engine makes its mistake. */
const MISTAKE_AT_MS = 3000

const SMALL_CYCLES: Partial<ConsensusParameters> = {
  cycleBlocks: 24,
  windowBlocks: 8,
  rangeBlocks: 4,
  heartbeatMs: 500,
  // Longer than a world.
  resetSeconds: 1000,
}

export class DualWorld {
  readonly options: DualWorldOptions
  readonly subject: Subject
  readonly parameters: ConsensusParameters
  readonly registry: NodeRegistry
  readonly timing: Timing
  readonly plan: DualPlan
  readonly nodes: readonly DualNode[]
  readonly links: Links
  readonly traffic: DualTraffic
  readonly verifiedCertificates = new Map<string, boolean>()
  readonly firstExecutors: readonly NodeId[]
  readonly trace: ((node: DualNode | undefined, text: string) => void) | undefined
  isHealed = false
  private readonly timeline: Timeline
  private readonly faults: Stream
  private readonly checkers: readonly DualChecker[]
  private readonly numbers: ReadonlyMap<NodeId, number>
  private readonly damageable: ReadonlySet<number>
  private readonly joining: ReadonlySet<number>
  /** What goes to many is encoded and decoded once. */
  private readonly encoded = new WeakMap<Message, Uint8Array>()
  private readonly decoded = new WeakMap<Uint8Array, Message>()
  private readonly seatings = new Map<string, Seating>()
  private readonly contexts = new Map<string, WireContext>()
  private readonly verifiers = new Map<string, Verifier>()
  private failure: unknown
  private growthTarget = 0
  private wasMistaken = false
  private readonly jobs = new PromiseJobs()

  constructor(options: DualWorldOptions) {
    const { seed, executors, witnesses, profile, onTrace } = options
    this.options = options
    this.subject = options.subject ?? REAL_SUBJECT
    this.timing = profile === 'world' ? GLOBAL_TIMING : REGIONAL_TIMING
    this.timeline = new Timeline(seed)
    this.faults = new Stream(seed, 'faults')
    this.trace =
      onTrace &&
      ((node, text) => onTrace(`${this.now.toFixed(2).padStart(10)} ${(node?.name ?? '').padEnd(4)} ${text}`))
    const shapes = { executors: committeeShape(executors), witnesses: committeeShape(witnesses) }
    const keyed = executors + witnesses + SPARE_NODES
    const planOptions = { ...shapes, nodes: keyed, faults: options.faults }
    this.plan = {
      ...drawDualPlan(new Stream(seed, 'plan'), { ...planOptions, ...behavioursOf(options) }),
      ...options.plan,
    }
    const { resetSeconds } = this.plan
    this.parameters = {
      ...DEFAULT_PARAMETERS,
      ...SMALL_CYCLES,
      ...options.parameters,
      ...(resetSeconds === Infinity ? {} : { resetSeconds }),
      executorSeats: executors,
      witnessSeats: witnesses,
    }
    this.registry = this.plan.isCollusion
      ? makeCollusion(keyed, shapes.executors)
      : makeRegistry(seed, keyed, executors)
    this.numbers = new Map(Array.from({ length: keyed }, (_, id) => [bytesToHex(stubPublicKey(id)), id]))
    const seats = firstSeats(this.registry.at(0n), this.parameters, GENESIS.hash)
    this.firstExecutors = seats.executors
    this.nodes = this.makeNodes(keyed)
    this.links = this.makeLinks()
    const spare =
      Math.min(toleranceOf(shapes.executors), toleranceOf(shapes.witnesses)) - this.plan.byzantine.size
    this.damageable = new Set(this.honest.slice(0, Math.max(0, spare)).map(({ id }) => id))
    this.joining = this.chooseJoining([...seats.executors, ...seats.witnesses])
    this.checkers = makeDualCheckers(this)
    this.traffic = new DualTraffic(this, SUBMIT_EVERY_MS)
  }

  /** All with keys, and one without that only follows. */
  private makeNodes(keyed: number): DualNode[] {
    return Array.from({ length: keyed + 1 }, (_, id) => {
      const node = new DualNode(this, id, id < keyed)
      const behaviours = this.plan.byzantine.get(id)
      if (behaviours !== undefined) node.liar = new DualLiar(this, node, behaviours)
      const { quorum } = committeeShape(this.parameters.executorSeats)
      node.isBroken = this.plan.isCollusion && id < quorum
      return node
    })
  }

  private makeLinks(): Links {
    const { seed, profile } = this.options
    const { plan, faults, nodes } = this
    return new Links(this.timeline, {
      seed,
      profile,
      count: nodes.length,
      plan,
      isEven: this.options.faults === 'none',
      slow: new Set(faults.some(nodes, plan.slowShare).map(({ id }) => id)),
      trace: this.trace && ((text) => this.trace?.(undefined, text)),
    })
  }

  /** The follower, and one without a seat in the first cycle, begin late and with nothing. */
  private chooseJoining(seated: readonly NodeId[]): ReadonlySet<number> {
    if (this.plan.joinAtMs === 0) return new Set()
    const free = this.nodes.filter(({ key }) => key === undefined || !seated.includes(key))
    return new Set(free.slice(-2).map(({ id }) => id))
  }

  get now(): number {
    return this.timeline.now
  }

  get honest(): readonly DualNode[] {
    return this.nodes.filter((node) => !node.isByzantine)
  }

  nodeOfKey(key: NodeId): number {
    return present(this.numbers.get(key), 'the node of a key')
  }

  mayDamage(node: DualNode): boolean {
    return !this.isHealed && this.damageable.has(node.id) && this.faults.chance(this.plan.damageShare)
  }

  schedule(at: number, label: number, fire: () => void): void {
    this.timeline.schedule(at, label, fire)
  }

  check(tell: (checker: DualChecker) => void): void {
    for (const checker of this.checkers) tell(checker)
  }

  violate(checker: string, message: string): never {
    const violation = new Violation(checker, message)
    this.failure ??= violation
    throw violation
  }

  /** A node gave up. */
  fail(node: DualNode, error: unknown): void {
    this.trace?.(node, `fails: ${error instanceof Error ? error.message : String(error)}`)
    this.failure ??= error
  }

  /** Whether those whose engine is broken make their mistake now. Once is enough. */
  isMistakeDue(): boolean {
    if (this.wasMistaken || this.now < MISTAKE_AT_MS) return false
    this.wasMistaken = true
    return true
  }

  // ---- The network -------------------------------------------------------------------------------------------------

  /** Nodes that something which a member sends to all goes to. */
  receiversOf(node: DualNode, committee: Committee, message: Message, reach?: Reach): number[] {
    const { members, followers, seats } = this.seatingOf(committee)
    const self = seats.get(node.id)
    if (self === undefined) return []
    const others = members.filter((id) => id !== node.id)
    if (message.kind !== 'propose' && message.kind !== 'certificates') return others
    if (message.kind === 'propose') return [...others, ...followers]
    const { view = GENESIS_VIEW } = message.certificates[0] ?? {}
    const isTurn = (_: number, position: number): boolean => announces(self, position, view, committee.shape)
    const told = reach === 'announced' ? members.filter(isTurn).filter((id) => id !== node.id) : others
    return [...told, ...followers.filter(isTurn)]
  }

  /** Index in a committee as its members see a node; guests have the numbers above theirs. */
  peerOf(committee: Committee, { id }: DualNode): number {
    return this.seatingOf(committee).seats.get(id) ?? committee.members.length + id
  }

  private seatingOf(committee: Committee): Seating {
    const known = this.seatings.get(committee.hash)
    if (known !== undefined) return known
    const members = committee.members.map((member) => this.nodeOfKey(member))
    const seats = new Map(members.map((id, seat) => [id, seat]))
    const followers = this.nodes.filter(({ id }) => !seats.has(id)).map(({ id }) => id)
    const seating = { members, seats, followers }
    this.seatings.set(committee.hash, seating)
    return seating
  }

  post(from: DualNode, to: number, instance: OpenInstance, message: Message, delayMs = 0): void {
    const receiver = this.nodes[to]
    if (receiver === undefined) return
    const context = this.contextOf(instance)
    const isOnWire = this.plan.isOnWire || from.isByzantine
    const bytes = isOnWire ? this.encode(context, message) : undefined
    const label = labelOf(message) ^ (instance.committee.epoch << 8) ^ instance.committee.layer.length
    this.links.transmit(from.id, to, { size: sizeOf(message), delayMs, label }, () => {
      const arrived = bytes === undefined ? message : this.decode(from, context, bytes)
      if (arrived === undefined) return
      if (this.trace !== undefined) {
        this.trace(receiver, `← ${from.name} ${nameOf(instance.committee)} ${describeMessage(arrived)}`)
      }
      receiver.liar?.note(arrived)
      receiver.receive(from, instance, arrived)
    })
  }

  private encode(context: WireContext, message: Message): Uint8Array {
    const bytes = this.encoded.get(message) ?? this.subject.encodeMessage(context, message)
    this.encoded.set(message, bytes)
    return bytes
  }

  private decode(from: DualNode, context: WireContext, bytes: Uint8Array): Message | undefined {
    try {
      const message = this.decoded.get(bytes) ?? this.subject.decodeMessage(context, bytes)
      this.decoded.set(bytes, message)
      return message
    } catch (error) {
      if (!(error instanceof this.subject.WireError)) throw error
      if (!from.isByzantine)
        this.violate('wire', `${from.name} sent bytes that are refused: ${error.message}`)
      return undefined
    }
  }

  contextOf({ committee, domain }: Pick<InstanceDescription, 'committee' | 'domain'>): WireContext {
    const context = this.contexts.get(committee.hash) ?? wireContext(committee.shape, domain)
    this.contexts.set(committee.hash, context)
    return context
  }

  verifierOf({ committee, domain }: InstanceDescription): Verifier {
    const known = this.verifiers.get(committee.hash)
    if (known !== undefined) return known
    const keyring = stubScheme.keyring(committee.members.map((member) => hexToBytes(member)))
    const verifier = { scheme: stubScheme, domain, keyring }
    this.verifiers.set(committee.hash, verifier)
    return verifier
  }

  // ---- Running -----------------------------------------------------------------------------------------------------

  async run(): Promise<WorldResult> {
    let violation: WorldResult['violation']
    try {
      this.begin()
      await this.runEvents()
      this.check((checker) => checker.end?.())
    } catch (error) {
      violation = describeFailure(this.failure ?? error)
    } finally {
      this.jobs.stop()
    }
    this.trace?.(
      undefined,
      violation === undefined ? 'done' : `VIOLATION of ${violation.checker}: ${violation.message}`,
    )
    const { hash, eventCount: events, now: virtualMs } = this.timeline
    const height = Math.max(...this.honest.map(({ ledger }) => ledger.height('sealed')))
    const waits = this.options.faults === 'none' ? { waits: this.traffic.waits() } : {}
    return { seed: this.options.seed, violation, height, events, virtualMs, hash, ...waits }
  }

  private begin(): void {
    for (const node of this.nodes) {
      const at = this.joining.has(node.id) ? this.plan.joinAtMs : this.faults.between(0, 50)
      this.schedule(at, node.id, () => node.start())
    }
    this.timeline.every(SAMPLE_EVERY_MS, () => this.check((checker) => checker.sample?.()))
    this.traffic.begin()
    this.scheduleFaults()
    this.schedule(this.plan.healAtMs, -1, () => this.heal())
  }

  private async runEvents(): Promise<void> {
    const { timeline, jobs } = this
    while (timeline.advance()) {
      if (jobs.mayWait) await jobs.run()
      // What nodes reject is reported as a failure; the first one counts.
      if (this.failure !== undefined) throw this.failure
      if (this.isHealed && timeline.eventCount % END_CHECK_EVENTS === 0 && this.hasGrown()) return
      if (timeline.eventCount > EVENTS_MAX) this.violate('liveness', `${EVENTS_MAX} events without an end`)
    }
  }

  private heal(): void {
    this.isHealed = true
    this.links.heal()
    for (const node of this.nodes)
      if (!this.joining.has(node.id) || this.now >= this.plan.joinAtMs) node.heal()
    const sealedHeight = Math.max(...this.honest.map(({ ledger }) => ledger.height('sealed')))
    this.growthTarget = sealedHeight + (this.options.blocks ?? GROWTH_BLOCKS)
    this.trace?.(undefined, `healed at s${sealedHeight}`)
    this.schedule(this.now + GROWTH_DEADLINE_MS, -2, () => {
      const state = this.honest.map((node) => describeState(node))
      this.violate(
        'liveness',
        `seal of ${this.growthTarget} not reached by all in ${GROWTH_DEADLINE_MS} ms: ${state.join(', ')}`,
      )
    })
  }

  /** Most have long grown: nobody asks for anything any more, and those who are behind can catch up. */
  isOverdue(): boolean {
    const sealedHeight = Math.max(...this.honest.map(({ ledger }) => ledger.height('sealed')))
    return this.isHealed && sealedHeight > this.growthTarget + 2 * this.parameters.cycleBlocks
  }

  private hasGrown(): boolean {
    return this.honest.every(({ ledger }) => ledger.height('sealed') >= this.growthTarget)
  }

  // ---- Faults ------------------------------------------------------------------------------------------------------

  private scheduleFaults(): void {
    const { plan, faults, links, nodes } = this
    this.atRandom(
      plan.partitionEveryMs,
      () => links.partition(),
      () => links.reconnect(),
    )
    this.atRandom(plan.clogEveryMs, () => links.clog())
    this.atRandom(plan.crashEveryMs, () => faults.pick(nodes).crashAndRestart('by chance'))
    this.atRandom(plan.massRestartEveryMs, () => {
      for (const node of faults.some(nodes, 0.6)) node.crashAndRestart('with many others')
    })
    if (plan.outageAtMs !== Infinity) this.schedule(plan.outageAtMs, -6, () => this.beginOutage())
  }

  /** So many witnesses fail that the others are no quorum. */
  private beginOutage(): void {
    const { size, quorum } = committeeShape(this.parameters.witnessSeats)
    const epochs = this.nodes.flatMap((node) => node.committeesOf('witness'))
    const committee = epochs.toSorted((a, b) => b.epoch - a.epoch)[0]
    if (committee === undefined) return
    this.trace?.(undefined, 'too many witnesses fail')
    const { outageMs } = this.plan
    for (const member of committee.members.slice(0, size - quorum + 1)) {
      this.nodes[this.nodeOfKey(member)]?.crashAndRestart('with too many other witnesses', outageMs)
    }
  }

  private atRandom(everyMs: number, begin: () => void, end?: () => void): void {
    this.timeline.atRandom(this.faults, everyMs, this.plan.healAtMs, begin, end)
  }
}

function behavioursOf({ behaviours }: DualWorldOptions): { readonly behaviours?: readonly string[] } {
  return behaviours === undefined ? {} : { behaviours }
}

/** Stakes and points differ from snapshot to snapshot, so that every cycle has other committees. Some nodes have both. */
function makeRegistry(seed: number, count: number, executors: number): NodeRegistry {
  const known = new Map<bigint, readonly RegisteredNode[]>()
  const stakers = executors - 1 + NODES_OF_BOTH
  const draw = (number: bigint): RegisteredNode[] => {
    const stream = new Stream(seed, `registry at ${number}`)
    return Array.from({ length: count }, (_, id) => {
      const [stake, points] = [1000 + stream.below(1000), 1000 + stream.below(1000)]
      return {
        id: bytesToHex(stubPublicKey(id)),
        proofOfPossession: EMPTY_BYTES,
        stake: BigInt(id < stakers ? stake : 0),
        points: BigInt(id >= executors - 1 ? points : 0),
        isJailed: false,
        payout: ZERO_ADDRESS,
      }
    })
  }
  return {
    at(number) {
      const nodes = known.get(number) ?? draw(number)
      known.set(number, nodes)
      return nodes
    },
  }
}

/** The first executors are known beforehand, so that a quorum of them can be broken; enough others may replace them. */
function makeCollusion(count: number, executors: CommitteeShape): NodeRegistry {
  const nodes = Array.from({ length: count }, (_, id) => ({
    id: bytesToHex(stubPublicKey(id)),
    proofOfPossession: EMPTY_BYTES,
    stake: BigInt(id < executors.size + executors.quorum + 1 ? 1000 - id : 0),
    points: BigInt(id >= executors.size - 1 ? 1000 : 0),
    isJailed: false,
    payout: ZERO_ADDRESS,
  }))
  return { at: () => nodes }
}

function describeState(node: DualNode): string {
  const { name, ledger, isUp } = node
  const heights = `h${ledger.height('preconfirmed')} f${ledger.height('final')} s${ledger.height('sealed')}`
  return `${name} ${isUp ? '' : 'down '}${heights}`
}
