/**
 * Links between simulated nodes: latency by place, loss, repetition, reordering, partitions in one or both directions,
 * clogged and narrow links. Messages are handed over as they are, or as bytes that are decoded on arrival.
 */
import type { Message } from '../../src/consensus/simplex/messages.ts'
import { latencyMatrix, type Profile } from './latency.ts'
import type { SimulatedNode } from './node.ts'
import type { Plan } from './plan.ts'
import { describeMessage, labelOf } from './trace.ts'
import type { World } from './world.ts'
import { Stream } from './stream.ts'

/** Jitter of a healed network, at most. */
const HEALED_JITTER_SHARE = 0.3
const SLOW_NODE_MS = 150
const CLOGGED_FACTOR = 20
/** For a narrow link: bytes of a message without its body. */
const ENVELOPE_BYTES = 200

export class SimulatedNetwork {
  private readonly world: World
  private readonly plan: Plan
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
  messageCount = 0
  private encoded: { readonly message: Message; readonly bytes: Uint8Array } | undefined

  constructor(world: World, profile: Profile, nodeCount: number, plan: Plan, seed: number) {
    this.world = world
    this.plan = plan
    this.stream = new Stream(seed, 'network')
    const matrix = latencyMatrix(profile)
    const placement = new Stream(seed, 'places')
    this.sites = Array.from({ length: nodeCount }, () => placement.below(matrix.length))
    this.latencies = matrix
    const square = <T>(value: T): T[][] =>
      Array.from({ length: nodeCount }, () => Array.from({ length: nodeCount }, () => value))
    this.cut = square(false)
    this.clogged = square(false)
    this.freeAt = square(0)
  }

  /** Sends to everybody who has the index: twins share one. */
  send(from: SimulatedNode, to: number, message: Message, delayMs = 0): void {
    // What honest nodes send decodes to what they encoded; what liars send must get past the decoder.
    const isOnWire = this.plan.isOnWire || from.isByzantine
    const bytes = isOnWire ? this.encode(message) : undefined
    for (const receiver of this.world.nodesOf(to)) {
      this.transmit(from, receiver, sizeOf(message), delayMs, labelOf(message), () => {
        const arrived = bytes === undefined ? message : this.decode(from, receiver, bytes)
        if (arrived !== undefined) this.arrive(from, receiver, arrived)
      })
    }
  }

  /** The bytes of a message that goes to many are made once. */
  private encode(message: Message): Uint8Array {
    if (this.encoded?.message === message) return this.encoded.bytes
    const bytes = this.world.subject.encodeMessage(this.world.wire, message)
    this.encoded = { message, bytes }
    return bytes
  }

  /** Sends bytes as they are, whatever they are. */
  sendBytes(from: SimulatedNode, to: number, bytes: Uint8Array): void {
    for (const receiver of this.world.nodesOf(to)) {
      this.transmit(from, receiver, bytes.length, 0, bytes.length, () => {
        const message = this.decode(from, receiver, bytes)
        if (message !== undefined) this.arrive(from, receiver, message)
      })
    }
  }

  private arrive(from: SimulatedNode, receiver: SimulatedNode, message: Message): void {
    this.world.trace?.(receiver, `← ${from.name} ${describeMessage(message)}`)
    receiver.receive(from.index, message)
  }

  private decode(from: SimulatedNode, receiver: SimulatedNode, bytes: Uint8Array): Message | undefined {
    try {
      return this.world.subject.decodeMessage(this.world.wire, bytes)
    } catch (error) {
      if (!(error instanceof this.world.subject.WireError)) throw error
      this.world.trace?.(receiver, `← ${from.name} ${bytes.length} bytes refused: ${error.message}`)
      if (!from.isByzantine)
        this.world.violate('wire', `${from.name} sent bytes that are refused: ${error.message}`)
      return undefined
    }
  }

  private transmit(
    from: SimulatedNode,
    to: SimulatedNode,
    size: number,
    delayMs: number,
    label: number,
    arrive: () => void,
  ): void {
    this.messageCount += 1
    const { lossShare, duplicateShare } = this.plan
    const copies = !this.isHealed && duplicateShare > 0 && this.stream.chance(duplicateShare) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (!this.isHealed) {
        if (this.isCut(from, to)) continue
        if (lossShare > 0 && this.stream.chance(lossShare)) continue
      }
      const at = this.world.now + delayMs + this.latencyMs(from, to, size) + this.plan.hopMs
      this.world.schedule(at, (to.id << 24) ^ (from.id << 16) ^ label, () => {
        if (this.isHealed || !this.isCut(from, to)) arrive()
      })
    }
  }

  /** What it takes in a quiet network to tell another node something. */
  delayMs(from: number, to: number): number {
    const base = this.latencies[this.sites[from] ?? 0]?.[this.sites[to] ?? 0] ?? 1
    return base * (1 + this.plan.jitterShare * this.stream.fraction()) + this.plan.hopMs
  }

  private latencyMs(from: SimulatedNode, to: SimulatedNode, size: number): number {
    const base = this.latencies[this.sites[from.id] ?? 0]?.[this.sites[to.id] ?? 0] ?? 1
    const jitterShare = this.isHealed
      ? Math.min(HEALED_JITTER_SHARE, this.plan.jitterShare)
      : this.plan.jitterShare
    const ms = base * (1 + jitterShare * this.stream.fraction())
    if (this.isHealed) return ms
    const isSlow = this.plan.slowNodes.includes(from.index) || this.plan.slowNodes.includes(to.index)
    const isClogged = this.clogged[from.id]?.[to.id] === true
    const slowMs = (isSlow ? SLOW_NODE_MS : 0) + (isClogged ? ms * CLOGGED_FACTOR : ms)
    return slowMs + this.queueMs(from, to, size)
  }

  private queueMs(from: SimulatedNode, to: SimulatedNode, size: number): number {
    const row = this.freeAt[from.id]
    if (this.plan.bandwidth === Infinity || row === undefined) return 0
    const startAt = Math.max(row[to.id] ?? 0, this.world.now)
    const endAt = startAt + size / this.plan.bandwidth
    row[to.id] = endAt
    return endAt - this.world.now
  }

  // ---- Faults ------------------------------------------------------------------------------------------------------

  private isCut(from: SimulatedNode, to: SimulatedNode): boolean {
    return this.cut[from.id]?.[to.id] === true
  }

  /** Cuts links until {@link reconnect}: two sides, or one node from all others. */
  partition(): void {
    const count = this.sites.length
    const lonely = this.stream.chance(0.3) ? this.stream.below(count) : undefined
    const isLeft = Array.from({ length: count }, (_, id) =>
      lonely === undefined ? this.stream.chance(0.5) : id === lonely,
    )
    const isOneWay = this.plan.isAsymmetric && this.stream.chance(0.5)
    for (const [from, row] of this.cut.entries()) {
      for (const to of row.keys())
        row[to] = isOneWay ? isLeft[from] === true && isLeft[to] === false : isLeft[from] !== isLeft[to]
    }
    this.world.trace?.(
      undefined,
      `partition ${isLeft.map((left) => (left ? 'L' : 'R')).join('')}${isOneWay ? ' one way' : ''}`,
    )
  }

  /** Separates the nodes by the given sides, both ways. */
  split(isLeft: readonly boolean[]): void {
    for (const [from, row] of this.cut.entries()) {
      for (const to of row.keys()) row[to] = isLeft[from] !== isLeft[to]
    }
  }

  reconnect(): void {
    for (const row of this.cut) row.fill(false)
    this.world.trace?.(undefined, 'reconnected')
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

function sizeOf(message: Message): number {
  const blocks =
    message.kind === 'blocks' ? message.blocks : message.kind === 'propose' ? [message.block] : []
  const certificates = 'certificates' in message ? message.certificates.length : 0
  const parts = blocks.length + certificates + 1
  return blocks.reduce((sum, { body }) => sum + body.length, parts * ENVELOPE_BYTES)
}
