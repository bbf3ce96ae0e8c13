/** Starts `crash-child.ts` and reads what it says. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('crash-child.ts', import.meta.url))

export interface AppendingChild {
  readonly process: ChildProcess
  /** Its lines, until it ends. */
  readonly lines: AsyncIterable<string>
}

export function startChild(directory: string): AppendingChild {
  const child = spawn(process.execPath, [CHILD, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  return { process: child, lines: createInterface({ input: child.stdout }) }
}

/** Ends it at once, whatever it is doing, and waits until it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
