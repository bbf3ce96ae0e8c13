/**
 * What a block's header says about seals. `parentBeaconBlockRoot` refers to the newest seal that its leader builds upon,
 * by the hash of that seal's last block, or of genesis before the first; `prevRandao` is the chain of randomness after it.
 *
 * 1. The reference ends a seal. One that this node has not heard of may come yet: that is no reason to refuse the block.
 * 2. References never go back along the chain.
 * 3. A block is no more than `windowBlocks` above the block that it refers to: who has it knows that much to be sealed.
 */
import type { Header } from '../../chain/block.ts'
import type { Hash } from '../../primitives/bytes.ts'
import type { ConsensusParameters } from '../committees/parameters.ts'

/** `wait` until this node knows more seals. */
export type SealVerdict = 'valid' | 'invalid' | 'wait'

export interface SealRules {
  judge(header: Header, parent: Header): SealVerdict
}

/** The seals that this node knows; genesis counts as the first. */
export interface SealedChain {
  /** Number of a block that a seal ends with. */
  numberOf(block: Hash): bigint | undefined
  /** The chain of randomness after the seal that ends with a block. */
  randomnessAfter(block: Hash): Hash | undefined
}

export class WindowRules implements SealRules {
  private readonly chain: SealedChain
  private readonly windowBlocks: bigint

  constructor(chain: SealedChain, { windowBlocks }: Pick<ConsensusParameters, 'windowBlocks'>) {
    this.chain = chain
    this.windowBlocks = BigInt(windowBlocks)
  }

  judge(header: Header, parent: Header): SealVerdict {
    const { parentBeaconBlockRoot: reference, number, prevRandao } = header
    if (reference === undefined) return 'invalid'
    const sealed = this.chain.numberOf(reference)
    const randomness = this.chain.randomnessAfter(reference)
    if (sealed === undefined || randomness === undefined) return 'wait'
    if (sealed >= number || number - sealed > this.windowBlocks) return 'invalid'
    if (prevRandao !== randomness) return 'invalid'
    const sealedByParent = this.referenceOf(parent)
    if (sealedByParent === undefined) return 'wait'
    return sealed < sealedByParent ? 'invalid' : 'valid'
  }

  /** Number of the block that a valid header refers to. `undefined` when a quorum knew the seal and this node does not. */
  private referenceOf({ number, parentBeaconBlockRoot }: Header): bigint | undefined {
    // Nothing was sealed before genesis, whose header refers to nothing.
    if (number === 0n) return 0n
    return parentBeaconBlockRoot === undefined ? undefined : this.chain.numberOf(parentBeaconBlockRoot)
  }
}
