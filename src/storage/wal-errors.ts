/** Why the log of consensus cannot be opened or written. Each message says what to do about it. */
import type { CorruptLogError } from '../consensus/simplex/wal-frames.ts'
import { AevirError } from '../primitives/errors.ts'

export abstract class WalError extends AevirError {}

const CURE =
  'move it away and start again: the node catches up from its peers, and votes again above the view in its ' +
  'double-sign guard'

/** The bytes are no log of ours, or one in which something is missing that was there once. */
export class WalDamagedError extends WalError {
  override readonly code = 'WAL_DAMAGED'
  constructor(path: string, what: string, options?: ErrorOptions) {
    super(`the consensus log ${path} is damaged: ${what}; ${CURE}`, options)
  }
}

export function damagedAt(path: string, cause: CorruptLogError): WalDamagedError {
  return new WalDamagedError(path, `what stood at byte ${cause.offset} of its records is lost`, { cause })
}

/** A log that was made for other keys, another epoch or another chain: its certificates prove nothing here. */
export class ForeignWalError extends WalError {
  override readonly code = 'WAL_OF_ANOTHER_COMMITTEE'
  constructor(path: string) {
    super(
      `the consensus log ${path} belongs to another chain, layer, epoch or committee, or to another version: name the ` +
        'data directory that it was made in, or move it away',
    )
  }
}

/** A disk that does not take what it is given. Nobody knows what it holds then. */
export class WalFailedError extends WalError {
  override readonly code = 'WAL_FAILED'
  constructor(path: string, what: string, options?: ErrorOptions) {
    super(
      `cannot write the consensus log ${path} (${what}): the node says nothing more; check the disk and its free ` +
        'space, then start the node again',
      options,
    )
  }
}
