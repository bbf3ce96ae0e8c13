/**
 * Compiles contracts in a thread, one after the other: a block never waits for it, the interpreter goes on until the
 * module is there. The thread starts with the first contract that is hot, and has the compiler loaded alone.
 *
 * Nothing depends on it: code on which it fails stays interpreted. A thread that ends takes one contract with it, the
 * others go to the next one.
 */
import { extname } from 'node:path'
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads'
import type { CompiledCode, CompileJob, CompilePort } from '../../runtime/evm/tiering/compile-port.ts'
import { AevirError } from '../primitives/errors.ts'

/** Contracts that may wait; more have to stay hot for longer. */
const WAITING_MAX = 64
/** A thread that ended so often is not started again. */
const STARTS_MAX = 5
/** The compiler needs some 20 MB for the largest contracts. */
const HEAP_MAX_MB = 256

/** What the thread sends back. */
export type CompileAnswer =
  | { readonly compiled: CompiledCode }
  /** @see CompilePort.request */
  | { readonly compiled: undefined; readonly reason: string }

/** Some code could not be compiled: a bug of ours, at the cost of its speed. */
export class CompilerError extends AevirError {
  override readonly code = 'COMPILER_FAILED'
  constructor(cause: unknown) {
    super('a contract could not be compiled: it stays interpreted, which is slower', { cause })
  }
}

interface Waiting {
  readonly job: CompileJob
  readonly onDone: (compiled: CompiledCode | undefined) => void
}

export class BackgroundCompiler implements CompilePort {
  readonly #onError: (error: CompilerError) => void
  #thread: { readonly worker: Worker; readonly port: MessagePort } | undefined
  #starts = 0
  #isClosed = false
  readonly #waiting: Waiting[] = []
  /** What the thread works on. */
  #sent: Waiting | undefined

  constructor(onError: (error: CompilerError) => void) {
    this.#onError = onError
  }

  request(job: CompileJob, onDone: (compiled: CompiledCode | undefined) => void): boolean {
    if (this.#isClosed || this.#waiting.length >= WAITING_MAX) return false
    if (this.#thread === undefined && this.#starts >= STARTS_MAX) return false
    this.#waiting.push({ job, onDone })
    this.#feed()
    return true
  }

  poll(): void {
    while (this.#thread !== undefined && this.#sent !== undefined) {
      const received = receiveMessageOnPort(this.#thread.port)
      if (received === undefined) return
      // Cast: what the thread sends.
      this.#onAnswer(received.message as CompileAnswer)
    }
  }

  /** What waits is not answered any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#waiting.length = 0
    this.#sent = undefined
    const thread = this.#thread
    this.#thread = undefined
    thread?.port.close()
    await thread?.worker.terminate()
  }

  #feed(): void {
    if (this.#sent !== undefined) return
    this.#sent = this.#waiting.shift()
    if (this.#sent === undefined) return
    this.#thread ??= this.#start()
    const { code, fork, budget } = this.#sent.job
    // A copy of its own: a view is sent together with all that it is a view of.
    const job: CompileJob = { code: new Uint8Array(code), fork, budget }
    this.#thread.port.postMessage(job)
  }

  #start(): { readonly worker: Worker; readonly port: MessagePort } {
    this.#starts += 1
    const { port1: port, port2 } = new MessageChannel()
    const worker = new Worker(new URL(`./compile-worker${extname(import.meta.url)}`, import.meta.url), {
      workerData: port2,
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB },
    })
    port.on('message', (answer: CompileAnswer) => {
      if (port === this.#thread?.port) this.#onAnswer(answer)
    })
    // Nobody waits for a contract to become faster.
    port.unref()
    worker.unref()
    worker.once('error', (error) => this.#onEnd(worker, error))
    worker.once('exit', (code) => this.#onEnd(worker, new Error(`exit code ${code}`)))
    return { worker, port }
  }

  #onAnswer(answer: CompileAnswer): void {
    const sent = this.#sent
    this.#sent = undefined
    if (answer.compiled === undefined) this.#onError(new CompilerError(new Error(answer.reason)))
    sent?.onDone(answer.compiled)
    this.#feed()
  }

  #onEnd(worker: Worker, cause: unknown): void {
    if (worker !== this.#thread?.worker) return
    this.#thread.port.close()
    this.#thread = undefined
    this.#onError(new CompilerError(cause))
    const lost = this.#starts < STARTS_MAX ? [this.#sent] : [this.#sent, ...this.#waiting.splice(0)]
    this.#sent = undefined
    for (const one of lost) one?.onDone(undefined)
    this.#feed()
  }
}
