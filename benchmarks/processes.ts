/** Processes that benchmarks start and watch. Memory is read from /proc, so it is known on Linux only. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { AevirError } from '../src/primitives/errors.ts'
import { RpcConnection } from './rpc-connection.ts'
import { endWithUs } from './watchdog.ts'

/** A process that does not answer by then never will. */
const ANSWER_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 10_000
/** Time between attempts to reach a port: below what anybody measures here. */
const ATTEMPT_INTERVAL_MS = 1

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** The process ended before it answered, or never did. */
export class NoAnswerError extends AevirError {
  override readonly code = 'NO_ANSWER'
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a command in a process group of its own: all it starts is ended with it, and both with this process. */
export function start({ file, args, cwd, env }: Command): ChildProcess {
  const options: SpawnOptions = {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  }
  const child = spawn(file, args, options)
  endWithUs(child, 'group')
  return child
}

/** A connection to `port` that has answered `eth_chainId`. */
export async function firstAnswer(child: ChildProcess, port: number): Promise<RpcConnection> {
  const errors: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
  const deadline = performance.now() + ANSWER_TIMEOUT_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new NoAnswerError(`${child.spawnfile} ended: ${Buffer.concat(errors).toString().trim()}`)
    }
    const connection = await RpcConnection.open(port).catch(() => undefined)
    if (connection !== undefined) {
      await connection.call('eth_chainId')
      return connection
    }
    await delay(ATTEMPT_INTERVAL_MS)
  }
  throw new NoAnswerError(`${child.spawnfile} did not answer within ${ANSWER_TIMEOUT_MS / 1000} s`)
}

/** Runs a program to its end. */
export async function textOutput(
  file: string,
  args: readonly string[],
): Promise<{ readonly exitCode: number | null; readonly text: string }> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  endWithUs(child, 'process')
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(child, 'close')
  return { exitCode: child.exitCode, text }
}

/** Asks a process and what it started to end, and insists when they do not. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  signal(child, 'SIGTERM')
  const timer = setTimeout(() => signal(child, 'SIGKILL'), STOP_TIMEOUT_MS)
  await exit
  clearTimeout(timer)
}

function signal({ pid }: ChildProcess, name: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, name)
  } catch (error) {
    // It went away by itself in between.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Resident memory of a process and all that it started, in MB (10⁶ bytes); 0 where /proc is absent. */
export function residentMegabytes(child: ChildProcess): number {
  const { pid } = child
  if (pid === undefined) return 0
  const sizes = familyOf(pid).map((member) => /^VmRSS:\s+(\d+) kB/m.exec(statusOf(member))?.[1] ?? '0')
  return (sizes.reduce((sum, kibibytes) => sum + Number(kibibytes), 0) * 1024) / 1e6
}

/** Memory of one process in MB; zeros where /proc is absent. */
export function memoryOf({ pid }: ChildProcess): {
  readonly residentMb: number
  readonly anonymousMb: number
} {
  const status = pid === undefined ? '' : statusOf(pid)
  const megabytes = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024) / 1e6
  return { residentMb: megabytes('VmRSS'), anonymousMb: megabytes('RssAnon') }
}

/** Processor time of a process and all that it started, all threads, in milliseconds; 0 where /proc is absent. */
export function processorMilliseconds({ pid }: ChildProcess): number {
  if (pid === undefined) return 0
  const threads = familyOf(pid).flatMap((member) =>
    namesIn(`/proc/${member}/task`).map((thread) => textOf(`/proc/${member}/task/${thread}/schedstat`)),
  )
  return threads.reduce((sum, text) => sum + Number(text.split(' ', 1)[0]), 0) / 1e6
}

function familyOf(root: number): number[] {
  const parents = new Map(
    processIds().map((pid) => [pid, Number(/^PPid:\s+(\d+)/m.exec(statusOf(pid))?.[1] ?? 0)]),
  )
  const family = [root]
  // Grows while it is walked: children of children are looked at in turn.
  for (const member of family) {
    for (const [pid, parent] of parents) if (parent === member) family.push(pid)
  }
  return family
}

function processIds(): number[] {
  return namesIn('/proc').map(Number).filter(Number.isInteger)
}

function statusOf(pid: number): string {
  return textOf(`/proc/${pid}/status`)
}

/** Nothing where /proc is absent or the process has ended. */
function namesIn(path: string): string[] {
  return ifPresent(() => readdirSync(path), [])
}

function textOf(path: string): string {
  return ifPresent(() => readFileSync(path, 'utf8'), '')
}

function ifPresent<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch {
    return otherwise
  }
}
