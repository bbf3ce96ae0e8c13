/**
 * The chain that the simulated members agree on: a payload is a few bytes and a hash that depends on its parent's, as a
 * state root does. Each node has its own copy, with a store that becomes durable a little later.
 */
import { bytesToHash, concatBytes, hexToBytes, type Hash } from '../../src/primitives/bytes.ts'
import { keccak256 } from '../../src/primitives/keccak.ts'
import type { Domain } from '../../src/consensus/simplex/config.ts'
import type { StoredFinalization } from '../../src/consensus/simplex/serving.ts'
import {
  tipOf,
  type Block,
  type Certificate,
  type Epoch,
  type Tip,
} from '../../src/consensus/simplex/types.ts'

const ROOT_HASH = bytesToHash(keccak256(new TextEncoder().encode('simulated genesis')))
export const ROOT = { height: 0, hash: ROOT_HASH, payloadHash: ROOT_HASH }

/** Signatures of one epoch are worth nothing in another. */
export function domainOfEpoch(epoch: number): Domain {
  return { chainId: 1n, layer: 'execution', epoch: epoch as Epoch, committeeHash: ROOT.hash }
}

/** What executing a body on a parent gives. */
export function execute(parentPayload: Hash, body: Uint8Array): Hash {
  return bytesToHash(keccak256(concatBytes(hexToBytes(parentPayload), body)))
}

export class SimulatedChain {
  /** Final blocks by height, from 1; the last few may not be durable. */
  private readonly blocks: Block[] = []
  private readonly heights = new Map<Hash, number>()
  private readonly finalizations: StoredFinalization[] = []
  private durableHeight = 0
  /** Payloads that were built, executed or made final here. */
  private readonly known = new Set<Hash>([ROOT.payloadHash])

  get height(): number {
    return this.blocks.length
  }

  block(hash: Hash): Block | undefined {
    const height = this.heights.get(hash)
    return height === undefined ? undefined : this.blocks[height - 1]
  }

  finalizationAtOrBelow(height: number): StoredFinalization | undefined {
    return this.finalizations.findLast((stored) => stored.height <= height)
  }

  finalizationAtOrAbove(height: number): StoredFinalization | undefined {
    return this.finalizations.find((stored) => stored.height >= height)
  }

  build(parentPayload: Hash, body: Uint8Array): Hash | undefined {
    if (!this.known.has(parentPayload)) return undefined
    const payload = execute(parentPayload, body)
    this.known.add(payload)
    return payload
  }

  /** Whether the payload is what executing the body gives; `undefined` when the parent is unknown here. */
  judge({ proposal, body }: Block, parentPayload: Hash): boolean | undefined {
    if (!this.known.has(parentPayload)) return undefined
    if (execute(parentPayload, body) !== proposal.payloadHash) return false
    this.known.add(proposal.payloadHash)
    return true
  }

  /** @returns false when the block does not continue the chain. One that is here already is ignored. */
  append(block: Block, certificate: Certificate | undefined): boolean {
    const { height, parentHash, hash, payloadHash } = block.proposal
    if (height <= this.blocks.length) return this.blocks[height - 1]?.proposal.hash === hash
    const parent = this.blocks.at(-1)?.proposal.hash ?? ROOT.hash
    if (height !== this.blocks.length + 1 || parentHash !== parent) return false
    this.blocks.push(block)
    this.heights.set(hash, height)
    this.known.add(payloadHash)
    if (certificate !== undefined) this.finalizations.push({ height, certificate })
    return true
  }

  makeDurable(height: number): void {
    this.durableHeight = Math.max(this.durableHeight, height)
  }

  /** What a restart finds. */
  crash(): void {
    for (const { proposal } of this.blocks.splice(this.durableHeight)) this.heights.delete(proposal.hash)
    const kept = this.finalizations.filter(({ height }) => height <= this.durableHeight)
    this.finalizations.splice(0, Infinity, ...kept)
    this.known.clear()
    this.known.add(ROOT.payloadHash)
    for (const { proposal } of this.blocks) this.known.add(proposal.payloadHash)
  }

  /** The last block here, for a core to go on from. */
  applied(): { readonly tip: Tip; readonly finalization: Certificate | undefined } | undefined {
    const proposal = this.blocks.at(-1)?.proposal
    if (proposal === undefined) return undefined
    return { tip: tipOf(proposal), finalization: this.finalizations.at(-1)?.certificate }
  }
}
