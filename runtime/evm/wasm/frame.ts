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
import { codeFootprint, type Machine, type PlacedCode, type ResidentFrame } from './machine.ts'
import { beginStorageEpoch, forgetStorage, markStorage, tellStorage, undoStorage } from './storage-state.ts'
import { dropOperands, outputRange, takeCall, takeCreation } from './requests.ts'

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
  readonly #machine: Machine
  readonly #execute: Execute
  #state: 'ready' | 'running' | 'suspended' | 'over' | 'evicted' = 'ready'
  /** What goes on with the frame once it is evicted. */
  #successor: Frame | undefined

  constructor(message: Message, host: Host, rules: ForkRules, machine: Machine, execute: Execute) {
    this.message = message
    this.host = host
    this.rules = rules
    this.#machine = machine
    this.#execute = execute
  }

  /** Sets up the state in the machine; `false` when there is no room. */
  begin(): boolean {
    const machine = this.#machine
    const { message } = this
    machine.enter(this)
    const kept = machine.placeCode(message.code, message.codeHash)
    // The arena: call data, code that is not kept, memory. Each begins at a multiple of 32.
    const input = machine.arenaStart
    const codeAt = alignUp(input + message.input.length)
    const memoryBase = kept === undefined ? codeAt + codeFootprint(message.code.length) : codeAt
    if (!machine.reserve(memoryBase)) {
      machine.leave(this)
      return false
    }
    machine.bytes.set(message.input, input)
    this.#setRecord(kept ?? machine.writeCode(message.code, codeAt), input, memoryBase)
    return true
  }

  #setRecord(code: PlacedCode, input: number, memoryBase: number): void {
    const machine = this.#machine
    const { message } = this
    machine.setField(FRAME.pc, 0)
    machine.setField(FRAME.sp, machine.stackStart)
    machine.setLongField(FRAME.gas, message.gas)
    machine.setField(FRAME.stackBase, machine.stackStart)
    machine.setField(FRAME.memoryBase, memoryBase)
    machine.setField(FRAME.memorySize, 0)
    machine.setField(FRAME.zeroEnd, memoryBase)
    machine.setField(FRAME.code, code.address)
    machine.setField(FRAME.codeSize, code.size)
    machine.setField(FRAME.jumpTargets, code.jumpTargets)
    machine.setField(FRAME.input, input)
    machine.setField(FRAME.inputSize, message.input.length)
    machine.setField(FRAME.returnDataSize, 0)
    machine.setField(FRAME.isStatic, message.isStatic ? 1 : 0)
    const self = machine.addresses.ofAddress(message.address)
    machine.setField(FRAME.storageAccount, self.account)
    machine.setAddressWord(FRAME.address, self)
    machine.setAddressWord(FRAME.caller, machine.addresses.ofAddress(message.caller))
    machine.setWord(FRAME.value, message.value)
  }

  run(): Outcome {
    if (this.#successor !== undefined) return this.#runSuccessor(this.#successor)
    assert(this.#state === 'ready', 'a frame runs once')
    this.#machine.resume(this)
    return this.#continue()
  }

  resume(result: SubcallResult): Outcome {
    if (this.#successor !== undefined) return this.#runSuccessor(this.#successor, result)
    assert(this.#state === 'suspended', 'only a suspended frame can be resumed')
    this.#machine.resume(this)
    this.#settle(result)
    return this.#continue()
  }

  /** Completes the call or creation that suspended the frame. */
  #settle({ succeeded, gasLeft, returnData, created }: SubcallResult): void {
    const machine = this.#machine
    if (!succeeded) undoStorage(machine)
    machine.setLongField(FRAME.gas, machine.longField(FRAME.gas) + gasLeft)
    this.returnData = returnData
    machine.setField(FRAME.returnDataSize, returnData.length)
    if (machine.field(FRAME.operation) === 0xf0 || machine.field(FRAME.operation) === 0xf5) {
      const result = dropOperands(machine)
      if (created === undefined) machine.setSmallWord(result, 0)
      else machine.setAddressWord(result, machine.addresses.ofAddress(created))
      return
    }
    const { address, size } = outputRange(machine)
    const output = returnData.length > size ? returnData.subarray(0, size) : returnData
    if (output.length > 0) machine.bytes.set(output, address)
    machine.setSmallWord(dropOperands(machine), succeeded ? 1 : 0)
  }

  #continue(): Outcome {
    const machine = this.#machine
    this.#state = 'running'
    const status = this.#execute(machine, this)
    machine.refresh()
    if (status === STATUS.leave) {
      tellStorage(machine, this.host)
      this.#successor = this.#continuation(undefined)
      this.#end()
      return this.#runSuccessor(this.#successor)
    }
    const outcome = this.#outcome(status)
    if (outcome.kind === 'halt' || outcome.kind === 'revert') forgetStorage(machine)
    else tellStorage(machine, this.host)
    if (outcome.kind === 'call' || outcome.kind === 'create') {
      this.#state = 'suspended'
      markStorage(machine)
    } else {
      this.#end()
    }
    return outcome
  }

  /** Tier 0 talks to the host: the table does not know what it wrote. */
  #runSuccessor(successor: Frame, result?: SubcallResult): Outcome {
    const outcome = result === undefined ? successor.run() : successor.resume(result)
    beginStorageEpoch(this.#machine)
    return outcome
  }

  #end(): void {
    this.#state = this.#successor === undefined ? 'over' : 'evicted'
    this.#machine.leave(this)
  }

  #outcome(status: number): Outcome {
    const machine = this.#machine
    switch (status) {
      case STATUS.return:
        return { kind: 'return', gasLeft: machine.longField(FRAME.gas), output: this.#output() }
      case STATUS.revert:
        return { kind: 'revert', gasLeft: machine.longField(FRAME.gas), output: this.#output() }
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

  #output(): Uint8Array {
    const machine = this.#machine
    const size = machine.field(FRAME.outputSize) >>> 0
    if (size === 0) return EMPTY_BYTES
    const start = machine.field(FRAME.memoryBase) + (machine.field(FRAME.outputOffset) >>> 0)
    return machine.bytes.slice(start, start + size)
  }

  evict(): void {
    switch (this.#state) {
      case 'ready':
        this.#successor = tier0.start(this.message, this.host, this.rules)
        break
      case 'suspended':
        this.#successor = this.#continuation(this.#pending())
        break
      case 'running':
        // The host threw while it ran: nobody goes on with it.
        break
      case 'over':
      case 'evicted':
        assert(false, 'a frame that is over is in no machine')
        break
      default:
        unreachable(this.#state)
    }
    this.#state = 'evicted'
  }

  /** What the frame waits for; takes the operands off its stack. */
  #pending(): Pending {
    const machine = this.#machine
    const isCreation = machine.field(FRAME.operation) === 0xf0 || machine.field(FRAME.operation) === 0xf5
    const { address, size } = isCreation ? { address: 0, size: 0 } : outputRange(machine)
    machine.setField(FRAME.sp, dropOperands(machine))
    if (isCreation) return { kind: 'create' }
    return { kind: 'call', returnOffset: address - machine.field(FRAME.memoryBase), returnSize: size }
  }

  /** Tier 0 in the state of the record in place. */
  #continuation(pending: Pending | undefined): Frame {
    const machine = this.#machine
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
  readonly #machine: Machine

  constructor(frame: Frame, machine: Machine) {
    this.message = frame.message
    this.#frame = frame
    this.#machine = machine
  }

  run(): Outcome {
    const outcome = this.#frame.run()
    beginStorageEpoch(this.#machine)
    return outcome
  }

  resume(result: SubcallResult): Outcome {
    const outcome = this.#frame.resume(result)
    beginStorageEpoch(this.#machine)
    return outcome
  }
}

function alignUp(address: number): number {
  return (address + 31) & ~31
}
