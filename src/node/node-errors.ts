/** Why a node of a network cannot go on. Each message says what to do about it. */
import { AevirError } from '../primitives/errors.ts'

/** Consensus stopped for good on this node. */
export class NodeHaltedError extends AevirError {
  override readonly code = 'NODE_HALTED'
  constructor(reason: string) {
    super(
      `${reason}: this node says nothing more, so that it does no harm; keep its directory, compare its blocks with ` +
        'those of other nodes, and start it again only when you know why',
    )
  }
}

/** Anything that made a node stop, in one line. */
export class NodeFailedError extends AevirError {
  override readonly code = 'NODE_FAILED'
  constructor(cause: unknown) {
    const text = cause instanceof AevirError ? cause.message : `internal error: ${describe(cause)}`
    super(text, { cause })
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
