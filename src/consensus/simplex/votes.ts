/**
 * Votes: this node's own, and those of others until they are a certificate. Signatures are not looked at before there
 * are enough votes for one thing; then all of them are verified at once (`verification.ts`).
 */
import type { Hash } from '../../primitives/bytes.ts'
import { assert } from '../../primitives/assert.ts'
import { accuse } from './accusations.ts'
import { makeCertificate } from './certificate.ts'
import { acceptCertificate } from './certificates.ts'
import { LIMITS } from './config.ts'
import type { Peer } from './events.ts'
import { finalizedView, requestVerification, roundAt, type Core, type Round, type VoteBox } from './state.ts'
import { NO_HASH, type View, type Vote, type VoteKind } from './types.ts'
import type { VerifyResult } from './verification.ts'

/**
 * Says something, once and for all: signed, into the log, to everybody. Does nothing for a node that does not vote, or
 * must not in this view.
 */
export function cast(core: Core, kind: VoteKind, view: View, hash: Hash): void {
  const { self } = core.config
  if (self === undefined || view <= core.abstainThrough) return
  const { own } = roundAt(core, view)
  assert(own[kind] === undefined, 'a vote of each kind is cast once a view')
  const vote: Vote = { kind, view, hash, signer: self, signature: core.sign({ kind, view, hash }) }
  own[kind] = vote
  core.records.push({ kind: 'statement', statement: vote })
  core.effects.push({ kind: 'broadcast', message: { kind: 'vote', vote } })
  addVote(core, vote)
}

/** Gives up the current view, unless this node has voted for its finality or given it up already. */
export function giveUp(core: Core): void {
  const { own } = roundAt(core, core.view)
  if (own.nullify === undefined && own.finalize === undefined) cast(core, 'nullify', core.view, NO_HASH)
}

export function receiveVote(core: Core, from: Peer, vote: Vote): void {
  if (vote.signer !== from) {
    core.effects.push({ kind: 'blame', peer: from, reason: 'notSigner' })
    return
  }
  if (vote.view > core.view + LIMITS.futureViews) {
    core.aheadPeer = from
    return
  }
  if (vote.view <= finalizedView(core) && !core.rounds.has(vote.view)) return
  noteActivity(core, from, vote.view)
  addVote(core, vote)
}

/** A member that says something about a view is there. */
export function noteActivity(core: Core, member: number, view: View): void {
  if (view > (core.lastActive[member] ?? 0)) core.lastActive[member] = view
}

/** Counts a vote of somebody whose vote it is. */
export function addVote(core: Core, vote: Vote): void {
  const round = roundAt(core, vote.view)
  const box = round.votes[vote.kind]
  if (box.refused.has(vote.signer)) return
  const earlier = box.bySigner.get(vote.signer)
  if (earlier !== undefined) {
    accuse(core, earlier, vote)
    return
  }
  box.bySigner.set(vote.signer, vote)
  box.counts.set(vote.hash, (box.counts.get(vote.hash) ?? 0) + 1)
  const opposite = OPPOSITES[vote.kind]
  const contrary = opposite === undefined ? undefined : round.votes[opposite].bySigner.get(vote.signer)
  if (contrary !== undefined) accuse(core, contrary, vote)
  tryCertify(core, round, vote.kind, vote.hash)
}

/** A kind of vote that excludes another. */
const OPPOSITES: Readonly<Record<VoteKind, VoteKind | undefined>> = {
  notarize: undefined,
  nullify: 'finalize',
  finalize: 'nullify',
}

function tryCertify(core: Core, round: Round, kind: VoteKind, hash: Hash): void {
  const box = round.votes[kind]
  if ((box.counts.get(hash) ?? 0) < core.config.quorum) return
  if (box.verifying.has(hash) || !isOpen(core, round, kind)) return
  box.verifying.add(hash)
  const votes = votesFor(box, hash)
  const { view } = round
  requestVerification(
    core,
    { kind: 'votes', view, vote: kind, hash, votes },
    { kind: 'votes', statement: { kind, view, hash }, votes },
  )
}

function votesFor(box: VoteBox, hash: Hash): Vote[] {
  return [...box.bySigner.values()].filter((vote) => vote.hash === hash)
}

/** Whether a certificate of this kind would still be news. */
function isOpen(core: Core, round: Round, kind: VoteKind): boolean {
  if (round.view <= finalizedView(core)) return false
  if (kind === 'notarize') return round.notarization === undefined
  return (kind === 'nullify' ? round.nullification : round.finalization) === undefined
}

/** The verdict on votes that seemed to be enough. */
export function settleVotes(
  core: Core,
  job: { readonly view: View; readonly vote: VoteKind; readonly hash: Hash; readonly votes: readonly Vote[] },
  { invalidSigners, aggregate }: Extract<VerifyResult, { kind: 'votes' }>,
): void {
  const round = core.rounds.get(job.view)
  if (round === undefined) return
  const box = round.votes[job.vote]
  box.verifying.delete(job.hash)
  for (const signer of invalidSigners) refuse(core, box, signer)
  const signers = job.votes.map(({ signer }) => signer).filter((signer) => !invalidSigners.includes(signer))
  if (signers.length < core.config.quorum || aggregate === undefined) {
    // Others may have voted meanwhile.
    tryCertify(core, round, job.vote, job.hash)
    return
  }
  if (!isOpen(core, round, job.vote)) return
  const statement = { kind: job.vote, view: job.view, hash: job.hash }
  const certificate = makeCertificate(statement, signers, aggregate, core.config)
  acceptCertificate(core, certificate)
  core.effects.push({
    kind: 'broadcast',
    message: { kind: 'certificates', certificates: [certificate] },
    reach: 'announced',
  })
}

function refuse(core: Core, box: VoteBox, signer: number): void {
  const vote = box.bySigner.get(signer)
  if (vote === undefined) return
  box.bySigner.delete(signer)
  box.refused.add(signer)
  box.counts.set(vote.hash, (box.counts.get(vote.hash) ?? 1) - 1)
  core.effects.push({ kind: 'blame', peer: signer, reason: 'invalidSignature' })
}
