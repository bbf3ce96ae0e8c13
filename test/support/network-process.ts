/** Nodes of a network as people run them: `aevir start` in processes of their own, on free ports of the loopback interface. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { MAIN } from './cli.ts'

/** A loaded machine needs many times what a start takes. */
const PATIENCE_MS = 90_000
const POLL_MS = 50

export interface NodeProcess {
  readonly url: string
  /** Lines of its log. */
  entries(): readonly Record<string, unknown>[]
  rpc<T>(method: string, ...params: readonly unknown[]): Promise<T>
  signal(signal: NodeJS.Signals): void
  /** Resolves to the exit code, or the signal that ended it. */
  ended(): Promise<number | string>
}

/** Resolves when the node listens. @throws Error with all it said when it ends before. */
export async function startNode(config: string, ...args: readonly string[]): Promise<NodeProcess> {
  const all = [MAIN, 'start', '--config', config, '--port', '0', '--log-format', 'json', ...args]
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] })
  process.once('exit', () => child.kill('SIGKILL'))
  let [output, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const entries = (): Record<string, unknown>[] =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  const url = await until('the node listens', () => {
    if (hasEnded(child)) throw new Error(`ended before it listened\n${output}${errors}`)
    return entries().find(({ msg }) => msg === 'listening')?.['rpc']
  })
  return {
    url: String(url),
    entries,
    rpc: async (method, ...params) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(String(url), { method: 'POST', headers, body })
      const { result, error } = (await response.json()) as { result?: unknown; error?: unknown }
      if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`)
      // What a method answers is for the test to know.
      return result as never
    },
    signal: (signal) => child.kill(signal),
    ended: async () => {
      if (!hasEnded(child)) await once(child, 'close')
      return child.exitCode ?? child.signalCode ?? 'unknown'
    },
  }
}

/** Asks again and again until there is an answer. */
export async function until<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const endMs = Date.now() + PATIENCE_MS
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > endMs) throw new Error(`waited in vain until ${what}`)
    await pause(POLL_MS)
  }
}

/** The first of several ports in a row that nobody uses now. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await listen(0)
    const others = Array.from({ length: count - 1 }, async (_, index) => listen(first + index + 1))
    if (
      first + count < 65_536 &&
      (await Promise.allSettled(others)).every(({ status }) => status === 'fulfilled')
    ) {
      return first
    }
  }
}

async function listen(port: number): Promise<number> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on a port has an address of this form.
  const { port: found } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return found
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
