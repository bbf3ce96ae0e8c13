/**
 * Proposals: making one when it is this node's turn, and voting for that of another leader.
 *
 * A proposal may be voted for when its past is in order: the parent is certified, and every view between the parent and
 * the proposal is nullified. That is what makes everything after a final block descend from it.
 */
import type { Hash } from '../../primitives/bytes.ts'
import { accuse } from './accusations.ts'
import { persistBlock, storeProposed, verdictOn, wantCertified } from './blocks.ts'
import { receiveCertificate } from './certificates.ts'
import { LIMITS } from './config.ts'
import type { Peer } from './events.ts'
import type { ProposeMessage } from './messages.ts'
import { makeBlock } from './proposal.ts'
import {
  certifiedHash,
  isBacklogged,
  leaderOf,
  requestVerification,
  roundAt,
  type Core,
  type Round,
} from './state.ts'
import type { Certificate, Proposal, SignedStatement, View } from './types.ts'
import { cast, giveUp, noteActivity } from './votes.ts'

// ---- The leader's side ---------------------------------------------------------------------------------------------

/** Rule: the leader of the current view builds on the highest block that it may build on. */
export function buildWhenLeading(core: Core): void {
  const { self } = core.config
  if (core.isPaused || isBacklogged(core)) return
  if (self === undefined || leaderOf(core.config, core.view) !== self) return
  const round = roundAt(core, core.view)
  const { own } = round
  if (round.buildingOn !== undefined || own.propose !== undefined || own.nullify !== undefined) return
  if (core.view <= core.abstainThrough) return
  const parent = parentFor(core, core.view)
  if (parent === undefined) return
  wantCertified(core, parent.hash, parent.view)
  const verdict = verdictOn(core, parent.hash)
  if (verdict?.isValid !== true) return
  const height = verdict.height + 1
  round.buildingOn = { parentView: parent.view, parentHash: parent.hash, height }
  core.effects.push({ kind: 'build', view: core.view, height, parentPayload: verdict.payloadHash })
}

/** The payload that `build` asked for. Too late when the view is over or given up. */
export function proposeBuilt(core: Core, view: View, payloadHash: Hash, body: Uint8Array): void {
  const { self } = core.config
  const round = core.rounds.get(view)
  if (self === undefined || round?.buildingOn === undefined || view !== core.view) return
  if (round.own.propose !== undefined || round.own.nullify !== undefined) return
  const block = makeBlock({ view, ...round.buildingOn, payloadHash }, body)
  const entry = storeProposed(core, block)
  if (entry === undefined) return
  entry.isJustified = true
  entry.status = 'valid'
  persistBlock(core, entry)
  const statement = { kind: 'propose', view, hash: block.proposal.hash } as const
  const signed: SignedStatement = { ...statement, signer: self, signature: core.sign(statement) }
  round.own.propose = signed
  round.proposal = { statement: signed, block, isSigned: true }
  core.records.push({ kind: 'statement', statement: signed })
  broadcastProposal(core, round)
  cast(core, 'notarize', view, block.proposal.hash)
}

/** Also after a restart: the same proposal again is no offence, another one would be. */
export function broadcastProposal(core: Core, { own, proposal }: Round): void {
  if (own.propose === undefined || proposal === undefined) return
  const { block } = proposal
  core.effects.push({
    kind: 'broadcast',
    message: {
      kind: 'propose',
      block,
      signature: own.propose.signature,
      certificates: justificationOf(core, block.proposal),
    },
  })
}

/** The parent's certificate first; of many nullifications the latest, for voters may know the others or ask for them. */
function justificationOf(core: Core, { view, parentView }: Proposal): Certificate[] {
  const parent = core.rounds.get(parentView)
  const certificates = [parent?.notarization ?? parent?.finalization]
  for (let between = view - 1; between > parentView; between--) {
    if (certificates.length === LIMITS.certificatesPerMessage) break
    certificates.push(core.rounds.get(between as View)?.nullification)
  }
  return certificates.filter((certificate) => certificate !== undefined)
}

/**
 * The highest certified block below a view such that all views between are nullified. A view that is both notarized and
 * nullified counts as notarized.
 */
function parentFor(core: Core, view: View): { view: View; hash: Hash } | undefined {
  for (let below = view - 1; below >= core.tip.view; below--) {
    const at = below as View
    const hash = certifiedHash(core, at)
    if (hash !== undefined) return { view: at, hash }
    if (core.rounds.get(at)?.nullification === undefined) {
      core.missingView = at
      return undefined
    }
  }
  return undefined
}

// ---- The voters' side ----------------------------------------------------------------------------------------------

export function receiveProposal(core: Core, from: Peer, message: ProposeMessage): void {
  const { block, signature } = message
  const { view, hash } = block.proposal
  for (const certificate of message.certificates) receiveCertificate(core, from, certificate)
  if (leaderOf(core.config, view) !== from) {
    core.effects.push({ kind: 'blame', peer: from, reason: 'notLeader' })
    return
  }
  if (view > core.view + LIMITS.futureViews) {
    core.aheadPeer = from
    return
  }
  noteActivity(core, from, view)
  if (core.wanted.has(hash)) storeProposed(core, block)
  const statement: SignedStatement = { kind: 'propose', view, hash, signer: from, signature }
  const earlier = core.rounds.get(view)?.proposal
  if (earlier !== undefined) accuse(core, earlier.statement, statement)
  else if (view >= core.view && storeProposed(core, block) !== undefined) {
    roundAt(core, view).proposal = { statement, block, isSigned: undefined }
    // The connection vouches for the leader. Whoever votes wants a statement as well that can be held against it.
    if (core.config.self !== undefined) {
      requestVerification(
        core,
        { kind: 'proposal', view, from },
        { kind: 'statements', statements: [statement] },
      )
    }
    core.isDirty = true
  }
}

export function settleProposal(core: Core, view: View, from: Peer, isSigned: boolean): void {
  const slot = core.rounds.get(view)?.proposal
  if (slot === undefined) return
  slot.isSigned = isSigned
  core.isDirty = true
  if (!isSigned) core.effects.push({ kind: 'blame', peer: from, reason: 'invalidSignature' })
}

/**
 * Rule: the first proper proposal of the current view's leader is voted for, and an improper one ends the view. Who does
 * not vote executes it all the same, to have it ready when it is notarized.
 */
export function voteForProposal(core: Core): void {
  if (isBacklogged(core)) return
  const round = roundAt(core, core.view)
  const { own, proposal: slot } = round
  if (slot === undefined || own.notarize !== undefined || own.nullify !== undefined) return
  if (slot.isSigned === false) {
    giveUp(core)
    return
  }
  const { proposal } = slot.block
  const entry = core.blocks.get(proposal.hash)
  if (entry === undefined || !isJustified(core, proposal)) return
  if (!entry.isJustified) {
    entry.isJustified = true
    core.isDirty = true
  }
  if (entry.status === 'invalid') giveUp(core)
  if (entry.status !== 'valid' || slot.isSigned !== true) return
  if (core.config.self === undefined || core.view <= core.abstainThrough) return
  persistBlock(core, entry)
  cast(core, 'notarize', core.view, proposal.hash)
}

/** Whether the parent is certified and all views between are nullified. Notes the first thing that is missing. */
function isJustified(core: Core, { view, parentView, parentHash }: Proposal): boolean {
  if (parentView < core.tip.view) return false
  for (let between = view - 1; between > parentView; between--) {
    if (core.rounds.get(between as View)?.nullification !== undefined) continue
    core.missingView = between as View
    return false
  }
  const certified = certifiedHash(core, parentView)
  if (certified === undefined) core.missingView = parentView
  return certified === parentHash
}
