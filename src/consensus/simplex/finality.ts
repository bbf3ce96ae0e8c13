/** From a notarized block to a final one: voting for finality, and handing the chain to the application in order. */
import { requestSync } from './catch-up.ts'
import { persistBlock, pruneBlocks, want } from './blocks.ts'
import { signersOf } from './certificate.ts'
import { LIMITS } from './config.ts'
import { finalizedView, isBacklogged, type BlockEntry, type Core, type Round } from './state.ts'
import { tipOf, type Certificate } from './types.ts'
import { cast } from './votes.ts'

/** Rule: a valid, notarized block is announced, and voted for unless its view was given up. */
export function finalizeNotarized(core: Core): void {
  for (const round of core.rounds.values()) {
    if (round.view <= finalizedView(core) || round.notarization === undefined) continue
    const entry = core.blocks.get(round.notarization.hash)
    if (entry?.status !== 'valid') continue
    announce(core, round, entry, round.notarization)
    voteForFinality(core, round, entry)
  }
}

function announce(core: Core, round: Round, { block }: BlockEntry, certificate: Certificate): void {
  if (round.isAnnounced) return
  round.isAnnounced = true
  core.effects.push({ kind: 'notarized', block, certificate })
}

/** Nobody both gives up a view and finalizes in it: that is what makes a nullified view safe to skip. */
function voteForFinality(core: Core, { view, own }: Round, entry: BlockEntry): void {
  if (own.finalize !== undefined || own.nullify !== undefined) return
  if (core.config.self === undefined || view <= core.abstainThrough) return
  persistBlock(core, entry)
  cast(core, 'finalize', view, entry.block.proposal.hash)
}

/** Rule: everything down from a finalization to the tip goes to the application, as soon as all of it is here. */
export function deliverFinal(core: Core): void {
  while (!core.isHalted && !isBacklogged(core)) {
    const [target] = core.undelivered
    const chain = target === undefined ? undefined : chainDownToTip(core, target)
    if (target === undefined || chain === undefined) return
    const isComplete = chain.toReversed().every((entry) => deliver(core, entry, target, chain))
    pruneBlocks(core)
    if (!isComplete) return
    core.undelivered.shift()
    core.isDirty = true
  }
}

/** The blocks from a final one down to the tip, exclusive; `undefined` when one is missing, which is then asked for. */
function chainDownToTip(core: Core, target: Certificate): BlockEntry[] | undefined {
  const chain: BlockEntry[] = []
  let { hash } = target
  let missingHeight: number | undefined
  while (hash !== core.tip.hash) {
    const entry = core.blocks.get(hash)
    if (entry === undefined) {
      const distance = missingHeight === undefined ? 0 : missingHeight - core.tip.height
      if (distance > LIMITS.blocksPerResponse) requestSync(core)
      else want(core, hash, target.view, signersOf(target.bitmap))
      return undefined
    }
    const { proposal } = entry.block
    if (proposal.height <= core.tip.height) {
      halt(core, { kind: 'finalFork', proposal, finalHash: core.tip.hash })
      return undefined
    }
    chain.push(entry)
    hash = proposal.parentHash
    missingHeight = proposal.height - 1
  }
  return chain
}

/** @returns false when the application must catch up first, or something is badly wrong. */
function deliver(core: Core, entry: BlockEntry, target: Certificate, chain: readonly BlockEntry[]): boolean {
  const { block, status } = entry
  const { view, hash } = block.proposal
  if (isBacklogged(core)) return false
  if (status === 'invalid') {
    // What is below it is good, and comes to nobody any more once the core has halted.
    if (core.unapplied.length > 0) return false
    const proposals = chain.slice(0, chain.indexOf(entry) + 1).map((above) => above.block.proposal)
    halt(core, { kind: 'invalidBlockIsFinal', proposal: block.proposal, proposals, finalization: target })
    return false
  }
  core.tip = tipOf(block.proposal)
  core.unapplied.push(block)
  // Views below the highest finalization keep none, so that one of those is known only by what it makes final.
  const certificate = hash === target.hash ? target : core.rounds.get(view)?.finalization
  core.effects.push({ kind: 'finalized', block, certificate })
  return true
}

function halt(core: Core, reason: Extract<Core['effects'][number], { kind: 'halt' }>['reason']): void {
  core.isHalted = true
  core.effects.push({ kind: 'halt', reason })
}
