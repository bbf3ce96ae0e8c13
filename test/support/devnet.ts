/** Starts `aevir devnet` as programs do: a process of its own that tells by lines of JSON what happens. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { MAIN } from './cli.ts'
import { request } from './rpc-request.ts'

export interface Devnet {
  readonly url: string
  /** Newest block when it was ready. */
  readonly head: number
  readonly nodes: readonly { readonly name: string; readonly node: string; readonly url: string }[]
  /** The result of a request to the first node. */
  rpc(method: string, ...params: readonly unknown[]): Promise<unknown>
  /** Waits for the next seal, and gives the number of its last block. */
  sealed(): Promise<number>
  /** Ends it as Ctrl-C does; resolves to its exit code. */
  stop(): Promise<number | null>
  /** Ends it at once, so that it can end nobody else. */
  kill(): void
  /** What it complained of. */
  complaints(): string
}

/** Resolves when it is ready. @throws Error when it ends instead. */
export async function startDevnet(args: readonly string[]): Promise<Devnet> {
  const child = spawn(process.execPath, [MAIN, 'devnet', '--json', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next()
    assert.notEqual(done, true, `the network ended:\n${complaints}`)
    return JSON.parse(value as string) as Record<string, unknown>
  }
  const ready = await next()
  assert.equal(ready['event'], 'ready')
  // As the command describes it.
  const { url, head, nodes } = ready as unknown as Pick<Devnet, 'url' | 'head' | 'nodes'>
  return {
    url,
    head,
    nodes,
    rpc: (method, ...params) => request(url, method, params),
    sealed: async () => {
      const report = await next()
      assert.equal(report['event'], 'sealed')
      return report['last'] as number
    },
    stop: async () => {
      const exit = once(child, 'exit')
      child.kill('SIGINT')
      child.stdout.resume()
      await exit
      return child.exitCode
    },
    kill,
    complaints: () => complaints,
  }
}
