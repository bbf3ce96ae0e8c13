/** Pauses of work that takes many runs: others get their turn, and nobody's work is not done at all. */
import { RPC_CODES, RpcError } from './errors.ts'
import { turn } from './event-loop.ts'
import type { MethodContext } from './method.ts'

/** Called between runs. Rejects when nobody waits for the answer any more. */
export type Pause = () => Promise<void>

/** Work in one go before others get a turn. */
const TURN_MS = 25

export function pauseOf({ clock, deadlineMs }: Pick<MethodContext, 'clock' | 'deadlineMs'>): Pause {
  let turnMs = clock.nowMs()
  return async () => {
    const nowMs = clock.nowMs()
    if (nowMs > deadlineMs) throw new RpcError(RPC_CODES.timeout, 'request timed out: ask for less at once')
    if (nowMs - turnMs < TURN_MS) return
    await turn()
    turnMs = clock.nowMs()
  }
}
