/**
 * Starts `aevir dev` as people do: a process of its own on a free port of the loopback interface. Tests drive it with
 * real clients over HTTP and WebSocket, stop it, or kill it. No process outlives the test file that started it.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
/** A start takes half a second; a loaded machine with a cold cache needs many times that. */
const START_TIMEOUT_MS = 60_000
/** The node gives itself 10 s. */
const STOP_TIMEOUT_MS = 15_000
const REQUEST_TIMEOUT_MS = 30_000
/** Characters of output that are kept for messages. */
const OUTPUT_MAX = 100_000
const LISTENING = /Listening on (http:\/\/127\.0\.0\.1:(\d+))/

/** The accounts that every development node funds: `test test … junk`, as Hardhat and anvil have them. */
export const MNEMONIC = 'test test test test test test test test test test test junk'

export interface DevNodeOptions {
  /** Directory of the chain; left out, the chain is in memory. */
  readonly directory?: string
  /** More of the command line, such as `--no-mining`; not `--quiet`, for readiness is read from the output. */
  readonly args?: readonly string[]
  /** The port to listen on; left out, a free one. */
  readonly port?: number
  /** The program to run instead of this checkout's `src/cli/main.ts`. */
  readonly program?: string
  /** Largest file that the process may write, as a disk that is nearly full would have it. Needs bash. */
  readonly fileSizeMaxKib?: number
}

export interface DevNode {
  readonly url: string
  readonly webSocketUrl: string
  readonly port: number
  readonly pid: number
  /** What the process has written so far, standard output and standard error together. */
  output(): string
  /** The result of a JSON-RPC request. @throws RpcFailure with code and data of the node's answer. */
  rpc<Result = unknown>(method: string, ...params: readonly unknown[]): Promise<Result>
  /** Sends it a signal, and does not wait. */
  signal(signal: NodeJS.Signals): void
  /** Resolves to its exit code when it has ended, however. */
  ended(): Promise<number | null>
  /** Ends it in order, as Ctrl-C does; resolves to its exit code. */
  stop(): Promise<number | null>
  /** Ends it at once, whatever it is doing. */
  kill(): Promise<void>
}

/** The node answered a request with an error. */
export class RpcFailure extends Error {
  readonly code: number
  readonly data: unknown
  constructor(
    method: string,
    error: { readonly code: number; readonly message: string; readonly data?: unknown },
  ) {
    super(`${method}: ${error.message}`)
    this.code = error.code
    this.data = error.data
  }
}

type Child = ChildProcessByStdio<null, Readable, Readable>

/** Resolves when the node answers requests. @throws Error with the node's output when it ends or stays silent. */
export async function startDevNode(options: DevNodeOptions = {}): Promise<DevNode> {
  const child = spawnNode(options)
  // A test that fails or is interrupted leaves no process behind.
  const killChild = (): boolean => child.kill('SIGKILL')
  process.once('exit', killChild)
  child.once('exit', () => process.off('exit', killChild))
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-OUTPUT_MAX)
    })
  }
  try {
    const [url, ownPort] = await listening(child, () => text)
    return handleOf(child, url, ownPort, () => text)
  } catch (error) {
    killChild()
    throw error
  }
}

function spawnNode(options: DevNodeOptions): Child {
  const { directory, args = [], port = 0, program = MAIN, fileSizeMaxKib } = options
  const where = directory === undefined ? ['--memory'] : ['--data', directory]
  const command = [program, 'dev', '--port', `${port}`, ...where, ...args]
  // The shell is replaced by the node, so that the process is the node's in both cases.
  const limit = `ulimit -f ${fileSizeMaxKib} && exec "$0" "$@"`
  const [executable, parameters]: [string, string[]] =
    fileSizeMaxKib === undefined
      ? [process.execPath, command]
      : ['bash', ['-c', limit, process.execPath, ...command]]
  return spawn(executable, parameters, { stdio: ['ignore', 'pipe', 'pipe'], env: environment() })
}

/** Settings of whoever runs the tests must not reach the node. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:AEVIR_|NODE_TEST_)/.test(name)),
  )
}

function listening(child: Child, output: () => string): Promise<readonly [url: string, port: number]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly [string, number]>()
  const fail = (what: string): void => {
    reject(new Error(`the node ${what}; its output:\n${output()}`))
  }
  const timer = setTimeout(() => fail(`is not ready after ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS)
  child.once('exit', (code, signal) => fail(`ended with ${code ?? signal}`))
  child.once('error', reject)
  child.stdout.on('data', () => {
    const [, url, port] = LISTENING.exec(output()) ?? []
    if (url !== undefined) resolve([url, Number(port)])
  })
  return promise.finally(() => clearTimeout(timer))
}

function handleOf(child: Child, url: string, port: number, output: () => string): DevNode {
  return {
    url,
    webSocketUrl: `ws://127.0.0.1:${port}`,
    port,
    // A process that listens was started.
    pid: child.pid as number,
    output,
    rpc: (method, ...params) => request(url, method, params),
    signal: (signal) => void child.kill(signal),
    async ended() {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      return child.exitCode
    },
    async stop() {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await end(child, 'SIGINT')
      clearTimeout(timer)
      return child.exitCode
    },
    kill: () => end(child, 'SIGKILL'),
  }
}

async function end(child: Child, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}

async function request<Result>(url: string, method: string, params: readonly unknown[]): Promise<Result> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  const answer = (await response.json()) as {
    result: Result
    error?: ConstructorParameters<typeof RpcFailure>[1]
  }
  if (answer.error !== undefined) throw new RpcFailure(method, answer.error)
  return answer.result
}
