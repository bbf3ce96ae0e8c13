/**
 * Who is measured: engines and libraries, each in a process of its own, and nodes over JSON-RPC. All of them take the same
 * calls and tell wall and processor time of each; the latter hardly changes when the machine does other things.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { assert } from '../src/primitives/assert.ts'
import { AevirError } from '../src/primitives/errors.ts'
import type { Hex } from '../src/primitives/bytes.ts'
import type { EvmCall, PlacedAccount } from './evm-calls.ts'
import { firstAnswer, freePort, start, stop, type Command } from './processes.ts'
import { RpcConnection } from './rpc-connection.ts'
import { endWithUs } from './watchdog.ts'

/** Of one call, in milliseconds. */
export interface CallTime {
  readonly wallMs: number
  /** An engine: of the thread that executes. A node: of all its threads. */
  readonly processorMs: number
}

export interface CallResult {
  /** The mean of the calls. */
  readonly time: CallTime
  /** `undefined` when the call failed. */
  readonly output: Hex | undefined
  /** Of the code, before refunds; `undefined` where it is not told. */
  readonly gasUsed: number | undefined
}

export interface Contestant {
  readonly name: string
  place(accounts: readonly PlacedAccount[]): Promise<void>
  /** The same call on the same state, `count` times. */
  run(call: EvmCall, count: number): Promise<CallResult>
  /** Waits for what is being compiled in the background. @returns how much that was */
  settle(): Promise<number>
  close(): Promise<void>
}

/** The process did not do what it was asked. */
export class ContestantError extends AevirError {
  override readonly code = 'CONTESTANT_FAILED'
}

// ---- In a process of its own ------------------------------------------------------------------------------------------

/** What `evm-worker.ts` is asked. */
export type WorkerRequest =
  | { readonly kind: 'place'; readonly accounts: readonly PlacedAccount[] }
  | { readonly kind: 'run'; readonly call: EvmCall; readonly count: number }
  | { readonly kind: 'compile'; readonly code: Hex }
  | { readonly kind: 'settle' }
  | { readonly kind: 'watch'; readonly milliseconds: number }

/** What compiling code by itself took and gave. */
export interface CompileResult {
  readonly emitMs: number
  /** Validating and baseline code, as far as the platform does it at once. */
  readonly moduleMs: number
  readonly byteCount: number
  readonly regionCount: number
}

/** What an event loop did that had nothing to do. */
export interface WatchResult {
  /** Processor time of the longest turn. */
  readonly longestTurnMs: number
  readonly residentMb: number
  readonly peakResidentMb: number
}

const WORKER = fileURLToPath(new URL('evm-worker.ts', import.meta.url))

interface Answer {
  readonly result?: unknown
  readonly error?: string
}

export class WorkerContestant implements Contestant {
  readonly name: string
  private readonly child: ChildProcess
  private waiting = Promise.withResolvers<Answer>()

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.child = child
    child.on('message', (answer: Answer) => this.waiting.resolve(answer))
    child.on('exit', (code, signal) => {
      this.waiting.resolve({ error: `the process ended with ${code ?? signal}` })
    })
  }

  /** @param engine a name of our engines, or any other for `@ethereumjs/evm`. */
  static async open(name: string, engine: string): Promise<WorkerContestant> {
    const child = fork(WORKER, [engine], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    // It leaves by itself when it is told that we are gone, but not in the middle of a long call.
    endWithUs(child, 'process')
    const contestant = new WorkerContestant(name, child)
    await contestant.answer()
    return contestant
  }

  async place(accounts: readonly PlacedAccount[]): Promise<void> {
    await this.ask({ kind: 'place', accounts })
  }

  run(call: EvmCall, count: number): Promise<CallResult> {
    return this.ask({ kind: 'run', call, count })
  }

  /** `undefined` when the engine does not compile. */
  compile(code: Hex): Promise<CompileResult | undefined> {
    return this.ask({ kind: 'compile', code })
  }

  settle(): Promise<number> {
    return this.ask({ kind: 'settle' })
  }

  watch(milliseconds: number): Promise<WatchResult> {
    return this.ask({ kind: 'watch', milliseconds })
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await exit
  }

  private ask<T>(request: WorkerRequest): Promise<T> {
    this.waiting = Promise.withResolvers()
    this.child.send(request)
    return this.answer()
  }

  private async answer<T>(): Promise<T> {
    const { result, error } = await this.waiting.promise
    if (error !== undefined) throw new ContestantError(`${this.name}: ${error}`)
    // Each kind of request has its answer; both ends are ours.
    return result as T
  }
}

// ---- Over JSON-RPC ----------------------------------------------------------------------------------------------------

export interface NodePeer {
  readonly name: string
  readonly command: (port: number) => Command
  /** Before `_setCode` and the like. */
  readonly prefix: 'anvil' | 'hardhat'
}

export class NodeContestant implements Contestant {
  readonly name: string
  private readonly child: ChildProcess
  private readonly port: number
  private readonly prefix: string

  private constructor(peer: NodePeer, child: ChildProcess, port: number) {
    this.name = peer.name
    this.prefix = peer.prefix
    this.child = child
    this.port = port
  }

  static async open(peer: NodePeer): Promise<NodeContestant> {
    const port = await freePort()
    const child = start(peer.command(port))
    try {
      const connection = await firstAnswer(child, port)
      connection.close()
      return new NodeContestant(peer, child, port)
    } catch (error) {
      await stop(child)
      throw error
    }
  }

  async place(accounts: readonly PlacedAccount[]): Promise<void> {
    const connection = await this.connect()
    for (const { address, code, storage = {} } of accounts) {
      await connection.call(`${this.prefix}_setCode`, [address, code])
      for (const [slot, value] of Object.entries(storage)) {
        const quantity = `0x${BigInt(slot).toString(16)}`
        await connection.call(`${this.prefix}_setStorageAt`, [address, quantity, wordOf(value)])
      }
    }
    connection.close()
  }

  async run({ from, to, data, gas }: EvmCall, count: number): Promise<CallResult> {
    const request = [{ from, to, data, gas: `0x${gas.toString(16)}` }, 'latest']
    const connection = await this.connect()
    const threads = threadTimes(this.child)
    const start = performance.now()
    let output: Hex | undefined
    for (let i = 0; i < count; i++) {
      output = await connection.call<Hex>('eth_call', request).catch((error: unknown) => {
        if (error instanceof AevirError && error.code === 'RPC_REFUSAL') return undefined
        throw error
      })
    }
    const wallMs = (performance.now() - start) / count
    connection.close()
    let processorNs = 0
    for (const [thread, time] of threadTimes(this.child)) processorNs += time - (threads.get(thread) ?? 0)
    return { time: { wallMs, processorMs: processorNs / 1e6 / count }, output, gasUsed: undefined }
  }

  async settle(): Promise<number> {
    return 0
  }

  close(): Promise<void> {
    return stop(this.child)
  }

  /** A connection of its own for each use: nodes give up idle ones. It has answered, so that all of it is paid for. */
  private async connect(): Promise<RpcConnection> {
    const connection = await RpcConnection.open(this.port)
    await connection.call('eth_chainId')
    return connection
  }
}

/** Processor time of each thread of a process so far, in nanoseconds; nothing where /proc is absent. */
function threadTimes({ pid }: ChildProcess): Map<string, number> {
  assert(pid !== undefined, 'the process runs')
  const folder = `/proc/${pid}/task`
  const times = new Map<string, number>()
  for (const thread of namesIn(folder)) {
    try {
      times.set(thread, Number(readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ', 1)[0]))
    } catch {
      // It ended in between.
    }
  }
  return times
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function wordOf(value: string): Hex {
  return `0x${BigInt(value).toString(16).padStart(64, '0')}`
}
