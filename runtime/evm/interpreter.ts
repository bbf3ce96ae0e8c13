/**
 * The interpreter: one loop for plain runs, one that shows each instruction to a tracer. A handler's result ends or
 * suspends the frame; there are no exceptions and no recursion.
 */
import type { StepTracer, StepView } from '../host.ts'
import type { Outcome } from '../outcome.ts'
import { DISPATCH, type Dispatch } from './dispatch.ts'
import { OUT_OF_GAS, STACK_OVERFLOW, STACK_UNDERFLOW } from './halts.ts'
import { gasLeft, type Handler, type Machine } from './machine.ts'

/** Runs until the frame is over or wants something. */
export function interpret(machine: Machine): Outcome {
  const dispatch = DISPATCH[machine.rules.evm]
  const { code } = machine.analysis
  for (;;) {
    const outcome = step(machine, dispatch, code[machine.pc] as number)
    if (outcome !== undefined) return outcome
  }
}

/** {@link interpret}, with `tracer` seeing each instruction before it happens, also one that then fails. */
export function interpretTraced(machine: Machine, tracer: StepTracer): Outcome {
  const dispatch = DISPATCH[machine.rules.evm]
  const { code } = machine.analysis
  for (;;) {
    const opcode = code[machine.pc] as number
    const view = viewOf(machine, opcode)
    tracer.step(view)
    const outcome = step(machine, dispatch, opcode)
    if (outcome === undefined) continue
    if (outcome.kind === 'halt') tracer.fault?.(outcome.reason, view.gas - gasLeft(machine))
    return outcome
  }
}

/**
 * One instruction: the checks that the table knows of, then its handler. Hot: as a function of its own it is optimized
 * by its calls; written into the loop it waits for on-stack replacement, and loop_1m takes 210 ms instead of 118.
 */
function step(machine: Machine, dispatch: Dispatch, opcode: number): Outcome | void {
  // The casts hold as an opcode is a byte and each array has 256 entries.
  if (machine.stackSize < (dispatch.stackMin[opcode] as number)) return STACK_UNDERFLOW
  if (machine.stackSize > (dispatch.stackMax[opcode] as number)) return STACK_OVERFLOW
  machine.gas -= dispatch.gas[opcode] as number
  if (machine.gas < 0) return OUT_OF_GAS
  machine.pc += 1
  return (dispatch.handlers[opcode] as Handler)(machine)
}

function viewOf(machine: Machine, opcode: number): StepView {
  const { message, memory, host } = machine
  return {
    pc: machine.pc,
    opcode,
    gas: gasLeft(machine),
    depth: message.depth,
    address: message.address,
    stack: machine.stack,
    stackSize: machine.stackSize,
    memory: memory.bytes,
    memorySize: memory.size,
    returnData: machine.returnData,
    refund: host.refund(),
  }
}
