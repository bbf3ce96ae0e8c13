/**
 * The sealed part of the chain as the execution layer sees it: what blocks refer to, and where their randomness comes
 * from. The genesis block counts as sealed.
 */
import type { Hash } from '../../primitives/bytes.ts'
import { firstRandomness } from '../election/randomness.ts'
import type { BlockReference } from '../plugin.ts'
import { lastOf } from '../witness-layer/seal.ts'
import type { ConsensusStore, StoredSeal } from './consensus-store.ts'

/** Seals younger than this are not referred to yet: those who must agree may not have them. */
const SETTLE_MS = 150
/** Young seals that are remembered; more come only while catching up, when nothing is proposed. */
const YOUNG_MAX = 64

interface YoungSeal extends BlockReference {
  readonly learnedMs: number
}

export class SealedChain {
  private readonly store: ConsensusStore
  private readonly genesis: BlockReference
  private readonly genesisLink: Hash
  /** The latest ones that this life of the node learned of, oldest first. */
  private young: YoungSeal[] = []

  constructor(store: ConsensusStore, genesis: BlockReference) {
    this.store = store
    this.genesis = genesis
    this.genesisLink = firstRandomness(genesis.hash)
  }

  /** The newest sealed block. */
  head(): BlockReference {
    return referenceTo(this.store.latestSeal()) ?? this.genesis
  }

  /** Number of a block that a seal ends with; `undefined` for any other. */
  numberOf(hash: Hash): bigint | undefined {
    if (hash === this.genesis.hash) return this.genesis.number
    const seal = this.store.sealEndingWith(hash)
    return seal === undefined ? undefined : lastOf(seal.seal)
  }

  /** The chain of randomness after the seal that ends with this block. */
  randomnessAfter(hash: Hash): Hash | undefined {
    if (hash === this.genesis.hash) return this.genesisLink
    return this.store.sealEndingWith(hash)?.randomness
  }

  /** The chain of randomness after the last seal at or below a block; `undefined` while that block is not sealed. */
  randomnessAt(number: bigint): Hash | undefined {
    if (number <= this.genesis.number) return this.genesisLink
    const covering = this.store.sealOf(number)
    if (covering === undefined) return undefined
    if (lastOf(covering.seal) === number) return covering.randomness
    const before = this.store.sealOf(covering.seal.first - 1n)
    return before?.randomness ?? this.genesisLink
  }

  /** This node has just learned of the newest seal. */
  noteSealed(reference: BlockReference, nowMs: number): void {
    this.young.push({ ...reference, learnedMs: nowMs })
    if (this.young.length > YOUNG_MAX) this.young.shift()
  }

  /** Seals that this life of the node learned of may be void now. */
  forgetYoung(): void {
    this.young = this.young.filter(({ hash }) => this.store.sealEndingWith(hash) !== undefined)
  }

  /**
   * What a new block refers to.
   * @param floor the lowest that is allowed: what the parent refers to, or where the window begins.
   */
  settledAt(nowMs: number, floor: bigint): BlockReference {
    const head = this.head()
    const settled = this.young.findLastIndex(({ learnedMs }) => nowMs - learnedMs >= SETTLE_MS)
    const oldest = this.young[0]
    // With none that is settled, whatever came before the young ones is older still.
    const choice =
      settled >= 0
        ? this.young[settled]
        : oldest === undefined
          ? head
          : this.before(oldest.number, oldest.hash)
    if (settled > 0) this.young = this.young.slice(settled)
    return choice !== undefined && choice.number >= floor ? choice : head
  }

  private before(number: bigint, hash: Hash): BlockReference {
    const seal = this.store.sealEndingWith(hash)
    const first = seal?.seal.first ?? number
    return referenceTo(this.store.sealOf(first - 1n)) ?? this.genesis
  }
}

function referenceTo(stored: StoredSeal | undefined): BlockReference | undefined {
  if (stored === undefined) return undefined
  const hash = stored.seal.blocks.at(-1)
  return hash === undefined ? undefined : { number: lastOf(stored.seal), hash }
}
