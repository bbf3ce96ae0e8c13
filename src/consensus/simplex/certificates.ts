/**
 * Certificates on their way in: those from peers wait here until their signature is verified, one candidate at a time,
 * so that twenty copies cost one check and a bad copy cannot keep a good one out. Then they become facts.
 */
import { unreachable } from '../../primitives/assert.ts'
import { storeFetched, wantCertified } from './blocks.ts'
import { LIMITS } from './config.ts'
import type { Peer } from './events.ts'
import { finalizedView, requestVerification, roundAt, type CertificateCandidate, type Core } from './state.ts'
import type { Block, Certificate } from './types.ts'

/** @param blocks the block that the certificate is about, then ancestors of it, when the peer sent them along. */
export function receiveCertificate(
  core: Core,
  from: Peer,
  certificate: Certificate,
  blocks: readonly Block[] = [],
): void {
  if (!isNews(core, certificate)) {
    // The certificate is a fact already, so its blocks need no further proof.
    storeProven(core, certificate, blocks)
    return
  }
  const count = core.pendingOf.get(from) ?? 0
  if (count >= LIMITS.pendingPerPeer) {
    core.effects.push({ kind: 'blame', peer: from, reason: 'tooManyCertificates' })
    return
  }
  const key = keyOf(certificate)
  const candidate: CertificateCandidate = { from, certificate, blocks }
  const pending = core.pendingCertificates.get(key)
  if (pending === undefined) {
    core.pendingCertificates.set(key, { candidates: [candidate] })
    requestVerification(core, { kind: 'certificate', key }, { kind: 'certificate', certificate })
  } else {
    if (pending.candidates.some((other) => other.from === from)) return
    pending.candidates.push(candidate)
  }
  core.pendingOf.set(from, count + 1)
}

/** The verdict on the first candidate for a certificate. */
export function settleCertificate(core: Core, key: string, isValid: boolean): void {
  const pending = core.pendingCertificates.get(key)
  const candidate = pending?.candidates[0]
  // Enough votes may have come in by themselves while the certificate was being verified.
  if (pending === undefined || candidate === undefined) return
  if (isValid) {
    // Here as well: what became old news while it was being verified would count against its senders for ever.
    dropPending(core, candidate.certificate)
    acceptCertificate(core, candidate.certificate)
    storeProven(core, candidate.certificate, candidate.blocks)
    return
  }
  core.effects.push({ kind: 'blame', peer: candidate.from, reason: 'invalidCertificate' })
  if (candidate.blocks.length > 0) endSync(core)
  release(core, candidate.from)
  pending.candidates.shift()
  const next = pending.candidates[0]
  if (next === undefined) core.pendingCertificates.delete(key)
  else {
    const { certificate } = next
    requestVerification(core, { kind: 'certificate', key }, { kind: 'certificate', certificate })
  }
}

/** Makes a verified certificate a fact. From here on, `machine.ts` draws the conclusions. */
export function acceptCertificate(core: Core, certificate: Certificate): void {
  if (!isNews(core, certificate)) return
  dropPending(core, certificate)
  core.isDirty = true
  if (certificate.kind === 'finalize' && certificate.view < finalizedView(core)) {
    addUndelivered(core, certificate)
    return
  }
  if (contradicts(core, certificate)) return
  core.records.push({ kind: 'certificate', certificate })
  recordCertificate(core, certificate)
  if (certificate.kind === 'notarize') wantCertified(core, certificate.hash, certificate.view)
}

/** The same for one that comes with blocks, and that somebody has verified elsewhere. */
export function acceptProven(core: Core, certificate: Certificate, blocks: readonly Block[]): void {
  acceptCertificate(core, certificate)
  storeProven(core, certificate, blocks)
}

/** Enters a certificate into the state, as {@link acceptCertificate} and replaying the log do. */
export function recordCertificate(core: Core, certificate: Certificate): void {
  const round = roundAt(core, certificate.view)
  if (certificate.view > core.certifiedView) core.certifiedView = certificate.view
  switch (certificate.kind) {
    case 'notarize':
      round.notarization = certificate
      break
    case 'nullify':
      round.nullification = certificate
      break
    case 'finalize':
      round.finalization = certificate
      if (certificate.view > finalizedView(core)) {
        core.finalization = certificate
        core.nullifiedInARow = 0
      }
      addUndelivered(core, certificate)
      break
    default:
      unreachable(certificate.kind)
  }
}

/** Forgets what happened too long before the highest finalization to matter to anybody. */
export function pruneRounds(core: Core): void {
  const floor = finalizedView(core) - LIMITS.evidenceViews
  for (const view of core.rounds.keys()) if (view < floor) core.rounds.delete(view)
}

/** Whether the certificate says something that is not known and still matters. */
function isNews(core: Core, { kind, view }: Certificate): boolean {
  if (kind === 'finalize')
    return view > core.tip.view && !core.undelivered.some((other) => other.view === view)
  if (view <= finalizedView(core)) return false
  const round = core.rounds.get(view)
  return (kind === 'notarize' ? round?.notarization : round?.nullification) === undefined
}

/** Blocks that came with a certificate which holds. */
function storeProven(core: Core, certificate: Certificate, blocks: readonly Block[]): void {
  if (blocks.length === 0) return
  endSync(core)
  if (isUndelivered(core, certificate)) storeFetched(core, blocks)
}

/** The answer to a request for final blocks was judged; whether another is needed, the rules decide. */
function endSync(core: Core): void {
  core.isSyncing = false
  core.isDirty = true
}

function isUndelivered(core: Core, { kind, hash }: Certificate): boolean {
  return kind === 'finalize' && core.undelivered.some((other) => other.hash === hash)
}

/** Finalizations between the tip and the highest are kept in order; of many, the middle ones can be done without. */
function addUndelivered(core: Core, certificate: Certificate): void {
  if (certificate.view <= core.tip.view) return
  core.undelivered = [...core.undelivered, certificate].sort((a, b) => a.view - b.view)
  if (core.undelivered.length > LIMITS.undelivered) core.undelivered.splice(-2, 1)
}

/**
 * Two certificates that cannot both exist unless a third of the committee lies. Halts: nothing that this node could say
 * now would be safe, and the two prove the offence.
 */
function contradicts(core: Core, certificate: Certificate): boolean {
  const round = core.rounds.get(certificate.view)
  const others = [round?.notarization, round?.nullification, round?.finalization]
  const other = others.find((other) => {
    if (other === undefined) return false
    const kinds = new Set([other.kind, certificate.kind])
    if (kinds.has('nullify')) return kinds.has('finalize')
    return other.hash !== certificate.hash
  })
  if (other === undefined) return false
  core.isHalted = true
  const reason = { kind: 'conflictingCertificates', first: other, second: certificate } as const
  core.effects.push({ kind: 'halt', reason })
  return true
}

function dropPending(core: Core, certificate: Certificate): void {
  const key = keyOf(certificate)
  const pending = core.pendingCertificates.get(key)
  if (pending === undefined) return
  for (const { from } of pending.candidates) release(core, from)
  core.pendingCertificates.delete(key)
}

function release(core: Core, peer: Peer): void {
  const rest = (core.pendingOf.get(peer) ?? 1) - 1
  if (rest === 0) core.pendingOf.delete(peer)
  else core.pendingOf.set(peer, rest)
}

function keyOf({ kind, view, hash }: Certificate): string {
  return `${kind} ${view} ${hash}`
}
