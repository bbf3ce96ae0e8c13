/**
 * The logs of a node's instances of consensus, and what its guard against signing twice makes of them.
 *
 * On a disk each instance has a directory, `wal/<layer>-<epoch>`. A log that is damaged is put aside: the guard, a file of
 * its own, knows the last view in which this node said anything, so that the node keeps silent up to there and goes on.
 * Without a guard that is as old as the log nobody knows, and the node must not start.
 *
 * In memory there is nothing to damage. The logs outlive their node, so that one which crashes on purpose in a network
 * within a process can be started again.
 *
 * A node that crashes as an epoch ends leaves the directory of that epoch behind. The next start enters a later one, so that
 * nobody would ever take it away: the first log of a layer that is opened removes those of earlier epochs.
 *
 * A node that only follows says nothing, so that it has nothing to remember: what it misses it asks for.
 */
import { renameSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { abstentionOf } from '../../consensus/simplex/double-sign-guard.ts'
import type { WriteAheadLog } from '../../consensus/simplex/driver.ts'
import { GENESIS_VIEW, type Epoch, type Layer, type View } from '../../consensus/simplex/types.ts'
import type { WalRecord } from '../../consensus/simplex/wal-records.ts'
import type { WireContext } from '../../consensus/simplex/wire.ts'
import { WAL_FILE_NAME, WalFile, type OpenedWal } from '../../storage/wal-file.ts'
import { WalDamagedError } from '../../storage/wal-errors.ts'
import { syncDirectory } from '../keys/key-files.ts'
import { guardedLog } from '../keys/guarded-log.ts'
import type { VoteGuard } from '../keys/vote-guard.ts'
import type { Log } from '../log.ts'

export interface InstanceLog {
  readonly log: WriteAheadLog
  readonly records: readonly WalRecord[]
  /** The last view in which this node may have said something that the records do not tell. */
  readonly abstainThrough: View
  /** Forgets the log for good. */
  remove(): Promise<void>
  close(): Promise<void>
}

export interface InstanceLogs {
  /** @param onFailure why nothing can be written any more. @throws WalError | KeyError | DatabaseError */
  open(context: WireContext, onFailure: (error: unknown) => void): Promise<InstanceLog>
}

/** Of a node that follows. */
export function noLog(): InstanceLog {
  const done = (_: readonly WalRecord[], onDone: (isDurable: boolean) => void): void => onDone(true)
  return {
    log: { append: done, replace: done },
    records: [],
    abstainThrough: GENESIS_VIEW,
    remove: async () => {},
    close: async () => {},
  }
}

export class MemoryLogs implements InstanceLogs {
  readonly #logs = new Map<string, WalRecord[]>()

  async open({ domain }: WireContext): Promise<InstanceLog> {
    const name = nameOf(domain.layer, domain.epoch)
    const records = this.#logs.get(name) ?? []
    this.#logs.set(name, records)
    let isClosed = false
    const write = (added: readonly WalRecord[], kept: number, onDone: (isDurable: boolean) => void): void => {
      if (!isClosed) records.splice(kept, records.length - kept, ...added)
      onDone(!isClosed)
    }
    return {
      log: {
        append: (added, onDone) => write(added, records.length, onDone),
        replace: (added, onDone) => write(added, 0, onDone),
      },
      records: [...records],
      abstainThrough: GENESIS_VIEW,
      remove: async () => {
        isClosed = true
        this.#logs.delete(name)
      },
      close: async () => {
        isClosed = true
      },
    }
  }
}

export class DiskLogs implements InstanceLogs {
  readonly #directory: string
  readonly #guard: VoteGuard
  readonly #report: Log
  /** Layers whose first log has been opened. */
  readonly #begun = new Set<Layer>()

  /** @param directory for these logs alone. */
  constructor(directory: string, guard: VoteGuard, report: Log) {
    this.#directory = directory
    this.#guard = guard
    this.#report = report
  }

  async open(context: WireContext, onFailure: (error: unknown) => void): Promise<InstanceLog> {
    const { layer, epoch } = context.domain
    const directory = join(this.#directory, nameOf(layer, epoch))
    const { log, records } = await this.#openFile(directory, context, onFailure)
    try {
      if (this.#guard.isNew) await this.#tellGuard(layer, epoch, records)
      const abstainThrough = abstentionOf(this.#guard.highest(layer, epoch), records)
      if (abstainThrough > GENESIS_VIEW) {
        const why = 'the log does not tell what this node said last: it keeps silent up to that view'
        this.#report.warn(why, { layer, epoch, view: abstainThrough })
      }
      await this.#removeEarlier(layer, epoch)
      return {
        log: guardedLog({ log, guard: this.#guard, layer, epoch, onRefused: onFailure }),
        records,
        abstainThrough,
        remove: async () => {
          await log.close()
          await rm(directory, { recursive: true, force: true })
        },
        close: () => log.close(),
      }
    } catch (error) {
      await log.close()
      throw error
    }
  }

  async #openFile(
    directory: string,
    context: WireContext,
    onFailure: (error: unknown) => void,
  ): Promise<OpenedWal> {
    try {
      return await WalFile.open({ directory, context, onFailure })
    } catch (error) {
      if (!(error instanceof WalDamagedError) || this.#guard.isNew) throw error
      const path = join(directory, WAL_FILE_NAME)
      const aside = `${path}.damaged`
      renameSync(path, aside)
      syncDirectory(directory)
      this.#report.warn('the consensus log is damaged: put aside, the guard tells what was said', {
        aside,
        reason: error.message,
      })
      return WalFile.open({ directory, context, onFailure })
    }
  }

  /** Only once: later on, the instance of the epoch before may still run. */
  async #removeEarlier(layer: Layer, epoch: Epoch): Promise<void> {
    if (this.#begun.has(layer)) return
    this.#begun.add(layer)
    const names = await readdir(this.#directory)
    for (const name of names.filter((other) => isEarlier(other, layer, epoch))) {
      const directory = join(this.#directory, name)
      try {
        await rm(directory, { recursive: true, force: true })
        this.#report.info('removed the consensus log of an epoch that is over', { directory })
      } catch (error) {
        // It takes room, and does no harm.
        const why = 'the consensus log of an epoch that is over cannot be removed'
        this.#report.warn(why, { directory, reason: String(error) })
      }
    }
  }

  /** A guard that was begun anew learns what the log knows. */
  async #tellGuard(layer: Layer, epoch: Epoch, records: readonly WalRecord[]): Promise<void> {
    const statements = records.flatMap((record) => {
      if (record.kind !== 'statement') return []
      const { kind, view, hash } = record.statement
      return [{ layer, epoch, kind, view, hash }]
    })
    if (statements.length > 0) await this.#guard.record(statements)
  }
}

function nameOf(layer: Layer, epoch: Epoch): string {
  return `${layer}-${epoch}`
}

/** Whether this is the name that {@link nameOf} gives to a log of an earlier epoch of the layer. */
function isEarlier(name: string, layer: Layer, epoch: Epoch): boolean {
  const other = Number(name.slice(layer.length + 1)) as Epoch
  return other < epoch && name === nameOf(layer, other)
}
