/**
 * Tier 0: the interpreter as an {@link Engine}. It defines what the EVM does, carries tracing, and is what faster
 * engines are compared with. What it keeps between frames (analyses, workspaces) changes speed only.
 */
import { assert } from '../../src/primitives/assert.ts'
import { EMPTY_BYTES, type Address } from '../../src/primitives/bytes.ts'
import type { ForkRules } from '../../src/chain/forks.ts'
import type { Engine, Frame, Host, Message, StepTracer } from '../host.ts'
import type { FinalOutcome, Outcome } from '../outcome.ts'
import { analysisOf, createAnalysisCache } from './analysis.ts'
import { interpret, interpretTraced } from './interpreter.ts'
import { createWorkspace, Machine, push, returnGas, type Pending, type Workspace } from './machine.ts'
import { clearMemory, copyBytes, growMemory } from './memory.ts'

/** Workspaces of frames that are over: a new one costs 3 µs. */
const IDLE_WORKSPACES_MAX = 64
/** A larger memory is not kept, in bytes. */
const IDLE_MEMORY_MAX = 64 * 1024

const analyses = createAnalysisCache()
const idleWorkspaces: Workspace[] = []

export const tier0: Engine = {
  name: 'tier0',
  start(message: Message, host: Host, rules: ForkRules, tracer?: StepTracer): Frame {
    return new InterpretedFrame(message, message.gas, host, rules, tracer)
  },
}

/** A frame between two instructions. */
export interface FrameState {
  readonly pc: number
  readonly gas: bigint
  /** From the bottom. */
  readonly stack: readonly bigint[]
  /** Its size is a multiple of 32. */
  readonly memory: Uint8Array
  readonly returnData: Uint8Array
  /** Set when the frame waits for a call or a creation, whose operands are off the stack. */
  readonly pending: Pending | undefined
}

/** Goes on with a frame that another engine began: by `resume` when something is pending, else by `run`. */
export function takeOver(message: Message, host: Host, rules: ForkRules, state: FrameState): Frame {
  const frame = new InterpretedFrame(message, state.gas, host, rules, undefined)
  frame.restore(state)
  return frame
}

class InterpretedFrame implements Frame {
  readonly message: Message
  readonly #machine: Machine
  readonly #workspace: Workspace
  readonly #tracer: StepTracer | undefined
  #state: 'ready' | 'suspended' | 'over' = 'ready'

  constructor(message: Message, gas: bigint, host: Host, rules: ForkRules, tracer: StepTracer | undefined) {
    this.message = message
    this.#workspace = idleWorkspaces.pop() ?? createWorkspace()
    const analysis = analysisOf(analyses, message.code, message.codeHash)
    this.#machine = new Machine(message, gas, host, rules, analysis, this.#workspace)
    this.#tracer = tracer
  }

  restore(state: FrameState): void {
    const machine = this.#machine
    machine.pc = state.pc
    for (const word of state.stack) push(machine, word)
    growMemory(machine.memory, state.memory.length)
    machine.memory.bytes.set(state.memory)
    machine.returnData = state.returnData
    machine.pending = state.pending
    this.#state = state.pending === undefined ? 'ready' : 'suspended'
  }

  run(): Outcome {
    assert(this.#state === 'ready', 'a frame runs once')
    return this.#continue()
  }

  resume(ended: FinalOutcome, created?: Address): Outcome {
    assert(this.#state === 'suspended', 'only a suspended frame can be resumed')
    settle(this.#machine, ended, created)
    return this.#continue()
  }

  #continue(): Outcome {
    const outcome =
      this.#tracer === undefined ? interpret(this.#machine) : interpretTraced(this.#machine, this.#tracer)
    const isSuspended = outcome.kind === 'call' || outcome.kind === 'create'
    this.#state = isSuspended ? 'suspended' : 'over'
    if (!isSuspended) recycle(this.#workspace)
    return outcome
  }
}

/** Completes the CALL or CREATE instruction that suspended the machine. */
function settle(machine: Machine, ended: FinalOutcome, created: Address | undefined): void {
  const { pending } = machine
  assert(pending !== undefined, 'a suspended machine waits for something')
  machine.pending = undefined
  if (ended.kind !== 'halt') returnGas(machine, ended.gasLeft)
  machine.returnData = ended.kind === 'halt' || created !== undefined ? EMPTY_BYTES : ended.output
  if (pending.kind === 'create') {
    push(machine, created === undefined ? 0n : BigInt(created))
    return
  }
  // The instruction has paid for `returnSize` bytes there. Less may come back: the rest stays as it was.
  const size = Math.min(machine.returnData.length, pending.returnSize)
  if (size > 0) copyBytes(machine.memory.bytes, pending.returnOffset, machine.returnData, 0, size)
  push(machine, ended.kind === 'return' ? 1n : 0n)
}

function recycle(workspace: Workspace): void {
  if (idleWorkspaces.length >= IDLE_WORKSPACES_MAX) return
  if (workspace.memory.bytes.length > IDLE_MEMORY_MAX) return
  clearMemory(workspace.memory)
  idleWorkspaces.push(workspace)
}
