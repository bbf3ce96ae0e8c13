/**
 * Users, and what they wait for. A user hands a transaction to the nearest member; that member passes it on to all
 * others; leaders put what they have into their blocks. Pre-confirmation is when the user's member sees the notarization
 * of the first block with the transaction, finality when it is given that block as final.
 *
 * A user's wait is the way to the leader, the rest of the view in progress, and the block's own time: from the moment that
 * its leader begins to make it until a member sees it notarized. The last is measured by itself, too.
 */
import type { Hash } from '../../src/primitives/bytes.ts'
import type { Block } from '../../src/consensus/simplex/types.ts'
import { Stream } from './stream.ts'
import type { World } from './world.ts'

/** One user somewhere asks for something this often, on average. */
const SUBMIT_EVERY_MS = 20
/** Nodes have started by then. */
const FIRST_AT_MS = 500
/** So many blocks before the end of a world nobody asks any more, so that what was asked for is answered. */
const QUIET_BLOCKS = 10
const NUMBER_BYTES = 4

interface Submission {
  readonly nodeId: number
  readonly at: number
  preconfirmedMs?: number
  finalMs?: number
}

interface Filled {
  readonly parent: Hash
  readonly leaderId: number
  readonly beganAt: number
  readonly numbers: readonly number[]
}

/** Milliseconds. */
export interface Waits {
  /** From the beginning of a block to its notarization, by block and member. */
  readonly block: readonly number[]
  /** The same and the way from that member to the leader: a transaction that arrives as the leader begins. */
  readonly ready: readonly number[]
  /** From submission, by transaction. */
  readonly preconfirmed: readonly number[]
  readonly final: readonly number[]
  /** Of a network of both layers: from the beginning of a block to its seal, and from submission. */
  readonly blockSealed?: readonly number[]
  readonly sealed?: readonly number[]
}

export class Traffic {
  private readonly world: World
  private readonly stream: Stream
  private readonly submissions: Submission[] = []
  /** By node: what it heard of and has not seen final, by number. */
  private readonly pools: readonly Set<number>[]
  /** By node: what is final there. */
  private readonly done: readonly Set<number>[]
  /** By payload: what leads up to it. */
  private readonly blocks = new Map<Hash, Filled>()
  private readonly blockWaits: number[] = []
  private readonly readyWaits: number[] = []

  constructor(world: World) {
    this.world = world
    this.stream = new Stream(world.options.seed, 'traffic')
    this.pools = world.nodes.map(() => new Set())
    this.done = world.nodes.map(() => new Set())
  }

  begin(): void {
    this.world.schedule(FIRST_AT_MS, -6, () => this.submit())
  }

  private submit(): void {
    const { world, stream } = this
    if (world.blocksToGo() <= QUIET_BLOCKS) return
    const nodeId = stream.below(world.nodes.length)
    const number = this.submissions.push({ nodeId, at: world.now }) - 1
    this.pools[nodeId]?.add(number)
    for (const { id } of world.nodes) {
      if (id === nodeId) continue
      world.schedule(world.now + world.links.delayMs(nodeId, id), id, () => {
        if (this.done[id]?.has(number) !== true) this.pools[id]?.add(number)
      })
    }
    // Exponential gaps: users do not know of each other.
    const gapMs = -Math.log(1 - stream.fraction()) * SUBMIT_EVERY_MS
    world.schedule(world.now + gapMs, -6, () => this.submit())
  }

  /** The body of a block: the number of its maker and view, and the transactions that no ancestor has. */
  fill(nodeId: number, parentPayload: Hash, head: Uint8Array): Uint8Array {
    const fresh = new Set(this.pools[nodeId])
    for (let at = this.blocks.get(parentPayload); at !== undefined; at = this.blocks.get(at.parent)) {
      if (at.numbers.some((number) => this.done[nodeId]?.has(number) === true)) break
      for (const number of at.numbers) fresh.delete(number)
    }
    const body = new Uint8Array(head.length + fresh.size * NUMBER_BYTES)
    body.set(head)
    const view = new DataView(body.buffer, head.length)
    for (const [index, number] of [...fresh].entries()) view.setUint32(index * NUMBER_BYTES, number)
    return body
  }

  /** A block that was filled has this payload. */
  built(
    leaderId: number,
    beganAt: number,
    parent: Hash,
    payload: Hash,
    body: Uint8Array,
    headSize: number,
  ): void {
    const view = new DataView(body.buffer, headSize)
    const count = view.byteLength / NUMBER_BYTES
    const numbers = Array.from({ length: count }, (_, index) => view.getUint32(index * NUMBER_BYTES))
    this.blocks.set(payload, { parent, leaderId, beganAt, numbers })
  }

  onNotarized(nodeId: number, { proposal }: Block): void {
    this.note(nodeId, proposal.payloadHash, 'preconfirmedMs')
    const block = this.blocks.get(proposal.payloadHash)
    if (block === undefined) return
    const waitMs = this.world.now - block.beganAt
    this.blockWaits.push(waitMs)
    this.readyWaits.push(this.world.links.quietMs(nodeId, block.leaderId) + waitMs)
  }

  onFinalized(nodeId: number, { proposal }: Block): void {
    this.note(nodeId, proposal.payloadHash, 'finalMs')
    for (const number of this.blocks.get(proposal.payloadHash)?.numbers ?? []) {
      this.pools[nodeId]?.delete(number)
      this.done[nodeId]?.add(number)
    }
  }

  private note(nodeId: number, payload: Hash, what: 'preconfirmedMs' | 'finalMs'): void {
    for (const number of this.blocks.get(payload)?.numbers ?? []) {
      const submission = this.submissions[number]
      if (submission?.nodeId === nodeId) submission[what] ??= this.world.now - submission.at
    }
  }

  waits(): Waits {
    return {
      block: this.blockWaits,
      ready: this.readyWaits,
      preconfirmed: this.submissions.flatMap(({ preconfirmedMs }) => preconfirmedMs ?? []),
      final: this.submissions.flatMap(({ finalMs }) => finalMs ?? []),
    }
  }
}
