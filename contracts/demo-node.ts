/** A development node for the length of a demonstration: `aevir dev` in memory, on a free port. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { AevirError } from '../src/primitives/errors.ts'

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

export interface DemoNode {
  readonly url: string
  close(): Promise<void>
}

/** The node ended before it said where it listens; what it complained of was printed. */
export class DemoNodeError extends AevirError {
  override readonly code = 'DEMO_NODE'
}

/** Its complaints go to standard error. @throws DemoNodeError */
export async function startDemoNode(): Promise<DemoNode> {
  const command = [MAIN, 'dev', '--memory', '--port', '0', '--json']
  // Settings that somebody has for nodes of his own would change the story.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AEVIR_')))
  const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const killChild = (): boolean => child.kill('SIGKILL')
  process.once('exit', killChild)
  const ended = once(child, 'exit')
  const close = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
    process.off('exit', killChild)
  }
  for await (const line of createInterface({ input: child.stdout })) {
    // The node's own words, `aevir dev --json`.
    const { url } = JSON.parse(line) as { url: string }
    return { url, close }
  }
  throw new DemoNodeError('the node that the demonstration needs does not start: see above')
}
