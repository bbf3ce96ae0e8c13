/** What a block that this node makes says about itself. */
import { present } from '../../primitives/assert.ts'
import { ZERO_HASH, type Hash } from '../../primitives/bytes.ts'
import type { Header } from '../../chain/block.ts'
import type { BlockAttributes } from '../../execution/environment.ts'
import type { WindowRules } from '../execution-layer/seal-rules.ts'
import type { Application, BlockReference } from '../plugin.ts'
import { LIMITS } from '../simplex/config.ts'
import type { DualBftOptions } from './dual-bft.ts'
import type { SealedChain } from './sealed-chain.ts'

export interface AttributeSources {
  readonly application: Pick<Application, 'blockByHash'>
  readonly options: Pick<DualBftOptions, 'beneficiary' | 'parameters'>
  readonly sealed: SealedChain
  readonly rules: WindowRules
}

/** Of a block on the head. @param nowMs since 1970. */
export function attributesOn(
  { application, options, sealed, rules }: AttributeSources,
  { number, hash }: BlockReference,
  nowMs: number,
): BlockAttributes {
  const headerOf = (hash: Hash): Header =>
    present(application.blockByHash(hash), 'a block on the chain').header
  const parent = headerOf(hash)
  const root = parent.parentBeaconBlockRoot ?? ZERO_HASH
  const referenceOfParent = sealed.numberOf(root)
  const lowest = referenceOfParent ?? 0n
  const window = number + 1n - BigInt(options.parameters.windowBlocks)
  const newest = sealed.settledAt(nowMs, lowest > window ? lowest : window)
  const isBound = referenceOfParent !== undefined && rules.isBound(parent, newest.number, headerOf)
  const reference = isBound ? root : newest.hash
  const seconds = BigInt(Math.floor(nowMs / 1000))
  return {
    timestamp: seconds > parent.timestamp ? seconds : parent.timestamp,
    beneficiary: options.beneficiary,
    prevRandao: present(sealed.randomnessAfter(reference), 'the reference is a seal'),
    parentBeaconBlockRoot: reference,
    sizeMax: LIMITS.bodySize,
  }
}
