/** Why the guard against signing twice says no. */
import { KeyError } from './key-errors.ts'
import type { OwnStatement } from './vote-records.ts'

/** The node was about to say something that contradicts what it said before. A bug, or a log from a backup. */
export class DoubleSignError extends KeyError {
  override readonly code = 'DOUBLE_SIGN'
  readonly statement: OwnStatement
  constructor(statement: OwnStatement, why: string) {
    const { layer, epoch, kind, view } = statement
    super(`refused to sign ${kind} in view ${view} of epoch ${epoch}, ${layer} layer: ${why}`)
    this.statement = statement
  }
}

export class GuardLockedError extends KeyError {
  override readonly code = 'GUARD_LOCKED'
  readonly pid: number
  constructor(directory: string, pid: number, options: ErrorOptions) {
    super(
      `process ${pid} signs with the keys of ${directory}: stop it first; two nodes with one key lose their stake`,
      options,
    )
    this.pid = pid
  }
}

export class GuardDamagedError extends KeyError {
  override readonly code = 'GUARD_DAMAGED'
  constructor(path: string, what: string) {
    super(
      `the guard against signing twice, ${path}, is damaged: ${what}. Do not restore an old copy. Keep the node stopped ` +
        'until the epoch has changed twice, then remove the file: nothing it knew can be said again',
    )
  }
}

export class GuardFailedError extends KeyError {
  override readonly code = 'GUARD_FAILED'
  constructor(path: string, options: ErrorOptions) {
    super(`cannot write ${path}: the node signs nothing more; check the disk and start it again`, options)
  }
}
