/**
 * What a block's header says about seals. `parentBeaconBlockRoot` refers to the newest seal that its leader builds upon,
 * by the hash of that seal's last block, or of genesis before the first; `prevRandao` is the chain of randomness after it.
 *
 * 1. The reference ends a seal. One that this node has not heard of may come yet: that is no reason to refuse the block.
 * 2. References never go back along the chain.
 * 3. A block is no more than `windowBlocks` above the block that it refers to, plus one for each trigger in between
 *    (`reset-triggers.ts`): who has it knows that much to be sealed.
 * 4. After a trigger, references go on only with the committee that it began: what the one before sealed beyond the
 *    trigger's own reference is void. Nodes find out which is which once the trigger is final; until then the block waits.
 */
import type { Header } from '../../chain/block.ts'
import type { Hash } from '../../primitives/bytes.ts'
import type { ConsensusParameters } from '../committees/parameters.ts'
import type { AncestorOf, ResetTriggers } from './reset-triggers.ts'

/** `wait` until this node knows more seals. */
export type SealVerdict = 'valid' | 'invalid' | 'wait'

export interface SealRules {
  /** @param ancestorOf the headers of the parent and of what is below it. */
  judge(header: Header, parent: Header, ancestorOf: AncestorOf): SealVerdict
}

/** The seals that this node knows; genesis counts as the first. */
export interface SealedChain {
  /** Number of a block that a seal ends with. */
  numberOf(block: Hash): bigint | undefined
  /** The chain of randomness after the seal that ends with a block. */
  randomnessAfter(block: Hash): Hash | undefined
}

export interface Resets {
  readonly triggers: ResetTriggers
  /** Number of the block up to which all triggers are final and have had their effect here. */
  settled(): bigint
}

export class WindowRules implements SealRules {
  private readonly chain: SealedChain
  private readonly windowBlocks: bigint
  private readonly resets: Resets | undefined

  /** @param resets `undefined` where witnesses are never drawn anew. */
  constructor(
    chain: SealedChain,
    { windowBlocks }: Pick<ConsensusParameters, 'windowBlocks'>,
    resets?: Resets,
  ) {
    this.chain = chain
    this.windowBlocks = BigInt(windowBlocks)
    this.resets = resets
  }

  judge(header: Header, parent: Header, ancestorOf: AncestorOf): SealVerdict {
    const { parentBeaconBlockRoot: reference, number, prevRandao } = header
    if (reference === undefined) return 'invalid'
    const sealed = this.chain.numberOf(reference)
    const randomness = this.chain.randomnessAfter(reference)
    if (sealed === undefined || randomness === undefined) return 'wait'
    if (sealed >= number) return 'invalid'
    // Two committees may have sealed up to the same block, of which this node knows the one whose seal is void.
    if (prevRandao !== randomness) return this.isBound(parent, sealed, ancestorOf) ? 'wait' : 'invalid'
    const sealedByParent = this.referenceOf(parent)
    if (sealedByParent !== undefined && sealed < sealedByParent) return 'invalid'
    const window = this.verdictOfWindow(header, sealed, ancestorOf)
    if (window !== 'valid') return window
    if (sealedByParent === undefined) return 'wait'
    return sealed > sealedByParent && this.isBound(parent, sealed, ancestorOf) ? 'wait' : 'valid'
  }

  /**
   * Whether a child has to refer to the same seal: there is a trigger among its ancestors whose effect is still to come.
   * @param sealed the block that the child would refer to otherwise. What is below was sealed after the trigger was final.
   */
  isBound(parent: Header, sealed: bigint, ancestorOf: AncestorOf): boolean {
    if (this.resets === undefined) return false
    const { triggers, settled } = this.resets
    const above = settled() > sealed ? settled() : sealed
    return parent.number > above && triggers.countAbove(above, parent, ancestorOf) !== 0
  }

  private verdictOfWindow(header: Header, sealed: bigint, ancestorOf: AncestorOf): SealVerdict {
    const excess = header.number - sealed - this.windowBlocks
    if (excess <= 0n) return 'valid'
    const room = this.resets === undefined ? 0 : this.resets.triggers.countAbove(sealed, header, ancestorOf)
    if (room === undefined) return 'wait'
    return excess > BigInt(room) ? 'invalid' : 'valid'
  }

  /** Number of the block that a valid header refers to. `undefined` when a quorum knew the seal and this node does not. */
  private referenceOf({ number, parentBeaconBlockRoot }: Header): bigint | undefined {
    // Nothing was sealed before genesis, whose header refers to nothing.
    if (number === 0n) return 0n
    return parentBeaconBlockRoot === undefined ? undefined : this.chain.numberOf(parentBeaconBlockRoot)
  }
}
