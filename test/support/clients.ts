/**
 * Clients that are too heavy for the main install (Hardhat, foundry: 400 MB): `test/clients` names them with exact
 * versions, and tests that need them install them once, into a folder of `.cache/` named by a hash of the lock file.
 * Without a registry such tests skip and say so, except in CI, which must run everything.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('../clients', import.meta.url))
const CACHE = fileURLToPath(new URL('../../.cache/clients', import.meta.url))
const MANIFESTS = ['package.json', 'package-lock.json', '.npmrc']
const INSTALL_TIMEOUT_MS = 180_000
const LOCK_POLL_MS = 250
/** Set for the npm, the test runner or the node that is to run these tests, and wrong for what they start. */
const FOREIGN_SETTING =
  /^(?:npm_(?:package|lifecycle|command|execpath|node_execpath|config_(?:local|global)?_?prefix)|NODE_OPTIONS|NODE_TEST|AEVIR_|FORCE_COLOR|INIT_CWD)/
/** How npm says that it did not get through. */
const UNREACHABLE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET|E50\d/

export interface Clients {
  /** Runs a program of the installed packages, such as `cast`, in a folder of the install. */
  run(program: string, args: readonly string[], options: RunOptions): Promise<Finished>
  /** A copy of `test/clients/<name>` that finds the installed packages, with the contracts in `contracts/`. */
  project(name: string): string
}

export interface RunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

export interface Finished {
  /** `null` when it was ended because it took too long. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * The clients, or the reason why they cannot be had here, for `skip`.
 * @throws Error when the install fails otherwise, and in CI always.
 */
export async function installClients(): Promise<Clients | string> {
  const hash = createHash('sha256')
  for (const name of MANIFESTS) hash.update(readFileSync(join(SOURCE, name)))
  const directory = join(CACHE, hash.digest('hex').slice(0, 16))
  if (!existsSync(directory)) {
    const reason = await withLock(`${directory}.lock`, () => install(directory))
    if (reason !== undefined) return reason
  }
  return clientsIn(directory)
}

async function install(directory: string): Promise<string | undefined> {
  if (existsSync(directory)) return undefined
  const scratch = `${directory}.new`
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch)
  for (const name of MANIFESTS) cpSync(join(SOURCE, name), join(scratch, name))
  // Not `npm ci`: that wants all optional packages of the lock file, and it lists those of the platform it was made on.
  const flags = [
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--fetch-retries=1',
  ]
  const { exitCode, stderr } = await runProgram('npm', ['install', ...flags], {
    cwd: scratch,
    env: environment([]),
    timeoutMs: INSTALL_TIMEOUT_MS,
  })
  if (exitCode === 0) {
    renameSync(scratch, directory)
    removeOthers(directory)
    return undefined
  }
  rmSync(scratch, { recursive: true, force: true })
  const failure = `test/clients cannot be installed: ${exitCode === null ? 'npm took too long' : stderr.trim()}`
  if (process.env['CI'] || (exitCode !== null && !UNREACHABLE.test(stderr))) throw new Error(failure)
  return failure
}

/** Each install is large: only the newest stays. */
function removeOthers(directory: string): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name)
    if (!path.startsWith(directory)) rmSync(path, { recursive: true, force: true })
  }
}

/** Test files run in several processes: one installs, the others wait. The lock of a process that is gone is void. */
async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(CACHE, { recursive: true })
  while (!tryLock(path)) await wait(LOCK_POLL_MS)
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function tryLock(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}`, { flag: 'wx' })
    return true
  } catch {
    if (!isHeld(path)) rmSync(path, { force: true })
    return false
  }
}

function isHeld(path: string): boolean {
  try {
    const holder = Number(readFileSync(path, 'utf8'))
    // Created and not yet written: 0, which every process may signal.
    process.kill(holder, 0)
    return true
  } catch {
    return false
  }
}

function clientsIn(directory: string): Clients {
  const packages = join(directory, 'node_modules')
  const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
  // foundry's programs themselves: those in .bin start them and lose their exit codes.
  const native = ['cast', 'forge', 'anvil'].map((tool) =>
    join(packages, `@foundry-rs/${tool}-${platform}/bin`),
  )
  return {
    run: (program, args, { cwd, env, timeoutMs }) =>
      runProgram(program, args, {
        cwd,
        env: { ...environment([...native, join(packages, '.bin')]), ...env },
        timeoutMs,
      }),
    project(name) {
      const project = join(directory, name)
      cpSync(join(SOURCE, name), project, { recursive: true })
      cpSync(join(SOURCE, 'contracts'), join(project, 'contracts'), { recursive: true })
      return project
    },
  }
}

/** This Node first in the path, whatever the system has; nothing of the npm or the test runner that started this one. */
function environment(folders: readonly string[]): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => !FOREIGN_SETTING.test(name))
  const path = [dirname(process.execPath), ...folders, process.env['PATH'] ?? ''].join(delimiter)
  return { ...(Object.fromEntries(own) as Record<string, string>), PATH: path, NO_COLOR: '1' }
}

interface ProgramOptions {
  readonly cwd: string
  readonly env: Record<string, string>
  readonly timeoutMs: number
}

function runProgram(program: string, args: readonly string[], options: ProgramOptions): Promise<Finished> {
  const { promise, resolve, reject } = Promise.withResolvers<Finished>()
  const { cwd, env, timeoutMs: timeout } = options
  const stdio = ['ignore', 'pipe', 'pipe'] as const
  const child = spawn(program, args, { cwd, env, timeout, killSignal: 'SIGKILL', stdio: [...stdio] })
  let [stdout, stderr] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.once('error', reject)
  child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }))
  return promise
}
