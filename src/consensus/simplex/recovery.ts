/** The log and the state: what replaying it restores, and what it can be cut down to. */
import { unreachable } from '../../primitives/assert.ts'
import { restoreBlock } from './blocks.ts'
import { recordCertificate } from './certificates.ts'
import { finalizedView, roundAt, type Core } from './state.ts'
import { tipOf, type Block, type Certificate, type Tip } from './types.ts'
import { addVote } from './votes.ts'
import type { WalRecord } from './wal-records.ts'

/** What an application has when its node begins anew. */
export interface Applied {
  /** The last block that is known to be final by a certificate, its own or that of a block below {@link above}. */
  readonly tip: Tip
  readonly finalization: Certificate | undefined
  /** Final blocks above it, ascending. What proves them was lost, so that they are given out again. */
  readonly above?: readonly Block[]
}

/** Replays a log into a state that was just created. Own statements stand; blocks are executed anew. */
export function replay(core: Core, records: readonly WalRecord[]): void {
  for (const record of records) {
    switch (record.kind) {
      case 'tip':
        core.tip = record.tip
        core.appliedTip = record.tip
        core.heightAtCompaction = record.tip.height
        break
      case 'statement':
        roundAt(core, record.statement.view).own[record.statement.kind] = record.statement
        break
      case 'certificate':
        recordCertificate(core, record.certificate)
        break
      case 'block':
        restoreBlock(core, record.block)
        break
      case 'silence':
        if (record.through > core.abstainThrough) core.abstainThrough = record.through
        break
      default:
        unreachable(record)
    }
  }
  restoreOwnProposals(core)
}

/** The application may be further than the tip of the log: what it can prove is not delivered again. */
export function resumeFrom(core: Core, { tip, finalization, above = [] }: Applied): void {
  const height = above.at(-1)?.proposal.height ?? tip.height
  if (height >= core.tip.height) core.tip = tip
  core.appliedTip = core.tip
  for (const block of above) restoreBlock(core, block)
  if (finalization !== undefined && finalization.view > finalizedView(core))
    recordCertificate(core, finalization)
  core.undelivered = core.undelivered.filter(({ view }) => view > core.tip.view)
}

/** A proposal that was made before the crash is the only one this node may make in its view. */
function restoreOwnProposals(core: Core): void {
  for (const round of core.rounds.values()) {
    const statement = round.own.propose
    const block = statement === undefined ? undefined : core.blocks.get(statement.hash)?.block
    if (statement !== undefined && block !== undefined) round.proposal = { statement, block, isSigned: true }
  }
}

/**
 * Writes down up to where this node keeps silent, before it says anything: once it has spoken again, its log and its guard
 * agree, and nothing else would tell that there was a log before.
 */
export function persistSilence(core: Core): void {
  const { abstainThrough, records } = core
  if (abstainThrough > core.appliedTip.view) records.push({ kind: 'silence', through: abstainThrough })
}

/** Own votes from the log count again among those that may become a certificate. */
export function recountOwnVotes(core: Core): void {
  for (const { view, own } of core.rounds.values()) {
    if (view <= finalizedView(core)) continue
    for (const kind of ['notarize', 'nullify', 'finalize'] as const) {
      const statement = own[kind]
      if (statement !== undefined) addVote(core, { ...statement, kind })
    }
  }
}

/** The application has made the blocks up to this height durable. */
export function noteApplied(core: Core, height: number): void {
  const applied = core.unapplied.filter(({ proposal }) => proposal.height <= height)
  const last = applied.at(-1)
  if (last === undefined) return
  core.unapplied = core.unapplied.slice(applied.length)
  core.appliedTip = tipOf(last.proposal)
  core.isDirty = true
}

/** Rule: from time to time the log starts anew, from the last block that the application will not lose. */
export function compactLog(core: Core): void {
  if (core.appliedTip.height - core.heightAtCompaction < core.config.compactionBlocks) return
  core.heightAtCompaction = core.appliedTip.height
  core.effects.push({ kind: 'compact', records: snapshot(core) })
}

/** The shortest log that restores what matters: nothing that was said before the highest finalization does. */
function snapshot(core: Core): WalRecord[] {
  const records: WalRecord[] = [{ kind: 'tip', tip: core.appliedTip }]
  // Nothing is said up to the tip in any case.
  if (core.abstainThrough > core.appliedTip.view) {
    records.push({ kind: 'silence', through: core.abstainThrough })
  }
  for (const block of core.unapplied) records.push({ kind: 'block', block })
  for (const { block, isPersisted } of core.blocks.values()) {
    if (isPersisted) records.push({ kind: 'block', block })
  }
  for (const round of core.rounds.values()) {
    if (round.view < finalizedView(core)) continue
    for (const certificate of [round.notarization, round.nullification, round.finalization]) {
      if (certificate !== undefined) records.push({ kind: 'certificate', certificate })
    }
    const { propose, notarize, nullify, finalize } = round.own
    for (const statement of [propose, notarize, nullify, finalize]) {
      if (statement !== undefined) records.push({ kind: 'statement', statement })
    }
  }
  return records
}
