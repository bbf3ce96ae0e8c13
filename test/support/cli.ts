/** Runs the command line as people do: a process of its own, from its output and exit code. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProgram, type Finished } from './run-program.ts'

export const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const TIMEOUT_MS = 60_000

/** Resolves when it has ended. Relative paths of the arguments start at `cwd`. */
export function runAevir(
  args: readonly string[],
  {
    cwd = tmpdir(),
    env = {},
  }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Finished> {
  return runProgram(process.execPath, [MAIN, ...args], { cwd, env, timeoutMs: TIMEOUT_MS })
}

/** The command must fail with nothing but one line on standard error, `aevir: …`, which is returned. */
export async function refusalOf(...parameters: Parameters<typeof runAevir>): Promise<string> {
  const { exitCode, stdout, stderr } = await runAevir(...parameters)
  const what = `aevir ${parameters[0].join(' ')}\n${stdout}${stderr}`
  assert.equal(exitCode, 1, what)
  assert.equal(stdout, '', what)
  assert.match(stderr, /^aevir: [^\n]+\n$/, what)
  return stderr
}

/** The command must succeed; its standard output is returned. */
export async function outputOf(...parameters: Parameters<typeof runAevir>): Promise<string> {
  const { exitCode, stdout, stderr } = await runAevir(...parameters)
  assert.equal(exitCode, 0, `aevir ${parameters[0].join(' ')}\n${stdout}${stderr}`)
  assert.equal(stderr, '')
  return stdout
}

/** Runs `work` with the path of a new directory, and removes it afterwards. */
export async function withScratch<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'aevir-cli.'))
  try {
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
