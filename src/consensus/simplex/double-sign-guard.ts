/**
 * The last line against voting twice: a few bytes beside the log that say how far this node's statements go. A log can be
 * damaged, lost or restored from a backup; as long as the guard is newer, the node knows where it must keep silent.
 *
 * The guard is written when the log is durable, and before the statement leaves. So a guard that knows more than the log
 * means damage, never a crash: nodes that keep silent in a view without need could together keep it from ending.
 */
import { KIND_CODES } from './signing.ts'
import { GENESIS_VIEW, type SignedStatement, type View } from './types.ts'
import type { WalRecord } from './wal-records.ts'

export interface DoubleSignGuard {
  /** The highest view this node made a statement in. */
  readonly view: View
  /** What it said there: one bit a kind. */
  readonly kinds: number
}

export const NEW_GUARD: DoubleSignGuard = { view: GENESIS_VIEW, kinds: 0 }

/** The guard after one more statement. */
export function guardAfter(guard: DoubleSignGuard, { view, kind }: SignedStatement): DoubleSignGuard {
  if (view < guard.view) return guard
  return { view, kinds: (view === guard.view ? guard.kinds : 0) | (1 << KIND_CODES[kind]) }
}

/** The last view in which a node with this guard must keep silent: none when the log tells all that the guard knows. */
export function abstentionOf(guard: DoubleSignGuard, records: readonly WalRecord[]): View {
  let kinds = 0
  for (const record of records) {
    const isThere = record.kind === 'statement' && record.statement.view === guard.view
    if (isThere) kinds |= 1 << KIND_CODES[record.statement.kind]
  }
  const finalView = records.reduce(
    (view, record) => (record.kind === 'tip' && record.tip.view > view ? record.tip.view : view),
    GENESIS_VIEW,
  )
  // Statements up to the final tip leave the log when it is compacted, and nothing is said there any more.
  const isComplete = (kinds & guard.kinds) === guard.kinds || guard.view <= finalView
  return isComplete ? GENESIS_VIEW : guard.view
}
