/**
 * Compiles contracts off the main thread, one after the other: a block never waits for it, the interpreter goes on until
 * the module is there. The thread starts with the first contract that is worth it.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { EvmFork } from '../../runtime/evm/opcodes.ts'
import type { CompileService } from '../../runtime/evm/tier2/code-cache.ts'

/** Contracts that may wait; more are refused, and interpreted for as long as they are known. */
const WAITING_MAX = 256

/** What the thread is sent. */
export interface CompileRequest {
  readonly code: Uint8Array
  readonly fork: EvmFork
}
/** What it sends back, in the order of the requests; nothing when it failed. */
export interface CompileAnswer {
  readonly module: WebAssembly.Module | undefined
}

type Done = (module: WebAssembly.Module | undefined) => void

export class BackgroundCompiler {
  private worker: Worker | undefined
  private waiting: Done[] = []

  /** Hands over the module later, in a turn of the event loop of its own. */
  readonly compile: CompileService = (code, fork, done) => {
    if (this.waiting.length >= WAITING_MAX) {
      done(undefined)
      return
    }
    this.waiting.push(done)
    const request: CompileRequest = { code, fork }
    this.start().postMessage(request)
  }

  /** What waits stays interpreted. */
  async close(): Promise<void> {
    const { worker } = this
    this.giveUp()
    await worker?.terminate()
  }

  private start(): Worker {
    if (this.worker !== undefined) return this.worker
    const worker = new Worker(new URL(`./compile-worker${extname(import.meta.url)}`, import.meta.url))
    this.worker = worker
    // Nobody waits for a contract to become faster.
    worker.unref()
    worker.on('message', ({ module }: CompileAnswer) => this.waiting.shift()?.(module))
    worker.once('error', () => this.giveUp())
    return worker
  }

  /** The thread is gone: the next request starts another one. */
  private giveUp(): void {
    const lost = this.waiting
    this.waiting = []
    this.worker = undefined
    for (const done of lost) done(undefined)
  }
}
