/**
 * Blocks above the final tip: which are here, which are missing, which the application found valid. The core never looks
 * into a body; it asks for a verdict once a block is worth it and its parent is valid.
 */
import type { Hash } from '../../primitives/bytes.ts'
import { ask } from './asking.ts'
import { signersOf } from './certificate.ts'
import { LIMITS } from './config.ts'
import { certifiedHash, type BlockEntry, type Core } from './state.ts'
import type { Block, View } from './types.ts'

/** Keeps a block that somebody proposed. Refused for lack of space only when all others matter more. */
export function storeProposed(core: Core, block: Block): BlockEntry | undefined {
  const existing = core.blocks.get(block.proposal.hash)
  if (existing !== undefined) return existing
  if (core.blocks.size >= LIMITS.blocks && !evictOldest(core)) return undefined
  return insert(core, block, core.wanted.has(block.proposal.hash))
}

/**
 * Keeps blocks that a certificate, or a child with one, vouches for by hash.
 * @param blocks each the parent of the one before it.
 */
export function storeFetched(core: Core, blocks: readonly Block[]): void {
  for (const block of blocks) {
    const { hash, height } = block.proposal
    if (height <= core.tip.height) return
    const existing = core.blocks.get(hash)
    if (existing !== undefined) existing.isJustified = true
    else if (hasRoomAt(core, height)) insert(core, block, true)
  }
}

function insert(core: Core, block: Block, isJustified: boolean): BlockEntry {
  const entry: BlockEntry = { block, status: 'stored', isPersisted: false, isJustified }
  core.blocks.set(block.proposal.hash, entry)
  core.wanted.delete(block.proposal.hash)
  core.isDirty = true
  return entry
}

/** A block from the log. It is there because this node made a statement about it, so it was worth executing. */
export function restoreBlock(core: Core, block: Block): void {
  if (block.proposal.height <= core.tip.height) return
  core.blocks.set(block.proposal.hash, { block, status: 'stored', isPersisted: true, isJustified: true })
}

/** The block's record goes into the log before the first statement about it. */
export function persistBlock(core: Core, entry: BlockEntry): void {
  if (entry.isPersisted) return
  entry.isPersisted = true
  core.records.push({ kind: 'block', block: entry.block })
}

/** Asks a member who voted for a certified block to send it, and its ancestors as far as they are missing. */
export function want(core: Core, hash: Hash, view: View, signers: readonly number[]): void {
  if (hash === core.tip.hash || core.blocks.has(hash) || core.wanted.has(hash)) return
  if (core.wanted.size >= LIMITS.blocks) return
  core.wanted.set(hash, { view, signers, attempts: 0 })
  requestWanted(core, hash)
}

/** Asks for a block that an honest quorum builds upon, unless final blocks are missing, which come first. */
export function wantCertified(core: Core, hash: Hash, view: View): void {
  if (core.undelivered.length > 0) return
  const round = core.rounds.get(view)
  const certificate = round?.notarization ?? round?.finalization
  want(core, hash, view, certificate === undefined ? [] : signersOf(certificate.bitmap))
}

/** The first attempts go to those who voted for the block, in turn; later ones to everybody. */
export function requestWanted(core: Core, hash: Hash): void {
  const wanted = core.wanted.get(hash)
  if (wanted === undefined) return
  const { signers } = wanted
  const signer = signers[(core.nextPeer + wanted.attempts) % signers.length]
  const isEarly = wanted.attempts < signers.length
  wanted.attempts += 1
  ask(core, { kind: 'blockRequest', hash, aboveHeight: core.tip.height }, isEarly ? signer : undefined)
}

/** Rule: a block that is worth it is executed as soon as its parent is valid; a parent that is missing is asked for. */
export function executeBlocks(core: Core): void {
  for (const entry of core.blocks.values()) {
    if (entry.status !== 'stored') continue
    const { hash, view, parentView, parentHash, height } = entry.block.proposal
    if (!entry.isJustified && certifiedHash(core, view) === hash) entry.isJustified = true
    if (!entry.isJustified) continue
    const parent = verdictOn(core, parentHash)
    if (parent === undefined) {
      wantCertified(core, parentHash, parentView)
      continue
    }
    core.isDirty = true
    if (!parent.isValid || parent.height + 1 !== height) entry.status = 'invalid'
    else {
      entry.status = 'executing'
      core.effects.push({ kind: 'verifyBlock', block: entry.block, parentPayload: parent.payloadHash })
    }
  }
}

/** What a child needs to know of a block. */
interface Verdict {
  readonly isValid: boolean
  readonly height: number
  readonly payloadHash: Hash
}

/** `undefined` while nothing is known. */
export function verdictOn(core: Core, hash: Hash): Verdict | undefined {
  if (hash === core.tip.hash) return { isValid: true, ...core.tip }
  const entry = core.blocks.get(hash)
  if (entry === undefined || entry.status === 'stored' || entry.status === 'executing') return undefined
  const { height, payloadHash } = entry.block.proposal
  return { isValid: entry.status === 'valid', height, payloadHash }
}

/** The application's verdict. */
export function settleBlock(core: Core, hash: Hash, isValid: boolean): void {
  const entry = core.blocks.get(hash)
  if (entry === undefined || entry.status !== 'executing') return
  entry.status = isValid ? 'valid' : 'invalid'
  core.isDirty = true
}

/** Blocks that the tip has overtaken, and those that nobody vouched for while they were new. */
export function pruneBlocks(core: Core): void {
  for (const [hash, { block, isJustified }] of core.blocks) {
    const { view } = block.proposal
    const isPassed = view < core.view && !isJustified && certifiedHash(core, view) !== hash
    if (view <= core.tip.view || isPassed) core.blocks.delete(hash)
  }
  for (const [hash, { view }] of core.wanted) if (view <= core.tip.view) core.wanted.delete(hash)
}

/** Blocks that come later in the chain make room for earlier ones: they are of no use before those, and can be had again. */
function hasRoomAt(core: Core, height: number): boolean {
  if (core.blocks.size < LIMITS.blocks + LIMITS.fetchedBlocks) return true
  let [last, lastHeight] = [undefined as Hash | undefined, height]
  for (const [hash, { block }] of core.blocks) {
    if (block.proposal.height > lastHeight) [last, lastHeight] = [hash, block.proposal.height]
  }
  return last !== undefined && core.blocks.delete(last)
}

function evictOldest(core: Core): boolean {
  for (const [hash, { block }] of core.blocks) {
    if (certifiedHash(core, block.proposal.view) === hash) continue
    core.blocks.delete(hash)
    return true
  }
  return false
}
