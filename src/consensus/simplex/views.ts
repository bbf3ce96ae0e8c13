/** Moving from view to view, and the time-outs that end a view nobody else ends. */
import { pruneBlocks } from './blocks.ts'
import { pruneRounds } from './certificates.ts'
import { BACKOFF_FACTOR, BACKOFF_MAX, INACTIVE_VIEWS } from './config.ts'
import type { TimerName } from './events.ts'
import { broadcastProposal } from './proposals.ts'
import { leaderOf, roundAt, type Core, type Round } from './state.ts'
import { viewAfter, type View } from './types.ts'
import { giveUp } from './votes.ts'

/** Rule: a certificate for a view, of whatever kind, ends it and all before it. */
export function enterNextView(core: Core): void {
  if (core.certifiedView < core.view) return
  if (isFruitless(core.rounds.get(core.certifiedView))) core.nullifiedInARow += 1
  enter(core, viewAfter(core.certifiedView))
}

/**
 * Also a view whose block came when this node had given up: where all do, each block is notarized and none ever final,
 * with time-outs that are too short for good.
 */
function isFruitless(ended: Round | undefined): boolean {
  if (ended === undefined) return false
  const { nullification, notarization, own } = ended
  return own.nullify !== undefined || (nullification !== undefined && notarization === undefined)
}

function enter(core: Core, view: View): void {
  core.view = view
  core.missingView = undefined
  core.isDirty = true
  pruneRounds(core)
  pruneBlocks(core)
  armViewTimers(core)
  const leader = leaderOf(core.config, view)
  const round = roundAt(core, view)
  if (leader === core.config.self) broadcastProposal(core, round)
  else if (!core.isPaused && isInactive(core, leader) && isQuorumActive(core)) giveUp(core)
}

export function armViewTimers(core: Core): void {
  if (core.isPaused) return
  const { leaderTimeoutMs, advanceTimeoutMs } = core.config.timing
  const factor = Math.min(BACKOFF_MAX, BACKOFF_FACTOR ** core.nullifiedInARow)
  arm(core, 'leader', leaderTimeoutMs * factor)
  arm(core, 'advance', advanceTimeoutMs * factor)
}

export function arm(core: Core, timer: TimerName, delayMs: number): void {
  core.timers[timer] += 1
  core.effects.push({ kind: 'setTimer', timer, delayMs, generation: core.timers[timer] })
}

/**
 * The leader let the view wait too long, or the view has come to nothing. A leader's own proposal is there from the
 * moment it is made, so that a leader that has voted for it never gives up for want of one.
 */
export function onViewTimer(core: Core, timer: 'leader' | 'advance'): void {
  if (core.isPaused) return
  if (timer === 'leader' && core.rounds.get(core.view)?.proposal !== undefined) return
  giveUp(core)
}

/** Stops the clock of the current view, or starts it anew. */
export function setPaused(core: Core, isPaused: boolean): void {
  if (core.isPaused === isPaused) return
  core.isPaused = isPaused
  core.isDirty = true
  armViewTimers(core)
}

function isInactive(core: Core, member: number): boolean {
  return member !== core.config.self && (core.lastActive[member] ?? 0) + INACTIVE_VIEWS < core.view
}

/** Otherwise the silence is this node's own, and skipping would only add to it. */
function isQuorumActive(core: Core): boolean {
  const { size, quorum } = core.config
  let count = 0
  for (let member = 0; member < size; member++) if (!isInactive(core, member)) count += 1
  return count >= quorum
}
