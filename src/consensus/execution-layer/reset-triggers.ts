/**
 * When the witnesses are drawn anew, read off the headers of the execution layer alone: all who have a block agree on it.
 *
 * Say a block B refers to the seal of block r, and is more than `windowBlocks` above it. B is a *trigger* if block r + 1,
 * the first that B does not know sealed, is at least `resetSeconds` older, and so is the last trigger among B's ancestors
 * above r, if there is one. Time alone proves nothing: the first block after a night in which all nodes were off is much
 * older than what was still to be sealed, and nobody is gone.
 *
 * Time is that of the headers, in which a minority of leaders cannot pretend that much of it has passed: timestamps never
 * decrease, nobody votes for a block from the future, and it takes references that all leaders in that time left behind.
 *
 * A trigger that is final ends the committee of witnesses that seals block r + 1, and begins the next; what becomes of
 * seals beyond r stands in `dual-bft/resets.ts`. Each trigger adds a block to the window: a chain that stands still at
 * its end could not say otherwise that the time has come.
 */
import { assert } from '../../primitives/assert.ts'
import type { Header } from '../../chain/block.ts'
import type { Hash } from '../../primitives/bytes.ts'
import type { ConsensusParameters } from '../committees/parameters.ts'
import type { SealedChain } from './seal-rules.ts'

/** Of a header, what triggers depend on. */
export type Ancestor = Pick<Header, 'number' | 'timestamp' | 'parentHash' | 'parentBeaconBlockRoot'>
/** The header of a block that was executed here or is on the chain. */
export type AncestorOf = (hash: Hash) => Ancestor

/** Answers that are remembered, by the block's hash. */
const KNOWN_MAX = 4096

export class ResetTriggers {
  private readonly seals: Pick<SealedChain, 'numberOf'>
  private readonly resetSeconds: bigint
  private readonly windowBlocks: bigint
  private readonly known = new Map<Hash, boolean>()

  constructor(
    seals: Pick<SealedChain, 'numberOf'>,
    { resetSeconds, windowBlocks }: Pick<ConsensusParameters, 'resetSeconds' | 'windowBlocks'>,
  ) {
    this.seals = seals
    this.resetSeconds = BigInt(resetSeconds)
    this.windowBlocks = BigInt(windowBlocks)
  }

  /** `undefined` while this node does not know a seal that the block, or an ancestor that counts, refers to. */
  isTrigger(header: Ancestor, ancestorOf: AncestorOf): boolean | undefined {
    const reference = this.referenceOf(header)
    if (reference === undefined) return undefined
    if (header.number - reference <= this.windowBlocks) return false
    const due = this.dueOn(ancestorOf(header.parentHash), reference, header.timestamp, ancestorOf)
    return due === undefined ? undefined : header.timestamp >= due
  }

  /** How many triggers there are above a block, up to a header and with it. @param reference number of that block. */
  countAbove(reference: bigint, header: Ancestor, ancestorOf: AncestorOf): number | undefined {
    let count = 0
    for (const { ancestor, hash } of lineage(header, reference, ancestorOf)) {
      const isTrigger = this.isKnownTrigger(ancestor, hash, ancestorOf)
      if (isTrigger === undefined) return undefined
      if (isTrigger) count += 1
    }
    return count
  }

  /** Its place, from 1 on, among the triggers that refer to the same seal. Only for a trigger. */
  placeOf(trigger: Ancestor, ancestorOf: AncestorOf): number | undefined {
    const reference = this.referenceOf(trigger)
    if (reference === undefined) return undefined
    let place = 1
    for (const { ancestor, hash } of lineage(ancestorOf(trigger.parentHash), reference, ancestorOf)) {
      if (ancestor.parentBeaconBlockRoot !== trigger.parentBeaconBlockRoot) continue
      if (this.isKnownTrigger(ancestor, hash, ancestorOf) === true) place += 1
    }
    return place
  }

  /**
   * From when on a child of `parent` that refers to block `reference` is a trigger, in seconds since 1970.
   * @param unless an answer above this need not be exact.
   */
  dueOn(
    parent: Ancestor,
    reference: bigint,
    unless: bigint | undefined,
    ancestorOf: AncestorOf,
  ): bigint | undefined {
    const ancestors = [...lineage(parent, reference, ancestorOf)]
    const due = (ancestors.at(-1)?.ancestor.timestamp ?? parent.timestamp) + this.resetSeconds
    if (unless !== undefined && due > unless) return due
    for (const { ancestor, hash } of ancestors) {
      const isTrigger = this.isKnownTrigger(ancestor, hash, ancestorOf)
      if (isTrigger === undefined) return undefined
      if (!isTrigger) continue
      const next = ancestor.timestamp + this.resetSeconds
      return next > due ? next : due
    }
    return due
  }

  referenceOf({ parentBeaconBlockRoot }: Ancestor): bigint | undefined {
    return parentBeaconBlockRoot === undefined ? undefined : this.seals.numberOf(parentBeaconBlockRoot)
  }

  /** @param hash `undefined` for a header that nothing is built upon yet. */
  private isKnownTrigger(
    ancestor: Ancestor,
    hash: Hash | undefined,
    ancestorOf: AncestorOf,
  ): boolean | undefined {
    const known = hash === undefined ? undefined : this.known.get(hash)
    const isTrigger = known ?? this.isTrigger(ancestor, ancestorOf)
    if (hash === undefined || isTrigger === undefined || known !== undefined) return isTrigger
    this.known.set(hash, isTrigger)
    const [oldest] = this.known.keys()
    if (this.known.size > KNOWN_MAX && oldest !== undefined) this.known.delete(oldest)
    return isTrigger
  }
}

/** A header and its ancestors above a number, the nearest first. */
function* lineage(
  from: Ancestor,
  above: bigint,
  ancestorOf: AncestorOf,
): Generator<{ readonly ancestor: Ancestor; readonly hash: Hash | undefined }> {
  let [ancestor, hash] = [from, undefined as Hash | undefined]
  while (ancestor.number > above) {
    yield { ancestor, hash }
    hash = ancestor.parentHash
    const { number } = ancestor
    if (number === above + 1n) return
    ancestor = ancestorOf(hash)
    assert(ancestor.number === number - 1n, 'a parent is one below')
  }
}
