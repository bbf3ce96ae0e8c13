/** Runs other programs for tests, npm among them: bounded in time, with this Node first in their path. */
import { spawn } from 'node:child_process'
import { delimiter, dirname } from 'node:path'

/** Set for the npm, the test runner or the node that is to run these tests, and wrong for what they start. */
const FOREIGN_SETTING =
  /^(?:npm_(?!config_(?:registry|userconfig|globalconfig|cache|cafile|\w*proxy)$)|NODE_OPTIONS$|NODE_TEST|AEVIR_|FORCE_COLOR|INIT_CWD)/
/** How npm says that it did not get through. */
const UNREACHABLE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET|E50\d/

export interface RunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Folders of programs that are found before the system's. */
  readonly path?: readonly string[]
  readonly timeoutMs: number
}

export interface Finished {
  /** `null` when it was ended because it took too long. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Resolves when the program has ended, however. */
export function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env, path = [], timeoutMs: timeout }: RunOptions,
): Promise<Finished> {
  const { promise, resolve, reject } = Promise.withResolvers<Finished>()
  const child = spawn(program, args, {
    cwd,
    env: { ...environment(path), ...env },
    timeout,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.once('error', reject)
  child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }))
  return promise
}

/**
 * `npm install` in a folder; `undefined` when it is done, or the reason to skip what needs it.
 * @throws Error when it fails for another reason than that no registry answers, and in CI always.
 */
export async function npmInstall(
  args: readonly string[],
  options: { readonly cwd: string; readonly timeoutMs: number },
): Promise<string | undefined> {
  const flags = ['--no-audit', '--no-fund', '--loglevel=error', '--fetch-retries=1', '--prefer-offline']
  const { exitCode, stderr } = await runProgram('npm', ['install', ...flags, ...args], options)
  if (exitCode === 0) return undefined
  const complaint = exitCode === null ? 'it takes too long' : stderr.trim()
  if (process.env['CI'] || (exitCode !== null && !UNREACHABLE.test(stderr))) {
    throw new Error(`npm install fails: ${complaint}`)
  }
  return `npm install fails: ${complaint.split('\n', 1)[0]}`
}

/** This Node first, whatever the system has; nothing of the npm or the test runner that started this one. */
function environment(folders: readonly string[]): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => !FOREIGN_SETTING.test(name))
  const path = [dirname(process.execPath), ...folders, process.env['PATH'] ?? ''].join(delimiter)
  return { ...(Object.fromEntries(own) as Record<string, string>), PATH: path, NO_COLOR: '1' }
}
