/**
 * Getting on after losses: repeating what others may have missed, asking for what this node missed, answering others.
 *
 * Everything that is asked for is asked once when its lack is noticed and again with each tick of the resend timer, of
 * another peer each time; nothing is asked again because a message came in. That is what keeps requests from breeding.
 */
import { ask } from './asking.ts'
import { requestWanted, storeFetched } from './blocks.ts'
import { receiveCertificate } from './certificates.ts'
import { LIMITS } from './config.ts'
import type { Peer } from './events.ts'
import type { BlocksMessage, CertificateRequest } from './messages.ts'
import { finalizedView, isBacklogged, type Core } from './state.ts'
import { GENESIS_VIEW, type Block, type Certificate, type Vote, type View } from './types.ts'

/** The resend timer ran out. */
export function tick(core: Core): void {
  core.served.clear()
  core.asked.clear()
  if (core.view === core.viewAtTick) repeatBest(core)
  core.viewAtTick = core.view
  let budget = LIMITS.wantedPerTick
  for (const hash of core.wanted.keys()) if (budget-- > 0) requestWanted(core, hash)
  if (core.catchUpTicks > 0) core.catchUpTicks -= 1
  else if (core.undelivered.length === 0) core.isSyncing = false
  if (core.isSyncing) sendSyncRequest(core)
  if (core.missingView !== undefined) requestCertificates(core, core.missingView)
  if (core.aheadPeer !== undefined) requestCertificates(core, core.view, core.aheadPeer)
  core.aheadPeer = undefined
}

/** What brings a straggler to this node's view, and what may be missing to end that view. */
function repeatBest(core: Core): void {
  const previous = core.rounds.get((core.view - 1) as View)
  const best = [previous?.notarization ?? previous?.nullification, core.finalization]
  const certificates = best.filter((certificate) => certificate !== undefined)
  if (certificates.length > 0) {
    core.effects.push({ kind: 'broadcast', message: { kind: 'certificates', certificates } })
  }
  for (const vote of ownOpenVotes(core)) {
    core.effects.push({ kind: 'broadcast', message: { kind: 'vote', vote } })
  }
}

function ownOpenVotes(core: Core): Vote[] {
  const current = core.rounds.get(core.view)?.own
  const votes = [current?.notarize, current?.nullify]
  for (let distance = 1; distance <= LIMITS.resentFinalizes; distance++) {
    const view = core.view - distance
    if (view <= finalizedView(core)) break
    votes.push(core.rounds.get(view as View)?.own.finalize)
  }
  // Each field holds a vote of its own kind.
  return votes.filter((vote) => vote !== undefined) as Vote[]
}

/** Rule: what blocks the current view is asked for at once, but only once a view. */
export function requestMissing(core: Core): void {
  if (core.missingView === undefined || core.viewOfRequest === core.view) return
  core.viewOfRequest = core.view
  requestCertificates(core, core.missingView)
}

/** Asks about the given view and as many before it as one answer can hold. */
function requestCertificates(core: Core, toView: View, preferred?: Peer): void {
  const fromView = Math.max(GENESIS_VIEW, toView - LIMITS.certificatesPerMessage + 1) as View
  ask(core, { kind: 'certificateRequest', fromView, toView }, preferred)
}

/** The chain is far ahead: asks for the next final blocks by height. One request is under way at a time. */
export function requestSync(core: Core): void {
  if (core.isSyncing) return
  core.isSyncing = true
  core.syncPeers.clear()
  sendSyncRequest(core)
}

/** Who hears nothing does not know what is missing: peers may have left this epoch, and answer only when asked. */
export function beginCatchUp(core: Core): void {
  core.catchUpTicks = LIMITS.catchUpTicks
  core.isDirty = true
}

/**
 * Rule: while answers bring many blocks, the next ones are asked for at once. Also while a finalization waits for its
 * block: where an epoch ended, others may have kept no repeat that came after the last one they needed.
 */
export function continueCatchUp(core: Core): void {
  if (core.catchUpTicks > 0 && !isBacklogged(core)) requestSync(core)
}

function sendSyncRequest(core: Core): void {
  const peer = ask(core, { kind: 'syncRequest', fromHeight: core.tip.height + 1 })
  if (peer !== undefined) core.syncPeers.add(peer)
}

// ---- Answers -------------------------------------------------------------------------------------------------------

export function receiveCertificates(core: Core, from: Peer, certificates: readonly Certificate[]): void {
  for (const certificate of certificates) receiveCertificate(core, from, certificate)
}

/**
 * Blocks are taken only where a hash vouches for them: one that is wanted, or a finalization that comes along. The latter
 * once from each who was asked, since an answer ends the question: anybody could else have this node ask on and on.
 */
export function receiveBlocks(core: Core, from: Peer, { blocks, finalization }: BlocksMessage): void {
  const [first] = blocks
  if (first === undefined) return
  if (core.wanted.has(first.proposal.hash)) storeFetched(core, blocks)
  if (finalization === undefined || !core.isSyncing || !core.syncPeers.delete(from)) return
  if (core.catchUpTicks > 0) core.catchUpTicks = areMany(blocks) ? LIMITS.catchUpTicks : 0
  receiveCertificate(core, from, finalization, blocks)
}

function areMany(blocks: readonly Block[]): boolean {
  const bytes = blocks.reduce((sum, { body }) => sum + body.length, 0)
  return blocks.length >= LIMITS.manyBlocks || bytes >= LIMITS.manyBytes
}

export function answerCertificateRequest(core: Core, from: Peer, request: CertificateRequest): void {
  if (!hasBudget(core, from)) return
  const { finalization } = core
  const certificates: Certificate[] = []
  if (finalization !== undefined && finalization.view >= request.fromView) certificates.push(finalization)
  for (let view = request.toView; view >= request.fromView; view = (view - 1) as View) {
    if (view <= finalizedView(core)) break
    const round = core.rounds.get(view)
    for (const certificate of [round?.notarization, round?.nullification]) {
      const hasRoom = certificates.length < LIMITS.certificatesPerMessage
      if (certificate !== undefined && hasRoom) certificates.push(certificate)
    }
  }
  const best = core.rounds.get((core.view - 1) as View)
  const latest = best?.notarization ?? best?.nullification
  const isNew = latest !== undefined && !certificates.includes(latest)
  if (isNew && certificates.length < LIMITS.certificatesPerMessage) certificates.push(latest)
  if (certificates.length === 0) return
  core.effects.push({ kind: 'send', to: from, message: { kind: 'certificates', certificates } })
}

/** Whether one more request of this peer may be answered before the next tick. Many more are no accident. */
export function hasBudget(core: Core, peer: Peer): boolean {
  const count = (core.served.get(peer) ?? 0) + 1
  core.served.set(peer, count)
  if (count === LIMITS.floodPerTick) core.effects.push({ kind: 'blame', peer, reason: 'tooManyRequests' })
  return count <= LIMITS.servedPerTick
}
