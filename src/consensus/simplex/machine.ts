/**
 * Simplex, the consensus protocol of both layers (Chan and Pass, "Simplex Consensus: A Simple and Fast Consensus
 * Protocol", 2023), as a state machine: {@link step} takes one event and returns effects. No clock, no I/O, no chance.
 *
 * # The protocol
 *
 * A committee of n members, of whom fewer than n − quorum + 1 are silent and fewer than 2·quorum − n lie, agrees on a
 * chain of blocks. Time is cut into views; member `view mod n` leads. Every member, in view v:
 *
 * 1. Enters v and starts its timers. The leader proposes a block on the highest certified block p such that all views
 *    between p's and v are nullified, and shows the certificates that say so.
 * 2. For the first proposal of the leader whose past is in order and which the application finds valid: `notarize`. For
 *    an invalid one: `nullify`.
 * 3. A quorum of `notarize` is a *notarization*. It ends the view, for everybody who sees it, whether or not the block
 *    is here. A member that has the block, found it valid, and did not nullify v: `finalize`.
 * 4. When a timer runs out before the view ends: `nullify`, unless it sent `finalize` in v. A quorum of `nullify` is a
 *    *nullification* and ends the view.
 * 5. A quorum of `finalize` is a *finalization*: the block and all its ancestors are final.
 *
 * Before a vote or proposal leaves, it is on disk, together with the block that it is about; so are certificates.
 *
 * # Why it is safe
 *
 * - An honest member notarizes once a view, so that a view has at most one notarized block.
 * - An honest member does not send both `nullify` and `finalize` in a view, so that a view is not both nullified and
 *   finalized: the two quorums would share an honest member.
 * - A proposal must prove all views that it skips nullified. After a finalization in v every certified block therefore
 *   has an ancestor in v, and that is the final block.
 *
 * # Why it goes on
 *
 * Once messages arrive in time, certificates reach everybody (those in a later view keep repeating theirs), so that all
 * honest members enter each view within one delay; an honest leader's block is then notarized before the timers run out,
 * and finalized, since nobody nullified.
 *
 * # Where this differs from the paper
 *
 * - Views that fail are skipped by certificates of `nullify` votes rather than by a dummy block, and a proposal carries
 *   those it needs; a member that lacks one asks for it.
 * - Entering v + 1 does not wait for the block of v: those who voted for it have it and are asked.
 * - Time-outs grow by half with every view that failed, or that this node gave up, up to eight times, and shrink with a
 *   finalization. A leader that was silent for {@link INACTIVE_VIEWS} views is given up on at once, as long as a quorum
 *   is heard of. Both are local decisions about when to nullify, which safety does not depend on.
 * - A proposal is signed by itself, so that two of them convict a leader that never votes.
 * - Signatures of votes are verified when a quorum is there, all at once; until then a vote counts because the member
 *   itself sent it. Votes are not passed on, certificates are.
 * - A member may be told to pause: it then neither proposes nor lets views time out, but answers, votes and finalizes.
 *   The execution layer pauses while the witness layer lags behind.
 * - A member that lost its log may vote again above the last view it can have voted in (`abstainThrough`), and not
 *   before.
 *
 * # The files
 *
 * Events change the state (`votes`, `certificates`, `proposals`, `blocks`, `catch-up`); then the rules of
 * {@link RULES} run until none applies. A rule looks at the state only, so that it does not matter in which order the
 * events came that made it applicable. What a step writes to the log stands before everything that it sends.
 */
import { unreachable } from '../../primitives/assert.ts'
import { settleAccusation } from './accusations.ts'
import { executeBlocks, settleBlock } from './blocks.ts'
import {
  answerCertificateRequest,
  beginCatchUp,
  continueCatchUp,
  hasBudget,
  receiveBlocks,
  receiveCertificates,
  requestMissing,
  tick,
} from './catch-up.ts'
import { acceptProven, settleCertificate } from './certificates.ts'
import type { Config } from './config.ts'
import type { Effect, Event, Peer } from './events.ts'
import { deliverFinal, finalizeNotarized } from './finality.ts'
import type { Message } from './messages.ts'
import {
  buildWhenLeading,
  proposeBuilt,
  receiveProposal,
  settleProposal,
  voteForProposal,
} from './proposals.ts'
import {
  compactLog,
  noteApplied,
  persistSilence,
  recountOwnVotes,
  replay,
  resumeFrom,
  type Applied,
} from './recovery.ts'
import { createState, type Core, type SignStatement } from './state.ts'
import { GENESIS_VIEW, type Tip, type View } from './types.ts'
import type { VerifyResult } from './verification.ts'
import { arm, enterNextView, onViewTimer, setPaused } from './views.ts'
import { receiveVote, settleVotes } from './votes.ts'
import type { WalRecord } from './wal-records.ts'

/** What a core starts from. */
export interface Origin {
  /** The block that the epoch starts from: final, and known to all. */
  readonly root: Omit<Tip, 'view'>
  /** What the application has of this epoch, durably, when it has something. */
  readonly applied?: Applied
  /** The log of this epoch, empty at first. */
  readonly records: readonly WalRecord[]
  /** The last view in which this node may have said something that the log does not tell. */
  readonly abstainThrough?: View
}

/** A core that has seen nothing but its log. Its first event is `start`. */
export function createCore(config: Config, sign: SignStatement, origin: Origin): Core {
  const core = createState(config, sign, origin.root, origin.abstainThrough ?? GENESIS_VIEW)
  replay(core, origin.records)
  if (origin.applied !== undefined) resumeFrom(core, origin.applied)
  return core
}

/** What follows from one event. */
export function step(core: Core, event: Event): Effect[] {
  if (core.isHalted) return []
  apply(core, event)
  while (core.isDirty && !core.isHalted) {
    core.isDirty = false
    for (const rule of RULES) rule(core)
  }
  const { effects, records } = core
  core.effects = []
  core.records = []
  if (records.length === 0) return effects
  const outcomes = effects.filter(isOutcome)
  const others = effects.filter((effect) => !isOutcome(effect))
  return [...outcomes, { kind: 'persist', records }, ...others]
}

/**
 * What a certificate decided. It waits for the writes of earlier steps, this node's vote in that certificate among them,
 * but not for the certificate's own record: the application learns of a block a flush earlier.
 */
function isOutcome({ kind }: Effect): boolean {
  return kind === 'notarized' || kind === 'finalized'
}

/** Each applies at most once to the same facts, so that they come to an end. */
const RULES: readonly ((core: Core) => void)[] = [
  enterNextView,
  executeBlocks,
  voteForProposal,
  finalizeNotarized,
  buildWhenLeading,
  deliverFinal,
  requestMissing,
  continueCatchUp,
  compactLog,
]

function apply(core: Core, event: Event): void {
  switch (event.kind) {
    case 'start':
      persistSilence(core)
      recountOwnVotes(core)
      arm(core, 'resend', core.config.timing.resendMs)
      core.isDirty = true
      break
    case 'message':
      receive(core, event.from, event.message)
      break
    case 'timer':
      if (event.generation !== core.timers[event.timer]) break
      if (event.timer === 'resend') {
        arm(core, 'resend', core.config.timing.resendMs)
        tick(core)
      } else onViewTimer(core, event.timer)
      break
    case 'verified':
      settleJob(core, event.job, event.result)
      break
    case 'built':
      proposeBuilt(core, event.view, event.payloadHash, event.body)
      break
    case 'blockVerified':
      settleBlock(core, event.hash, event.isValid)
      break
    case 'applied':
      noteApplied(core, event.height)
      break
    case 'proven':
      acceptProven(core, event.finalization, event.blocks)
      break
    case 'pause':
      setPaused(core, event.isPaused)
      break
    case 'catchUp':
      beginCatchUp(core)
      break
    default:
      unreachable(event)
  }
}

function receive(core: Core, from: Peer, message: Message): void {
  switch (message.kind) {
    case 'propose':
      receiveProposal(core, from, message)
      break
    case 'vote':
      receiveVote(core, from, message.vote)
      break
    case 'certificates':
      receiveCertificates(core, from, message.certificates)
      break
    case 'certificateRequest':
      answerCertificateRequest(core, from, message)
      break
    case 'blockRequest': {
      const { hash, aboveHeight } = message
      if (hasBudget(core, from)) core.effects.push({ kind: 'serveBlocks', to: from, hash, aboveHeight })
      break
    }
    case 'syncRequest': {
      const { fromHeight } = message
      if (hasBudget(core, from)) core.effects.push({ kind: 'serveSync', to: from, fromHeight })
      break
    }
    case 'blocks':
      receiveBlocks(core, from, message)
      break
    default:
      unreachable(message)
  }
}

function settleJob(core: Core, number: number, result: VerifyResult): void {
  const job = core.jobs.get(number)
  if (job === undefined) return
  core.jobs.delete(number)
  if (job.kind === 'votes') {
    if (result.kind === 'votes') settleVotes(core, job, result)
    return
  }
  const isValid = result.kind !== 'votes' && result.isValid
  switch (job.kind) {
    case 'certificate':
      settleCertificate(core, job.key, isValid)
      break
    case 'proposal':
      settleProposal(core, job.view, job.from, isValid)
      break
    case 'evidence':
      settleAccusation(core, job.first, job.second, isValid)
      break
    default:
      unreachable(job)
  }
}
