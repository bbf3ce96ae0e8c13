/**
 * An engine that changes tiers at random boundaries of instructions. A frame begins on tier 0 or in linear memory. From
 * tier 0 it is taken into linear memory; there it goes to and fro between the interpreter and compiled code; and at last
 * it may leave for tier 0, which keeps it. Whatever the way, the results must be those of any other engine.
 */
import { concatBytes, type Address } from '../../../src/primitives/bytes.ts'
import type { ForkRules } from '../../../src/chain/forks.ts'
import { takeOver, tier0 } from '../../../runtime/evm/engine.ts'
import { ForeignFrame, WasmFrame, type Execute } from '../../../runtime/evm/wasm/frame.ts'
import { ENGINE, FRAME, STATUS, WORD_SIZE } from '../../../runtime/evm/wasm/layout.ts'
import { Machine } from '../../../runtime/evm/wasm/machine.ts'
import { beginStorageEpoch } from '../../../runtime/evm/wasm/storage-state.ts'
import type { Engine, Frame, Host, Message, StepTracer, StepView } from '../../../runtime/host.ts'
import type { FinalOutcome, Outcome } from '../../../runtime/outcome.ts'
import { instantiateStepwise, STEPS_LEFT } from './stepwise-interpreter.ts'

/** Where a frame goes on, and for how many instructions. */
export type Stint =
  /** Only as the first one of a frame. */
  | { readonly kind: 'oracle'; readonly steps: number }
  | { readonly kind: 'interpreter'; readonly steps: number }
  /** The interpreter, until it has made so many jumps and is before a JUMPDEST. */
  | { readonly kind: 'turn'; readonly jumps: number }
  /** Compiled code, as far as it goes; nothing where it cannot be entered. */
  | { readonly kind: 'compiled' }
  /** Tier 0, for good. */
  | { readonly kind: 'leave' }

/** Asked whenever a frame begins or may change: deterministic if results are to be found again. */
export type SwitchAt = () => Stint

/** What runs compiled code in a new machine; it answers `STATUS.switch` where a frame cannot enter. */
export type Compiling = (imports: {
  readonly host: Record<string, unknown>
  readonly runtime: WebAssembly.Instance['exports']
}) => Execute

/** Frames with more gas are tier 0's, as on every engine in Wasm. */
const GAS_LIMIT = 2n ** 62n
/** More than any program here runs. */
const STEPS_MAX = 0x7fff_ffff
/** Behind EVM memory that is moved in, so much more is there at once. */
const MEMORY_MARGIN = 65_536

export function createSwitchingEngine(switchAt: SwitchAt, compiling?: Compiling): Engine {
  let room: Room | undefined
  return {
    name: 'switching',
    start(message: Message, host: Host, rules: ForkRules, tracer?: StepTracer): Frame {
      if (room === undefined || room.machine.isTooLarge()) room = openRoom(switchAt, compiling)
      if (tracer !== undefined || message.gas >= GAS_LIMIT)
        return new ForeignFrame(tier0.start(message, host, rules, tracer), room.machine)
      return new SwitchingFrame(message, host, rules, room, switchAt())
    },
  }
}

/** A machine, and how frames run in it. */
interface Room {
  readonly machine: Machine
  readonly execute: Execute
}

function openRoom(switchAt: SwitchAt, compiling: Compiling | undefined): Room {
  let enterCompiled: Execute = () => STATUS.switch
  const machine = new Machine((memory, operation) => {
    const exports = instantiateStepwise(memory, operation)
    if (compiling !== undefined)
      enterCompiled = compiling({ host: { memory, operation }, runtime: exports.all })
    return exports
  })
  const execute: Execute = (machine, frame) => {
    for (;;) {
      const status = runStint(machine, frame, switchAt())
      if (status !== STATUS.switch) return status
      machine.refresh()
    }
  }
  const runStint = (machine: Machine, frame: WasmFrame, stint: Stint): number => {
    switch (stint.kind) {
      case 'leave':
        return STATUS.leave
      case 'compiled':
        return enterCompiled(machine, frame)
      case 'oracle':
      case 'interpreter':
        machine.setField(STEPS_LEFT, stint.steps)
        return machine.exports.interpret[frame.rules.evm]()
      case 'turn': {
        machine.setField(STEPS_LEFT, STEPS_MAX)
        machine.setField(ENGINE.turnJumps, stint.jumps)
        const status = machine.exports.interpret[frame.rules.evm]()
        machine.refresh()
        machine.setField(ENGINE.turnJumps, 0)
        return status
      }
    }
  }
  return { machine, execute }
}

class SwitchingFrame implements Frame {
  readonly message: Message
  readonly #host: Host
  readonly #rules: ForkRules
  readonly #room: Room
  /** What has the frame now. */
  #holder: Frame

  constructor(message: Message, host: Host, rules: ForkRules, room: Room, first: Stint) {
    this.message = message
    this.#host = host
    this.#rules = rules
    this.#room = room
    if (first.kind === 'oracle') {
      const frame = tier0.start(message, host, rules, stopAfter(first.steps))
      this.#holder = new ForeignFrame(frame, room.machine)
      return
    }
    const frame = new WasmFrame(message, host, rules, room.machine, room.execute)
    this.#holder = frame.begin() ? frame : new ForeignFrame(tier0.start(message, host, rules), room.machine)
  }

  run(): Outcome {
    return this.#go(() => this.#holder.run())
  }

  resume(ended: FinalOutcome, created?: Address): Outcome {
    return this.#go(() => this.#holder.resume(ended, created))
  }

  #go(run: () => Outcome): Outcome {
    try {
      return run()
    } catch (error) {
      if (!(error instanceof Stop)) throw error
      this.#holder = this.#moveIn(error.state)
      return this.#holder.run()
    }
  }

  /** From tier 0 into linear memory, or on tier 0 anew when there is no room. */
  #moveIn(state: State): Frame {
    const { machine, execute } = this.#room
    // Tier 0 wrote to the host, of which the table in linear memory knows nothing.
    beginStorageEpoch(machine)
    const frame = new WasmFrame(this.message, this.#host, this.#rules, machine, execute)
    if (!frame.begin()) return this.#stay(state)
    const memoryBase = machine.field(FRAME.memoryBase)
    const memoryEnd = memoryBase + state.memory.length
    if (!machine.reserve(memoryEnd + MEMORY_MARGIN)) {
      machine.leave(frame)
      return this.#stay(state)
    }
    machine.bytes.set(state.memory, memoryBase)
    machine.setField(FRAME.memorySize, state.memory.length)
    machine.setField(FRAME.zeroEnd, memoryEnd)
    machine.setField(FRAME.pc, state.pc)
    machine.setLongField(FRAME.gas, state.gas)
    const stackBase = machine.field(FRAME.stackBase)
    state.stack.forEach((word, index) => machine.setWord(stackBase + WORD_SIZE * index, word))
    machine.setField(FRAME.sp, stackBase + WORD_SIZE * state.stack.length)
    machine.setReturnData(frame, state.returnData)
    return frame
  }

  #stay(state: State): Frame {
    const frame = takeOver(this.message, this.#host, this.#rules, { ...state, pending: undefined })
    return new ForeignFrame(frame, this.#room.machine)
  }
}

/** A frame between two instructions. */
type State = Pick<StepView, 'pc' | 'gas' | 'stack' | 'memory' | 'returnData'>

/** Takes a frame from tier 0: thrown by its tracer, before the instruction has done anything. */
class Stop extends Error {
  readonly state: State
  constructor(state: State) {
    super('goes on elsewhere')
    this.state = state
  }
}

function stopAfter(steps: number): StepTracer {
  let left = steps
  return {
    step: ({ pc, gas, stack, stackSize, memory, memorySize, returnData }) => {
      if (left > 0) {
        left -= 1
        return
      }
      throw new Stop({
        pc,
        gas,
        stack: stack.slice(0, stackSize),
        memory: concatBytes(memory.subarray(0, memorySize)),
        returnData,
      })
    },
  }
}
