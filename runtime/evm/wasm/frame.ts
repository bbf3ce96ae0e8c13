/**
 * A frame whose state is in linear memory, as the driver sees it: a record to set up, a status to turn into an outcome.
 * When it cannot go on there (no room in the arena, another tree of frames in the machine), tier 0 goes on with it.
 */
import { assert, unreachable } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES, type Address } from '../../../src/primitives/bytes.ts'
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { Frame, Host, Message } from '../../host.ts'
import type { FinalOutcome, Outcome } from '../../outcome.ts'
import { takeOver } from '../engine.ts'
import * as halts from '../halts.ts'
import type { Pending } from '../machine.ts'
import { copyBytes } from '../memory.ts'
import { FRAME, HALTS, RETURN_DATA, STATUS, WORD_SIZE } from './layout.ts'
import { codeFootprint } from './code-area.ts'
import { tellLogs } from './log-state.ts'
import type { ResidentFrame } from './frame-tree.ts'
import type { Machine } from './machine.ts'
import { writeAddress } from './address-book.ts'
import { beginStorageEpoch, forgetStorage, tellStorage, undoStorage } from './storage-state.ts'
import { isCreation, takeCall, takeCreation } from './requests.ts'
import { ResidentCall, ResidentEnding } from './resident-values.ts'

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
export type Execute<Known = unknown> = (machine: Machine, frame: WasmFrame<Known>) => number

/** Gas is a signed integer of 64 bits in Wasm, and a sum of two amounts must fit. */
const GAS_LIMIT = 2n ** 62n

/** Whether Wasm can count the frame's gas. A callee has less than its caller, which is in linear memory. */
export function isCountable(message: Message): boolean {
  return message.request instanceof ResidentCall || message.gas < GAS_LIMIT
}

/** @typeParam Known what an engine knows of code: it looks that up once a frame. */
export class WasmFrame<Known = unknown> implements Frame, ResidentFrame {
  message: Message
  host: Host
  rules: ForkRules
  largeReturnData: Uint8Array | undefined = undefined
  below: ResidentFrame | undefined = undefined
  known: Known | undefined = undefined
  /** That it began with, as a double. */
  gas = 0
  private readonly machine: Machine
  private readonly execute: Execute<Known>
  private state: 'ready' | 'running' | 'suspended' | 'over' | 'evicted' = 'ready'
  /** What goes on with the frame once it is evicted. */
  private successor: Frame | undefined = undefined
  /** The call that it waits for, or waited for last. */
  private call: ResidentCall | undefined = undefined
  /** Whether it waits for a creation. */
  private isCreating = false
  /** What it left when it was over last. */
  private left: ResidentEnding | undefined = undefined

  constructor(message: Message, host: Host, rules: ForkRules, machine: Machine, execute: Execute<Known>) {
    this.message = message
    this.host = host
    this.rules = rules
    this.machine = machine
    this.execute = execute
  }

  /** A frame over `machine`: where there is one that nobody has any more, that one. Hot: once a frame. */
  static open<Known>(
    message: Message,
    host: Host,
    rules: ForkRules,
    machine: Machine,
    execute: Execute<Known>,
  ): WasmFrame<Known> {
    const idle = machine.takeIdle()
    // Checked: what is known of code has the type that this function has been given.
    if (idle instanceof WasmFrame && idle.execute === execute) {
      const frame: WasmFrame<Known> = idle
      frame.message = message
      frame.host = host
      frame.rules = rules
      frame.largeReturnData = undefined
      frame.known = undefined
      frame.state = 'ready'
      return frame
    }
    return new WasmFrame(message, host, rules, machine, execute)
  }

  copyReturnData(sp: number): void {
    const { machine } = this
    const target = machine.field(FRAME.memoryBase) + (machine.field(sp - WORD_SIZE) >>> 0)
    const offset = machine.field(sp - 2 * WORD_SIZE) >>> 0
    const size = machine.field(sp - 3 * WORD_SIZE) >>> 0
    if (this.largeReturnData !== undefined)
      copyBytes(machine.bytes, target, this.largeReturnData, offset, size)
    else machine.bytes.copyWithin(target, RETURN_DATA + offset, RETURN_DATA + offset + size)
  }

  /** Sets up the state in the machine; `false` when there is no room. */
  begin(): boolean {
    const { machine, message } = this
    machine.prepare(this)
    const { code, request } = message
    const kept = machine.codes.place(code, message.codeHash)
    // The arena: call data unless it lies in the caller's memory, code that is not kept, memory. Each at a multiple of 32.
    const isOfCaller = request instanceof ResidentCall && request.isReadyIn(machine)
    const inputSize = isOfCaller ? 0 : message.input.length
    const codeAt = alignUp(machine.arenaStart + inputSize)
    const memoryBase = kept === undefined ? codeAt + codeFootprint(code.length) : codeAt
    if (!machine.reserve(memoryBase)) return false
    const placed = kept ?? machine.codes.write(code, codeAt)
    // Asked for again: it may be a view of memory that has grown.
    if (inputSize > 0) machine.bytes.set(message.input, machine.arenaStart)
    const hasBegun = isOfCaller
      ? machine.beginCallee(this, request, placed, memoryBase)
      : machine.begin(this, placed, inputSize, memoryBase)
    if (hasBegun) this.gas = machine.gasLeft()
    return hasBegun
  }

  run(): Outcome {
    if (this.successor !== undefined) return this.runSuccessor(this.successor.run())
    assert(this.state === 'ready', 'a frame runs once')
    this.machine.restore(this)
    return this.goOn()
  }

  resume(ended: FinalOutcome, created?: Address): Outcome {
    if (this.successor !== undefined) return this.runSuccessor(this.successor.resume(ended, created))
    assert(this.state === 'suspended', 'only a suspended frame can be resumed')
    this.settle(ended, created)
    return this.goOn()
  }

  /** Completes the call or creation that suspended the frame. */
  private settle(ended: FinalOutcome, created: Address | undefined): void {
    const { machine } = this
    machine.resume(this, ended, this.isCreating)
    if (this.isCreating) this.isCreating = false
    else this.call?.end()
    if (ended.kind !== 'return') undoStorage(machine)
    if (created !== undefined) writeAddress(machine.i32, machine.field(FRAME.resultAt), created)
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
      const successor = this.continuation(undefined, this.returnData())
      this.successor = successor
      this.finish()
      return this.runSuccessor(successor.run())
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
  private runSuccessor(outcome: Outcome): Outcome {
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
        return this.ending('return')
      case STATUS.revert:
        return this.ending('revert')
      case STATUS.call: {
        const call = takeCall(machine, this, this.rules, this.call)
        if (call === undefined) return halts.OUT_OF_GAS
        this.call = call
        return call.outcome
      }
      case STATUS.create:
        this.isCreating = true
        return takeCreation(machine, this)
      default: {
        const reason = HALTS[status - STATUS.halt]
        assert(reason !== undefined, `a status of the layout, not ${status}`)
        return HALT_OUTCOMES[reason]
      }
    }
  }

  /** A copy, of the frame that runs. */
  private returnData(): Uint8Array {
    const { machine } = this
    const size = machine.field(FRAME.returnDataSize)
    return this.largeReturnData ?? machine.bytes.slice(RETURN_DATA, RETURN_DATA + size)
  }

  private ending(kind: 'return' | 'revert'): FinalOutcome {
    const { machine, message } = this
    // The outermost frame's output, and code, live longer than a call.
    if (message.depth === 0 || message.codeHash === undefined)
      return { kind, gasLeft: machine.longField(FRAME.gas), output: machine.copyOutput() }
    this.left ??= new ResidentEnding(machine, this)
    this.left.begin(kind)
    machine.leaveEnding(this.left)
    return this.left
  }

  evict(): void {
    switch (this.state) {
      case 'ready':
        this.successor = this.continuation(undefined, EMPTY_BYTES)
        break
      case 'suspended':
        // What it had as return data, what it waits for replaces.
        this.successor = this.continuation(this.pending(), EMPTY_BYTES)
        if (!this.isCreating) this.call?.keep()
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
  private continuation(pending: Pending | undefined, returnData: Uint8Array): Frame {
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
      returnData,
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

  resume(ended: FinalOutcome, created?: Address): Outcome {
    const outcome = this.#frame.resume(ended, created)
    beginStorageEpoch(this.machine)
    return outcome
  }
}

function alignUp(address: number): number {
  return (address + 31) & ~31
}
