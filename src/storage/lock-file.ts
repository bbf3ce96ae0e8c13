/**
 * One process a data directory. LMDB would let several open it, each with its own idea of the head. A file names the
 * process that holds the directory; a file left behind by a process that was killed is recognised and replaced.
 *
 * A process is known by its id and the time it was started at, because ids are used again: in a container the
 * restarted node even gets the same one each time. On another host neither can be looked up, so that a lock from there
 * is respected.
 */
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DatabaseLockedError } from './database-errors.ts'
import { errorCode } from './file-errors.ts'

export const LOCK_FILE_NAME = 'lock.json'
/** Two processes may find the same stale lock; only one of them gets the new one. */
const ATTEMPTS_MAX = 3

interface Holder {
  readonly pid: number
  /** When the process was started, in the units of its system; `null` where that cannot be found out. */
  readonly started: string | null
  readonly host: string
}

/** Directories that this process holds. */
const held = new Set<string>()

/**
 * Takes the lock of an existing directory and returns what releases it.
 * @throws DatabaseLockedError while another process, or this one, holds it
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, LOCK_FILE_NAME)
  const self: Holder = { pid: process.pid, started: startOf(process.pid), host: hostname() }
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (create(path, self)) {
      held.add(path)
      return () => {
        held.delete(path)
        rmSync(path, { force: true })
      }
    }
    const holder = readHolder(path)
    if (holder !== undefined && isAlive(holder, path)) throw locked(directory, path, holder)
    rmSync(path, { force: true })
  }
  throw locked(directory, path, readHolder(path) ?? self)
}

/** Creates the file with its content at once, so that nobody reads half of it. `false` when it exists. */
function create(path: string, holder: Holder): boolean {
  const draft = `${path}.${holder.pid}`
  writeFileSync(draft, JSON.stringify(holder))
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

/** `undefined` when there is no such file, or none that we wrote. */
function readHolder(path: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof value !== 'object' || value === null) return undefined
    const { pid, started, host } = value as Partial<Record<keyof Holder, unknown>>
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
    return {
      pid,
      started: typeof started === 'string' ? started : null,
      host: typeof host === 'string' ? host : '',
    }
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function isAlive({ pid, started, host }: Holder, path: string): boolean {
  if (host !== hostname()) return true
  if (pid === process.pid) return held.has(path)
  if (!isRunning(pid)) return false
  const startedNow = startOf(pid)
  return started === null || startedNow === null || started === startedNow
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Anything else means that it runs and belongs to somebody else.
    return errorCode(error) !== 'ESRCH'
  }
}

/** Field 22 of /proc/PID/stat (`man proc`): clock ticks after boot. Linux only. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in field 2 may hold anything, even spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

function locked(directory: string, path: string, holder: Holder): DatabaseLockedError {
  const isElsewhere = holder.host !== hostname()
  const cure = isElsewhere
    ? `it runs on host ${holder.host}: stop it, or remove ${path} when that host is gone`
    : 'stop that process, or name another data directory'
  return new DatabaseLockedError(directory, holder.pid, cure)
}
