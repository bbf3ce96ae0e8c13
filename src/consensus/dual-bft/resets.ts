/**
 * Another committee of witnesses within a cycle. When nothing was sealed for `resetSeconds`, too many witnesses are gone,
 * and the execution layer says so with a *trigger* (`execution-layer/reset-triggers.ts`). Once that is final, the
 * committee that seals block r + 1 is over, r being the block that the trigger refers to; the next attempt of the same
 * cycle is drawn from the same candidates by another seed, and seals from block r + 1 on.
 *
 * # Why that is safe
 *
 * 1. Triggers follow from headers, and this only acts on final ones, in order: all nodes see the same resets.
 * 2. What the old committee sealed beyond r is void *as links*: nobody may refer to it, and neither randomness nor a
 *    handover follows from it. Some nodes may know of such seals and others not, which is why they cannot count. A block
 *    above the trigger that refers to another seal waits until the trigger had its effect here (`WindowRules`).
 * 3. What it sealed beyond r stays sealed for users: two quorums vouch for those blocks. They are below the trigger, since
 *    a witness that has the trigger final is in the next attempt; they are final, and no honest witness will ever seal
 *    others at their numbers. The new committee seals the same ones again.
 * 4. Each attempt signs in a domain of its own. When the old committee had already handed over, the epochs after it are
 *    forgotten, and their numbers never used again (`epochAfterCycle`).
 *
 * Nodes look at blocks one after the other, and none passes a trigger before it had its effect: the witness layer sees
 * final blocks only up to there. So a node that was away, or begins anew, makes the same resets in the same order.
 *
 * A light client cannot follow: that a trigger is final does not follow from seals. It needs a new trusted start.
 */
import { assert, present } from '../../primitives/assert.ts'
import type { Hash } from '../../primitives/bytes.ts'
import type { Header } from '../../chain/block.ts'
import { attemptOf, cycleOfEpoch, hasNextAttempt, nextAttempt } from '../committees/committee.ts'
import { cycleOf } from '../committees/schedule.ts'
import type { ResetTriggers } from '../execution-layer/reset-triggers.ts'
import type { Application, BlockReference } from '../plugin.ts'
import type { Epoch } from '../simplex/types.ts'
import type { EpochStart } from './consensus-store.ts'
import type { DualBftOptions } from './dual-bft.ts'
import type { Elections } from './elections.ts'
import type { SealedChain } from './sealed-chain.ts'

/** What a look at a final block says. */
export type Finding =
  /** Nothing is to be done about it, or was done. */
  | 'passed'
  /** This node does not know a seal that it depends on. */
  | 'unknown'
  /** It is a trigger whose effect is still to come. */
  | 'due'

/** More than a window and what may stand above it for hours. */
const HEADERS_MAX = 512

export interface ResetParts {
  readonly application: Pick<Application, 'blockByHash'>
  readonly options: Pick<DualBftOptions, 'store' | 'parameters'>
  readonly elections: Elections
  readonly sealed: SealedChain
  readonly triggers: ResetTriggers
}

export class Resets {
  private readonly parts: ResetParts
  /** At a full window all headers of it are looked at with everything that happens, and a block takes long to read. */
  private readonly headers = new Map<Hash, Header>()

  constructor(parts: ResetParts) {
    this.parts = parts
  }

  /** @param number of a final block. */
  lookAt(number: bigint): Finding {
    const header = this.headerAt(number)
    const isTrigger = this.parts.triggers.isTrigger(header, this.ancestorOf)
    if (isTrigger === undefined) return 'unknown'
    if (!isTrigger || this.hadEffect(header)) return 'passed'
    // After so many, hours have gone by and nobody else could be drawn: the last ones are waited for.
    const last = this.lastEpochOf(this.cycleOf(number))
    return last === undefined || hasNextAttempt(last) ? 'due' : 'passed'
  }

  /** The last sealed block that a trigger leaves in force. */
  rootOf(number: bigint): BlockReference {
    const { parentBeaconBlockRoot } = this.headerAt(number)
    const hash = present(parentBeaconBlockRoot, 'a block refers to a seal')
    return { number: present(this.parts.sealed.numberOf(hash), 'a known seal'), hash }
  }

  /** The cycle whose witnesses a trigger replaces. */
  cycleOf(number: bigint): number {
    return cycleOf(this.rootOf(number).number + 1n, this.parts.options.parameters)
  }

  /** Begins the next attempt in the store, where seals beyond the root are void from then on. */
  async settle(number: bigint): Promise<EpochStart> {
    const { store } = this.parts.options
    const { hash } = this.rootOf(number)
    const cycle = this.cycleOf(number)
    const epoch = nextAttempt(present(this.lastEpochOf(cycle), 'a cycle that was begun'))
    const link = present(this.parts.sealed.randomnessAfter(hash), 'a known seal')
    const height = store.sealEndingWith(hash)?.proposal.height ?? 0
    const members = this.parts.elections.witnessesOfAttempt(cycle, attemptOf(epoch), link)
    const start: EpochStart = { layer: 'witness', epoch, members, root: { height, hash, payloadHash: hash } }
    await store.addEpoch(start)
    this.parts.sealed.forgetYoung()
    assert(this.hadEffect(this.headerAt(number)), 'a reset comes once')
    return start
  }

  /**
   * Whether the next cycle may begin in the execution layer: once the snapshot is sealed, as the last block of this cycle
   * says of itself; but for one that went beyond the window because the witnesses are gone, which the next cycle has to go
   * on calling for.
   */
  mayLeave(boundary: bigint): boolean {
    const windowBlocks = BigInt(this.parts.options.parameters.windowBlocks)
    if (this.parts.sealed.head().number >= boundary - windowBlocks) return true
    const reference = this.parts.triggers.referenceOf(this.headerAt(boundary))
    return reference !== undefined && boundary - reference > windowBlocks
  }

  /** How many blocks beyond the window may stand above the newest seal, with one on the head at this time. */
  room(head: BlockReference, nowMs: number): bigint {
    const sealed = this.parts.sealed.head().number
    const count = this.parts.triggers.countAbove(sealed, this.headerOf(head), this.ancestorOf) ?? 0
    const dueMs = this.dueMs(head)
    return BigInt(dueMs !== undefined && nowMs >= dueMs ? count + 1 : count)
  }

  /** When a block on the head is a trigger; `undefined` while a seal is unknown. */
  dueMs(head: BlockReference): number | undefined {
    const sealed = this.parts.sealed.head().number
    const due = this.parts.triggers.dueOn(this.headerOf(head), sealed, undefined, this.ancestorOf)
    return due === undefined ? undefined : Number(due) * 1000
  }

  /**
   * Triggers that refer to the same seal begin as many epochs there, besides the one that a cycle may begin with. Those
   * are in the store, and tell which had their effect.
   */
  private hadEffect(trigger: Header): boolean {
    const { store } = this.parts.options
    const roots = store
      .epochs('witness')
      .filter(({ epoch }, index, starts) => {
        const before = starts[index - 1]
        return before !== undefined && cycleOfEpoch(before.epoch) === cycleOfEpoch(epoch)
      })
      .filter(({ root }) => root.payloadHash === trigger.parentBeaconBlockRoot)
    return roots.length >= present(this.parts.triggers.placeOf(trigger, this.ancestorOf), 'a trigger')
  }

  /** `undefined` for a cycle that the witness layer has not begun. */
  private lastEpochOf(cycle: number): Epoch | undefined {
    const starts = this.parts.options.store.epochs('witness')
    return starts.findLast(({ epoch }) => cycleOfEpoch(epoch) === cycle)?.epoch
  }

  private headerAt(number: bigint): Header {
    const certificates = present(this.parts.options.store.certificatesOf(number), 'a final block')
    return this.ancestorOf(certificates.proposal.payloadHash)
  }

  private headerOf({ hash }: BlockReference): Header {
    return this.ancestorOf(hash)
  }

  private readonly ancestorOf = (hash: Hash): Header => {
    const known = this.headers.get(hash)
    const header = known ?? present(this.parts.application.blockByHash(hash), 'a block on the chain').header
    if (known === undefined) this.headers.set(hash, header)
    const [oldest] = this.headers.keys()
    if (this.headers.size > HEADERS_MAX && oldest !== undefined) this.headers.delete(oldest)
    return header
  }
}
