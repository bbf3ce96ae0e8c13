/** One node of a network as a process of its own: started, asked, stopped for a while, killed, and never left behind. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from '../../../benchmarks/processes.ts'
import { endWithUs } from '../../../benchmarks/watchdog.ts'
import { present } from '../../../src/primitives/assert.ts'
import type { NodeHandle } from './node-handle.ts'

export interface NodePlace {
  /** Such as `executor-1`: also the name of its directory. */
  readonly name: string
  readonly role: 'executor' | 'witness'
  /** Its consensus key. */
  readonly id: string
  readonly directory: string
  readonly rpcPort: number
  readonly command: Command
}

const READY_TIMEOUT_MS = 60_000
const READY_POLL_MS = 100
const STOP_TIMEOUT_MS = 15_000
const OUTPUT_SHOWN = 2_000

export class NodeProcess implements NodeHandle {
  readonly place: NodePlace
  #child: ChildProcess | undefined

  constructor(place: NodePlace) {
    this.place = place
  }

  get name(): string {
    return this.place.name
  }

  get rpcPort(): number {
    return this.place.rpcPort
  }

  get child(): ChildProcess {
    return present(this.#child, 'a process that was started')
  }

  get isRunning(): boolean {
    const child = this.#child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** What it prints is added to `output.log` in its directory. */
  start(): void {
    const { command, directory } = this.place
    const output = openSync(join(directory, 'output.log'), 'a')
    this.#child = spawn(command.file, command.args, {
      stdio: ['ignore', output, output],
      env: { ...process.env, ...command.env },
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    })
    closeSync(output)
    endWithUs(this.#child, 'process')
  }

  /** Resolves when the node says that users may be sent to it. @throws Error with the end of its output */
  async ready(timeoutMs: number = READY_TIMEOUT_MS): Promise<void> {
    const endMs = performance.now() + timeoutMs
    let answer = 'nothing'
    while (performance.now() < endMs) {
      if (!this.isRunning) throw new Error(`${this.name} ended\n${this.output()}`)
      const response = await fetch(`http://127.0.0.1:${this.place.rpcPort}/readyz`).catch(() => undefined)
      if (response?.status === 200) return
      answer = (await response?.text()) ?? answer
      await delay(READY_POLL_MS)
    }
    throw new Error(`${this.name} is not ready after ${timeoutMs} ms: ${answer}\n${this.output()}`)
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(name)
  }

  /** Ends it whatever it is doing. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Ends it in order. @returns its exit code; `null` when it had to be killed. */
  async stop(): Promise<number | null> {
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await this.#end('SIGTERM')
    clearTimeout(timer)
    return this.#child?.exitCode ?? null
  }

  /** Its database and its logs of consensus are gone; keys, and the guard against signing twice, stay. */
  async loseDisk(): Promise<void> {
    await rm(join(this.place.directory, 'data'), { recursive: true, force: true })
  }

  /** The end of what it has printed. */
  output(): string {
    return readFileSync(join(this.place.directory, 'output.log'), 'utf8').slice(-OUTPUT_SHOWN)
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.isRunning) return
    const exit = once(this.child, 'exit')
    this.child.kill(signal)
    await exit
  }
}
