/**
 * Users of a network of both layers, and what they wait for: pre-confirmation, finality and the seal of the first block
 * with their transaction, at the node that they gave it to. What blocks wait for is measured from the moment that their
 * leader begins to make them, at every node.
 */
import type { Block } from '../../../src/chain/block.ts'
import type { CommitState } from '../../../src/execution/ledger.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import { Stream } from '../stream.ts'
import type { Waits } from '../traffic.ts'
import { numbersOf } from './ledger.ts'
import type { DualWorld } from './world.ts'

interface Submission {
  readonly nodeId: number
  readonly at: number
  readonly states: Partial<Record<CommitState, number>>
}

const LOWER: Readonly<Record<CommitState, readonly CommitState[]>> = {
  preconfirmed: ['preconfirmed'],
  final: ['preconfirmed', 'final'],
  sealed: ['preconfirmed', 'final', 'sealed'],
}
/** Nodes have started by then. */
const FIRST_AT_MS = 500

export class DualTraffic {
  private readonly world: DualWorld
  private readonly stream: Stream
  private readonly everyMs: number
  private readonly submissions: Submission[] = []
  private readonly began = new Map<Hash, { readonly at: number; readonly leaderId: number }>()
  private readonly blockWaits: number[] = []
  private readonly readyWaits: number[] = []
  private readonly sealWaits: number[] = []
  /** By node: how far it has told of its chain. */
  private readonly told: readonly Record<CommitState, number>[]

  /** @param everyMs one user somewhere asks for something this often, on average. */
  constructor(world: DualWorld, everyMs: number) {
    this.world = world
    this.everyMs = everyMs
    this.stream = new Stream(world.options.seed, 'traffic')
    this.told = world.nodes.map(() => ({ preconfirmed: 0, final: 0, sealed: 0 }))
  }

  begin(): void {
    this.world.schedule(FIRST_AT_MS, -6, () => this.submit())
  }

  private submit(): void {
    const { world, stream } = this
    if (world.isOverdue()) return
    const nodeId = stream.below(world.nodes.length)
    const number = this.submissions.push({ nodeId, at: world.now, states: {} }) - 1
    world.nodes[nodeId]?.addTransaction(number)
    for (const { id } of world.nodes) {
      if (id === nodeId) continue
      world.schedule(world.now + world.links.delayMs(nodeId, id), id, () =>
        world.nodes[id]?.addTransaction(number),
      )
    }
    // Exponential gaps: users do not know of each other.
    const gapMs = -Math.log(1 - stream.fraction()) * this.everyMs
    world.schedule(world.now + gapMs, -6, () => this.submit())
  }

  built(leaderId: number, { hash }: Block, at: number): void {
    this.began.set(hash, { at, leaderId })
  }

  onCommitted(nodeId: number, block: Block, state: CommitState): void {
    for (const lower of LOWER[state]) this.note(nodeId, block, lower)
  }

  onAdvanced(nodeId: number, state: CommitState, number: number): void {
    const told = this.told[nodeId]
    const ledger = this.world.nodes[nodeId]?.ledger
    if (told === undefined) return
    for (let at = told[state] + 1; at <= number; at++) {
      const block = ledger?.block(at)
      if (block !== undefined) this.note(nodeId, block, state)
    }
  }

  private note(nodeId: number, block: Block, state: CommitState): void {
    const { now } = this.world
    const told = this.told[nodeId]
    if (told !== undefined && state !== 'preconfirmed') told[state] = Number(block.header.number)
    for (const number of numbersOf(block)) {
      const submission = this.submissions[number]
      if (submission?.nodeId === nodeId) submission.states[state] ??= now - submission.at
    }
    const began = this.began.get(block.hash)
    if (began === undefined) return
    const waitMs = now - began.at
    if (state === 'sealed') this.sealWaits.push(waitMs)
    if (state !== 'preconfirmed') return
    this.blockWaits.push(waitMs)
    this.readyWaits.push(this.world.links.quietMs(nodeId, began.leaderId) + waitMs)
  }

  waits(): Waits {
    const all = (state: CommitState): number[] =>
      this.submissions.flatMap(({ states }) => states[state] ?? [])
    return {
      block: this.blockWaits,
      ready: this.readyWaits,
      blockSealed: this.sealWaits,
      preconfirmed: all('preconfirmed'),
      final: all('final'),
      sealed: all('sealed'),
    }
  }
}
