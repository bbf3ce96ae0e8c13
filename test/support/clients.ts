/**
 * Clients that are too heavy for the main install (Hardhat, foundry: 400 MB): `test/clients` names them with exact
 * versions, and tests that need them install them once, into a folder of `.cache/` named by a hash of the lock file.
 * Without a registry such tests skip and say so, except in CI, which must run everything.
 */
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
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { npmInstall, runProgram, type Finished, type RunOptions } from './run-program.ts'

const SOURCE = fileURLToPath(new URL('../clients', import.meta.url))
const CACHE = fileURLToPath(new URL('../../.cache/clients', import.meta.url))
const MANIFESTS = ['package.json', 'package-lock.json', '.npmrc']
const INSTALL_TIMEOUT_MS = 180_000
const LOCK_POLL_MS = 250

export interface Clients {
  /** Runs a program of the installed packages, such as `cast`, in a folder of the install. */
  run(program: string, args: readonly string[], options: RunOptions): Promise<Finished>
  /** A copy of `test/clients/<name>` that finds the installed packages, with the contracts in `contracts/`. */
  project(name: string): string
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
  const flags = ['--no-save', '--ignore-scripts']
  const reason = await npmInstall(flags, { cwd: scratch, timeoutMs: INSTALL_TIMEOUT_MS })
  if (reason === undefined) {
    renameSync(scratch, directory)
    removeOthers(directory)
  } else {
    rmSync(scratch, { recursive: true, force: true })
  }
  return reason
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
    run: (program, args, options) =>
      runProgram(program, args, { ...options, path: [...native, join(packages, '.bin')] }),
    project(name) {
      const project = join(directory, name)
      cpSync(join(SOURCE, name), project, { recursive: true })
      cpSync(join(SOURCE, 'contracts'), join(project, 'contracts'), { recursive: true })
      return project
    },
  }
}
