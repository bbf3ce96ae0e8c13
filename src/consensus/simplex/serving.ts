/** Answers to requests for blocks, from memory and from what the application has stored. Bounded in number and bytes. */
import type { Hash } from '../../primitives/bytes.ts'
import { LIMITS } from './config.ts'
import type { BlocksMessage } from './messages.ts'
import { EMPTY_BODY_HASH } from './proposal.ts'
import type { Core } from './state.ts'
import type { Block, Certificate } from './types.ts'

export interface StoredFinalization {
  readonly height: number
  readonly certificate: Certificate
}

/** The final blocks that a node has stored. Not every one has a certificate of its own. */
export interface Archive {
  block(hash: Hash): Block | undefined
  /** The highest at or below a height, the lowest at or above it. */
  finalizationAtOrBelow(height: number): StoredFinalization | undefined
  finalizationAtOrAbove(height: number): StoredFinalization | undefined
}

/** What an instance has in memory, in front of what is stored. */
export function withMemoryOf(core: Core, archive: Archive): Archive {
  const unapplied = new Map(core.unapplied.map((block) => [block.proposal.hash, block]))
  return {
    block: (hash) => core.blocks.get(hash)?.block ?? unapplied.get(hash) ?? archive.block(hash),
    finalizationAtOrBelow: (height) => archive.finalizationAtOrBelow(height),
    finalizationAtOrAbove: (height) => archive.finalizationAtOrAbove(height),
  }
}

/** A block and its ancestors above a height; `undefined` when the block is not here. */
export function answerBlockRequest(
  archive: Archive,
  hash: Hash,
  aboveHeight: number,
): BlocksMessage | undefined {
  const blocks = collect(archive, hash, aboveHeight)
  return blocks.length === 0 ? undefined : { kind: 'blocks', blocks, finalization: undefined }
}

/**
 * Final blocks from a height on, with a certificate of the last of them. Where none of the next few blocks has one, the
 * blocks below the first that has are sent as far as they fit; the rest can be asked for by hash.
 */
export function answerSyncRequest(archive: Archive, fromHeight: number): BlocksMessage | undefined {
  const below = archive.finalizationAtOrBelow(fromHeight + LIMITS.blocksPerResponse - 1)
  const isInReach = below !== undefined && below.height >= fromHeight
  const stored = isInReach ? below : archive.finalizationAtOrAbove(fromHeight)
  if (stored === undefined) return undefined
  const { certificate } = stored
  const blocks = collect(archive, certificate.hash, fromHeight - 1)
  return blocks.length === 0 ? undefined : { kind: 'blocks', blocks, finalization: certificate }
}

/** Whether all that is here of a block is that it was proposed. */
function isHollow({ proposal, body }: Block): boolean {
  return body.length === 0 && proposal.bodyHash !== EMPTY_BODY_HASH
}

function collect(archive: Archive, from: Hash, aboveHeight: number): Block[] {
  const blocks: Block[] = []
  let bytes = 0
  for (let hash = from; blocks.length < LIMITS.blocksPerResponse;) {
    const block = archive.block(hash)
    if (block === undefined || block.proposal.height <= aboveHeight || isHollow(block)) break
    bytes += block.body.length
    if (blocks.length > 0 && bytes > LIMITS.bytesPerResponse) break
    blocks.push(block)
    hash = block.proposal.parentHash
  }
  return blocks
}
