/**
 * A frame whose state is in linear memory, as the driver sees it: a record to set up, a status to turn into an outcome.
 * When it cannot go on there (no room in the arena, another tree of frames in the machine), tier 0 goes on with it.
 */
import { assert, unreachable } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { Frame, Host, Message } from '../../host.ts'
import type { Outcome, SubcallResult } from '../../outcome.ts'
import { takeOver, tier0 } from '../engine.ts'
import * as halts from '../halts.ts'
import type { Pending } from '../machine.ts'
import { FRAME, HALTS, STATUS, WORD_SIZE } from './layout.ts'
import { codeFootprint } from './code-area.ts'
import { tellLogs } from './log-state.ts'
import type { Machine, ResidentFrame } from './machine.ts'
import { writeAddress } from './address-book.ts'
import { beginStorageEpoch, forgetStorage, tellStorage, undoStorage } from './storage-state.ts'
import { isCreation, takeCall, takeCreation } from './requests.ts'

const HALT_OUTCOMES: Readonly<Record<(typeof HALTS)[number], Outcome>> = {
  outOfGas: halts.OUT_OF_GAS,
  stackUnderflow: halts.STACK_UNDERFLOW,
  stackOverflow: halts.STACK_OVERFLOW,
  invalidJump: halts.INVALID_JUMP,
  invalidOpcode: halts.INVALID_OPCODE,
  staticViolation: halts.STATIC_VIOLATION,
  returnDataOutOfBounds: halts.RETURN_DATA_OUT_OF_BOUNDS,
  invalidInitcodeSize: halts.INVALID_INITCODE_SIZE,
}

/** Runs the frame whose record is in place. @returns a status of `layout.ts`. */
export type Execute = (machine: Machine, frame: WasmFrame) => number

export class WasmFrame implements Frame, ResidentFrame {
  readonly message: Message
  readonly host: Host
  readonly rules: ForkRules
  returnData: Uint8Array = EMPTY_BYTES
  private readonly machine: Machine
  private readonly execute: Execute
  private state: 'ready' | 'running' | 'suspended' | 'over' | 'evicted' = 'ready'
  /** What goes on with the frame once it is evicted. */
  private successor: Frame | undefined

  constructor(message: Message, host: Host, rules: ForkRules, machine: Machine, execute: Execute) {
    this.message = message
    this.host = host
    this.rules = rules
    this.machine = machine
    this.execute = execute
  }

  /** Sets up the state in the machine; `false` when there is no room. */
  begin(): boolean {
    const { machine, message } = this
    machine.prepare(this)
    const kept = machine.codes.place(message.code, message.codeHash)
    // The arena: call data unless it lies there, code that is not kept, memory. Each begins at a multiple of 32.
    const found = machine.findInput(message.input)
    const input = found === 0 ? machine.arenaStart : found
    const codeAt = found === 0 ? alignUp(input + message.input.length) : alignUp(machine.arenaStart)
    const memoryBase = kept === undefined ? codeAt + codeFootprint(message.code.length) : codeAt
    if (!machine.reserve(memoryBase)) return false
    if (found === 0 && message.input.length > 0) machine.bytes.set(message.input, input)
    return machine.begin(this, kept ?? machine.codes.write(message.code, codeAt), input, memoryBase)
  }

  run(): Outcome {
    if (this.successor !== undefined) return this.runSuccessor(this.successor)
    assert(this.state === 'ready', 'a frame runs once')
    this.machine.restore(this)
    return this.goOn()
  }

  resume(result: SubcallResult): Outcome {
    if (this.successor !== undefined) return this.runSuccessor(this.successor, result)
    assert(this.state === 'suspended', 'only a suspended frame can be resumed')
    this.settle(result)
    return this.goOn()
  }

  /** Completes the call or creation that suspended the frame. */
  private settle(result: SubcallResult): void {
    const { machine } = this
    const { succeeded, returnData, created } = result
    this.returnData = returnData
    const isCall = created === undefined
    machine.resume(this, result, isCall && succeeded ? 1 : 0)
    if (!succeeded) undoStorage(machine)
    if (!isCall) writeAddress(machine.i32, machine.field(FRAME.resultAt), created)
  }

  private goOn(): Outcome {
    const { machine } = this
    this.state = 'running'
    const status = this.execute(machine, this)
    machine.refresh()
    // Also when the frame failed: the host takes back what it hears of then.
    tellLogs(machine, this)
    if (status === STATUS.leave) {
      tellStorage(machine, this.host)
      this.successor = this.continuation(undefined)
      this.finish()
      return this.runSuccessor(this.successor)
    }
    const outcome = this.outcome(status)
    if (outcome.kind === 'halt' || outcome.kind === 'revert') forgetStorage(machine)
    else tellStorage(machine, this.host)
    if (outcome.kind === 'call' || outcome.kind === 'create') {
      this.state = 'suspended'
    } else {
      this.finish()
    }
    return outcome
  }

  /** Tier 0 talks to the host: the table does not know what it wrote. */
  private runSuccessor(successor: Frame, result?: SubcallResult): Outcome {
    const outcome = result === undefined ? successor.run() : successor.resume(result)
    beginStorageEpoch(this.machine)
    return outcome
  }

  private finish(): void {
    this.state = this.successor === undefined ? 'over' : 'evicted'
    this.machine.leave(this)
  }

  private outcome(status: number): Outcome {
    const { machine } = this
    switch (status) {
      case STATUS.return:
        return { kind: 'return', gasLeft: machine.longField(FRAME.gas), output: this.output() }
      case STATUS.revert:
        return { kind: 'revert', gasLeft: machine.longField(FRAME.gas), output: this.output() }
      case STATUS.call:
        return takeCall(machine, this, this.rules)
      case STATUS.create:
        return takeCreation(machine, this)
      default: {
        const reason = HALTS[status - STATUS.halt]
        assert(reason !== undefined, `a status of the layout, not ${status}`)
        return HALT_OUTCOMES[reason]
      }
    }
  }

  private output(): Uint8Array {
    const { machine } = this
    const size = machine.field(FRAME.outputSize) >>> 0
    if (size === 0) return EMPTY_BYTES
    const start = machine.field(FRAME.memoryBase) + (machine.field(FRAME.outputOffset) >>> 0)
    // The outermost frame's output, and code, live longer than a call.
    const isKept = this.message.depth === 0 || this.message.codeHash === undefined
    return isKept ? machine.bytes.slice(start, start + size) : machine.handOver(start, size)
  }

  evict(): void {
    switch (this.state) {
      case 'ready':
        this.successor = tier0.start(this.message, this.host, this.rules)
        break
      case 'suspended':
        this.successor = this.continuation(this.pending())
        break
      case 'running':
        // The host threw while it ran: nobody goes on with it.
        break
      case 'over':
      case 'evicted':
        assert(false, 'a frame that is over is in no machine')
        break
      default:
        unreachable(this.state)
    }
    this.state = 'evicted'
  }

  /** What the frame waits for; takes the operands off its stack. */
  private pending(): Pending {
    const { machine } = this
    machine.setField(FRAME.sp, machine.field(FRAME.resultAt))
    if (isCreation(machine)) return { kind: 'create' }
    return {
      kind: 'call',
      returnOffset: machine.field(FRAME.outputOffset) >>> 0,
      returnSize: machine.field(FRAME.outputSize) >>> 0,
    }
  }

  /** Tier 0 in the state of the record in place. */
  private continuation(pending: Pending | undefined): Frame {
    const { machine } = this
    const stack: bigint[] = []
    const sp = machine.field(FRAME.sp)
    for (let at = machine.field(FRAME.stackBase); at < sp; at += WORD_SIZE) stack.push(machine.word(at))
    const memoryBase = machine.field(FRAME.memoryBase)
    return takeOver(this.message, this.host, this.rules, {
      pc: machine.field(FRAME.pc),
      gas: machine.longField(FRAME.gas),
      stack,
      memory: machine.bytes.slice(memoryBase, memoryBase + machine.field(FRAME.memorySize)),
      returnData: this.returnData,
      pending,
    })
  }
}

/** A frame of tier 0 among frames of a machine: the machine's storage table does not know what it wrote. */
export class ForeignFrame implements Frame {
  readonly message: Message
  readonly #frame: Frame
  private readonly machine: Machine

  constructor(frame: Frame, machine: Machine) {
    this.message = frame.message
    this.#frame = frame
    this.machine = machine
  }

  run(): Outcome {
    const outcome = this.#frame.run()
    beginStorageEpoch(this.machine)
    return outcome
  }

  resume(result: SubcallResult): Outcome {
    const outcome = this.#frame.resume(result)
    beginStorageEpoch(this.machine)
    return outcome
  }
}

function alignUp(address: number): number {
  return (address + 31) & ~31
}
