/** A node of a development network in a process of its own, through its lives. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { NodeId } from '../../consensus/election/election.ts'
import { AevirError } from '../../primitives/errors.ts'
import type { FaultyNode, NodeFault } from '../../rpc/fault-control.ts'
import type { ChildFault, ChildSettings, FromChild, ToChild } from './child-messages.ts'
import { Turns, type BreakableNode } from './faults.ts'
import type { SealReport } from './seal-reports.ts'

/** For opening a database and finding free cores, on a machine that starts many. */
const START_TIMEOUT_MS = 120_000
/** From being asked to stop until it is killed: less than whoever waits for all of them waits. */
const STOP_TIMEOUT_MS = 8_000

/** The process ended, or did not begin, and nobody asked for that. */
export class NodeProcessError extends AevirError {
  override readonly code = 'NODE_PROCESS'
}

export interface ChildNodeOptions {
  readonly name: string
  readonly id: NodeId
  /** The program that the process runs, with its settings. */
  readonly program: string
  readonly settings: ChildSettings
  /** State of all nodes, for a process that begins. */
  readonly nodes: () => readonly FaultyNode[]
  /** A line that the process wrote. */
  readonly onLine: (line: string) => void
  readonly onReport: (report: SealReport) => void
  /** Its user wants a fault. @throws FaultRefusedError */
  readonly onSetFault: (node: NodeId, fault: NodeFault) => Promise<void>
  /** Ended by itself; it is down until somebody heals it. */
  readonly onFailed: (error: NodeProcessError) => void
}

interface Life {
  readonly child: ChildProcess
  readonly url: string
  readonly head: bigint
}

export class ChildNode implements BreakableNode {
  readonly name: string
  readonly id: NodeId
  readonly #options: ChildNodeOptions
  readonly #turns = new Turns()
  #life: Life | undefined
  #fault: NodeFault = { kind: 'none' }
  #memoryBytes = 0
  #onFaultSet: (() => void) | undefined

  constructor(options: ChildNodeOptions) {
    this.#options = options
    this.name = options.name
    this.id = options.id
  }

  get fault(): NodeFault {
    return this.#fault
  }

  /** Of its RPC server; `undefined` while it is down. */
  get url(): string | undefined {
    return this.#life?.url
  }

  /** Newest block when the process began. */
  get head(): bigint {
    return this.#life?.head ?? 0n
  }

  get memoryBytes(): number {
    return this.#life === undefined ? 0 : this.#memoryBytes
  }

  start(): Promise<void> {
    return this.#turns.take(() => this.#start())
  }

  setFault(fault: NodeFault): Promise<void> {
    return this.#turns.take(async () => {
      if (fault.kind === 'crash') await this.#kill()
      else await this.#setChildFault(fault)
      this.#fault = fault
    })
  }

  stop(): Promise<void> {
    return this.#turns.take(async () => {
      const life = this.#life
      this.#life = undefined
      if (life === undefined) return
      const exit = once(life.child, 'exit')
      const timer = setTimeout(() => life.child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      send(life.child, { kind: 'stop' })
      await exit
      clearTimeout(timer)
    })
  }

  tell(message: ToChild): void {
    if (this.#life !== undefined) send(this.#life.child, message)
  }

  /** Not waited for: when this process has no time left. */
  killNow(): void {
    this.#life?.child.kill('SIGKILL')
  }

  async #start(): Promise<void> {
    const { program, settings, name } = this.#options
    const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    })
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface(stream).on('line', (line) => this.#options.onLine(line))
    }
    const { promise, resolve, reject } = Promise.withResolvers<Life>()
    const timer = setTimeout(
      () => reject(new NodeProcessError(`${name} does not answer after ${START_TIMEOUT_MS / 1000} s`)),
      START_TIMEOUT_MS,
    )
    child.once('error', (cause) => reject(new NodeProcessError(`${name} cannot be started`, { cause })))
    child.once('exit', (code, signal) => {
      reject(new NodeProcessError(`${name} ended with ${code ?? signal ?? 'nothing'} before it was ready`))
      this.#ended(child, code, signal)
    })
    child.on('message', (message) => {
      // Only our own program is at the other end.
      const known = message as FromChild
      if (known.kind === 'ready') resolve({ child, url: known.url, head: known.head })
      else this.#receive(child, known)
    })
    send(child, { kind: 'nodes', nodes: this.#options.nodes() })
    try {
      this.#life = await promise
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  #receive(child: ChildProcess, message: Exclude<FromChild, { kind: 'ready' }>): void {
    switch (message.kind) {
      case 'faultSet':
        this.#onFaultSet?.()
        break
      case 'setFault': {
        const { request, node, fault } = message
        this.#options.onSetFault(node, fault).then(
          () => send(child, { kind: 'answer', request, refused: undefined }),
          (error: unknown) => send(child, { kind: 'answer', request, refused: reasonOf(error) }),
        )
        break
      }
      case 'report':
        this.#options.onReport(message.report)
        break
      case 'memory':
        this.#memoryBytes = message.bytes
        break
    }
  }

  async #setChildFault(fault: ChildFault): Promise<void> {
    if (this.#life === undefined) await this.#start()
    const life = this.#life
    if (life === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onFaultSet = resolve
    // One that ends meanwhile has no fault to wait for.
    life.child.once('exit', () => resolve())
    send(life.child, { kind: 'fault', fault })
    await promise
    this.#onFaultSet = undefined
  }

  async #kill(): Promise<void> {
    const life = this.#life
    this.#life = undefined
    if (life === undefined) return
    const exit = once(life.child, 'exit')
    life.child.kill('SIGKILL')
    await exit
  }

  #ended(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#life?.child !== child) return
    this.#life = undefined
    this.#fault = { kind: 'crash' }
    const how = code === null ? `was ended by ${signal ?? 'a signal'}` : `ended with code ${code}`
    this.#options.onFailed(
      new NodeProcessError(`${this.name} ${how}: aevir_setFault with "none" starts it again`),
    )
  }
}

/** Nothing when the channel is closed: then the process is ending. */
function send(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message, () => undefined)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
