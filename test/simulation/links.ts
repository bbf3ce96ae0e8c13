/**
 * What lies between nodes: latency by place, loss, repetition, reordering, partitions in one or both directions, clogged
 * and narrow links.
 */
import { latencyMatrix, type Profile } from './latency.ts'
import type { Plan } from './plan.ts'
import { Stream } from './stream.ts'
import type { Timeline } from './timeline.ts'

/** Jitter of a healed network, at most. */
const HEALED_JITTER_SHARE = 0.3
const SLOW_NODE_MS = 150
const CLOGGED_FACTOR = 20

export type LinkPlan = Pick<
  Plan,
  'lossShare' | 'duplicateShare' | 'jitterShare' | 'isAsymmetric' | 'bandwidth' | 'hopMs'
>

export interface LinkOptions {
  readonly seed: number
  readonly profile: Profile
  readonly count: number
  readonly plan: LinkPlan
  /** As many nodes at each place, rather than by chance: what is measured should not depend on who is next to whom. */
  readonly isEven: boolean
  /** Nodes, by number, that everything takes longer to and from. */
  readonly slow: ReadonlySet<number>
  readonly trace: ((text: string) => void) | undefined
}

export class Links {
  private readonly timeline: Timeline
  private readonly options: LinkOptions
  private readonly stream: Stream
  private readonly latencies: readonly (readonly number[])[]
  /** By node: its place. */
  private readonly sites: readonly number[]
  /** By sender and receiver: the link is cut. */
  private readonly cut: boolean[][]
  private readonly clogged: boolean[][]
  /** By sender and receiver: when a narrow link is free again. */
  private readonly freeAt: number[][]
  private isHealed = false

  constructor(timeline: Timeline, options: LinkOptions) {
    const { seed, profile, count } = options
    this.timeline = timeline
    this.options = options
    this.stream = new Stream(seed, 'network')
    this.latencies = latencyMatrix(profile)
    const placement = new Stream(seed, 'places')
    const places = this.latencies.length
    const turn = placement.below(places)
    this.sites = Array.from({ length: count }, (_, id) =>
      options.isEven ? (id + turn) % places : placement.below(places),
    )
    const square = <T>(value: T): T[][] =>
      Array.from({ length: count }, () => Array.from({ length: count }, () => value))
    this.cut = square(false)
    this.clogged = square(false)
    this.freeAt = square(0)
  }

  /** Carries something over, once, twice or not at all. */
  transmit(
    from: number,
    to: number,
    { size, delayMs, label }: { readonly size: number; readonly delayMs: number; readonly label: number },
    arrive: () => void,
  ): void {
    const { lossShare, duplicateShare, hopMs } = this.options.plan
    const copies = !this.isHealed && duplicateShare > 0 && this.stream.chance(duplicateShare) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (!this.isHealed) {
        if (this.isCut(from, to)) continue
        if (lossShare > 0 && this.stream.chance(lossShare)) continue
      }
      const at = this.timeline.now + delayMs + this.latencyMs(from, to, size) + hopMs
      this.timeline.schedule(at, (to << 24) ^ (from << 16) ^ label, () => {
        if (this.isHealed || !this.isCut(from, to)) arrive()
      })
    }
  }

  /** What it takes in a quiet network to tell another node something. */
  delayMs(from: number, to: number): number {
    const { jitterShare, hopMs } = this.options.plan
    return this.baseMs(from, to) * (1 + jitterShare * this.stream.fraction()) + hopMs
  }

  /** The same without chance. */
  quietMs(from: number, to: number): number {
    return from === to ? 0 : this.baseMs(from, to) + this.options.plan.hopMs
  }

  private baseMs(from: number, to: number): number {
    return this.latencies[this.sites[from] ?? 0]?.[this.sites[to] ?? 0] ?? 1
  }

  private latencyMs(from: number, to: number, size: number): number {
    const { plan, slow } = this.options
    const jitterShare = this.isHealed ? Math.min(HEALED_JITTER_SHARE, plan.jitterShare) : plan.jitterShare
    const ms = this.baseMs(from, to) * (1 + jitterShare * this.stream.fraction())
    if (this.isHealed) return ms
    const slowMs = slow.has(from) || slow.has(to) ? SLOW_NODE_MS : 0
    const cloggedMs = this.clogged[from]?.[to] === true ? ms * CLOGGED_FACTOR : ms
    return slowMs + cloggedMs + this.queueMs(from, to, size)
  }

  private queueMs(from: number, to: number, size: number): number {
    const { bandwidth } = this.options.plan
    const row = this.freeAt[from]
    if (bandwidth === Infinity || row === undefined) return 0
    const { now } = this.timeline
    const endAt = Math.max(row[to] ?? 0, now) + size / bandwidth
    row[to] = endAt
    return endAt - now
  }

  private isCut(from: number, to: number): boolean {
    return this.cut[from]?.[to] === true
  }

  /** Cuts links until {@link reconnect}: two sides, or one node from all others. */
  partition(): void {
    const { length: count } = this.sites
    const lonely = this.stream.chance(0.3) ? this.stream.below(count) : undefined
    const isLeft = Array.from({ length: count }, (_, id) =>
      lonely === undefined ? this.stream.chance(0.5) : id === lonely,
    )
    const isOneWay = this.options.plan.isAsymmetric && this.stream.chance(0.5)
    for (const [from, row] of this.cut.entries()) {
      for (const to of row.keys())
        row[to] = isOneWay ? isLeft[from] === true && isLeft[to] === false : isLeft[from] !== isLeft[to]
    }
    const sides = isLeft.map((left) => (left ? 'L' : 'R')).join('')
    this.options.trace?.(`partition ${sides}${isOneWay ? ' one way' : ''}`)
  }

  /** Separates the nodes by the given sides, both ways. */
  split(isLeft: readonly boolean[]): void {
    for (const [from, row] of this.cut.entries()) {
      for (const to of row.keys()) row[to] = isLeft[from] !== isLeft[to]
    }
  }

  reconnect(): void {
    for (const row of this.cut) row.fill(false)
    this.options.trace?.('reconnected')
  }

  /** Makes a few links slow until the next time. */
  clog(): void {
    for (const row of this.clogged) for (const to of row.keys()) row[to] = this.stream.chance(0.15)
  }

  heal(): void {
    this.isHealed = true
    this.reconnect()
  }
}
