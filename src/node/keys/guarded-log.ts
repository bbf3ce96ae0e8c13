/** A log of consensus behind the guard: own statements are durable in both before they leave. */
import type { WriteAheadLog } from '../../consensus/simplex/driver.ts'
import type { Epoch, Layer } from '../../consensus/simplex/types.ts'
import type { WalRecord } from '../../consensus/simplex/wal-records.ts'
import type { VoteGuard } from './vote-guard.ts'
import type { OwnStatement } from './vote-records.ts'

export interface GuardedLogOptions {
  readonly log: WriteAheadLog
  readonly guard: VoteGuard
  readonly layer: Layer
  readonly epoch: Epoch
  /** Why a write was refused; the driver then stops. */
  readonly onRefused: (error: unknown) => void
}

export function guardedLog({ log, guard, layer, epoch, onRefused }: GuardedLogOptions): WriteAheadLog {
  /** Calls back in the order of the calls, as a log does. */
  let last: Promise<void> = Promise.resolve()

  const statementsOf = (records: readonly WalRecord[]): OwnStatement[] =>
    records.flatMap((record) => {
      if (record.kind !== 'statement') return []
      const { kind, view, hash } = record.statement
      return [{ layer, epoch, kind, view, hash }]
    })

  const appended = async (records: readonly WalRecord[]): Promise<boolean> =>
    new Promise((resolve) => {
      log.append(records, resolve)
    })

  const write = async (records: readonly WalRecord[]): Promise<boolean> => {
    const statements = statementsOf(records)
    try {
      // The log first: a guard that knows more than the log means that the log is damaged.
      if (!(await appended(records))) return false
      if (statements.length > 0) await guard.record(statements)
      return true
    } catch (error) {
      onRefused(error)
      return false
    }
  }

  return {
    append(records, onDone) {
      const written = write(records)
      const before = last
      last = (async () => {
        await before
        onDone(await written)
      })()
    },
    replace: (records, onDone) => log.replace(records, onDone),
  }
}
